"""From stored rows to what the port answers: duplicates out, thinned, named. Shared by the adapters.

Rows come sorted by (t_ms, hash), which stands for (instant, report).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from feeds.store import thin
from feeds.store.schema import TRACK


def track(rows: pa.Table, limit: int) -> pa.Table:
    """TRACK of ``rows`` (its columns and ``hash``), each sample once, thinned to ``limit``."""
    rows = rows.combine_chunks()
    t_ms, hash8 = rows["t_ms"].to_numpy(), rows["hash"].to_numpy()
    first = np.ones(len(t_ms), bool)
    first[1:] = (np.diff(t_ms) != 0) | (hash8[1:] != hash8[:-1])
    if not first.all():
        rows = rows.filter(pa.array(first))
        t_ms = t_ms[first]
    rows = rows.select(TRACK.names)
    if rows.num_rows > limit:
        rows = rows.take(
            pa.array(thin.track(t_ms, rows["lon_e7"].to_numpy(), rows["lat_e7"].to_numpy(), limit))
        )
    return rows.cast(TRACK)


def signals(rows: pa.Table, limit: int) -> pa.Table:
    """``rows`` (``t_ms`` and one column a signal), thinned to ``limit`` with each signal's peaks."""
    if rows.num_rows <= limit:
        return rows
    rows = rows.combine_chunks()
    t_ms = rows["t_ms"].to_numpy()
    share = max(2, limit // max(1, rows.num_columns - 1))
    kept = [np.array([0, rows.num_rows - 1])]
    for column in rows.columns[1:]:
        values = column.to_numpy()
        known = np.flatnonzero(~np.isnan(values))
        kept.append(known[thin.series(t_ms[known], values[known], share)])
    index = np.unique(np.concatenate(kept))
    if len(index) > limit:  # more signals than rows to show them in
        index = index[np.linspace(0, len(index) - 1, limit).astype(np.int64)]
    return rows.take(pa.array(index))
