"""Rule 7: the country that an asset is in, and the lines that it crossed."""

from __future__ import annotations

from collections.abc import Sequence

from streams.engine.settings import Rules
from tests.reference.fences import coming_in, unseen
from tests.reference.places import Places
from tests.reference.values import Bracket, Line, Sample, Visit


def first_home(fixes: Sequence[Sample], country: Sequence[int]) -> int | None:
    """The number of the first fix whose country is known."""
    return next((n for n in range(len(fixes)) if country[n] >= 0), None)


def lines(places: Places, fixes: Sequence[Sample], country: Sequence[int], rules: Rules) -> list[Line]:
    """Rule 7: the settled changes of country, in order.

    A fix in another single country begins `abroad`; a fix at home ends it without trace; -1 changes nothing;
    a third country replaces it. Settled at the first fix with t >= since + line_grace_ms while abroad.
    """
    start = first_home(fixes, country)
    if start is None:
        return []
    home, abroad = country[start], -1
    since, line = fixes[start], unseen(fixes[start])
    found: list[Line] = []
    for n in range(start, len(fixes)):
        if country[n] == home:
            abroad = -1
        elif country[n] not in (-1, abroad):
            abroad, since = country[n], fixes[n]
            home_fix = fixes[max(k for k in range(n) if country[k] == home)]
            line = coming_in(places, abroad, home_fix, fixes[n])
        if abroad >= 0 and fixes[n].t >= since.t + rules.line_grace_ms:
            found.append(Line(home, abroad, line, since))
            home, abroad = abroad, -1
    return found


def country_visits(fixes: Sequence[Sample], country: Sequence[int], settled: Sequence[Line]) -> list[Visit]:
    """Rule 7: a line closes the home's visit and opens the other's."""
    start = first_home(fixes, country)
    if start is None:
        return []
    enters: list[tuple[int, Bracket, str]] = [(country[start], unseen(fixes[start]), "open_beginning")]
    enters += [(line.other, line.bracket, "path") for line in settled]
    leaves: list[Bracket | None] = [*(line.bracket for line in settled), None]
    return [Visit(zone, enter, leave, how) for (zone, enter, how), leave in zip(enters, leaves, strict=True)]
