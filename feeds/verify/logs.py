"""The heads and tiles of an export's logs: signed by the key that is trusted, witnessed, and of one tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feeds.ledger import merkle
from feeds.ledger.checkpoint import Opened, open_checkpoint
from feeds.ledger.errors import FormatError, LedgerError, ProofError
from feeds.ledger.merkle import HASH_BYTES
from feeds.ledger.note import Verifier, parse, verified
from feeds.ledger.tiles import WIDTH, Tile
from feeds.ledger.tree import TileNodes, VerifiedNodes
from feeds.records.export import MANIFEST
from feeds.records.signed import SIGNATURE, text_of
from feeds.verify.files import Export
from feeds.verify.finding import Finding, Result, VerifyError


class MissingTileError(LedgerError):
    """The export has no such tile."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A log whose head and tiles hold."""

    opened: Opened
    nodes: TileNodes


def trusted(export: Export, keys: Sequence[Verifier]) -> dict[int, Verifier]:
    """Of each log the trusted key that is named as it. Raises VerifyError when there is none for one."""
    by_name = {key.name: key for key in keys}
    found: dict[int, Verifier] = {}
    for log, told in export.logs.items():
        if told.origin not in by_name:
            known = ", ".join(sorted(by_name)) or "none"
            raise VerifyError(
                f"log {log}: got origin {told.origin!r:.80}, want a key for it (--key): got {known}"
            )
        if by_name[told.origin] in found.values():
            raise VerifyError(f"log {log}: got origin {told.origin!r:.80} twice, want each log once")
        found[log] = by_name[told.origin]
    return found


def check_signed(export: Export, keys: Mapping[int, Verifier], result: Result) -> None:
    """Whether the manifest is signed by a log's key. Without it the export is what anybody may put together
    of a feed; with it, words that no log holds are the fleet's too. Raises VerifyError."""
    if not (export.folder / SIGNATURE).exists():
        result.notes.append("the manifest is not signed: when it was made is the word of whoever sent it")
        return
    try:
        note = parse(export.read(SIGNATURE))
        names = sorted(key.name for key in verified(note, list(keys.values())))
        if note.text != text_of(export.read(MANIFEST)):
            raise ProofError("it is the signature of another manifest")
    except (FormatError, ProofError) as error:
        result.add(Finding("manifest", str(error)))
        return
    result.holds.append(f"the manifest is signed by {', '.join(names)}")


def trees(
    export: Export, keys: Mapping[int, Verifier], witnesses: Sequence[Verifier], least: int, result: Result
) -> dict[int, Tree]:
    """The trees of the logs whose heads and tiles hold; what does not goes to ``result``.

    ``least``: how many of ``witnesses`` must have cosigned each head.
    """
    found = {}
    for log, told in sorted(export.logs.items()):
        try:
            opened = open_checkpoint(export.read(f"logs/{log}/checkpoint"), keys[log], witnesses)
        except (FormatError, ProofError, VerifyError) as error:
            result.add(Finding("checkpoint", str(error), log))
            continue
        head = opened.checkpoint
        if head.size != told.size:
            says = f"the manifest says {told.size} entries, the signed head {head.size}"
            result.add(Finding("checkpoint", says, log))
        if len(opened.witnesses) < least:
            names = {one.name for one in witnesses}
            of = "" if least == len(names) else f" (got {len(opened.witnesses)} cosignatures, want {least})"
            missing = sorted(names - opened.witnesses.keys())
            result.add(Finding("witness", f"not cosigned by {', '.join(missing)}{of}", log))
        try:
            nodes = VerifiedNodes(Reader(export.folder, log), head.size, head.root) if head.size else None
        except LedgerError as error:
            result.add(Finding("tree", str(error), log))
            continue
        found[log] = Tree(opened, nodes or TileNodes(Reader(export.folder, log), 0))
    return found


class Reader:
    """Reads tiles of one log out of the export in ``folder``."""

    def __init__(self, folder: Path, log: int) -> None:
        self._folder, self._log = folder / "logs" / str(log), log

    def __call__(self, tile: Tile) -> bytes:
        """See feeds.ledger.tree.ReadTile. Raises MissingTileError."""
        try:
            with (self._folder / tile.path).open("rb") as file:
                return file.read(WIDTH * HASH_BYTES + 1)
        except OSError as error:
            name = f"logs/{self._log}/{tile.path}"
            raise MissingTileError(f"{name} is not readable: {error.strerror}") from None


def consistent(tree: Tree, size: int, root: bytes) -> None:
    """That the tree goes on from the head of ``size`` and ``root`` seen before.

    Raises ProofError when it does not, MissingTileError when the export has not the tiles to say.
    """
    head = tree.opened.checkpoint
    if size > head.size:
        raise ProofError(
            f"its head of {size} entries was seen before, now it has {head.size}: cut off, or an export of "
            "before (--seen with a file of its own)"
        )
    if size == head.size:
        if root != head.root:
            raise ProofError(f"another head of the same {size} entries was seen before: the log is forked")
        return
    if size and merkle.root(size, tree.nodes) != root:
        raise ProofError(f"the first {size} entries are not those that were seen before: the log is forked")
