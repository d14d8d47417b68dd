"""What trucks send and operators command: the demo's trucks, real trips, random trucks, exporters' vehicles.

Reports are bytes as they would come over MQTT. Equal calls give equal bytes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import cbor2
import orjson
from shapely import Point

import geofences
from corridor.demofilings import AXLE_LIMIT_KG, DIRECTION, GATE, STORIES, TRAILER, Story
from corridor.replay import ReplayError, read
from corridor.replay.recording import Piece
from firmware_sim.fleet import Fleet
from firmware_sim.scenario_file import load
from firmware_sim.wire import Ack
from geofences.geojson import zone_feature
from geofences.zone import Zone, ZoneKind
from streams.events import Kind, object_id

DATA: Final = Path(__file__).parents[1] / "data" / "trajectories"
SHARED: Final = Path(__file__).parents[3] / "shared" / "data" / "trajectories"
T0: Final = 1_790_000_000_000
TENANT: Final = "main"


@dataclass(frozen=True, slots=True, order=True)
class Sent:
    """A report as it reached a gateway."""

    received_ms: int
    device: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Truck:
    """A truck that is registered, and its device."""

    device: str
    vin: str
    chassis: str | None = None

    @property
    def asset(self) -> str:
        """Its id."""
        return object_id(Kind.ASSET, TENANT, self.vin)


@dataclass(frozen=True, slots=True)
class Source:
    """Trucks and all that their devices sent, by time of receipt.

    ``papers``: commands about them, each at a time: ms since 1970, name, data.
    """

    name: str
    trucks: list[Truck]
    sent: list[Sent]
    papers: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)


def command(name: str, number: int, data: dict[str, Any]) -> dict[str, Any]:
    """A command of the test's operator."""
    return {"id": f"cmd_{number:06d}", "command": name, "tenant": TENANT, "by": "test", "data": data}


def demo(folder: Path, trucks: int = 16, hours: float = 1.5) -> Source:
    """The demo's scenario with its faults."""
    return _simulated("demo", Fleet(load("demo", trucks=trucks), folder, T0 // 1000), hours)


def exporters(folder: Path, hours: float = 3.5) -> Source:
    """The demo's twelve exporters: vehicles that drive over the gate, and papers as its script has them.

    Clean ones, a VIN slip, a swapped pair, a missing permit, an axle overload, a broken seal, a late filing,
    a semi-trailer that is pulled, a batch of two.
    """
    fleet = Fleet(load("clearance"), folder, T0 // 1000)
    source = _simulated("exporters", fleet, hours)
    chassis = {who.vin: who.chassis for who in fleet.who}
    trucks = [Truck(one.device, one.vin, chassis[one.vin]) for one in source.trucks]
    papers = [paper for story in STORIES for paper in _papers(story, trucks)]
    return Source(source.name, trucks, source.sent, sorted(papers, key=lambda one: one[0]))


def _papers(story: Story, trucks: list[Truck]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """What the exporter of a story sends."""
    minute, truck = 60_000, trucks[story.truck]
    vin, chassis = (TRAILER["vin"], TRAILER["chassis"]) if story.trailer else (truck.vin, truck.chassis)
    about = {"asset": object_id(Kind.ASSET, TENANT, vin), "vin": vin, "chassis": chassis}
    begin = T0 - 20 * 86_400_000
    made = {"source": "maker", "scheme": "OEM", "from_ms": begin, "to_ms": None, "evidence": "built"}
    yield T0, "binding.claim", about | made
    if story.trailer:
        carried = {"carrier": truck.asset, "how": "coupled", "from_ms": T0 - minute, "evidence": "yard"}
        yield T0, "coupling.start", {"asset": about["asset"]} | carried
    filed = about if story.chassis_of is None else about | {"chassis": trucks[story.chassis_of].chassis}
    yield (
        T0 + story.filed_min * minute,
        "filing.lodge",
        filed
        | {
            "reference": story.reference,
            "kind": "semi_trailer" if story.trailer else "tractor",
            "exporter": f"exporter {story.truck}",
            "consignee": "Vientiane Motors",
            "gate": GATE,
            "direction": DIRECTION,
            "window_from_ms": T0 + 6_000_000,
            "window_until_ms": T0 + 86_400_000,
            "batch": story.batch,
            "regime": None,
            "documents": [{"kind": "export_declaration", "number": f"D{story.truck}"}],
            "data": {"filer": "agent", "batch": "1", "customs_office": "8600", "transport_mode": "4"},
        },
    )
    if story.permit_min is not None:
        yield (
            T0 + story.permit_min * minute,
            "permit.grant",
            about
            | {
                "number": f"LA-SIM-{story.truck}",
                "country": "LA",
                "valid_from_ms": T0 - 86_400_000,
                "valid_until_ms": T0 + 90 * 86_400_000,
                "axle_limit_kg": AXLE_LIMIT_KG,
                "axles": 3,
                "gross_limit_kg": 36_000,
                "emission_class": "Euro V",
                "lighting": "UN R48",
                "agent": "Boten Technical Inspection (simulated)",
                "accreditation": "SIM-ACC-1",
            },
        )


def _simulated(name: str, fleet: Fleet, hours: float) -> Source:
    """What a fleet's units send; a report goes out when there is a network, some of them twice."""
    chance, sent = Random(1), []
    while fleet.t_s < T0 // 1000 + hours * 3_600:
        fleet.step()
        if fleet.t_s % 60:
            continue
        for unit in fleet.units:
            flash, device = unit.sender.flash, unit.who.device
            if unit.sender.plain or not unit.sender.online:
                continue
            for key in list(flash.keys()):
                received = fleet.t_s * 1000 + chance.randrange(1_000)
                one = Sent(received, device, flash.read(key))
                sent += (
                    [one] if chance.random() > 0.03 else [one, Sent(received + 70_000, device, one.payload)]
                )
                unit.sender.outbox.acknowledge(Ack(key.boot, ((key.seq, key.seq),), (), ()), fleet.t_s)
    known = [
        Truck(who.device, who.vin)
        for who, unit in zip(fleet.who, fleet.units, strict=True)
        if not unit.sender.plain
    ]
    return Source(name, known, sorted(sent))


def real_trips() -> Source:
    """All recorded trips that lie here, each a truck of its own; a tenth comes late, some twice."""
    trucks: list[Truck] = []
    sent: list[Sent] = []
    for number, (name, rows) in enumerate(_trips()):
        truck = Truck(f"trip-{number}", f"TR1PTEST0{number:08d}")
        trucks.append(truck)
        sent += _delivered(truck.device, rows, Random(name), 20)
    return Source("real trips", trucks, sorted(sent))


def _trips() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Name and samples of each trip."""
    for path in sorted(DATA.rglob("*.csv")):
        tracks: dict[str, list[dict[str, Any]]] = {}
        with path.open() as lines:
            for row in csv.DictReader(lines):
                speed = row["speed_ckmh"]
                tracks.setdefault(row["track"], []).append(
                    {
                        "t": int(row["t_ms"]),
                        "lon": int(row["lon_e7"]) / 1e7,
                        "lat": int(row["lat_e7"]) / 1e7,
                        "speed_kmh": int(speed) / 100 if speed else None,
                        "received": int(row["received_ms"]),
                    }
                )
        yield from tracks.items()
    for path in sorted(SHARED.rglob("*.gpx")) if SHARED.is_dir() else []:
        try:
            pieces = read(path, "gpx").pieces
        except ReplayError:
            continue
        rows = [row for piece in pieces for row in _rows(piece)]
        if rows:
            yield path.name, rows[:2_000]


def _rows(piece: Piece) -> Iterator[dict[str, Any]]:
    for t, row in piece.rows:
        if row.get("lon") is not None and row.get("lat") is not None:
            yield {"t": t, "lon": row["lon"], "lat": row["lat"], "speed_kmh": None, "received": t}


def random_trucks(count: int = 1_000, samples: int = 24) -> Source:
    """Trucks that drive through a gate, or towards it, at any pace; a tenth of what they send comes late."""
    _, gates = geofences.world()
    chance = Random(7)
    trucks: list[Truck] = []
    sent: list[Sent] = []
    for number in range(count):
        truck = Truck(f"rnd-{number}", f"RND0TEST0{number:08d}")
        trucks.append(truck)
        gate = chance.choice(gates)
        aim, reach = chance.uniform(0, 2 * math.pi), chance.uniform(0.02, 0.2)
        every, stop = chance.choice((10, 30, 60, 120)), chance.randrange(samples)
        t, share, rows = T0 + chance.randrange(6 * 3_600_000), -1.0, []
        for n in range(samples):
            moves = not stop <= n < stop + 8
            share += 2.2 / samples if moves else 0.0
            noise = chance.gauss(0, 3e-5)
            rows.append(
                {
                    "t": t,
                    "lon": gate.lon + share * reach * math.sin(aim) + noise,
                    "lat": gate.lat + share * reach * math.cos(aim) + noise,
                    "speed_kmh": 40.0 if moves else 0.0,
                    "received": t,
                }
            )
            t += every * 1000
        sent += _delivered(truck.device, rows, chance, 8)
    return Source("random trucks", trucks, sorted(sent))


def _delivered(device: str, rows: list[dict[str, Any]], chance: Random, size: int) -> Iterator[Sent]:
    """Reports of ``size`` samples: a tenth up to an hour late, some shuffled, a twentieth twice."""
    for seq in range(-(-len(rows) // size)):
        samples = rows[seq * size : (seq + 1) * size]
        if chance.random() < 0.1:
            chance.shuffle(samples)
        content = {"v": 1, "boot": "b1", "boot_n": 1, "seq": seq}
        names = ("t", "lon", "lat", "speed_kmh")
        payload = cbor2.dumps(content | {name: [row[name] for row in samples] for name in names})
        late = chance.randrange(3_600_000) if chance.random() < 0.1 else chance.randrange(5_000)
        received = max(row["received"] for row in samples) + late
        yield Sent(received, device, payload)
        if chance.random() < 0.05:
            yield Sent(received + chance.randrange(3_600_000), device, payload)


def edits() -> list[tuple[float, str, dict[str, Any]]]:
    """Edits of zones: at which share of all reports, command, data."""
    _, gates = geofences.world()
    yards = [
        Zone(
            f"yard-{gate.id}",
            ZoneKind.YARD,
            f"yard at {gate.id}",
            Point(gate.lon, gate.lat).buffer(0.03),
            grace_s=60,
        )
        for gate in gates
    ]
    features = orjson.loads(orjson.dumps([zone_feature(yard) for yard in yards]))
    return [
        (0.3, "zone.publish", {"zones": features[:3], "valid_from_ms": T0}),
        (0.5, "zone.publish", {"zones": features[3:], "valid_from_ms": T0}),
        (0.7, "zone.retire", {"ids": [yards[0].id], "valid_from_ms": T0 + 7_200_000}),
        (0.8, "zone.retire", {"ids": ["no-such-zone"], "valid_from_ms": T0}),
    ]
