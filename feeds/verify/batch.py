"""Many reports at once: by columns, which of them hold. What does not hold here, or is not plain, is for
``records`` to look at alone and to explain; so nothing is ever told by this module but "it holds".

Commitments and leaves are one hash each and nothing else; everything that can be said of a whole column is
said of it at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import cbor2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feeds.assurance import identified_from, revoked
from feeds.grants.grant import REPORT
from feeds.ledger.entry import (
    ENTRY_BYTES,
    SALT_BYTES,
    VERSION,
    WHOLE,
    EntryKind,
    commitments,
    groups_hashes,
)
from feeds.ledger.errors import LedgerError
from feeds.ledger.merkle import HASH_BYTES, leaf_hashes
from feeds.ledger.reports import COARSE_GROUP, FACTS, HEAD, PLACE_GROUP
from feeds.ledger.tiles import WIDTH
from feeds.ledger.tree import VerifiedNodes
from feeds.records.columns import GROUPS
from feeds.verify.devices import DeviceWordError, check_said, check_signature
from feeds.verify.scope import Scope

Mask = npt.NDArray[np.bool_]
_NAMES: Final = (
    *("key", "seq", "boot", "form", "hash", "prev", "asset", "topic", "boot_n", "device", "samples"),
    *("verdict", "signature", "received_ms"),
)
"""The fields of a head in canonical order; any other is looked at alone."""
_TYPES: Final = frozenset(
    (key, int, str, int, bytes, prev, str, str, boot_n, str, int, str, int, int)
    for key in (str, type(None))
    for prev in (bytes, type(None))
    for boot_n in (int, type(None))
)
_WHOLE_AT, _GROUPS_AT = ENTRY_BYTES - 2 * HASH_BYTES, ENTRY_BYTES - HASH_BYTES


class Held(NamedTuple):
    """A report that holds: its head, how far it can be believed, whether a signature of its device was
    checked, and whether there is one that is not shown."""

    head: Mapping[str, Any]
    level: str
    signed: bool
    unseen: bool


Near = Callable[[int, bytes | None], bool]
"""Whether a report that begins at a time, ms, can have such coarse places."""
Level = Callable[[str, int, str, bool, bool, bool], str | None]
"""(checks as told, signature, verdict, key revoked before, identity, shown by the device) to the level that
these make; None unless what is told is what they make."""


class Batches:
    """The reports of one feed, batch by batch. ``trees``: by log the tree under its head."""

    def __init__(self, scope: Scope, trees: Mapping[int, VerifiedNodes], level: Level, near: Near) -> None:
        self._scope, self._trees, self._level, self._near = scope, trees, level, near
        self._levels: dict[tuple[str, int, str, bool, bool, bool], str | None] = {}
        self._keys: dict[tuple[str, str, str | None], tuple[float, float]] = {}

    def held(self, batch: pa.RecordBatch) -> list[Held | None]:
        """Of each row of a batch of records what holds; None: look at it alone."""
        found: list[Held | None] = [None] * batch.num_rows
        if REPORT not in self._scope.grant.kinds:
            return found
        good = self._plain(batch)
        if not good.any():
            return found
        rows = np.flatnonzero(good)
        part = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows))
        entries = part["entry"].to_pylist()
        true = self._opened(part, entries) & self._in_tree(part, entries)
        heads = self._heads(part, true)
        for at, one in zip(rows.tolist(), heads, strict=True):
            found[at] = one
        return found

    def _plain(self, batch: pa.RecordBatch) -> Mask:
        """Reports with contents, in the feed's period, shown and hidden as granted."""
        grant = self._scope.grant
        t_ms = batch["t_ms"].to_numpy()
        good: Mask = _bools(pc.equal(batch["kind"], REPORT)) & ~_bools(batch["redacted"])
        good &= (t_ms >= grant.from_ms) & (t_ms < (2**63 - 1 if grant.to_ms is None else grant.to_ms))
        entries = _rows(batch["entry"], ENTRY_BYTES)
        good &= (entries[:, 0] == VERSION) & (entries[:, 1] == EntryKind.REPORT)
        for group in GROUPS:
            content, salt, hidden = (batch[f"{part}_{group}"] for part in ("content", "salt", "hidden"))
            shown, covered = _there(content), _there(hidden)
            good &= (shown == _there(salt)) & ~(shown & covered)
            good &= _long(salt, SALT_BYTES) & _long(hidden, HASH_BYTES)
            if not grant.shows(EntryKind.REPORT, group):
                good &= ~shown
            elif group != FACTS or grant.driver:
                good &= ~covered
            if group == WHOLE:
                good &= shown | covered
            elif group == HEAD:
                good &= shown
        return good

    def _opened(self, part: pa.RecordBatch, entries: Sequence[bytes]) -> Mask:
        """Whether contents and commitments are what the entries commit to."""
        made: dict[str, list[bytes | None]] = {}
        for group in GROUPS:
            columns = [part[f"{name}_{group}"] for name in ("salt", "content", "hidden")]
            if any(column.null_count < len(column) for column in columns):
                made[group] = commitments(group, zip(*map(_listed, columns), strict=True))
        whole = made.pop(WHOLE)
        told = np.frombuffer(b"".join(entries), np.uint8).reshape(-1, ENTRY_BYTES)
        same = _same(told[:, _WHOLE_AT:_GROUPS_AT], whole)
        return same & _same(told[:, _GROUPS_AT:], groups_hashes(made))

    def _in_tree(self, part: pa.RecordBatch, entries: Sequence[bytes]) -> Mask:
        """Whether the entries are in their logs at their places."""
        leaves = np.frombuffer(b"".join(leaf_hashes(entries)), np.uint8).reshape(-1, HASH_BYTES)
        logs, places = part["log"].to_numpy(), part["place"].to_numpy()
        good = np.zeros(len(entries), bool)
        for log in np.unique(logs).tolist():
            tree = self._trees.get(log)
            if log not in self._scope.logs or tree is None:
                continue
            own = (logs == log) & (places >= 0) & (places < tree.size)
            numbers = places // WIDTH
            for number in np.unique(numbers[own]).tolist():
                try:
                    tile = np.frombuffer(b"".join(tree.tile(0, number)), np.uint8).reshape(-1, HASH_BYTES)
                except LedgerError:
                    continue
                rows = np.flatnonzero(own & (numbers == number))
                good[rows] = (tile[places[rows] % WIDTH] == leaves[rows]).all(axis=1)
        return good

    def _heads(self, part: pa.RecordBatch, true: Mask) -> list[Held | None]:
        """What the heads say, of those that are true, if the row says the same."""
        columns = [
            part[name].to_pylist() for name in (f"content_{HEAD}", "asset", "t_ms", "assurance", "checks")
        ]
        wholes, places = (_listed(part[f"content_{name}"]) for name in (WHOLE, PLACE_GROUP))
        hidden, coarse = (
            _listed(part[name]) for name in (f"hidden_{PLACE_GROUP}", f"content_{COARSE_GROUP}")
        )
        found: list[Held | None] = []
        append = found.append
        for good, content, asset, t_ms, told, checks, whole, place, no_place, rough in zip(
            true.tolist(), *columns, wholes, places, hidden, coarse, strict=True
        ):
            if not good or told is None or checks is None:
                append(None)
                continue
            try:
                head = cbor2.loads(content)
                if tuple(head) != _NAMES or tuple(map(type, head.values())) not in _TYPES:
                    append(None)
                    continue
            except Exception:  # contents may be anything
                append(None)
                continue
            began: int | None
            if place is not None:
                began = int.from_bytes(place[:8], "little", signed=True)
            elif no_place is None:
                began = head["received_ms"]
            else:  # how far it may be from the coarse places is said in one place only
                began = t_ms if self._near(t_ms, rough) else None
            append(
                self._told(head, told, checks, whole, place)
                if began == t_ms and head["asset"] == asset
                else None
            )
        return found

    def _told(
        self, head: dict[str, Any], told: str, checks: str, whole: bytes | None, place: bytes | None
    ) -> Held | None:
        """If what is told beside the report is what its content makes."""
        device, key, signature = head["device"], head["key"], head["signature"]
        known = self._keys.get((device, head["topic"], key))
        if known is None:
            keys = self._scope.keys.get(device, ())
            gone = revoked(head, keys)
            known = identified_from(head, keys), math.inf if gone is None else gone
            self._keys[device, head["topic"], key] = known
        identity, late = known[0] <= head["received_ms"], head["received_ms"] > known[1]
        signed = False
        by_device = whole is not None and signature != 0
        if whole is not None:
            try:
                signed = check_signature(head, whole, self._scope.keys.get(device, ()))
                if by_device:
                    check_said(head, whole, place)
            except DeviceWordError:
                return None
        words = (checks, signature, head["verdict"], late, identity, by_device)
        if words in self._levels:
            level = self._levels[words]
        else:
            level = self._levels[words] = self._level(*words)
        if level != told:
            return None
        return Held(head, told, signed, whole is None and signature != 0)


def _bools(column: pa.Array) -> Mask:
    made: Mask = column.to_numpy(zero_copy_only=False)
    return made


def _there(column: pa.Array) -> Mask:
    return _bools(column.is_valid())


def _long(column: pa.Array, size: int) -> Mask:
    """Whether each that is there has so many bytes."""
    if column.null_count == len(column):
        return np.ones(len(column), bool)
    return _bools(pc.fill_null(pc.equal(pc.binary_length(column), size), True))


def _listed(column: pa.Array) -> Sequence[Any]:
    if column.null_count == len(column):
        return (None,) * len(column)
    found: list[Any] = column.to_pylist()
    return found


def _rows(column: pa.FixedSizeBinaryArray, size: int) -> npt.NDArray[np.uint8]:
    data = column.buffers()[1]
    return np.frombuffer(data, np.uint8)[column.offset * size :][: len(column) * size].reshape(-1, size)


def _same(told: npt.NDArray[np.uint8], made: Sequence[bytes | None]) -> Mask:
    """Whether each row of hashes is the one that was made."""
    flat = np.frombuffer(b"".join([one or bytes(HASH_BYTES) for one in made]), np.uint8)
    good: Mask = (told == flat.reshape(-1, HASH_BYTES)).all(axis=1)
    return good
