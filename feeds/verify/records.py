"""Each record against its entry, and each entry against the tree: by pages, so that processes can share them.

An entry is proved by the hash tile that its leaf lies in; the tile is proved once, up to the signed root. So
no proof is made for single records.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa

from feeds.assurance import Bus, Chain, assess, identified, revoked
from feeds.grants.grant import REPORT
from feeds.ledger.entry import SALT_BYTES, WHOLE, Entry, EntryKind, Opening, check_opening, decode
from feeds.ledger.errors import LedgerError
from feeds.ledger.events import groups_of
from feeds.ledger.merkle import HASH_BYTES, leaf_hash
from feeds.ledger.reports import COARSE_GROUP, FACTS, HEAD, PLACE_GROUP
from feeds.ledger.tiles import WIDTH
from feeds.ledger.tree import VerifiedNodes
from feeds.records.columns import GROUPS
from feeds.records.page import EVENT
from feeds.verify.batch import Batches, Held
from feeds.verify.devices import DeviceWordError, check_said, check_signature, read_head
from feeds.verify.files import open_records
from feeds.verify.finding import Finding, VerifyError
from feeds.verify.logs import Reader
from feeds.verify.scope import Scope
from streams.events import Change, Event, Kind

_AT_ONCE: Final = 2_000
_COARSE_MS: Final = 600_000
_UNPLACED_MS: Final = 3_600_000  # samples before the first that has a position
_COLUMNS: Final = [(group, f"content_{group}", f"salt_{group}", f"hidden_{group}") for group in GROUPS]
_GROUP_COLUMNS: Final = frozenset(name for _, *names in _COLUMNS for name in names)


class Told(NamedTuple):
    """What of a report's head other checks need; ``counted``: its device numbers its reports."""

    log: int
    place: int
    device: str
    boot: str
    boot_n: int | None
    seq: int
    hash: bytes
    prev: bytes | None
    conflict: bool
    counted: bool


@dataclass(slots=True)
class Checked:
    """What was found in some rows, in order."""

    findings: list[Finding] = field(default_factory=list)
    reports: list[Told] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    events: int = 0
    redacted: int = 0
    redacted_reports: int = 0
    signatures: int = 0
    unseen: int = 0  # signed reports whose signed bytes are not shown
    levels: dict[str, int] = field(default_factory=dict)


def check_group(scope: Scope, group: int) -> Checked:
    """Check the rows of one row group of the records. Raises VerifyError for columns that can't be read."""
    checked, trees = Checked(), {}
    for log, (size, root) in scope.heads.items():
        if size:
            trees[log] = VerifiedNodes(Reader(scope.folder, log), size, root)
    batches = Batches(scope, trees, _level, _near)
    collected = gc.isenabled()
    gc.disable()  # nothing here is a cycle, and looking for them takes a tenth of the time
    try:
        file = open_records(scope.folder)
        for batch in file.iter_batches(_AT_ONCE, row_groups=[group]):
            _check_batch(scope, trees, batch, batches.held(batch), checked)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise VerifyError(f"records.parquet: page {group} is not readable: {str(error)[:120]}") from None
    finally:
        if collected:
            gc.enable()
    return checked


def _check_batch(
    scope: Scope,
    trees: Mapping[int, VerifiedNodes],
    batch: pa.RecordBatch,
    held: Sequence[Held | None],
    checked: Checked,
) -> None:
    """Take what holds; look at each other row alone."""
    others = [at for at, one in enumerate(held) if one is None]
    rows = iter(()) if not others else _rows(batch.take(pa.array(others)))
    for log, place, one in zip(batch["log"].to_pylist(), batch["place"].to_pylist(), held, strict=True):
        if one is None:
            _check(scope, trees, next(rows), checked)
            continue
        checked.places.append((log, place))
        checked.reports.append(_noted(log, place, one.head))
        checked.levels[one.level] = checked.levels.get(one.level, 0) + 1
        checked.signatures += one.signed
        checked.unseen += one.unseen


def _noted(log: int, place: int, head: Mapping[str, Any]) -> Told:
    # the same words are one object: so they are sent to another process once
    device, boot, counted = intern(head["device"]), intern(head["boot"]), not head["topic"].endswith("/nmea")
    told = (head["boot_n"], head["seq"], head["hash"], head["prev"], head["verdict"] == "conflict", counted)
    return Told(log, place, device, boot, *told)


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    held = {
        name: column.to_pylist()
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if name not in _GROUP_COLUMNS or column.null_count < len(column)
    }
    for values in zip(*held.values(), strict=True):
        yield dict(zip(held, values, strict=True))


def _check(scope: Scope, trees: Mapping[int, VerifiedNodes], row: dict[str, Any], checked: Checked) -> None:
    log, place = row["log"], row["place"]
    checked.places.append((log, place))
    checked.redacted += bool(row["redacted"])

    def fails(check: str, says: str, **where: Any) -> None:
        checked.findings.append(Finding(check, says, log, place, **where))

    try:
        entry = decode(row["entry"])
        _in_tree(scope, trees, row)
        _in_scope(scope, row, entry)
        report = entry.kind is EntryKind.REPORT
        checked.events += not report
        opening = _opening(row)
        if row["redacted"]:
            checked.redacted_reports += report
            if opening.shown or opening.hidden or row["assurance"] is not None or row["checks"] is not None:
                fails("leaf", "it is said to be redacted, and has contents")
            return
        check_opening(entry, opening)
    except (LedgerError, VerifyError, ValueError) as error:
        fails("leaf" if not isinstance(error, NotInTreeError) else "inclusion", str(error))
        return
    shown = {name: content for name, (_, content) in opening.shown.items()}
    try:
        if report:
            _report(scope, row, shown, opening, checked)
        else:
            _event(scope, row, shown, opening)
    except DeviceWordError as error:
        fails(error.check, str(error), **_who(shown))
    except Exception as error:  # contents that the log's keeper committed to may be anything
        fails("content", f"not readable: {type(error).__name__} {error!s:.100}")


class NotInTreeError(LedgerError):
    """The entry is not where it is said to be."""


def _in_tree(scope: Scope, trees: Mapping[int, VerifiedNodes], row: Mapping[str, Any]) -> None:
    log, place = row["log"], row["place"]
    if log not in scope.logs:
        raise NotInTreeError("the manifest names no such log")
    if log not in scope.heads:
        return  # its head does not hold, which is told once
    if not 0 <= place < scope.heads[log][0]:
        raise NotInTreeError(f"no such place in a log of {scope.heads[log][0]} entries")
    try:
        hashes = trees[log].tile(0, place // WIDTH)
    except LedgerError as error:
        raise NotInTreeError(str(error)) from None
    if hashes[place % WIDTH] != leaf_hash(row["entry"]):
        raise NotInTreeError("the entry is not in the log at this place")


def _in_scope(scope: Scope, row: Mapping[str, Any], entry: Entry) -> None:
    kind, grant = row["kind"], scope.grant
    if (kind == REPORT) != (entry.kind is EntryKind.REPORT):
        raise ValueError(f"it is told as {kind!r:.40}, its entry is a {entry.kind.name.lower()}")
    if row["redacted"] and kind == EVENT:
        kind = next(iter(grant.kinds - {REPORT}), "")
    if not grant.wants(kind, row["t_ms"]):
        raise ValueError(f"{kind!r:.40} at {row['t_ms']} ms is not in the feed's kinds or period")


def _opening(row: Mapping[str, Any]) -> Opening:
    shown: dict[str, tuple[bytes, bytes]] = {}
    hidden: dict[str, bytes] = {}
    for group, *columns in _COLUMNS:
        content, salt, commitment = map(row.get, columns)  # a column without any value is left out
        if (content is None) != (salt is None):
            raise ValueError(f"group {group}: content and salt go together")
        if content is not None and salt is not None:
            if len(salt) != SALT_BYTES:  # else bytes could move between salt and content
                raise ValueError(f"group {group}: got a salt of {len(salt)} bytes, want {SALT_BYTES}")
            shown[group] = (salt, content)
        if commitment is not None:
            if len(commitment) != HASH_BYTES:
                raise ValueError(f"group {group}: got a commitment of {len(commitment)} bytes")
            hidden[group] = commitment
    return Opening(shown, hidden)


def _shown_as_granted(scope: Scope, kind: EntryKind, opening: Opening) -> None:
    for names, wanted in ((opening.shown, True), (opening.hidden, False)):
        for name in names:
            if name == FACTS and not wanted and not scope.grant.driver:
                continue  # of before they were parted: they may tell of a driver
            if scope.grant.shows(kind, name) is not wanted:
                raise DeviceWordError(
                    "scope", f"group {name} is {'shown' if wanted else 'hidden'}, by the grant not"
                )


def _report(
    scope: Scope, row: Mapping[str, Any], shown: Mapping[str, bytes], opening: Opening, checked: Checked
) -> None:
    _shown_as_granted(scope, EntryKind.REPORT, opening)
    head = read_head(shown[HEAD])
    place = shown.get(PLACE_GROUP)
    chain, bus, told = _told(row["checks"])
    checked.levels[row["assurance"]] = checked.levels.get(row["assurance"], 0) + 1
    checked.reports.append(_noted(row["log"], row["place"], head))
    if head["asset"] != row["asset"]:
        raise DeviceWordError(
            "content", f"it is told as of {row['asset']!r:.60}, its head says {head['asset']!r:.60}"
        )
    began: int | None
    if place is not None:
        began = int.from_bytes(place[:8], "little", signed=True)
    elif PLACE_GROUP in opening.hidden:
        began = row["t_ms"] if _near(row["t_ms"], shown.get(COARSE_GROUP)) else None
    else:
        began = head["received_ms"]
    if began != row["t_ms"]:
        raise DeviceWordError("content", f"it is told as of {row['t_ms']} ms, its content says {began}")
    keys = scope.keys.get(head["device"], ())
    by_device = WHOLE in shown and bool(head["signature"])
    if WHOLE in shown:
        checked.signatures += check_signature(head, shown[WHOLE], keys)
        if by_device:
            check_said(head, shown[WHOLE], place)
    else:
        checked.unseen += bool(head["signature"])
    revoked_ms = revoked(head, keys)
    late = revoked_ms is not None and head["received_ms"] > revoked_ms
    level, want = _made(
        *(head["signature"], head["verdict"], late, identified(head, keys), chain, bus, by_device)
    )
    if level != row["assurance"]:
        raise DeviceWordError(
            "assurance", f"it is told as {row['assurance']!s:.20}, its checks make it {level}"
        )
    if told != want:
        raise DeviceWordError("assurance", "the checks that are told are not those that its content makes")


@lru_cache(4_096)
def _told(checks: str) -> tuple[Chain, Bus, dict[str, Any]]:
    """Chain and bus, which more than the report's content decides, and what is told but ``missing_before``,
    which the numbers say."""
    told = orjson.loads(checks)
    results = {one["name"]: one["result"] for one in told["checks"]}
    told["completeness"].pop("missing_before")
    return _CHAIN[results["chain"]], _BUS[results["bus"]], told


@lru_cache(4_096)
def _made(
    signature: int, verdict: str, late: bool, identity: bool, chain: Chain, bus: Bus, by_device: bool
) -> tuple[str, dict[str, Any]]:
    """The level and what is to be told, for what decides it."""
    head = {"signature": signature, "verdict": verdict, "received_ms": 1}
    made = assess(head, chain=chain, bus=bus, identity=identity, revoked_ms=0 if late else None).plain()
    level = made.pop("level")
    by = "device" if by_device else "gateway"
    return level, {**made, "vouched_by": by, "completeness": {"chain": chain}}


def _level(
    checks: str, signature: int, verdict: str, late: bool, identity: bool, by_device: bool
) -> str | None:
    """See ``batch.Level``."""
    try:
        chain, bus, told = _told(checks)
        level, want = _made(signature, verdict, late, identity, chain, bus, by_device)
    except Exception:  # whatever is told is then looked at alone
        return None
    return level if told == want else None


_BUS: Final[Mapping[str, Bus]] = {"holds": "agrees", "fails": "disagrees", "unknown": "unknown"}
_CHAIN: Final[Mapping[str, Chain]] = {"holds": "holds", "fails": "broken", "unknown": "unknown"}


def _near(t_ms: int, coarse: bytes | None) -> bool:
    """Whether a report that begins then can have such coarse places."""
    if coarse is None or len(coarse) < 8:
        return True
    first = int.from_bytes(coarse[:8], "little", signed=True)
    return 0 <= first - (t_ms - t_ms % _COARSE_MS) <= _UNPLACED_MS


def _event(scope: Scope, row: Mapping[str, Any], shown: Mapping[str, bytes], opening: Opening) -> None:
    _shown_as_granted(scope, EntryKind.EVENT, opening)
    head = orjson.loads(shown[HEAD])
    if (head["kind"], head["asset"], head["t_ms"]) != (row["kind"], row["asset"], row["t_ms"]):
        raise DeviceWordError("content", "it is told as of another kind, vehicle or time than its head says")
    if row["assurance"] is not None or row["checks"] is not None:
        raise DeviceWordError("assurance", "an event has none, one is told")
    if WHOLE in shown:
        whole = orjson.loads(shown[WHOLE])
        same = ("id", "revision", "tenant", "asset", "t_ms", "recorded_ms", "data")
        parts = {name: whole[name] for name in same}
        event = Event(0, 0, 0, kind=Kind(whole["kind"]), change=Change(whole["change"]), **parts)
        if groups_of(event) != dict(shown):
            raise DeviceWordError("content", "its groups are not those of the event as a whole")


def _who(shown: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        head = read_head(shown[HEAD])
        return {name: head[name] for name in ("device", "boot", "seq")}
    except Exception:  # an event, or a head that is none
        return {}
