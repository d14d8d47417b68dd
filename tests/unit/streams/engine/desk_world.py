"""A desk in the small world: one regime at its gate, vehicles that are filed and drive through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from streams.codec import dump_json, encode_frame
from streams.engine import Engine
from streams.events import Change, Event, Kind, object_id
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, LogRecord, RecordKind
from tests.unit.streams.engine.small_world import T0, Sample, drive, world

TENANT = "main"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
VINS = (
    *("LZZTESTA6PN000001", "LZZTESTA8PN000002", "LZZTESTA3PN000005", "LZZTESTA0PN000009"),
    *("LFWTESTB9RA000002", "LZGTESTC0SX000003", "LJ1TESTD7TC000004", "LVBTESTE0RB000005"),
)

REGIME = """
id = "small"
name = "The small world's"
source = "a test"
confidence = "C"
valid_from = 2020-01-01T00:00:00Z
tolerance_minutes = 100000
exporters = ["good-exports", "better-exports"]

[[gates]]
gate = "g"
direction = "CN>LA"

[[documents]]
kind = "export_declaration"
name = "export declaration"
confidence = "C"

[[data]]
name = "filer"
text = "who files"
confidence = "C"

[[deadlines]]
rule = "filed-before"
needs = "filing"
lead_minutes = 60
before = "exit_port"
at_risk_minutes = 60
text = "an hour before"
confidence = "C"

[permit]
country = "LA"
name = "permit"
confidence = "C"

[release]
authority = "g-customs"
name = "customs"
by = ["authority", "officer"]
timeout_minutes = 30
automatic = false
confidence = "C"
"""
AUTOMATIC = REGIME.replace(
    "automatic = false", 'automatic = true\nconditions = ["bound", "documents_complete", "permit_valid"]'
)


def asset_of(vin: str) -> str:
    """The asset of a VIN."""
    return object_id(Kind.ASSET, TENANT, vin)


def filing_of(reference: str) -> str:
    """The filing of a reference."""
    return object_id(Kind.FILING, TENANT, reference)


def case_of(reference: str) -> str:
    """The case of a filing's reference."""
    return object_id(Kind.CASE, filing_of(reference))


def body(name: str, id_: str, data: dict[str, Any], tenant: str = TENANT) -> dict[str, Any]:
    """A command."""
    return {"id": id_, "command": name, "tenant": tenant, "by": "clerk", "role": "operator", "data": data}


def lodging(vin: str, reference: str, **more: Any) -> dict[str, Any]:
    """The data of filing.lodge."""
    documents = [{"kind": "export_declaration", "number": "D1"}]
    full = [
        {"issued_ms": None, "expires_ms": None, "sha256": None, **one}
        for one in more.pop("documents", documents)
    ]
    given = {
        "asset": asset_of(vin),
        "reference": reference,
        "vin": vin,
        "chassis": vin,
        "kind": "tractor",
        "exporter": "good-exports",
        "consignee": "someone",
        "gate": "g",
        "direction": "CN>LA",
        "window_from_ms": None,
        "window_until_ms": None,
        "batch": None,
        "regime": None,
        "documents": full,
        "data": {"filer": "me"},
    }
    return given | more


def permitting(vin: str, number: str, **more: Any) -> dict[str, Any]:
    """The data of permit.grant."""
    given: dict[str, Any] = {
        "asset": asset_of(vin),
        "number": number,
        "vin": vin,
        "chassis": vin,
        "country": "LA",
        "valid_from_ms": T0 - 30 * DAY,
        "valid_until_ms": T0 + 365 * DAY,
    }
    names = (
        "axle_limit_kg",
        "axles",
        "gross_limit_kg",
        "emission_class",
        "lighting",
        "agent",
        "accreditation",
    )
    return given | dict.fromkeys(names) | more


def through(vin: str, start_s: float, upto: float = -0.08, kmh: float = 40.0) -> list[Sample]:
    """A drive from China through the gate to Laos, or to longitude ``upto``."""
    return drive(start_s, 0.15, upto, kmh, 30, asset_of(vin))


@dataclass
class Office:
    """Folds commands and frames into one engine, a record each; ``now_s`` after T0 is the log's time."""

    engine: Engine
    events: list[Event] = field(default_factory=list)
    now_s: float = 0.0
    seq: dict[str, int] = field(default_factory=dict)
    number: int = 0
    records: list[LogRecord] = field(default_factory=list)

    def _fold(self, kind: RecordKind, content: bytes) -> list[Event]:
        now = T0 + int(self.now_s * 1000)
        record = LogRecord(0, self.engine.position + 1, kind, now, "k", content)
        self.records.append(record)
        events = self.engine.fold(record).events
        self.events += events
        return events

    def do(self, name: str, data: dict[str, Any], tenant: str = TENANT) -> Event:
        """Give a command; returns its answer."""
        self.number += 1
        id_ = f"cmd_{self.number}"
        events = self._fold(RecordKind.COMMAND, dump_json(body(name, id_, data, tenant)))
        return next(event for event in events if event.kind is Kind.COMMAND and event.id == id_)

    def ok(self, name: str, data: dict[str, Any], tenant: str = TENANT) -> str:
        """Give a command that must be carried out; returns the id of its object."""
        answer = self.do(name, data, tenant).data
        assert answer["ok"], answer
        return str(answer["object"])

    def refused(self, name: str, data: dict[str, Any], tenant: str = TENANT) -> str:
        """Give a command that must be refused; returns the code."""
        answer = self.do(name, data, tenant).data
        assert not answer["ok"], answer
        return str(answer["error"]["code"])

    def tick(self, hours: float = 0.0) -> list[Event]:
        """Let time pass."""
        self.now_s += hours * 3600
        return self._fold(RecordKind.TICK, b"")

    def report(
        self, vin: str, samples: Sequence[Sample] = (), facts: Any = None, kg: float | None = None
    ) -> list[Event]:
        """A report of a vehicle's device, received when its last sample was taken, or now if later."""
        asset = asset_of(vin)
        seq = self.seq[vin] = self.seq.get(vin, -1) + 1
        if samples:
            self.now_s = max(self.now_s, samples[-1].t_s)
        return self._fold(
            RecordKind.FRAME, encode_frame(frame_of(asset, seq, samples, facts, kg, self.now_s))
        )

    def drive(self, samples: Sequence[Sample], vin: str, size: int = 20) -> None:
        """Reports of ``size`` samples each."""
        for first in range(0, len(samples), size):
            self.report(vin, samples[first : first + size])

    def latest(self, kind: Kind) -> dict[str, Event]:
        """The newest revision of each object of a kind that was not retracted, by id."""
        held = {event.id: event for event in self.events if event.kind is kind}
        return {id_: event for id_, event in held.items() if event.change is not Change.RETRACTED}

    def case(self, reference: str) -> dict[str, Any]:
        """What the newest revision of a case says."""
        return self.latest(Kind.CASE)[case_of(reference)].data


def office(regime: str = REGIME) -> Office:
    """A new one."""
    return Office(Engine(0, world(), regimes=[regime]))


def frame_of(
    asset: str,
    seq: int,
    samples: Sequence[Sample],
    facts: Any = None,
    kg: float | None = None,
    received_s: float = 0.0,
) -> Frame:
    """A frame of one report of the asset's device."""
    told = None if facts is None else json.dumps(facts)
    raw = repr((asset, seq, samples, told, kg)).encode()
    report = {
        "device": f"d-{asset}",
        "asset": asset,
        "tenant": TENANT,
        "boot": "b1",
        "boot_n": 1,
        "seq": seq,
        "hash": hashlib.sha256(raw).digest(),
        "prev": None,
        "received_ms": T0 + int(received_s * 1000),
        "form": int(Form.CBOR),
        "samples": len(samples),
        "dropped": 0,
        "facts": told,
        "raw": raw,
        "signature": None,
        "key": None,
    }
    rows: dict[str, list[Any]] = {name: [None] * len(samples) for name in SAMPLES.names}
    for n, one in enumerate(samples):
        rows["report"][n], rows["t_ms"][n] = 0, T0 + round(one.t_s * 1000)
        if one.lon is not None and one.lat is not None:
            rows["lon_e7"][n], rows["lat_e7"][n] = round(one.lon * 1e7), round(one.lat * 1e7)
        rows["speed_ckmh"][n] = None if one.speed is None else round(one.speed * 100)
        rows["hdop_c"][n], rows["fix"][n], rows["axle_load_kg"][n] = 100, one.fix, kg
    return Frame(
        pa.RecordBatch.from_pydict({name: [report[name]] for name in REPORTS.names}, schema=REPORTS),
        pa.RecordBatch.from_pydict(rows, schema=SAMPLES),
        pa.RecordBatch.from_pydict({"sample": [], "name": [], "value": []}, schema=EXTRAS),
    )
