"""Rule 5: visits of a zone that is no country."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.engine.settings import Rules
from tests.reference.fences import coming_in, cut_confidence, going_out, passing, unseen
from tests.reference.places import Places
from tests.reference.values import Bracket, Sample, Visit


@dataclass(frozen=True, slots=True)
class Presence:
    """Proof that the asset was in the zone: a run of fixes inside, or a step that cut it.

    Numbers of fixes. ``shows``: when it is known; ``first``, ``last``: what counts as inside; ``outside``:
    the first fix outside after it (may be one that does not exist yet).
    """

    cut: bool
    shows: int
    first: int
    last: int
    outside: int


def presences(inside: Sequence[bool], cut: Sequence[bool]) -> list[Presence]:
    """Maximal runs of inside fixes, and cut steps, in the order of time."""
    found: list[Presence] = []
    for n in range(len(inside)):
        if cut[n]:
            found.append(Presence(True, n, n - 1, n - 1, n))
        elif inside[n] and not (n > 0 and inside[n - 1]):
            last = n
            while last + 1 < len(inside) and inside[last + 1]:
                last += 1
            found.append(Presence(False, n, n, last, last + 1))
    return found


def stays(found: list[Presence], fixes: Sequence[Sample], grace_ms: int) -> list[list[Presence]]:
    """Presences of one visit: one that shows before the grace after the last one has passed belongs to it.

    A cut with no open visit is a visit of its own, which nothing is added to.
    """
    groups: list[list[Presence]] = []
    for one in found:
        if groups and not groups[-1][0].cut:
            before = groups[-1][-1]
            if fixes[one.shows].t < fixes[before.last].t + grace_ms:
                groups[-1].append(one)
                continue
        groups.append([one])
    return groups


def visits(
    places: Places,
    zone: int,
    fixes: Sequence[Sample],
    around: Sequence[frozenset[int]],
    cuts: Sequence[set[int]],
    rules: Rules,
) -> list[Visit]:
    """Rule 5: the visits of one zone that count."""
    inside = [zone in zones for zones in around]
    cut = [zone in zones for zones in cuts]
    groups = stays(presences(inside, cut), fixes, places.zones[zone].grace_s * 1000)
    found: list[Visit] = []
    for group in groups:
        if group[0].cut:
            found.append(_cut_visit(places, zone, fixes, group[0], rules))
        else:
            found += _stay(places, zone, fixes, group)
    return found


def _cut_visit(places: Places, zone: int, fixes: Sequence[Sample], cut: Presence, rules: Rules) -> Visit:
    """A cut with no open visit: how = `cut` when sure, else `possible`."""
    p, x = fixes[cut.last], fixes[cut.outside]
    enter, leave = passing(places, zone, p, x)
    confidence = cut_confidence(places, zone, p, x, rules)
    return Visit(zone, enter, leave, "cut" if confidence == 1000 else "possible", confidence, x)


def _stay(places: Places, zone: int, fixes: Sequence[Sample], group: list[Presence]) -> list[Visit]:
    """The visit of a group, or none when it does not last the minimum dwell."""
    over = _over(places, zone, fixes, group[-1])
    counted = [one for one in group if over or not one.cut]
    if fixes[counted[-1].last].t - fixes[group[0].first].t < places.zones[zone].min_dwell_s * 1000:
        return []
    first = group[0].first
    enter = unseen(fixes[0]) if first == 0 else coming_in(places, zone, fixes[first - 1], fixes[first])
    leave = _leave(places, zone, fixes, group[-1]) if over else None
    outside = fixes[group[-1].outside] if over else None
    return [Visit(zone, enter, leave, "open_beginning" if first == 0 else "path", outside=outside)]


def _over(places: Places, zone: int, fixes: Sequence[Sample], last: Presence) -> bool:
    """The absence ends the visit as soon as a believed fix outside with t >= last inside + grace comes.

    Any later presence would have been added to the group or have come after the grace, so the newest fix
    tells.
    """
    due = fixes[last.last].t + places.zones[zone].grace_s * 1000
    return last.outside < len(fixes) and fixes[-1].t >= due


def _leave(places: Places, zone: int, fixes: Sequence[Sample], last: Presence) -> Bracket:
    """Step last inside fix -> first outside fix: first meeting; of a cut step that was added: its last."""
    p, x = fixes[last.outside - 1], fixes[last.outside]
    return passing(places, zone, p, x)[1] if last.cut else going_out(places, zone, p, x)
