"""When a filed vehicle will reach its gate, for the deadlines of its case, and for permits by then.

A road is taken as 1.3 times the geodesic and driven at 50 km/h, halts included. It is worked out when a
vehicle within reach moves, the seldomer the further it is, and told when it differs from what was told by
a quarter of what is left. It depends on arrival, as all that is foretold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geofences.geodesy import distance_mm
from streams.engine.columns import Array
from streams.engine.folder import Folder
from streams.engine.units import DEGREE, NONE

if TYPE_CHECKING:
    from streams.engine.desk import Desk
    from streams.engine.engine import Engine

_ROAD_PERMILLE: Final = 1_300
_MM_PER_S: Final = 13_889
_REACH_MM: Final = 500_000_000
_FAST_MM_PER_S: Final = 30_000  # at which one out of reach may come nearer
_LEAST_MS: Final = 600_000
_MOST_MS: Final = 6 * 3_600_000
_CHANGE_MS: Final = 900_000


def watched(desk: Desk, folder: Folder) -> None:
    """Look out for an asset while a case of it is open that no crossing belongs to yet."""
    wanted = any(
        held["ended"] is None and (folder.data("case", id_) or {"crossing": None})["crossing"] is None
        for id_, held in folder.cases.items()
    )
    if not wanted:
        desk.ahead.set(folder.asset, None, desk.host.rows)
    elif folder.asset not in desk.ahead.values:
        desk.ahead.set(folder.asset, 0, desk.host.rows)


def moved(engine: Engine, rows: Array) -> None:
    """Work out anew when those of ``rows`` that are due will reach their gates."""
    desk = engine.desk
    due = rows[desk.ahead.of(engine.rows, rows) <= engine.now_ms]
    if not len(due):
        return
    now = engine.latest(due)
    for at, row in enumerate(due.tolist()):
        folder = desk.folders.get(engine.names[row])
        if folder is not None and int(now["t"][at]) != NONE:
            zone = int(now["country"][at])
            country = None if zone < 0 else engine.world.zones[zone].country
            _foretold(engine, folder, country, *(int(now[name][at]) for name in ("t", "lon", "lat")))


def _foretold(engine: Engine, folder: Folder, country: str | None, t_ms: int, lon: int, lat: int) -> None:
    desk, again = engine.desk, []
    for id_, held in folder.cases.items():
        filing = folder.data("filing", held["filing"])
        gate = None if filing is None else engine.gates.get(filing["gate"])
        if filing is None or held["ended"] is not None or gate is None:
            continue
        if country is not None and country != filing["direction"][:2]:
            continue  # beyond the line
        place = np.array([lon * DEGREE]), np.array([lat * DEGREE])
        left = int(distance_mm(*place, np.array([gate.lon]), np.array([gate.lat]))[0])
        if left > _REACH_MM:
            again.append(min(max((left - _REACH_MM) * 1_000 // _FAST_MM_PER_S, _LEAST_MS), _MOST_MS))
            continue
        takes = left * _ROAD_PERMILLE // _MM_PER_S  # mm, permille and mm/s make ms
        again.append(min(max(takes // 4, _LEAST_MS), _MOST_MS))
        eta, told = t_ms + takes, held.get("eta")
        if told is None or abs(eta - told) > max(_CHANGE_MS, takes // 4):
            held["eta"] = eta
            desk.touch(folder.asset, id_, {"kind": "eta", "t_ms": t_ms})
    desk.ahead.set(folder.asset, engine.now_ms + min(again, default=_MOST_MS), engine.rows)
