"""The reports of frames as columns: what is judged of each, and all groups of those that are taken, sealed.

Column by column, because a report by itself costs ten times as much. ``reports`` says what the groups are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import cbor2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feeds.completeness.spans import Spans, spans_of_all
from feeds.ledger import arrow, cbor, sealing
from feeds.ledger.entry import SALT_BYTES, VERSION, EntryKind
from feeds.ledger.errors import FormatError
from feeds.ledger.reports import BUS, COARSE, DRIVER, FACTS, PLACE, facts_groups
from feeds.ledger.sealing import Bytes, Places, joined
from streams.records import Form, Frame

_BUS: Final = tuple(name for name in BUS.names or () if name != "t_ms")
_WORDS: Final = ("device", "boot", "asset", "tenant")
_COARSE_MS: Final = 600_000
_COARSE_E7: Final = 1_000_000
_NO_EXTRAS: Final = cbor2.dumps([])
_TEXTS: Final = [cbor2.dumps(text) for text in sealing.TEXTS]
_START: Final = np.dtype(
    [("version", "u1"), ("kind", "u1"), ("partition", ">u2"), ("position", ">u8"), ("number", ">u8")]
)
"""What stands in an entry before its hashes."""
_Group = tuple[Bytes, Places, Places]
"""Contents one after the other; where each report's begins and ends, -1 of one that has none."""


class ReportRow(NamedTuple):
    """What is judged of a report. ``t_ms``: of its first sample, of its receiving when it has none;
    ``facts``: its group ``facts``; ``spans``: the times of its samples."""

    device: str
    boot: str
    seq: int
    hash: bytes
    asset: str
    tenant: str
    t_ms: int
    boot_n: int | None
    prev: bytes | None
    counted: bool
    facts: bytes | None
    spans: Spans


class Sealed(NamedTuple):
    """An entry, the salts of its groups by name, and the groups as the book keeps them."""

    entry: bytes
    salts: bytes
    groups: bytearray


class SoundFrame(NamedTuple):
    """A frame, its position in the log, the facts of its reports (None: it has none), and which columns of
    the bus it has."""

    frame: Frame
    position: int
    facts: list[dict[str, bytes]] | None
    bus: tuple[str, ...]

    def alike(self, other: SoundFrame) -> bool:
        """Whether both may be sealed together: a report's signals have the columns of its frame."""
        return self.bus == other.bus and self.frame.reports.schema == other.frame.reports.schema


def sound(frame: Frame, position: int) -> SoundFrame:
    """The frame, looked at. Raises FormatError when it is not sound."""
    reports, samples = frame.reports, frame.samples
    counts = reports["samples"].to_numpy()
    count = int(counts.sum())
    if len(counts) and (counts.min() < 0 or count != samples.num_rows):
        raise FormatError(f"samples of a frame: got {samples.num_rows}, want {count}")
    if not np.array_equal(samples["report"].to_numpy(), np.repeat(np.arange(len(counts)), counts)):
        raise FormatError("samples of a frame are not grouped by report")
    of = frame.extras["sample"].to_numpy()
    if len(of) and not 0 <= of.min() <= of.max() < samples.num_rows:
        raise FormatError("extras of a frame point outside of it")
    bus = tuple(name for name in _BUS if samples[name].null_count < samples.num_rows)
    return SoundFrame(frame, position, _facts(reports["facts"]), bus)


class FrameReports:
    """The reports of frames that are alike, ``rows`` in their order."""

    def __init__(self, frames: Sequence[SoundFrame]) -> None:
        frame = self._frame = arrow.together([one.frame for one in frames])
        reports, count = frame.reports, frame.reports.num_rows
        counts = reports["samples"].to_numpy()
        self._ends = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        sizes = np.array([one.frame.reports.num_rows for one in frames])
        firsts = np.cumsum(sizes) - sizes
        self._numbers = np.arange(count) - np.repeat(firsts, sizes)
        self._positions = np.repeat(np.array([one.position for one in frames], np.uint64), sizes)
        self._report = np.repeat(np.arange(count), counts)
        extras = [one.frame.extras.num_rows for one in frames]
        self._extra = frame.extras["sample"].to_numpy() + np.repeat(self._ends[firsts], extras)
        self._bus = frames[0].bus
        self._prevs, self._named = arrow.hashes(reports["prev"])
        self._hashes, _ = arrow.hashes(reports["hash"])
        self._counted = arrow.valid(reports["boot_n"])
        self._received = reports["received_ms"].to_numpy()
        self._nmea = reports["form"].to_numpy() == Form.NMEA
        self._facts: list[dict[str, bytes]] | None = None
        if any(one.facts is not None for one in frames):
            self._facts = []
            for one in frames:
                self._facts += [{}] * one.frame.reports.num_rows if one.facts is None else one.facts
        self._named_by = {name: arrow.dictionary(reports[name]) for name in _WORDS}
        self.rows = self._rows(counts)

    def _rows(self, counts: npt.NDArray[Any]) -> list[ReportRow]:
        reports, times = self._frame.reports, self._frame.samples["t_ms"].to_numpy()
        held = self._named_by.values()
        device, boot, asset, tenant = ([words[n] for n in codes.tolist()] for words, codes in held)
        first, filled = self._received.copy(), counts > 0
        first[filled] = times[self._ends[:-1][filled]]
        hashes, prevs = self._hashes.tobytes(), self._prevs.tobytes()
        places = range(0, len(hashes), 32)
        named = zip(places, self._named.tolist(), strict=True)
        columns = (
            device,
            boot,
            reports["seq"].to_pylist(),
            [hashes[at : at + 32] for at in places],
            asset,
            tenant,
            first.tolist(),
            reports["boot_n"].to_pylist(),
            [prevs[at : at + 32] if there else None for at, there in named],
            (~self._nmea).tolist(),
            [None] * len(device) if self._facts is None else [one.get(FACTS) for one in self._facts],
            spans_of_all(times, counts, self._received),
        )
        return list(map(ReportRow._make, zip(*columns, strict=True)))

    def seal(
        self,
        taken: Sequence[int],
        conflict: Sequence[bool],
        partition: int,
        random: Callable[[int], bytes],
    ) -> list[Sealed]:
        """The rows ``taken``; ``conflict``: of each whether other bytes came under its number before.
        ``random`` makes salts."""
        if not taken:
            return []
        rows = np.array(taken, np.int64)
        groups = [
            _picked(self._coarse(), rows),
            _picked(self._said(DRIVER), rows),
            _picked(self._said(FACTS), rows),
            self._heads(rows, np.array(conflict, bool)),
            _picked(self._places(), rows),
            _picked(self._signals(), rows),
            _picked(arrow.binary(self._frame.reports["raw"]), rows),
        ]
        data = np.concatenate([buffer for buffer, _, _ in groups])
        shift = np.cumsum([0, *(len(buffer) for buffer, _, _ in groups[:-1])])[:, None]
        begins, ends = _stacked([one for _, one, _ in groups]), _stacked([one for _, _, one in groups])
        there = begins >= 0
        begins, ends = np.where(there, begins + shift, -1), np.where(there, ends + shift, -1)
        starts = np.empty(len(rows), _START)
        starts["version"], starts["kind"], starts["partition"] = VERSION, EntryKind.REPORT, partition
        starts["position"], starts["number"] = self._positions[rows], self._numbers[rows]
        width = SALT_BYTES * len(groups)
        salts = random(width * len(rows))
        flat = np.frombuffer(salts, np.uint8).reshape(len(rows), width)
        plain = starts.view(np.uint8).reshape(len(rows), _START.itemsize)
        used = (there.sum(0) * SALT_BYTES).tolist()
        kept = [salts[at * width : at * width + size] for at, size in enumerate(used)]
        made = sealing.entries(plain, data, begins, ends, flat)
        return list(map(Sealed._make, zip(made, kept, sealing.contents(data, begins, ends), strict=True)))

    def _heads(self, rows: Places, conflict: npt.NDArray[np.bool_]) -> _Group:
        reports = self._frame.reports
        device, device_codes = self._named_by["device"]
        boot, boot_codes = self._named_by["boot"]
        asset, asset_codes = self._named_by["asset"]
        key, key_codes = arrow.optional_texts(reports, "key")
        parts, firsts = list(_TEXTS), []
        for words in (key, boot, asset, device):
            firsts.append(len(parts))
            parts += map(_text, words)
        firsts.insert(3, len(parts))
        parts += [_topic(one, "report") for one in device]
        if self._nmea.any():
            parts += [_topic(one, "nmea") for one in device]
        codes = (key_codes, boot_codes, asset_codes, device_codes + self._nmea * len(device), device_codes)
        numbers = (
            reports["seq"].to_numpy(),
            reports["form"].to_numpy(),
            arrow.or_zero(reports["boot_n"]),
            reports["samples"].to_numpy(),
            arrow.or_zero(reports["signature"])
            if "signature" in reports.schema.names
            else np.zeros(len(codes[0])),
            self._received,
        )
        placed = np.stack([one + first for one, first in zip(codes, firsts, strict=True)], axis=1)[rows]
        placed[key_codes[rows] < 0, 0] = 0
        data, cuts = sealing.heads(
            conflict,
            joined(parts),
            placed.astype(np.int64),
            np.stack([one[rows].astype(np.int64) for one in numbers]),
            self._counted[rows],
            (self._hashes[rows].reshape(-1), self._prevs[rows].reshape(-1), self._named[rows]),
        )
        return data, cuts[:-1], cuts[1:]

    def _places(self) -> _Group:
        packed = np.frombuffer(arrow.table(self._frame.samples, PLACE).tobytes(), np.uint8)
        begins, ends = self._ends[:-1] * PLACE.itemsize, self._ends[1:] * PLACE.itemsize
        return (packed, *_only(ends > begins, begins, ends))

    def _coarse(self) -> _Group:
        """Of each report the runs of equal coarse places; samples without a position make none."""
        samples = self._frame.samples
        least = np.iinfo(np.int32).min
        lon, lat = (arrow.filled(samples[n], np.dtype("<i4")).astype(np.int64) for n in ("lon_e7", "lat_e7"))
        held = np.flatnonzero((lon != least) & (lat != least))
        t_ms = samples["t_ms"].to_numpy()[held]
        t_ms = t_ms - t_ms % _COARSE_MS
        lon, lat = ((v[held] + _COARSE_E7 // 2) // _COARSE_E7 * _COARSE_E7 for v in (lon, lat))
        report = self._report[held]
        begins = np.ones(len(held), bool)
        begins[1:] = False
        for column in (t_ms, lon, lat, report):
            begins[1:] |= column[1:] != column[:-1]
        rows = np.empty(int(begins.sum()), COARSE)
        rows["t_ms"], rows["lon_e7"], rows["lat_e7"] = t_ms[begins], lon[begins], lat[begins]
        cuts = np.searchsorted(report[begins], np.arange(len(self._ends))) * COARSE.itemsize
        data = np.frombuffer(rows.tobytes(), np.uint8)
        return (data, *_only(cuts[1:] > cuts[:-1], cuts[:-1], cuts[1:]))

    def _signals(self) -> _Group:
        """Of each report what the bus said."""
        samples, extras = self._frame.samples, self._frame.extras
        said, columns = np.zeros(samples.num_rows, bool), ["t_ms", *self._bus]
        for name in self._bus:
            said |= arrow.valid(samples[name])
        of, report = self._extra, self._report
        said[of] = True
        reports = np.unique(report[said]).astype(np.int64)
        begins, ends = np.full((2, len(self._ends) - 1), -1, np.int64)
        if not len(reports):
            return np.empty(0, np.uint8), begins, ends
        dtype = np.dtype([(name, BUS[name]) for name in columns])
        more: dict[int, list[list[Any]]] = {}
        values = (arrow.words(extras["name"]), extras["value"].to_pylist())
        for at, name, value in zip(of.tolist(), *values, strict=True):
            number = int(report[at])
            more.setdefault(number, []).append([at - int(self._ends[number]), name, value])
        further = [cbor2.dumps(more[n]) if n in more else _NO_EXTRAS for n in reports.tolist()]
        packed = arrow.table(samples, dtype).tobytes()
        named = joined(further)
        data, cuts = sealing.signals(reports, self._ends, packed, dtype.itemsize, cbor.names(columns), named)
        begins[reports], ends[reports] = cuts[:-1], cuts[1:]
        return data, begins, ends

    def _said(self, name: str) -> _Group:
        count = len(self._ends) - 1
        if self._facts is None:
            return np.empty(0, np.uint8), np.full(count, -1), np.full(count, -1)
        found = [one.get(name, b"") for one in self._facts]
        data, cuts = joined(found)
        return (data, *_only(cuts[1:] > cuts[:-1], cuts[:-1], cuts[1:]))


def _facts(column: pa.Array) -> list[dict[str, bytes]] | None:
    """Of each report its groups of facts; None: no report has any."""
    if column.null_count == len(column):
        return None
    return [{} if text is None else facts_groups(text) for text in column.to_pylist()]


@lru_cache(32_768)
def _text(text: str) -> bytes:
    return cbor2.dumps(text)


@lru_cache(32_768)
def _topic(device: str, kind: str) -> bytes:
    return cbor2.dumps(f"corridor/v1/{device}/{kind}")


def _stacked(rows: list[Places]) -> Places:
    return np.stack(rows)


def _only(there: npt.NDArray[np.bool_], begins: Places, ends: Places) -> tuple[Places, Places]:
    return np.where(there, begins, -1), np.where(there, ends, -1)


def _picked(group: _Group, rows: Places) -> _Group:
    data, begins, ends = group
    return data, begins[rows], ends[rows]
