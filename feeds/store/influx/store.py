"""The store in a bucket of InfluxDB 2: many processes may write and read it.

Samples are sent first, and the position that they cover once InfluxDB has confirmed them: a writer that dies
between sends them again, which changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feeds.store import periods, quality, serve
from feeds.store.influx import queries
from feeds.store.influx.answers import Series
from feeds.store.influx.client import Client, Value, identifier
from feeds.store.influx.lines import FIRST_MS, MEASURED, PAST_LAST_MS, SAMPLES, TICKS, has_bits, render
from feeds.store.influx.parked import Parked, refused
from feeds.store.influx.send import Sender
from feeds.store.influx.state import State
from feeds.store.influx.texts import EXTRA, coded, plain
from feeds.store.names import Names
from feeds.store.periods import Span
from feeds.store.schema import LATEST, WIRE, rows_of, signals_schema
from streams.records import Frame

_LOG = logging.getLogger(__name__)
ASSETS_AT_ONCE: Final = 200
_RECENT_MS: Final = (86_400_000, 40 * 86_400_000)  # how far back ``latest`` looks before it looks at all
_POSITION: Final = has_bits(queries.PLACED)
_TRACK_BITS: Final = has_bits(tuple(n for n in queries.JUDGED_COLUMNS if n in MEASURED))


class InfluxStore:
    """A Store by ``client``, which it closes. ``park`` takes samples that InfluxDB refuses for good.

    ``parked`` counts those, ``late`` samples that were older than the bucket's retention.
    """

    def __init__(
        self,
        client: Client,
        *,
        park: Callable[[Sequence[Parked]], None] | None = None,
        sender: Sender | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._client = client
        self._state = State(client)
        self._sender = sender or Sender(client.write)
        self._park = park
        self._now_ms = now_ms
        self.parked = 0
        self.late = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of InfluxDB."""
        self._sender.close()
        self._client.close()

    def write(self, partition: int, position: int, frames: Sequence[Frame]) -> None:
        """As the port says, except that samples and position are two commits, in this order.

        Raises StoreAwayError (some samples may be stored; the same call may be repeated) and StoreError.
        """
        names = Names()
        rows = rows_of(frames, names)
        lines = render(rows, names)
        outcome = self._sender.send(lines)
        if outcome.late:
            self.late += outcome.late
            _LOG.warning("store_samples_beyond_retention partition=%d samples=%d", partition, outcome.late)
        if outcome.refused or len(lines.unfit):
            self._set_aside(partition, refused(frames, lines, outcome.refused))
        self._state.cover(partition, position)

    def position(self, partition: int) -> int:
        """As the port says; another process' progress is seen within some seconds."""
        return self._state.position(partition)

    def track(self, asset: str, start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """As the port says."""

        def stored(start_ms: int, end_ms: int) -> pa.Table:
            found = self._asked(queries.TRACK_TEXT, asset, start_ms, end_ms)
            columns = ["t_ms", "hash", *queries.JUDGED_COLUMNS]
            return _whole(found, columns, _TRACK_BITS, placed=True)

        start_ms, end_ms = self._bounds(start_ms, end_ms)
        spans = self._spans(asset, start_ms, end_ms)
        return serve.piecewise(
            spans, limit, lambda span: quality.judged(stored, span.start_ms, span.end_ms), serve.track
        )

    def signals(self, asset: str, names: Sequence[str], start_ms: int, end_ms: int, limit: int) -> pa.Table:
        """As the port says."""
        names = list(dict.fromkeys(names))
        schema = signals_schema(names)
        wire = {name: WIRE[name] for name in names if name in WIRE}
        extras = {name: f"x{k}" for k, name in enumerate(n for n in names if n not in WIRE)}
        columns = tuple(column for column, _ in wire.values())
        text = queries.signals(columns, len(extras))
        fields: dict[str, Value] = {f"x{k}": identifier(EXTRA + coded(name)) for k, name in enumerate(extras)}
        start_ms, end_ms = self._bounds(start_ms, end_ms)

        def read(span: Span) -> pa.Table:
            found = self._asked(text, asset, span.start_ms, span.end_ms, fields)
            rows = _whole(found, ["t_ms", "hash", *columns, *extras.values()], has_bits(columns))
            values = [
                _scaled(rows[wire[n][0]], wire[n][1]) if n in wire else rows[extras[n]].cast(pa.float64())
                for n in names
            ]
            known = [v.is_valid() for v in values]
            rows = pa.Table.from_arrays([rows["t_ms"], rows["hash"], *values], ["t_ms", "hash", *names])
            return serve.each_once(rows.filter(_any(known)), schema)

        if not names or start_ms >= end_ms:
            return schema.empty_table()
        return serve.piecewise(self._spans(asset, start_ms, end_ms), limit, read, serve.signals)

    def latest(self, assets: Sequence[str]) -> pa.Table:
        """As the port says."""
        found: dict[str, dict[str, Any]] = {}
        missing = list(dict.fromkeys(assets))
        now_ms = self._now_ms()
        low, high = self._bounds(FIRST_MS, PAST_LAST_MS)
        for since in (*(now_ms - back for back in _RECENT_MS), low):
            for k in range(0, len(missing), ASSETS_AT_ONCE):
                some = missing[k : k + ASSETS_AT_ONCE]
                newest = self._newest(some, max(low, since), high)
                found |= {asset: row for asset, row in newest.items() if asset in some}
            missing = [asset for asset in missing if asset not in found]
        rows = [found[asset] for asset in dict.fromkeys(assets) if asset in found]
        return pa.Table.from_pylist(rows, schema=LATEST)

    def drop_before(self, t_ms: int) -> None:
        """As the port says. Other processes that read see it within some seconds."""
        if self._state.set_floor(t_ms):
            stop = min(max(t_ms, FIRST_MS), PAST_LAST_MS) * TICKS
            self._client.delete(SAMPLES, FIRST_MS * TICKS, stop)

    def _set_aside(self, partition: int, parked: Sequence[Parked]) -> None:
        self.parked += len(parked)
        for one in parked[:10]:
            _LOG.error(
                "store_sample_parked partition=%d device=%s t_ms=%d reason=%s",
                partition,
                one.device,
                one.t_ms,
                one.reason,
            )
        if self._park is not None:
            self._park(parked)

    def _newest(self, assets: Sequence[str], start_ms: int, end_ms: int) -> dict[str, dict[str, Any]]:
        parameters: dict[str, Value] = {f"a{k}": coded(asset) for k, asset in enumerate(assets)}
        parameters |= {"start": start_ms * TICKS, "stop": end_ms * TICKS}
        found: dict[str, dict[str, Any]] = {}
        columns = ["t_ms", "hash", *(n for n in LATEST.names[3:] if n != "flags")]
        for series in self._client.query(queries.latest(len(assets)), parameters):
            asset, device = plain(series.tags["asset"]), plain(series.tags["device"])
            for row in _whole([series], columns, _TRACK_BITS, placed=True).to_pylist():
                held = found.get(asset)
                if held is None or (row["t_ms"], row["hash"]) > (held["t_ms"], held["hash"]):
                    found[asset] = row | {"asset": asset, "device": device, "flags": 0}
        return found

    def _asked(
        self, text: str, asset: str, start_ms: int, end_ms: int, more: dict[str, Value] | None = None
    ) -> list[Series]:
        start_ms, end_ms = self._bounds(start_ms, end_ms)
        if start_ms >= end_ms:
            return []
        parameters: dict[str, Value] = {
            "asset": coded(asset),
            "start": start_ms * TICKS,
            "stop": end_ms * TICKS,
        }
        return self._client.query(text, parameters | (more or {}))

    def _spans(self, asset: str, start_ms: int, end_ms: int) -> list[Span]:
        if periods.short(start_ms, end_ms):
            return [Span(start_ms, end_ms, 0)]
        days: list[tuple[int, int]] = []
        for series in self._asked(queries.DAYS_TEXT, asset, start_ms, end_ms):
            table = series.table({"time": pa.int64(), "rows": pa.int64()})
            number = table["time"].to_numpy() // (periods.DAY_MS * TICKS)
            days += zip(number.tolist(), table["rows"].to_pylist(), strict=True)
        # an answer is text, read into columns: four times what the columns need
        return periods.spans(days, start_ms, end_ms, periods.SPAN_ROWS // 4)

    def _bounds(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        floor_ms = self._state.floor_ms()
        return max(start_ms, FIRST_MS if floor_ms is None else max(floor_ms, FIRST_MS)), min(
            end_ms, PAST_LAST_MS
        )


def _whole(found: Iterable[Series], columns: Sequence[str], bits: int, *, placed: bool = False) -> pa.Table:
    """Rows of ``found`` with ``t_ms`` and the other ``columns``, of which all is there that was written.

    A sample that is being written may show some of its fields: it is left out until all are there that
    ``has`` names, of those in ``bits``. ``placed`` leaves out samples without a position too.
    """
    tables = []
    for series in found:
        table = series.table(queries.TYPES)
        at = table["time"].to_numpy() // TICKS
        told = pc.fill_null(table["has"], -1).to_numpy()
        there = np.zeros(len(told), np.int64)
        for name in set(columns) & set(MEASURED):
            there |= table[name].is_valid().to_numpy().astype(np.int64) << MEASURED.index(name)
        keep = (told >= 0) & ((told & bits) == there) & table["hash"].is_valid().to_numpy()
        if "received_ms" in columns:
            keep &= table["received_ms"].is_valid().to_numpy()
        if placed:
            keep &= (there & _POSITION) == _POSITION
        table = table.append_column("t_ms", pa.array(at)).select(list(columns))
        tables.append(table if keep.all() else table.filter(pa.array(keep)))
    if not tables:
        types = queries.TYPES | {"t_ms": pa.int64()}
        return pa.schema([pa.field(n, types.get(n, pa.float64())) for n in columns]).empty_table()
    return pa.concat_tables(tables)


def _scaled(column: pa.ChunkedArray, divisor: float) -> pa.ChunkedArray:
    numbers = column.cast(pa.float64())
    return numbers if divisor == 1 else pc.divide(numbers, float(divisor))


def _any(flags: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    found = flags[0]
    for flag in flags[1:]:
        found = pc.or_(found, flag)
    return found
