"""Zones by the API: what holds when, what is published, retired, refused, mended and tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from api.app import create_app
from api.ports import AwayError, DryRun, DryRunChange, DryRunResult
from api.schemas import Zone as ZoneAnswer
from api.schemas import ZoneCheck, ZoneDryRun, ZonesPublished
from api.state import state_of
from geofences.zone import Zone
from streams.events import Change, Event, Kind
from streams.zones import ZoneBook, ZoneBookError
from tests.unit.api.world import KEY, OTHER_KEY, T0, ZONES, make

SQUARE = [[101.0, 21.0], [101.1, 21.0], [101.1, 21.1], [101.0, 21.1], [101.0, 21.0]]
BOWTIE = [[101.0, 21.0], [101.1, 21.1], [101.1, 21.0], [101.0, 21.1], [101.0, 21.0]]


def feature(id_: str = "yard-7", ring: Any = SQUARE, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"id": id_, "kind": "yard", "name": f"Yard {id_}"} | properties,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


@dataclass
class ZoneEngine:
    """Applies the commands of zones to a book and answers as the engine does; no log behind it."""

    book: ZoneBook = field(default_factory=lambda: ZoneBook(ZONES))
    submitted: list[dict[str, Any]] = field(default_factory=list)

    async def submit(self, bodies: Sequence[dict[str, Any]]) -> list[Event]:
        self.submitted.extend(bodies)
        return [self._answer(body) for body in bodies]

    def _answer(self, body: dict[str, Any]) -> Event:
        answer: dict[str, Any] = {"command": body["command"], "ok": True, "error": None, "object": None}
        try:
            self.book.apply(body)
        except ZoneBookError as error:
            answer |= {"ok": False, "error": {"code": error.code, "detail": str(error)}}
        place = (0, 1, 1)
        return Event(*place, Kind.COMMAND, body["id"], 1, Change.CREATED, body["tenant"], "", T0, T0, answer)


@dataclass
class House:
    """A client and what stands behind it."""

    client: httpx.AsyncClient
    engine: ZoneEngine


@asynccontextmanager
async def house_of(folder: Path, dry_run: DryRun | None = None) -> AsyncIterator[House]:
    world, engine = make(folder), ZoneEngine()
    ports = replace(world.ports, commands=engine, zone_book=lambda: engine.book, dry_run=dry_run)
    app = create_app(replace(ports, registry=CollectorRegistry(auto_describe=True)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app):
        while not state_of(app).hub.ready:
            await asyncio.sleep(0.001)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://corridor.test", headers=headers
        ) as client:
            yield House(client, engine)
    world.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path) as made:
        yield made


async def ids(house: House, query: str = "") -> list[str]:
    answer = await house.client.get(f"/v1/zones{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["features"]]


async def test_a_published_zone_holds_from_its_instant_on(house: House) -> None:
    body = {"zones": [feature()], "valid_from": "2026-11-22T07:00:00Z"}
    answer = await house.client.post("/v1/zones", json=body)
    assert answer.status_code == 200, answer.text
    made = ZonesPublished.model_validate(answer.json())
    assert made.valid_from == "2026-11-22T07:00:00.000Z"
    (command,) = house.engine.submitted
    assert (command["command"], command["tenant"], command["by"]) == ("zone.publish", "main", "admin")
    assert await ids(house, "?at=2026-11-22T06:59:59Z") == ["mohan", "boten"]
    assert await ids(house, "?at=2026-11-22T07:00:00Z") == ["mohan", "boten", "yard-7"]
    shown = (await house.client.get("/v1/zones/yard-7?at=2026-11-22T07:00:00Z")).json()
    assert ZoneAnswer.model_validate(shown).properties["version"] == made.zones[0]["version"]
    assert shown["properties"]["in_force"] is True
    assert shown["geometry"]["coordinates"] == [SQUARE]


async def test_without_an_instant_a_zone_holds_at_once(house: House) -> None:
    assert (await house.client.post("/v1/zones", json={"zones": [feature()]})).status_code == 200
    assert await ids(house) == ["mohan", "boten", "yard-7"]


async def test_an_instant_in_milliseconds_is_taken(house: House) -> None:
    answer = await house.client.post("/v1/zones", json={"zones": [feature()], "valid_from_ms": T0})
    assert answer.json()["valid_from"] == "2026-11-22T07:00:00.000Z"


async def test_an_edit_is_a_new_version_and_the_old_one_stays_known(house: House) -> None:
    for hour, name in ((7, "Old"), (9, "New")):
        body = {"zones": [feature(name=name)], "valid_from": f"2026-11-22T0{hour}:00:00Z"}
        await house.client.post("/v1/zones", json=body)
    shown = (await house.client.get("/v1/zones/yard-7?at=2026-11-22T08:00:00Z")).json()
    assert shown["properties"]["name"] == "Old"
    assert [(v["name"], v["valid_from"], v["valid_to"]) for v in shown["versions"]] == [
        ("Old", "2026-11-22T07:00:00.000Z", "2026-11-22T09:00:00.000Z"),
        ("New", "2026-11-22T09:00:00.000Z", None),
    ]


async def test_a_shipped_zone_has_a_version_since_ever(house: House) -> None:
    (version,) = (await house.client.get("/v1/zones/mohan")).json()["versions"]
    assert (version["valid_from"], version["valid_to"], version["retired"]) == (None, None, False)


async def test_a_retired_zone_is_listed_no_more_and_still_shown(house: House) -> None:
    await house.client.post("/v1/zones", json={"zones": [feature()], "valid_from": "2026-01-01T00:00:00Z"})
    answer = await house.client.delete("/v1/zones/yard-7?valid_from=2026-02-01T00:00:00Z")
    assert answer.status_code == 200
    assert answer.json()["properties"]["in_force"] is False
    assert [v["retired"] for v in answer.json()["versions"]] == [False, True]
    assert await ids(house) == ["mohan", "boten"]
    assert await ids(house, "?at=2026-01-15T00:00:00Z") == ["mohan", "boten", "yard-7"]


async def test_pages_follow_each_other_as_of_one_instant(house: House) -> None:
    many = [feature(f"z{n}") for n in range(5)]
    await house.client.post("/v1/zones", json={"zones": many, "valid_from": "2026-01-01T00:00:00Z"})
    first = (await house.client.get("/v1/zones?limit=3")).json()
    await house.client.delete("/v1/zones/z0")
    second = (await house.client.get("/v1/zones", params={"limit": 10, "after": first["next"]})).json()
    found = [one["id"] for one in first["features"] + second["features"]]
    assert found == ["mohan", "boten", "z0", "z1", "z2", "z3", "z4"]
    assert second["next"] is None


async def test_a_large_publish_becomes_several_commands(house: House) -> None:
    many = [feature(f"z{n}") for n in range(1_500)]
    answer = await house.client.post("/v1/zones", json={"zones": many})
    assert answer.status_code == 200
    assert [len(c["data"]["zones"]) for c in house.engine.submitted] == [1_000, 500]
    assert len(answer.json()["zones"]) == 1_500


async def test_a_circle_and_a_route_are_drawn(house: House) -> None:
    circle = feature("c", radius_m=500) | {"geometry": {"type": "Point", "coordinates": [101, 21]}}
    line = {"type": "LineString", "coordinates": [[101, 21], [101.2, 21.1]]}
    route = feature("r", kind="route", width_m=300) | {"geometry": line}
    answer = await house.client.post("/v1/zones/check", json={"zones": [circle, route]})
    found = ZoneCheck.model_validate(answer.json())
    assert [z["geometry"]["type"] for z in found.zones] == ["Polygon", "Polygon"]
    assert found.findings == []


@pytest.mark.parametrize(
    ("body", "got", "want"),
    [
        ({"zones": [feature(ring=SQUARE[:-1])]}, "ring 0 is not closed", "repaired form"),
        ({"zones": [feature(ring=BOWTIE)]}, "ring 0 after position 0: self-intersection", ""),
        ({"zones": [feature(), feature()]}, "id 'yard-7' is used twice", ""),
        ({"zones": [feature(kind="country", country="LA")]}, "countries can't be imported", ""),
        ({"zones": [feature("la")]}, "zone la: countries can't be published", ""),
        ({"zones": [feature("mohan")]}, "gate and side can't change", ""),
        ({"zones": [feature(kind="lake")]}, "kind not known: got 'lake'", ""),
        ({"zones": []}, "zones: got none", "at least one"),
        ({"zones": "all"}, "zones: got all", "a list of GeoJSON features"),
        ({}, "zones: got None", "a list"),
        ({"zones": [feature()], "since": 1}, "body.since", "valid_from"),
        ({"zones": [feature()], "valid_from": "soon"}, "valid_from: got soon", "RFC 3339"),
        ({"zones": [feature()], "valid_from_ms": -4}, "valid_from_ms: got -4", "ms since 1970"),
        ([], "body: got list", "an object"),
    ],
)
async def test_what_is_not_sound_is_not_published(house: House, body: Any, got: str, want: str) -> None:
    answer = await house.client.post("/v1/zones", json=body)
    assert answer.status_code == 422, answer.text
    assert got in answer.json()["detail"]
    assert want in answer.json()["detail"]
    assert house.engine.submitted == []


async def test_every_fault_of_a_publish_is_listed(house: House) -> None:
    body = {"zones": [feature("a", SQUARE[:-1]), feature("b"), feature("c", [])]}
    problem = (await house.client.post("/v1/zones", json=body)).json()
    assert problem["code"] == "zones_not_sound"
    assert [(f["severity"], f["feature"], f["ring"]) for f in problem["findings"]] == [
        ("repaired", 0, 0),
        ("error", 2, 0),
    ]


async def test_what_the_engine_refuses_is_told(house: House) -> None:
    house.engine.book = ZoneBook()
    body = {"zones": [feature()], "valid_from": "2126-01-01T00:00:00Z"}
    answer = await house.client.post("/v1/zones", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "valid_from")


async def test_a_check_gives_the_repaired_form_that_can_be_published(house: House) -> None:
    answer = await house.client.post("/v1/zones/check", json={"zones": [feature(ring=BOWTIE)]})
    assert answer.status_code == 200
    found = ZoneCheck.model_validate(answer.json())
    assert (found.findings[0].severity, found.findings[0].ring, found.findings[0].position) == (
        "repaired",
        0,
        0,
    )
    assert house.engine.submitted == []
    assert (await house.client.post("/v1/zones", json={"zones": found.zones})).status_code == 200


async def test_a_file_is_checked_in_its_own_form(house: House) -> None:
    content = b"name,lat,lon,radius_m\nYard A,21,101,500\nYard B,21,101,-5\n"
    query = "?file=yards.csv&kind=yard&prefix=own-&grace_s=60"
    answer = await house.client.post(f"/v1/zones/check{query}", content=content)
    (zone,) = answer.json()["zones"]
    assert (zone["properties"]["id"], zone["properties"]["kind"], zone["properties"]["grace_s"]) == (
        "own-1",
        "yard",
        60,
    )
    assert answer.json()["findings"][0]["message"].startswith("row 3 (Yard B): radius_m: got -5.0")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/zones/nowhere", 404),
        ("DELETE", "/v1/zones/nowhere", 404),
        ("DELETE", "/v1/zones/la", 422),
        ("DELETE", "/v1/zones/mohan", 422),
        ("GET", "/v1/zones?at=yesterday", 422),
        ("GET", "/v1/zones?limit=0", 422),
        ("GET", "/v1/zones?after=nonsense", 400),
    ],
)
async def test_what_can_not_be_done_is_refused(house: House, method: str, path: str, status: int) -> None:
    assert (await house.client.request(method, path)).status_code == status
    assert house.engine.submitted == []


async def test_another_tenant_sees_zones_and_changes_none(house: House) -> None:
    await house.client.post("/v1/zones", json={"zones": [feature()]})
    house.client.headers["Authorization"] = f"Bearer {OTHER_KEY}"
    assert "yard-7" in await ids(house)
    for method, path in (
        ("POST", "/v1/zones"),
        ("DELETE", "/v1/zones/yard-7"),
        ("POST", "/v1/zones/dry-run"),
    ):
        answer = await house.client.request(method, path, json={"zones": [feature()]})
        assert answer.status_code == 403, path
    assert len(house.engine.submitted) == 1


async def test_a_dry_run_is_shown_in_the_units_of_the_api(tmp_path: Path) -> None:
    asked: list[tuple[Any, ...]] = []

    def run(tenant: str, zones: Sequence[Zone], retire: Sequence[str], days: int) -> DryRunResult:
        asked.append((tenant, [z.id for z in zones], list(retire), days))
        before = {"zone": "yard-7", "dwell_ms": 60_000}
        moved = DryRunChange(
            "visit", "visit_1", "asset_1", ("dwell_ms",), before, before | {"dwell_ms": 90_000}
        )
        return DryRunResult((), (), (moved,), 3, 4_000)

    async with house_of(tmp_path, run) as house:
        body = {"zones": [feature()], "retire": [], "days": 3}
        answer = await house.client.post("/v1/zones/dry-run", json=body)
        found = ZoneDryRun.model_validate(answer.json())
        assert asked == [("main", ["yard-7"], [], 3)]
        assert (found.assets, found.samples, found.added, found.removed) == (3, 4_000, [], [])
        assert found.moved[0].before == {"zone": "yard-7", "dwell_s": 60.0}
        assert found.moved[0].after == {"zone": "yard-7", "dwell_s": 90.0}
        assert house.engine.submitted == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "nothing to try"),
        ({"zones": [feature()], "days": 0}, "days: got 0, want 1 to 31"),
        ({"zones": [feature()], "days": True}, "days: got True"),
        ({"zones": [feature(ring=BOWTIE)]}, "self-intersection"),
        ({"retire": "yard"}, "retire: got yard, want a list"),
        ({"retire": ["la"]}, "countries can't be retired"),
    ],
)
async def test_a_dry_run_of_nonsense_is_refused(tmp_path: Path, body: Any, message: str) -> None:
    async with house_of(tmp_path, lambda *_: DryRunResult((), (), (), 0, 0)) as house:
        answer = await house.client.post("/v1/zones/dry-run", json=body)
        assert answer.status_code == 422
        assert message in answer.json()["detail"]


async def test_a_dry_run_that_can_not_be_done_now_says_when(tmp_path: Path) -> None:
    def run(*_: Any) -> DryRunResult:
        raise AwayError("another dry run is going on", 5)

    async with house_of(tmp_path, run) as house:
        answer = await house.client.post("/v1/zones/dry-run", json={"zones": [feature()]})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
