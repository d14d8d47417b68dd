"""A feed as one key reads it: its grant, its pages and what proves them. Called from worker threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from api.errors import Problem, away
from api.formats import Format
from api.scope import Scope
from api.times import format_instant
from feeds.cursor import Vector
from feeds.grants import Ended, Grant
from feeds.grants.assets import assets_of
from feeds.grants.reads import FeedRead, FeedReads, ReadsError
from feeds.ledger import merkle
from feeds.ledger.errors import LedgerError
from feeds.ledger.opened import pack
from feeds.ledger.proof import Proof
from feeds.ledger.tree import TileNodes
from feeds.readmodel import StoredObject
from feeds.records import columns, cursor
from feeds.records.beside import gather
from feeds.records.export import software
from feeds.records.lines import ProofOf, lines
from feeds.records.page import Head, Page, Record, heads_of, read_page
from feeds.records.surroundings import Surroundings

_STATUS: Final = {"revoked": 403, "expired": 410}
Value = TypeVar("Value")


class FeedView:
    """The open feed ``id_``. Raises Problem 404, 403 (revoked) or 410 (expired)."""

    def __init__(self, scope: Scope, id_: str) -> None:
        held = scope.feed(id_)
        self._scope = scope
        self.grant = Grant.of(held.id, held.tenant, held.data)
        try:
            self.grant.check_open(scope.now_ms())
        except Ended as ended:
            raise Problem(_STATUS[ended.code], str(ended), f"feed_{ended.code}") from None

    @property
    def _reads(self) -> FeedReads:
        found = self._scope.ports.feed_reads
        if found is None:
            raise away("who reads is not written down here, so nothing is served", 60.0)
        return found

    def heads(self) -> list[Head]:
        """The signed heads as of now. Raises Problem 503."""
        return _here(lambda: heads_of(self._scope.ports.ledgers))

    def places(self, after: str | None, heads: list[Head]) -> Vector:
        """Where a cursor points; None: the beginning, ``latest``: the end. Of several, with commas between
        them, the furthest place of each log. Raises CursorError."""
        sizes = [head.size for head in heads]
        if after is None:
            return (0,) * len(sizes)
        if after == "latest":
            return tuple(sizes)
        every = (cursor.decode(one, self.grant.feed, sizes) for one in after.split(","))
        return tuple(map(max, zip(*every, strict=True)))

    def page(self, places: Vector, heads: list[Head], limit: int) -> Page:
        """The records from ``places`` on. Raises Problem 503."""
        assets = assets_of(self._scope.ports.read, self.grant)
        return _here(lambda: read_page(self._scope.ports.ledgers, heads, self.grant, assets, places, limit))

    def body(self, page: Page, chosen: Format, proofs: bool) -> bytes:
        """The page in a format. Raises Problem 503."""
        around = Surroundings(self._scope.ports.read, self._scope.ports.ledgers, self.grant.tenant)
        around.prepare(one.row[2] for one in page.found)
        if chosen is Format.ARROW:
            return _here(lambda: columns.arrow(page, around.told))
        if chosen is Format.PARQUET:
            return _here(lambda: columns.parquet(page, around.told))
        proof = self._prover(page) if proofs else None
        return _here(lambda: b"".join(lines(page, around.told, proof)))

    def keep(self, page: Page, how: str, after: str | None) -> None:
        """Write down who reads. Raises Problem 503."""
        who = self._scope.who
        read = FeedRead(
            self.grant.feed,
            self._scope.now_ms(),
            who.name,
            who.tenant,
            who.role.value,
            how,
            after,
            page.next,
            page.sent(),
        )
        try:
            self._reads.add(read)
        except ReadsError as error:
            raise away(str(error), error.retry_after) from None

    def logs(self, heads: list[Head]) -> list[dict[str, Any]]:
        """The logs that the records lie in, with their public keys. Raises Problem 503."""
        ledgers = self._scope.ports.ledgers
        return [
            {"log": one.log, "origin": one.origin, "key": _here(ledgers[one.log].key), "size": one.size}
            for one in heads
            if one.note
        ]

    def beside(self, sizes: Mapping[int, int] | None = None) -> dict[str, Any]:
        """What a verifier needs besides the records, as JSON values; ``sizes``: see ``gather``.

        Raises Problem 503.
        """
        ports = self._scope.ports
        assets = assets_of(ports.read, self.grant)
        zones = self._scope.zone_book
        heads = self.heads()
        beside = _here(lambda: gather(ports.read, ports.ledgers, self.grant, assets, zones, sizes))
        return {
            "feed": self.grant.plain(),
            "made_ms": self._scope.now_ms(),
            "software": software(),
            "logs": self.logs(heads),
            "device_keys": beside.device_keys,
            "completeness": beside.completeness,
            "assets": beside.assets,
            "zones": beside.zones,
            "regimes": beside.regimes,
        }

    def _prover(self, page: Page) -> ProofOf:
        ledgers, nodes = self._scope.ports.ledgers, {}
        for head in page.heads:
            ledger = ledgers[head.log]
            nodes[head.log] = TileNodes(lambda tile, ledger=ledger: ledger.served(tile.path), head.size)  # type: ignore[misc]

        def proof(record: Record) -> str:
            head, kept = page.heads[record.log], record.kept
            hashes = merkle.inclusion_proof(kept.place, head.size, nodes[record.log])
            return Proof(kept.place, tuple(hashes), head.note, pack(kept.entry, record.opening)).format()

        return proof


def shown(held: StoredObject, now_ms: int) -> dict[str, Any]:
    """A feed as lists and single answers show it."""
    grant = Grant.of(held.id, held.tenant, held.data)
    try:
        grant.check_open(now_ms)
        state = "granted"
    except Ended as ended:
        state = ended.code
    times = ("from", "to", "granted", "expires", "revoked")
    plain = {name: one for name, one in grant.plain().items() if not name.endswith("_ms") and name != "feed"}
    instants = {name: _instant(getattr(grant, f"{name}_ms")) for name in times}
    return {"id": held.id, **plain, **instants, "state": state, "revision": held.revision}


def reads_of(scope: Scope, feed: str, before: int | None, limit: int) -> list[FeedRead]:
    """Who read a feed that the key's tenant granted, the newest first. Raises Problem 404, 503."""
    held = scope.own_feed(feed)
    if scope.ports.feed_reads is None:
        return []
    try:
        return scope.ports.feed_reads.list(held.id, before, limit)
    except ReadsError as error:
        raise away(str(error), error.retry_after) from None


def _instant(t_ms: int | None) -> str | None:
    return None if t_ms is None else format_instant(t_ms)


def _here(make: Callable[[], Value]) -> Value:
    try:
        return make()
    except LedgerError as error:
        raise away(f"the ledger can't be read now: {error}", getattr(error, "retry_after", 1.0)) from None
