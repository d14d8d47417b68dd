"""A fleet with a ledger: trucks, reports with drivers, crossings and visits of two tenants, in two logs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from feeds.grants import Grant
from feeds.grants.grant import checked
from feeds.ledger.book import Book
from feeds.ledger.files import LogFiles
from feeds.ledger.note import Signer
from feeds.ledger.reading import BOOK, PUBLIC_KEY, LedgerReader
from feeds.ledger.sequencer import Sequencer
from feeds.ledger.writer import LedgerWriter
from feeds.readmodel import ReadModel
from feeds.records.export import Source
from streams.codec import encode_frame
from streams.engine.registry import Registry
from streams.events import Change, Event, Kind, object_id
from streams.memory_log import MemoryLog
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, NewRecord, RecordKind
from tests.unit.feeds.store.frames import batch

T0 = 1_795_330_800_000
HOUR = 3_600_000
YEAR = 365 * 24 * HOUR
FLEET, OTHER, INSURER = "fleet", "foreign", "insurer"
VINS = {FLEET: ("LZZTESTA6PN000001", "LZZTESTA8PN000002"), OTHER: ("LZZTESTA1PN000003",)}
LOGS = 2


def asset_of(tenant: str, number: int = 0) -> str:
    """The id of a truck."""
    return object_id(Kind.ASSET, tenant, VINS[tenant][number])


@dataclass
class House:
    """The files of one installation under ``root``; ``boots``: which start of a device is on, 1 at first."""

    root: Path
    log: MemoryLog = field(default_factory=lambda: MemoryLog(LOGS))
    registry: Registry = field(default_factory=Registry)
    sent: dict[str, int] = field(default_factory=dict)
    boots: dict[str, int] = field(default_factory=dict)
    commands: int = 0

    def __post_init__(self) -> None:
        self.read = ReadModel(self.root / "read.db", LOGS)
        self.ledgers = [LedgerReader(self.folder(log)) for log in range(LOGS)]
        for tenant, vins in VINS.items():
            for number, vin in enumerate(vins):
                known = {"vin": vin, "chassis": None, "fleet": f"{tenant} {number}"}
                self.command("asset.register", tenant, known)
                fit = {"device": device_of(tenant, number), "asset": asset_of(tenant, number), "from_ms": 1}
                self.command("device.fit", tenant, fit)

    def folder(self, log: int) -> Path:
        """Where a log is."""
        return self.root / "ledger" / f"p{log}"

    def close(self) -> None:
        """Close all files."""
        self.read.close()
        for ledger in self.ledgers:
            ledger.close()

    @property
    def source(self) -> Source:
        """What exports are made of."""
        return Source(self.read, self.ledgers, None)

    def command(self, name: str, tenant: str, data: dict[str, Any]) -> dict[str, Any]:
        """Do a command; returns its answer."""
        self.commands += 1
        body = {"id": f"cmd_{self.commands}", "command": name, "tenant": tenant, "by": "test", "data": data}
        facts = self.registry.apply(body, T0, lambda _: [])
        for fact in facts:
            self.tell(fact.kind, fact.id, fact.revision, fact.tenant, fact.asset, fact.data)
        return facts[-1].data

    def tell(
        self, kind: Kind, id_: str, revision: int, tenant: str, asset: str, data: dict[str, Any], log: int = 0
    ) -> None:
        """Put an event into the read model."""
        number = self.read.last_number(log) + 1
        change = Change.CREATED if revision == 1 else Change.AMENDED
        event = Event(log, number, number, kind, id_, revision, change, tenant, asset, T0, T0, data)
        self.read.apply(log, number, [event])

    def crossing(self, tenant: str, revision: int = 1, log: int = 0) -> None:
        """Tell a crossing of a tenant's first truck."""
        place = {"estimate_ms": T0, "lon_e7": 1_016_500_000, "lat_e7": 211_000_000}
        data = {"gate": "mohan-boten", "state": "completed", "stages": {"line": place}, "driver": "D-77"}
        self.tell(Kind.CROSSING, f"crossing_{tenant}", revision, tenant, asset_of(tenant), data, log)

    def report(
        self,
        tenant: str,
        number: int = 0,
        count: int = 1,
        log: int = 0,
        t_ms: int = T0,
        facts: list[dict[str, Any]] | None = None,
        form: Form = Form.CBOR,
    ) -> None:
        """Append ``count`` reports of a truck, in one frame; each names the one before."""
        rows, samples = [], []
        for _ in range(count):
            device = device_of(tenant, number)
            start = f"{device}/b{self.boots[device]}" if device in self.boots else device
            seq = self.sent.get(start, 0)
            self.sent[start] = seq + 1
            raw = f"{start}/{seq}".encode()
            before = hashlib.sha256(f"{start}/{seq - 1}".encode()).digest() if seq else None
            plain = [{"t": t_ms, "kind": "driver", "id": "D-77"}, {"t": t_ms, "kind": "seal", "id": "S1"}]
            rows.append(
                {
                    "device": device,
                    "asset": asset_of(tenant, number),
                    "tenant": tenant,
                    "boot": f"b{self.boots.get(device, 1)}",
                    "boot_n": self.boots.get(device, 1),
                    "seq": seq,
                    "hash": hashlib.sha256(raw).digest(),
                    "prev": before,
                    "received_ms": t_ms + 2_000,
                    "form": form,
                    "samples": 2,
                    "dropped": 0,
                    "facts": orjson.dumps(plain if facts is None else facts).decode(),
                    "raw": raw,
                }
            )
            for at in range(2):
                one = {"report": len(rows) - 1, "t_ms": t_ms + seq * 2_000 + at * 1_000}
                samples.append(
                    {**one, "lon_e7": 1_016_512_345 + seq, "lat_e7": 211_054_321, "engine_rpm": 900.0}
                )
        made = Frame(batch(rows, REPORTS), batch(samples, SAMPLES), batch([], EXTRAS))
        self.log.append([NewRecord(log, RecordKind.FRAME, T0, "", encode_frame(made))])

    def seal(self) -> None:
        """Put everything new into the ledgers and sign them."""
        for log in range(LOGS):
            files, book = LogFiles(self.folder(log)), Book(self.folder(log) / BOOK)
            (self.folder(log) / PUBLIC_KEY).write_text(f"{signer_of(log).verifier}\n")
            sequencer = Sequencer(book, files, signer_of(log))
            writer = LedgerWriter(self.log, self.read, book, log)
            while writer.step():
                pass
            sequencer.publish()
            book.close()

    def redact(self, log: int, *places: int) -> None:
        """Delete contents."""
        book = Book(self.folder(log) / BOOK)
        book.redact(places)
        book.close()


def device_of(tenant: str, number: int = 0) -> str:
    """The device of a truck."""
    return f"unit-{tenant}-{number}"


def signer_of(log: int) -> Signer:
    """The key of a log."""
    return Signer(f"log.example/{log}", bytes([7 + log]) * 32)


@contextmanager
def opened(root: Path) -> Iterator[House]:
    """A house for a test."""
    house = House(root)
    try:
        yield house
    finally:
        house.close()


def asked(**more: Any) -> dict[str, Any]:
    """What a fleet asks to grant."""
    plain = {
        "consumer": INSURER,
        "purpose": "cover of the trucks",
        "assets": "tenant",
        "kinds": ["report", "crossing"],
        "fields": "precise",
        "driver": False,
        "from_ms": 0,
        "to_ms": None,
        "expires_ms": T0 + YEAR,
    }
    return {**plain, **more}


def grant(tenant: str = FLEET, **more: Any) -> Grant:
    """A grant as the engine would keep it."""
    data = checked(tenant, asked(**more))
    return Grant.of(data["feed"], tenant, {**data, "granted_ms": T0})
