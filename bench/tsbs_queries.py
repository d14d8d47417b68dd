"""The thirteen questions of the suite's use case "iot", as SQL for DuckDB and InfluxQL for InfluxDB.

Their meaning is that of the suite's list, not of its published texts where these differ from it: several of
them return the oldest place for the last, divide whole numbers, or leave a condition out. Both sides answer
the same question, and the answers are compared. Two are put together here for InfluxDB (sessions,
breakdowns), from its means and counts of ten minutes: InfluxQL can't say them in one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from feeds.store.influx.answers import Series

Ask = Callable[[str], list[Series]]
Answer = list[tuple[Any, ...]]

_RANGE: Final = "time >= $start AND time < $stop"
_BUCKET: Final = "t_ms // 600000"
_TEN: Final = "GROUP BY time(10m), {0} FILL(none)"
_BY_TEN: Final = _TEN.format('"name"')


@dataclass(frozen=True, slots=True)
class Question:
    """``window_h`` is the length of the period asked for, 0: all of it. ``influx`` asks by InfluxQL."""

    name: str
    sql: str
    influx: Callable[[Ask], Answer]
    window_h: float = 0.0


def one(text: str, *tags: str, at: Sequence[str] = (), times: int = 0) -> Callable[[Ask], Answer]:
    """Rows of ``text``: the ``tags``, the time in units of ``times`` ns when given, and columns ``at``."""

    def answer(ask: Ask) -> Answer:
        found: Answer = []
        for series in ask(text):
            table = series.table({})
            for row in table.to_pylist():
                when = (int(row["time"]) // times,) if times else ()
                found.append((*(series.tags[t] for t in tags), *when, *(row[c] for c in at)))
        return found

    return answer


def sessions(ask: Ask) -> Answer:
    """Mean minutes of the runs of ten minutes with a mean velocity above 5, by truck and day of begin."""
    text = f"SELECT mean(velocity) AS v FROM readings WHERE {_RANGE} {_BY_TEN}"
    found: Answer = []
    for series in ask(text):
        table = series.table({})
        bucket, driving = table["time"].to_numpy() // 600e9, table["v"].to_numpy() > 5
        turn = np.flatnonzero(np.diff(driving.astype(np.int8)) != 0) + 1
        begin, end = turn[:-1][driving[turn[:-1]]], turn[1:][driving[turn[:-1]]]
        day = bucket[begin] // 144
        for d in np.unique(day):
            minutes = (bucket[end] - bucket[begin])[day == d] * 10
            found.append((series.tags["name"], int(d), float(minutes.mean())))
    return found


def breakdowns(ask: Ask) -> Answer:
    """How often trucks went from less to at least half of ten minutes with status 0, by model."""
    text = "SELECT count(status) AS n FROM diagnostics WHERE {0} " + _TEN.format('model, "name"')
    zero = {_key(s): s.table({}) for s in ask(text.format(f"{_RANGE} AND status = 0"))}
    found: dict[str, int] = {}
    for series in ask(text.format(_RANGE)):
        table = series.table({})
        times, count = table["time"].to_numpy(), table["n"].to_numpy()
        zeros = np.zeros(len(times))
        if (some := zero.get(_key(series))) is not None:
            zeros[np.searchsorted(times, some["time"].to_numpy())] = some["n"].to_numpy()
        broken = zeros / count >= 0.5
        times_broken = int((~broken[:-1] & broken[1:]).sum())
        if times_broken:
            found[series.tags["model"]] = found.get(series.tags["model"], 0) + times_broken
    return list(found.items())


def _key(series: Series) -> tuple[str, str]:
    return series.tags["model"], series.tags["name"]


def _long(hours: int, buckets: int) -> Question:
    ten = f"SELECT mean(velocity) AS v FROM readings WHERE fleet = $fleet AND {_RANGE} "
    ten += _TEN.format('"name", driver')
    count = f'SELECT count(v) AS n FROM ({ten}) WHERE v > 1 AND {_RANGE} GROUP BY "name", driver'
    return Question(
        "long-driving-sessions" if hours == 4 else "long-daily-sessions",
        f"""SELECT name, driver FROM tags JOIN (SELECT id FROM readings WHERE t_ms >= $start AND t_ms < $stop
            GROUP BY id, {_BUCKET} HAVING avg(velocity) > 1) USING (id) WHERE fleet = $fleet
            GROUP BY name, driver HAVING count(*) > {buckets}""",
        one(f'SELECT n FROM ({count}) WHERE n > {buckets} GROUP BY "name", driver', "name", "driver"),
        hours,
    )


_BY_TRUCK: Final = 'GROUP BY "name", driver'
_LAST_PLACE: Final = (
    f"SELECT longitude, latitude FROM readings WHERE %s {_BY_TRUCK} ORDER BY time DESC LIMIT 1"
)
_MEAN_TEN: Final = f"SELECT mean(velocity) AS v FROM readings WHERE {_RANGE} " + _TEN.format(
    'fleet, "name", driver'
)
_HOURS: Final = (
    f"SELECT count(v) / 6 AS h FROM ({_MEAN_TEN}) WHERE v > 1 AND {_RANGE} "
    'GROUP BY time(1d), fleet, "name", driver FILL(none)'
)
_IDLE: Final = f"SELECT mean(status) AS s FROM diagnostics WHERE {_RANGE} " + _TEN.format(
    'fleet, model, "name"'
)

QUESTIONS: Final = (
    Question(
        "single-last-loc",
        """SELECT name, driver, longitude, latitude FROM readings JOIN tags USING (id) WHERE name = $truck
           AND (longitude IS NOT NULL OR latitude IS NOT NULL) ORDER BY t_ms DESC LIMIT 1""",
        one(_LAST_PLACE % '"name" = $truck', "name", "driver", at=("longitude", "latitude")),
    ),
    Question(
        "last-loc",
        """SELECT name, driver, p.x, p.y FROM (SELECT id, max_by({x: longitude, y: latitude}, t_ms) AS p
           FROM readings JOIN tags USING (id) WHERE fleet = $fleet GROUP BY id) JOIN tags USING (id)""",
        one(_LAST_PLACE % "fleet = $fleet", "name", "driver", at=("longitude", "latitude")),
    ),
    Question(
        "low-fuel",
        """SELECT name, driver, fuel FROM (SELECT id, max_by(fuel_state, t_ms) AS fuel FROM diagnostics
           JOIN tags USING (id) WHERE fleet = $fleet AND fuel_state IS NOT NULL GROUP BY id)
           JOIN tags USING (id) WHERE fuel < 0.1""",
        one(
            f"SELECT f FROM (SELECT last(fuel_state) AS f FROM diagnostics WHERE fleet = $fleet {_BY_TRUCK}) "
            f"WHERE f < 0.1 {_BY_TRUCK}",
            *("name", "driver"),
            at=("f",),
        ),
    ),
    Question(
        "high-load",
        """SELECT name, driver, l FROM (SELECT id, max_by(current_load, t_ms) AS l FROM diagnostics
           JOIN tags USING (id) WHERE fleet = $fleet AND current_load IS NOT NULL GROUP BY id)
           JOIN tags USING (id) WHERE l > 0.9 * load_capacity""",
        one(
            "SELECT l FROM (SELECT last(current_load) AS l, load_capacity AS c FROM diagnostics "
            f"WHERE fleet = $fleet {_BY_TRUCK}) WHERE l > 0.9 * c {_BY_TRUCK}",
            *("name", "driver"),
            at=("l",),
        ),
    ),
    Question(
        "stationary-trucks",
        """SELECT name, driver FROM readings JOIN tags USING (id) WHERE t_ms >= $start AND t_ms < $stop
           AND fleet = $fleet GROUP BY name, driver HAVING avg(velocity) < 1""",
        one(
            f"SELECT v FROM (SELECT mean(velocity) AS v FROM readings WHERE fleet = $fleet AND {_RANGE} "
            f"{_BY_TRUCK}) WHERE v < 1 {_BY_TRUCK}",
            *("name", "driver"),
        ),
        1 / 6,
    ),
    _long(4, 22),
    _long(24, 60),
    Question(
        "avg-vs-projected-fuel-consumption",
        """SELECT fleet, avg(fuel_consumption), avg(nominal_fuel_consumption) FROM readings
           JOIN tags USING (id) WHERE velocity > 1 GROUP BY fleet""",
        one(
            "SELECT mean(fuel_consumption) AS a, mean(nominal_fuel_consumption) AS b FROM readings "
            "WHERE velocity > 1 GROUP BY fleet",
            "fleet",
            at=("a", "b"),
        ),
    ),
    Question(
        "avg-daily-driving-duration",
        f"""SELECT fleet, name, driver, avg(h) FROM (SELECT id, count(*) / 6 AS h FROM
            (SELECT id, {_BUCKET} AS b FROM readings GROUP BY ALL HAVING avg(velocity) > 1)
            GROUP BY id, b // 144) JOIN tags USING (id) GROUP BY ALL""",
        one(
            f'SELECT mean(h) AS h FROM ({_HOURS}) WHERE {_RANGE} GROUP BY fleet, "name", driver',
            *("fleet", "name", "driver"),
            at=("h",),
        ),
    ),
    Question(
        "avg-daily-driving-session",
        f"""WITH ten AS (SELECT id, {_BUCKET} AS b, avg(velocity) > 5 AS driving FROM readings
                         WHERE velocity IS NOT NULL GROUP BY id, b),
            turns AS (SELECT * FROM ten QUALIFY driving <> lag(driving) OVER (PARTITION BY id ORDER BY b)),
            runs AS (SELECT *, lead(b) OVER (PARTITION BY id ORDER BY b) - b AS n FROM turns)
            SELECT name, b // 144, avg(n * 10) FROM runs JOIN tags USING (id)
            WHERE driving AND n IS NOT NULL GROUP BY ALL""",
        sessions,
    ),
    Question(
        "avg-load",
        """SELECT fleet, model, avg(l / load_capacity)
           FROM (SELECT id, avg(current_load) AS l FROM diagnostics GROUP BY id)
           JOIN tags USING (id) GROUP BY fleet, model""",
        one(
            "SELECT mean(p) AS p FROM (SELECT mean(current_load) / mean(load_capacity) AS p FROM diagnostics "
            'GROUP BY fleet, model, "name") GROUP BY fleet, model',
            *("fleet", "model"),
            at=("p",),
        ),
    ),
    Question(
        "daily-activity",
        f"""SELECT fleet, model, b // 144 AS day, count(*) / 144 FROM (SELECT id, {_BUCKET} AS b
            FROM diagnostics GROUP BY ALL HAVING avg(status) < 1) JOIN tags USING (id) GROUP BY ALL""",
        one(
            f"SELECT count(s) / 144 AS a FROM ({_IDLE}) WHERE s < 1 AND {_RANGE} "
            "GROUP BY time(1d), fleet, model FILL(none)",
            *("fleet", "model"),
            at=("a",),
            times=86_400 * 10**9,
        ),
    ),
    Question(
        "breakdown-frequency",
        f"""WITH ten AS (SELECT id, {_BUCKET} AS b, count(*) FILTER (status = 0) / count(*) >= 0.5 AS broken
                         FROM diagnostics WHERE status IS NOT NULL GROUP BY id, b),
            next AS (SELECT *, lead(broken) OVER (PARTITION BY id ORDER BY b) AS "then" FROM ten)
            SELECT model, count(*) FROM next JOIN tags USING (id)
            WHERE NOT broken AND "then" GROUP BY model""",
        breakdowns,
    ),
)


def comparable(answer: Answer) -> Answer:
    """``answer`` in an order of its own, numbers to nine digits."""
    return sorted((tuple(map(_rounded, row)) for row in answer), key=repr)


def _rounded(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, int | float) else value


def parameters(question: Question, random: np.random.Generator, values: Mapping[str, Any]) -> dict[str, Any]:
    """What one asking of ``question`` is about; ``values`` has begin_ms, end_ms, fleets and scale."""
    length = round(question.window_h * 3_600_000)
    room = max(0, values["end_ms"] - values["begin_ms"] - length) // 600_000
    start = values["begin_ms"] + int(random.integers(0, room + 1)) * 600_000 * bool(length)
    return {
        "truck": f"truck_{random.integers(values['scale'])}",
        "fleet": str(random.choice(values["fleets"])),
        "start": start,
        "stop": start + length if length else values["end_ms"],
    }
