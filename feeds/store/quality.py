"""What speaks against each stored sample: the engine's flags, worked out when a track is read.

They are a pure function of an asset's samples, so they are not stored: late data changes them, and what is
computed from all samples at once is always right. ``docs/quality.md`` says what each flag means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feeds.store import serve
from feeds.store.schema import JUDGED, TRACK
from streams.engine.columns import Array
from streams.engine.derive import firm, flags
from streams.engine.quality import Flag
from streams.engine.rows import Rows
from streams.engine.settings import Rules
from streams.engine.units import NONE

MARGINS_MS: Final = (900_000, 3 * 3_600_000, 36 * 3_600_000)
"""How far before a period samples are read and judged with it, one after the other until it is enough."""

Read = Callable[[int, int], pa.Table]
"""(start, end) to ``schema.JUDGED`` of one asset, in any order, a sample perhaps twice."""

_RULES: Final = Rules()
_CLOCK: Final = int(Flag.CLOCK_AHEAD | Flag.CLOCK_BEHIND)
_COLUMNS: Final = {
    "t": "t_ms",
    "lon": "lon_e7",
    "lat": "lat_e7",
    "speed": "speed_ckmh",
    "heading": "heading_cdeg",
    "hdop": "hdop_c",
    "sats": "sats",
    "fix": "fix",
    "odometer": "odometer_mm",
    "wheel": "wheel_ckmh",
}


def engine_rows(track: pa.Table) -> Rows:
    """Stored samples of one asset (``schema.JUDGED`` or TRACK) as the engine's, in that order.

    A TRACK lacks the receive times: samples with a wrong clock are left out then, by their flags, and the
    others' own times stand in.
    """
    received = "received_ms"
    if received not in track.column_names:
        clock = pc.bit_wise_and(track["flags"], pa.scalar(_CLOCK, pa.uint32()))
        track, received = track.filter(pc.equal(clock, 0)), "t_ms"
    columns = {name: _numbers(track[of]) for name, of in (_COLUMNS | {"received": received}).items()}
    places = np.arange(track.num_rows, dtype=np.int64)
    return Rows(asset=np.zeros(track.num_rows, np.int64), position=places, **columns)


def judged(read: Read, start_ms: int, end_ms: int) -> pa.Table:
    """TRACK of [start, end), in order, each sample once, with its flags.

    Samples before the period are read too, judged and cut off again: as many as decide which fix was
    believed last, at most those of the longest margin.
    """
    if start_ms >= end_ms:
        return TRACK.empty_table()
    held, begin = JUDGED.empty_table(), end_ms
    for margin in MARGINS_MS:
        earlier = serve.each_once(read(start_ms - margin, begin), JUDGED)
        held, begin = pa.concat_tables([earlier, held]), start_ms - margin
        rows = engine_rows(held)
        first = int(np.searchsorted(rows.t, start_ms))
        if first == len(rows):
            return TRACK.empty_table()
        metered = bool((rows.odometer != NONE).any())
        if firm(rows.take(slice(0, first)), _RULES, metered=metered):
            break
    found = flags(rows, _RULES)[first:].astype(np.uint32)
    return held.slice(first).append_column(TRACK.field("flags"), pa.array(found)).select(TRACK.names)


def _numbers(column: pa.ChunkedArray) -> Array:
    if column.null_count:
        column = pc.fill_null(column.cast(pa.int64()), NONE)
    # always a copy: the rules are compiled for arrays that can be written
    numbers: Array = column.to_numpy().astype(np.int64)
    return numbers
