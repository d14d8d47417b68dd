"""A world small enough to think about: two countries that meet at longitude 0, one gate, a yard.

Along latitude 0 from west to east: approach A from -0.06, port A -0.010..-0.002, the line, port B
0.002..0.010, approach B to 0.06. One thousandth of a degree is 111 m.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from shapely import LineString, box

from geofences.zone import Gate, Zone, ZoneKind
from streams.codec import encode_frame
from streams.engine import Engine, World
from streams.events import Change, Event, Kind
from streams.records import EXTRAS, REPORTS, SAMPLES, Form, Frame, LogRecord, RecordKind

T0 = 1_790_000_000_000


def zones() -> list[Zone]:
    """The small world's zones: LA is west of longitude 0, CN east of it."""
    return [
        Zone("la", ZoneKind.COUNTRY, "Laos", box(-1, -1, 0, 1), country="LA"),
        Zone("cn", ZoneKind.COUNTRY, "China", box(0, -1, 1, 1), country="CN"),
        Zone(
            "ap-la",
            ZoneKind.APPROACH,
            "approach A",
            box(-0.06, -0.05, 0, 0.05),
            gate="g",
            side="LA",
            grace_s=60,
        ),
        Zone(
            "ap-cn",
            ZoneKind.APPROACH,
            "approach B",
            box(0, -0.05, 0.06, 0.05),
            gate="g",
            side="CN",
            grace_s=60,
        ),
        Zone(
            "port-la",
            ZoneKind.PORT,
            "port A",
            box(-0.010, -0.01, -0.002, 0.01),
            gate="g",
            side="LA",
            grace_s=60,
        ),
        Zone(
            "port-cn",
            ZoneKind.PORT,
            "port B",
            box(0.002, -0.01, 0.010, 0.01),
            gate="g",
            side="CN",
            grace_s=60,
        ),
        Zone("yard", ZoneKind.YARD, "yard", box(-0.5, -0.1, -0.4, 0.1), grace_s=60, min_dwell_s=120),
    ]


def world() -> World:
    """The small world."""
    gate = Gate(
        "g",
        "Gate",
        "LA",
        "CN",
        ("port-la",),
        ("port-cn",),
        ("ap-la",),
        ("ap-cn",),
        LineString([(0, -1), (0, 1)]),
        0,
        0,
    )
    return World(zones(), [gate])


@dataclass(frozen=True)
class Sample:
    """One sample of one asset: seconds after T0, degrees; speed in km/h."""

    t_s: float
    lon: float | None
    lat: float | None = 0.0
    speed: float | None = 40.0
    asset: str = "a1"
    fix: int | None = 3
    hdop: float | None = 1.0
    odometer_m: float | None = None


@dataclass
class Feeder:
    """Turns samples into frames of one report each asset, with sequence numbers, and folds them."""

    engine: Engine
    seq: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def record(self, samples: Sequence[Sample], received_s: float | None = None) -> LogRecord:
        """The next log record with ``samples`` (received with the last of them, if not said)."""
        position = self.engine.position + 1
        frame = build(samples, self.seq, received_s)
        received = T0 + int(1000 * (received_s if received_s is not None else max(s.t_s for s in samples)))
        return LogRecord(0, position, RecordKind.FRAME, received, "k", encode_frame(frame))

    def feed(self, samples: Sequence[Sample], received_s: float | None = None) -> list[Event]:
        """Fold one frame with ``samples``; returns its events."""
        events = self.engine.fold(self.record(samples, received_s)).events
        self.events.extend(events)
        return events

    def each(self, samples: Iterable[Sample]) -> list[Event]:
        """Fold each sample as a frame of its own; returns all events."""
        return [event for sample in samples for event in self.feed([sample])]

    def latest(self, kind: Kind) -> list[dict[str, object]]:
        """The newest content of each object of ``kind`` that was not retracted, by time."""
        objects: dict[str, Event] = {}
        for event in self.events:
            if event.kind is kind:
                objects[event.id] = event
        held = [event for event in objects.values() if event.change is not Change.RETRACTED]
        contents = (
            {k: v for k, v in e.data.items() if k != "why"} for e in sorted(held, key=lambda e: e.t_ms)
        )
        return list(contents)


def feeder() -> Feeder:
    """A feeder of a new engine in the small world."""
    return Feeder(Engine(0, world()))


def build(samples: Sequence[Sample], seq: dict[str, int], received_s: float | None = None) -> Frame:
    """A frame of one report an asset, in the assets' first order; ``seq`` counts on."""
    by_asset: dict[str, list[Sample]] = {}
    for sample in samples:
        by_asset.setdefault(sample.asset, []).append(sample)
    reports: dict[str, list[object]] = {name: [] for name in REPORTS.names}
    rows: dict[str, list[object]] = {name: [] for name in SAMPLES.names}
    for number, (asset, group) in enumerate(by_asset.items()):
        raw = repr((asset, seq.get(asset, 0), group)).encode()
        received = T0 + int(1000 * (received_s if received_s is not None else max(s.t_s for s in group)))
        values = {
            "device": f"d-{asset}",
            "asset": asset,
            "tenant": "main",
            "boot": "b1",
            "boot_n": 1,
            "seq": seq.get(asset, 0),
            "hash": hashlib.sha256(raw).digest(),
            "prev": None,
            "received_ms": received,
            "form": int(Form.CBOR),
            "samples": len(group),
            "dropped": 0,
            "facts": None,
            "raw": raw,
            "signature": None,
            "key": None,
        }
        seq[asset] = seq.get(asset, 0) + 1
        for name, value in values.items():
            reports[name].append(value)
        for sample in group:
            for name in SAMPLES.names:
                rows[name].append(_value(sample, name, number))
    return Frame(
        pa.RecordBatch.from_pydict(reports, schema=REPORTS),
        pa.RecordBatch.from_pydict(rows, schema=SAMPLES),
        pa.RecordBatch.from_pydict({"sample": [], "name": [], "value": []}, schema=EXTRAS),
    )


def _value(sample: Sample, name: str, report: int) -> object:
    def scaled(value: float | None, factor: float) -> int | None:
        return None if value is None else round(value * factor)

    values = {
        "report": report,
        "t_ms": T0 + round(sample.t_s * 1000),
        "lon_e7": scaled(sample.lon, 1e7),
        "lat_e7": None if sample.lon is None else scaled(sample.lat, 1e7),
        "speed_ckmh": scaled(sample.speed, 100),
        "hdop_c": scaled(sample.hdop, 100),
        "fix": sample.fix,
        "odometer_mm": scaled(sample.odometer_m, 1000),
    }
    return values.get(name)


def drive(
    start_s: float, lon0: float, lon1: float, kmh: float = 40.0, every_s: float = 10.0, asset: str = "a1"
) -> list[Sample]:
    """Samples of a straight drive along latitude 0, from lon0 (included) to lon1."""
    metres = abs(lon1 - lon0) * 111_319.5
    duration = metres / (kmh / 3.6)
    count = int(duration / every_s) + 1
    shares = [min(1.0, i * every_s / duration) for i in range(count + 1)]
    return [
        Sample(start_s + i * every_s, lon0 + (lon1 - lon0) * share, speed=kmh, asset=asset)
        for i, share in enumerate(shares)
    ]
