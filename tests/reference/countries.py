"""Rule 7: the country that an asset is in, and the lines that it crossed."""

from __future__ import annotations

from collections.abc import Sequence

from streams.engine.settings import Rules
from tests.reference.fences import coming_in, unseen
from tests.reference.places import Places
from tests.reference.values import Bracket, Countries, Line, Sample, Visit


def countries(places: Places, fixes: Sequence[Sample], country: Sequence[int], rules: Rules) -> Countries:
    """Rule 7: home is the first known country. A fix in another single country begins `abroad`; a fix at home
    ends it without trace; -1 changes nothing; a third country replaces it.

    Settled at the first fix with t >= since + line_grace_ms while abroad: abroad becomes home.
    """
    way = Countries([], [], [], [])
    home, abroad = -1, -1
    since, line = 0, Bracket(None, 0, 0, 0, 0)
    for n, x in enumerate(fixes):
        way.before.append(home)
        if home < 0:
            home = country[n]
        elif country[n] == home:
            abroad = -1
        elif country[n] not in (-1, abroad):
            abroad, since = country[n], n
            home_fix = fixes[max(k for k in range(n) if country[k] == home)]
            line = coming_in(places, abroad, home_fix, x)
        way.home.append(home)
        if abroad >= 0 and x.t >= fixes[since].t + rules.line_grace_ms:
            way.lines.append(Line(home, abroad, line, since, n, (home_fix, fixes[since])))
            home, abroad = abroad, -1
        way.abroad.append(since if abroad >= 0 else None)
    return way


def country_visits(fixes: Sequence[Sample], way: Countries) -> list[Visit]:
    """Rule 7: a line closes the home's visit and opens the other's."""
    start = next((n for n in range(len(fixes)) if way.home[n] >= 0), None)
    if start is None:
        return []
    enters: list[tuple[int, Bracket, str]] = [(way.home[start], unseen(fixes[start]), "open_beginning")]
    enters += [(line.other, line.bracket, "path") for line in way.lines]
    leaves: list[Bracket | None] = [*(line.bracket for line in way.lines), None]
    return [Visit(zone, enter, leave, how) for (zone, enter, how), leave in zip(enters, leaves, strict=True)]
