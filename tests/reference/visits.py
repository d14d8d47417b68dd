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
    """Rule 5: the visits of one zone, those that do not count included."""
    inside = [zone in zones for zones in around]
    cut = [zone in zones for zones in cuts]
    groups = stays(presences(inside, cut), fixes, places.zones[zone].grace_s * 1000)
    return [
        _cut_visit(places, zone, fixes, group[0], rules)
        if group[0].cut
        else _stay(places, zone, fixes, inside, group)
        for group in groups
    ]


def _cut_visit(places: Places, zone: int, fixes: Sequence[Sample], cut: Presence, rules: Rules) -> Visit:
    """A cut with no open visit: how = `cut` when sure, else `possible`. It always counts."""
    n = cut.outside
    p, x = fixes[n - 1], fixes[n]
    enter, leave = passing(places, zone, p, x)
    sure = cut_confidence(places, zone, p, x, rules)
    how = "cut" if sure == 1000 else "possible"
    return Visit(zone, enter, leave, how, sure, x, opened=x.t, first=n, counts=n, over=n, shown_first=True)


def _stay(
    places: Places, zone: int, fixes: Sequence[Sample], inside: Sequence[bool], group: list[Presence]
) -> Visit:
    """The visit of a group of presences that begins with a run of fixes inside."""
    first, last = group[0].first, group[-1]
    over = _over(places, zone, fixes, last)
    counts = _counts(places, zone, fixes, inside, group, over)
    return Visit(
        zone,
        unseen(fixes[0]) if first == 0 else coming_in(places, zone, fixes[first - 1], fixes[first]),
        None if over is None else _leave(places, zone, fixes, last),
        "open_beginning" if first == 0 else "path",
        outside=None if over is None else fixes[last.outside],
        opened=fixes[first].t,
        first=first,
        counts=counts,
        over=over,
        shown_first=counts is not None and counts == over and last.outside < over,
    )


def _over(places: Places, zone: int, fixes: Sequence[Sample], last: Presence) -> int | None:
    """An absence ends the visit as soon as a believed fix with t >= last inside + grace comes. Its number.

    Any presence before that would have been added to the group.
    """
    due = fixes[last.last].t + places.zones[zone].grace_s * 1000
    return next((n for n in range(last.outside, len(fixes)) if fixes[n].t >= due), None)


def _counts(
    places: Places,
    zone: int,
    fixes: Sequence[Sample],
    inside: Sequence[bool],
    group: list[Presence],
    over: int | None,
) -> int | None:
    """It counts from the first fix inside with t - first inside >= min_dwell_s, or else, when it is over,
    when last inside - first inside or the estimated stay is as long. The number of the fix that shows it."""
    first, dwell = group[0].first, places.zones[zone].min_dwell_s * 1000
    due = fixes[first].t + dwell
    for n in range(group[0].first, group[-1].last + 1):
        if inside[n] and fixes[n].t >= due:
            return n
    if over is None:
        return None
    enter = unseen(fixes[0]) if first == 0 else coming_in(places, zone, fixes[first - 1], fixes[first])
    stay = _leave(places, zone, fixes, group[-1]).estimate - enter.estimate
    return over if fixes[group[-1].last].t >= due or stay >= dwell else None


def _leave(places: Places, zone: int, fixes: Sequence[Sample], last: Presence) -> Bracket:
    """Step last inside fix -> first outside fix: first meeting; of a cut step that was added: its last."""
    p, x = fixes[last.outside - 1], fixes[last.outside]
    return passing(places, zone, p, x)[1] if last.cut else going_out(places, zone, p, x)
