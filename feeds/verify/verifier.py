"""The whole verification of an export, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from feeds.assurance import LEVELS
from feeds.ledger.errors import LedgerError
from feeds.ledger.note import Verifier
from feeds.verify import logs
from feeds.verify.complete import Period, check_complete
from feeds.verify.derived import check_derived
from feeds.verify.files import Export
from feeds.verify.finding import Finding, Result, VerifyError
from feeds.verify.logs import MissingTileError, Tree
from feeds.verify.records import Checked, Told, check_group
from feeds.verify.scope import Scope, check_grant, grant_of, keys_of
from feeds.verify.seen import Seen

_POOL_ROWS: Final = 20_000  # below, one process is quicker than starting others


@dataclass(slots=True)
class _All:
    """What came of all row groups."""

    groups: list[Checked] = field(default_factory=list)

    @property
    def reports(self) -> list[Told]:
        return [told for one in self.groups for told in one.reports]

    @property
    def places(self) -> list[tuple[int, int]]:
        return [place for one in self.groups for place in one.places]

    @property
    def logs(self) -> set[int]:
        """Those of which there is a record."""
        return {log for log, _ in self.places}

    @property
    def redacted_reports(self) -> int:
        """How many reports there are whose contents are gone."""
        return sum(one.redacted_reports for one in self.groups)

    def counts(self) -> dict[str, int]:
        records = len(self.places)
        events = sum(one.events for one in self.groups)
        redacted = sum(one.redacted for one in self.groups)
        return {"records": records, "reports": records - events, "events": events, "redacted": redacted}


def verify(
    folder: Path,
    keys: Sequence[Verifier],
    witnesses: Sequence[Verifier] = (),
    *,
    quorum: int | None = None,
    feed: str | None = None,
    seen: Seen | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Result:
    """Verify the export in ``folder`` by the ``keys`` of its logs.

    ``quorum``: how many of ``witnesses`` must have cosigned each head; None: all.
    ``feed``: the id of the feed that it has to be of; None: of any.
    ``seen``: heads of earlier times, to be held against and added to. ``progress``: (row groups checked, row
    groups). Raises VerifyError when it can't be verified at all.
    """
    export, result = Export(folder), Result()
    trusted = logs.trusted(export, keys)
    _unused(export, keys, result)
    logs.check_signed(export, trusted, result)
    grant, device_keys = grant_of(export), keys_of(export)
    result.add(*export.changed(), *check_grant(grant, feed))
    least = len({one.name for one in witnesses}) if quorum is None else quorum
    trees = logs.trees(export, trusted, witnesses, least, result)
    _consistency(trees, seen, result)
    heads = {log: (tree.opened.checkpoint.size, tree.opened.checkpoint.root) for log, tree in trees.items()}
    scope = Scope(export.folder, grant, heads, frozenset(export.logs), device_keys)
    read = _records(export, scope, processes, progress)
    for group in read.groups:
        result.add(*group.findings)
    _order(read, result)
    _counts(export, read, result)
    _completeness(export, read, trees, result)
    _derivation(export, read, result)
    _say(export, read, trees, witnesses, least, result)
    if seen is not None and not result.findings:
        for tree in trees.values():
            seen.put(tree.opened.checkpoint)
    return result


def _unused(export: Export, keys: Sequence[Verifier], result: Result) -> None:
    """A log whose key was given may have been left out whole."""
    for name in sorted({key.name for key in keys} - {told.origin for told in export.logs.values()}):
        result.notes.append(f"a key of {name} was given, the export has no such log")


def _consistency(trees: dict[int, Tree], seen: Seen | None, result: Result) -> None:
    for log, tree in sorted(trees.items()):
        head = tree.opened.checkpoint
        before = None if seen is None else seen.get(head.origin)
        if before is None:
            result.notes.append(f"log {log}: its head was not seen before, so nothing to be consistent with")
            continue
        try:
            logs.consistent(tree, *before)
            result.holds.append(f"log {log} goes on from the {before[0]:,} entries seen before")
        except MissingTileError:
            result.notes.append(
                f"log {log}: consistency with the {before[0]:,} entries seen before is not checked: "
                "the export has not the tiles for it"
            )
        except LedgerError as error:
            result.add(Finding("consistency", str(error), log))


def _records(
    export: Export, scope: Scope, processes: int | None, progress: Callable[[int, int], None]
) -> _All:
    file = export.records()
    count, made = file.num_row_groups, _All()
    workers = min(count, processes or os.cpu_count() or 1)
    if workers < 2 or file.metadata.num_rows < _POOL_ROWS:
        for number in range(count):
            made.groups.append(check_group(scope, number))
            progress(number + 1, count)
        return made
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(check_group, scope, number) for number in range(count)]
        try:
            for number, one in enumerate(waiting, 1):
                made.groups.append(one.result())
                progress(number, count)
        except BrokenProcessPool:
            raise VerifyError("a process of the verifier was killed: too little memory?") from None
    return made


def _order(read: _All, result: Result) -> None:
    """Rows are in the order of the ledger, each once."""
    before = (-1, -1)
    for log, place in read.places:
        if (log, place) <= before:
            result.add(Finding("order", f"it stands after entry {before[1]} of log {before[0]}", log, place))
        before = max(before, (log, place))


def _counts(export: Export, read: _All, result: Result) -> None:
    got = read.counts()
    for name in sorted(export.counts.keys() | got.keys()):
        if got.get(name) != export.counts.get(name):
            says = f"the manifest says {export.counts.get(name)} {name}, there are {got.get(name)}"
            result.add(Finding("counts", says))


def _completeness(export: Export, read: _All, trees: Mapping[int, Tree], result: Result) -> None:
    if "report" not in export.kinds:
        result.notes.append("completeness not checked: the feed has no reports")
        return
    if read.counts()["reports"] and not read.reports:
        result.notes.append("completeness not checked: no report shows its head")
        return
    silent = sorted(tree.opened.checkpoint.origin for log, tree in trees.items() if log not in read.logs)
    if silent:
        result.notes.append(
            f"of {', '.join(silent)} no record is in the feed; that none belongs there is not checked"
        )
    before = len(result.findings)
    told = export.json("completeness.json")
    came = check_complete(read.reports, told, read.redacted_reports, _period(export), result)
    if len(result.findings) == before:
        result.holds.append(came)


def _period(export: Export) -> Period:
    """Whether the feed has all from the first report on, and up to its heads."""
    if export.feed["assets"] in ("cover", "case"):  # it begins and ends with each of them
        try:
            parts = any(len(one["periods"]) > 1 for one in export.json("assets.json"))
        except (KeyError, TypeError) as error:
            raise VerifyError(f"assets.json: periods: got {error!r:.80}, want a list of times") from None
        return Period(False, False, parts)
    made_ms, from_ms, to_ms = export.manifest.get("made_ms"), export.feed["from_ms"], export.feed["to_ms"]
    return Period(from_ms <= 0, to_ms is None or (type(made_ms) is int and to_ms > made_ms))


def _derivation(export: Export, read: _All, result: Result) -> None:
    """Only of content that holds: what was forged may be anything."""
    if {one.check for one in result.findings} & {"leaf", "content", "inclusion"}:
        result.notes.append("derivation not checked: contents do not hold")
        return
    try:
        check_derived(export, bool(read.reports), result)
    except VerifyError:
        raise
    except Exception as error:
        raise VerifyError(f"the samples can't be folded: {type(error).__name__} {error!s:.80}") from None


def _say(
    export: Export,
    read: _All,
    trees: dict[int, Tree],
    witnesses: Sequence[Verifier],
    least: int,
    result: Result,
) -> None:
    counts = read.counts()
    sizes = ", ".join(f"log {n} of {t.opened.checkpoint.size:,}" for n, t in sorted(trees.items()))
    failed = {one.check for one in result.findings}
    first = [f"{counts['records']:,} records in order under signed heads ({sizes})"]
    if "scope" not in failed:
        first.append(f"they are what {export.feed['feed']} grants")
    if not failed & {"leaf", "content"}:
        first.append("their contents are what was committed")
    signed = sum(one.signatures for one in read.groups)
    if signed and "signature" not in failed:
        first.append(f"{signed:,} device signatures")
    if witnesses and "witness" not in failed:
        all_of = (
            set.intersection(*(set(tree.opened.witnesses) for tree in trees.values())) if trees else set()
        )
        first.append(f"cosigned by {', '.join(sorted(all_of)) or f'{least} of the witnesses each'}")
    levels: dict[str, int] = {}
    for group in read.groups:
        for level, count in group.levels.items():
            levels[level] = levels.get(level, 0) + count
    if levels and "assurance" not in failed:
        said = ", ".join(f"{levels[level]:,} {level}" for level in LEVELS if level in levels)
        first.append(f"reports {said}")
    if unseen := sum(one.unseen for one in read.groups):
        result.notes.append(
            f"{unseen:,} reports were signed by their device and are shown in part: "
            "that the signature held is the gateway's word"
        )
    if redacted := counts["redacted"]:
        says = "that they were there holds, what they said is gone"
        result.notes.append(f"{redacted:,} records are redacted: {says}")
    if trees and counts["records"] and not failed & {"order", "inclusion"}:
        result.holds[:0] = first
