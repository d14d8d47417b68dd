"""Rules 8 and 9: crossings as a function of marks, and crossings of the line away from any gate."""

from __future__ import annotations

from collections.abc import Sequence

from geofences.depth import beyond
from geofences.zone import ZoneKind
from streams.engine.settings import Rules
from tests.reference.follower import Crossing, Follower, Mark, gate_at, gate_near
from tests.reference.places import DEGREE, Places
from tests.reference.values import Countries, Line, Sample, Visit


def marks(places: Places, visits: Sequence[Visit], lines: Sequence[Line], rules: Rules) -> list[Mark]:
    """Rule 8: the marks of the counted visits of ports and approaches, and of the lines."""
    found = [
        Mark(
            "LN",
            line.bracket,
            line.bracket.latest,
            line.settled,
            gate_at(places, line),
            line=line,
            near=gate_near(places, line, rules),
        )
        for line in lines
    ]
    for visit in visits:
        zone = places.zones[visit.zone]
        gate = places.gates.get(zone.gate or "")
        if gate is None or zone.kind not in (ZoneKind.PORT, ZoneKind.APPROACH) or visit.counts is None:
            continue
        letter = "P" if zone.kind is ZoneKind.PORT else "A"
        found.append(Mark("E" + letter, visit.enter, visit.opened, visit.counts, gate, visit))
        if visit.leave is not None and visit.over is not None:
            found.append(Mark("L" + letter, visit.leave, visit.leave.latest, visit.over, gate, visit))
    return found


def in_order(places: Places, known: Sequence[Mark]) -> list[Mark]:
    """Rule 8: by estimate; at one estimate in the order LN, LP, LA, EA, EP; then by `opened`, gate and side.

    A visit that left at the estimate of its own entering leaves after all of these, for it can't leave first.
    """

    def key(mark: Mark) -> tuple[int, int, int, str, str]:
        rank = ["LN", "LP", "LA", "EA", "EP"].index(mark.name)
        visit = mark.visit
        if visit is not None and mark.name[0] == "L" and visit.enter.estimate == mark.bracket.estimate:
            rank += 5
        side = "" if visit is None else places.zones[visit.zone].side or ""
        return mark.bracket.estimate, rank, mark.opened, mark.gate.id if mark.gate else "", side

    return sorted(known, key=key)


def backed(known: Sequence[Mark]) -> list[Mark]:
    """Rule 8: marks of a cut that is only possible count only where a line at the same gate has a bracket
    that overlaps."""
    return [mark for mark in known if mark.sure or any(_overlap(mark, other) for other in known)]


def _overlap(mark: Mark, line: Mark) -> bool:
    a, b = mark.bracket, line.bracket
    at_the_gate = line.name == "LN" and (line.gate or line.near) is mark.gate
    return at_the_gate and (b.earliest or 0) <= a.latest and (a.earliest or 0) <= b.latest


def crossings(
    places: Places, fixes: Sequence[Sample], way: Countries, visits: Sequence[Visit], rules: Rules
) -> list[Crossing]:
    """Rules 8 and 9: all crossings of an asset, off_gate included.

    At each fix the marks known since the last idle moment are gone through from the start. A crossing without
    any stage (begun by a line that was taken back) is none.
    """
    every = marks(places, visits, way.lines, rules)
    over: list[Follower] = []
    known: list[Mark] = []
    home: str | None = None
    now = Follower(places, None, rules)
    for n in range(len(fixes)):
        new = [mark for mark in every if mark.known == n]
        if new and not known:
            home = places.code(home_at_first(new, way, n))
        known += new
        if new:
            now = Follower(places, home, rules)
            for mark in in_order(places, backed(known)):
                now.follow(mark)
        if known and now.now is None and idle(places, fixes, way, visits, n, rules):
            over.append(now)
            known, now = [], Follower(places, None, rules)
    followers = [*over, now]
    strays = [line for one in followers for line in one.strays]
    deep = [line for line in strays if surely_abroad(places, fixes, line, way, len(fixes) - 1, rules)]
    sure = [line for line in deep if surely_home(line, way, strays, deep)]
    passed = [crossing for one in followers for crossing in one.done if crossing.stages]
    return passed + [off_gate(places, one) for one in sure]


def home_at_first(new: Sequence[Mark], way: Countries, n: int) -> int:
    """Rule 8: h before the first mark = home when that mark became known."""
    first = any(mark.visit is not None and mark.visit.shown_first for mark in new)
    return way.before[n] if first else way.home[n]


def idle(
    places: Places, fixes: Sequence[Sample], way: Countries, visits: Sequence[Visit], n: int, rules: Rules
) -> bool:
    """Rule 8: after the step at fix n no visit of a gate's zone is open (grace pending and below the minimum
    dwell too), nobody abroad, no undecided line away from any gate."""
    for visit in visits:
        at_a_gate = places.zones[visit.zone].gate in places.gates
        if at_a_gate and visit.first <= n and (visit.over is None or visit.over > n):
            return False
    if way.abroad[n] is not None:
        return False
    settled = [line for line in way.lines if line.settled <= n]
    if not settled or gate_at(places, settled[-1]) or gate_near(places, settled[-1], rules):
        return True
    return surely_abroad(places, fixes, settled[-1], way, n, rules)


def surely_abroad(
    places: Places, fixes: Sequence[Sample], line: Line, way: Countries, n: int, rules: Rules
) -> bool:
    """Rule 9: a believed fix (up to fix n) during that stay abroad (before the next LN, and before what may
    become one) lies further from the home country's polygon than off_gate_mm + 15 m * hdop (hdop unknown:
    2.0)."""
    ends = [other.since for other in way.lines if other.since > line.since]
    pending = way.abroad[n]
    stay = fixes[line.since : min([n + 1, *ends, *([] if pending is None else [pending])])]
    geometry = places.zones[line.origin].geometry
    return any(beyond(geometry, x.lon * DEGREE, x.lat * DEGREE, doubt_mm(x, rules)) for x in stay)


def surely_home(line: Line, way: Countries, strays: Sequence[Line], deep: Sequence[Line]) -> bool:
    """Rule 9: the way back from where the asset perhaps never was is no off_gate.

    The line crossed before this one was at a gate, of a crossing, or itself surely crossed.
    """
    before = [other for other in way.lines if other.since < line.since]
    return not before or before[-1] not in strays or before[-1] in deep


def doubt_mm(x: Sample, rules: Rules) -> int:
    """Rule 9: how far off a fix may be."""
    hdop = rules.hdop_unknown_c if x.hdop is None else x.hdop
    return rules.off_gate_mm + rules.off_gate_mm_per_hdop_c * hdop


def off_gate(places: Places, line: Line) -> Crossing:
    """Rule 9: a crossing of the line away from any gate."""
    origin, other = places.code(line.origin) or "", places.code(line.other) or ""
    return Crossing(None, origin, other, "off_gate", {"line": line.bracket})
