"""From stored rows to what the port answers: sorted, duplicates out, thinned. Shared by the adapters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from feeds.store import thin
from feeds.store.schema import TRACK


def track(rows: pa.Table, limit: int) -> pa.Table:
    """TRACK of ``rows`` (its columns and ``hash``) by (t_ms, hash), each once, thinned to ``limit``."""
    rows = _each_once(rows.combine_chunks()).select(TRACK.names)
    if rows.num_rows > limit:
        t_ms, lon_e7, lat_e7 = (rows[name].to_numpy() for name in ("t_ms", "lon_e7", "lat_e7"))
        rows = rows.take(pa.array(thin.track(t_ms, lon_e7, lat_e7, limit)))
    return rows.cast(TRACK)


def _each_once(rows: pa.Table) -> pa.Table:
    t_ms, hash8 = rows["t_ms"].to_numpy(), rows["hash"].to_numpy()
    if bool(np.all(t_ms[1:] > t_ms[:-1])):
        return rows
    order = np.lexsort((hash8, t_ms))
    t_ms, hash8 = t_ms[order], hash8[order]
    first = np.ones(len(order), bool)
    first[1:] = (t_ms[1:] != t_ms[:-1]) | (hash8[1:] != hash8[:-1])
    return rows.take(pa.array(order[first]))


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
