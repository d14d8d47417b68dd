"""From stored rows to what the port answers: sorted, duplicates out, thinned. Shared by the adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from feeds.store import thin
from feeds.store.periods import Span

Thin = Callable[[pa.Table, int], pa.Table]


def piecewise(spans: Sequence[Span], limit: int, read: Callable[[Span], pa.Table], thinned: Thin) -> pa.Table:
    """What ``read`` gives of all ``spans``, thinned to ``limit``, without ever holding all of it.

    Each of several spans is thinned by itself first, to four times its share.
    """
    if len(spans) == 1:
        return thinned(read(spans[0]), limit)
    total = sum(span.rows for span in spans)
    shares = [span.rows if total <= limit else max(2, 4 * limit * span.rows // total) for span in spans]
    parts = [thinned(read(span), share) for span, share in zip(spans, shares, strict=True)]
    return thinned(pa.concat_tables(parts), limit)


def track(rows: pa.Table, limit: int) -> pa.Table:
    """``rows`` (TRACK, by time) thinned to ``limit``: the line, and some of what is not part of it."""
    if rows.num_rows <= limit:
        return rows
    rows = rows.combine_chunks()
    t_ms, lon_e7, lat_e7, flags = (rows[n].to_numpy() for n in ("t_ms", "lon_e7", "lat_e7", "flags"))
    return rows.take(pa.array(thin.judged(t_ms, lon_e7, lat_e7, flags, limit)))


def each_once(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """``rows`` by their first two columns, t_ms and hash, each once, as ``schema`` without the second.

    Columns go by place: an extra may be called "hash" too. Of a sample that comes twice that received first
    stays, where ``schema`` ends with its time.
    """
    received = schema.names[-1] == "received_ms"
    return _sorted_once(rows.combine_chunks(), received).remove_column(1).cast(schema)


def _sorted_once(rows: pa.Table, received: bool) -> pa.Table:
    t_ms, hash8 = rows.column(0).to_numpy(), rows.column(1).to_numpy()
    if bool(np.all(t_ms[1:] > t_ms[:-1])):
        return rows
    last = (rows.column(rows.num_columns - 1).to_numpy(),) if received else ()
    order = np.lexsort((*last, hash8, t_ms))
    t_ms, hash8 = t_ms[order], hash8[order]
    first = np.ones(len(order), bool)
    first[1:] = (t_ms[1:] != t_ms[:-1]) | (hash8[1:] != hash8[:-1])
    return rows.take(pa.array(order[first]))


def signals(rows: pa.Table, limit: int) -> pa.Table:
    """``rows`` (``t_ms`` and one column a signal), thinned to ``limit`` with each signal's peaks."""
    if rows.num_rows <= limit:
        return rows
    rows = rows.combine_chunks()
    t_ms = rows.column(0).to_numpy()
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
