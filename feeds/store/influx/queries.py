"""The InfluxQL of reads. Every text here is constant; what is asked for is bound to ``$name``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from feeds.store.influx.lines import INTEGERS, SAMPLES
from feeds.store.schema import JUDGED, ROWS, TRACK

STATE_NS: Final = 7_258_118_400_000_000_000
"""The year 2200: what the store knows of itself is kept from here on, where no retention reaches it."""
PER_ASSET: Final = 4
"""Samples of the newest instants that are looked at to find the newest."""

TYPES: Final = {"time": pa.int64(), "has": pa.int64(), "hash": pa.int64()} | {
    name: ROWS.field(name).type for name in INTEGERS
}
"""Of the columns of an answer those that are no floats."""

JUDGED_COLUMNS: Final = tuple(JUDGED.names[1:])
PLACED: Final = ("lon_e7", "lat_e7")
_OF_ASSET: Final = "asset = $asset AND time >= $start AND time < $stop"

TRACK_TEXT: Final = (
    f"SELECT has, hash, {', '.join(JUDGED_COLUMNS)} FROM {SAMPLES} WHERE {_OF_ASSET} GROUP BY device"
)
DAYS_TEXT: Final = f"SELECT count(has) AS rows FROM {SAMPLES} WHERE {_OF_ASSET} GROUP BY time(1d) FILL(none)"
COVERED: Final = "covered"
COVERED_TEXT: Final = (
    f"SELECT last(position) AS position FROM {COVERED} WHERE time >= $state AND partition = $partition"
)
FLOOR: Final = "floor"
FLOOR_TEXT: Final = f"SELECT last(t_ms) AS t_ms FROM {FLOOR} WHERE time >= $state"


def signals(wire: Sequence[str], extras: int) -> str:
    """Columns ``wire`` (of SAMPLES) as they are, and ``extras`` fields $x0, $x1, ... as x0, x1, ..."""
    columns = ["has", "hash", *wire, *(f"$x{k} AS x{k}" for k in range(extras))]
    return f"SELECT {', '.join(columns)} FROM {SAMPLES} WHERE {_OF_ASSET} GROUP BY device"


def latest(assets: int) -> str:
    """The newest samples with a position of $a0, $a1, ..., a series for each asset and device."""
    some = " OR ".join(f"asset = $a{k}" for k in range(assets))
    columns = ", ".join(n for n in TRACK.names if n not in ("t_ms", "flags"))
    placed = " AND ".join(f"{name} >= -2147483648" for name in PLACED)
    return (
        f"SELECT has, hash, {columns} FROM {SAMPLES} WHERE ({some}) AND time >= $start AND time < $stop "
        f"AND {placed} GROUP BY asset, device ORDER BY time DESC LIMIT {PER_ASSET}"
    )
