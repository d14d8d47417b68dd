"""When a truck gets through the gate ahead, and the gate's queue: from what the read model and store hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from api.gateschemas import Eta, Gate
from api.routes import eta as route
from streams.engine.queues import Note, Queues
from streams.events import Change, Kind
from tests.unit.api.world import ASSET, OTHER_ASSET, OTHER_KEY, T0, VIN, World, bracket, positions
from tests.unit.feeds.store.frames import Report, at, frame

MINUTE = 60_000
NOW = T0 + 3_600_000
PATH = f"/v1/assets/{VIN}/eta"


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "time", SimpleNamespace(time=lambda: NOW / 1000))


def queue(world: World, tenant: str = "main", dwell: int = 30 * MINUTE, direction: str = "CN>LA") -> None:
    """Three crossings of the last day, told as the engine would; the longest takes three times ``dwell``."""
    queues = Queues()
    stages = ("approach", "exit_port", "between", "entry_port")
    for n in range(1, 4):
        took = dict.fromkeys(stages, (n * dwell, T0))
        place = ("mohan-boten", direction, tenant, f"crossing_{n}")
        queues.merge([Note(*place, 1, False, "completed", T0, took)])
    (told,) = queues.tell(NOW, 1)
    world.engine.commit([(Kind.QUEUE, told.id, 1, Change.CREATED, tenant, "", NOW, told.data)])


def drives(world: World, lat0: float = 22.1, flags: bool = False) -> None:
    """A trip straight south at 60 km/h, a fix a minute, which was at ``lat0`` an hour ago."""
    samples = [at(T0 + n * MINUTE, 101.65, lat0 - n / 110.75) for n in range(2, 61)]
    if flags:
        samples.append(at(NOW + 1, 101.65, lat0 + 3))
    frames = [frame(Report(ASSET, samples, "drive", seq=9, received_ms=NOW))]
    world.ports.store.write(0, 10_000, frames)
    trip = {
        "state": "open",
        "start_ms": T0 + 2 * MINUTE,
        "end_ms": None,
        "distance_mm": None,
        "odometer_mm": None,
    }
    world.engine.commit(
        [
            (Kind.CROSSING, "crossing_own", 2, Change.RETRACTED, "main", ASSET, T0, crossing("at_exit_port")),
            (Kind.TRIP, "trip_own", 2, Change.AMENDED, "main", ASSET, T0, trip),
        ]
    )
    world.live.table = positions((ASSET, "main", 101.65, lat0 - 60 / 110.75), t_ms=NOW)


def crossing(state: str, **stages: Any) -> dict[str, Any]:
    names = ("approach", "exit_port", "exit_port_left", "line", "entry_port", "leave")
    held = dict.fromkeys(names) | stages
    plain = {
        "gate": "mohan-boten",
        "gate_name": "Mohan-Boten",
        "direction": "CN>LA",
        "from": "CN",
        "to": "LA",
    }
    return {**plain, "state": state, "stages": held, "duration_ms": None}


async def got(client: httpx.AsyncClient, path: str = PATH) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    Eta.model_validate(body)
    return body


async def test_a_truck_on_its_way_is_told_when_it_arrives_enters_and_leaves(
    client: httpx.AsyncClient, world: World
) -> None:
    queue(world)
    drives(world)
    body = await got(client)
    assert (body["gate"], body["gate_name"], body["direction"]) == ("mohan-boten", "Mohan-Boten", "CN>LA")
    assert (body["stage"], body["unknown"], body["road_factor"]) == ("ahead", {}, 1.3)
    assert body["position_t"] == "2026-11-22T08:00:00.000Z"
    # the port begins at 21.2: 0.3583 degrees of 110.75 km, by road 1.3 times as far
    assert body["distance_m"] == pytest.approx(51_580, rel=2e-3)
    assert body["speed_kmh"] == pytest.approx(60, rel=2e-3)
    assert body["arrival"][:16] == "2026-11-22T08:51"
    # the gate has no approach zones: exit port and between take an hour each, half as much again at most
    assert body["entry"]["estimate"][:16] == "2026-11-22T10:51"
    assert body["entry"]["p90"][:16] == "2026-11-22T11:51"
    assert body["leave"]["estimate"][:16] == "2026-11-22T11:51"
    assert body["queue"]["stages"]["exit_port"] == {"median_s": 3600.0, "p90_s": 5400.0, "count": 3}


async def test_fixes_that_are_not_believed_do_not_count(client: httpx.AsyncClient, world: World) -> None:
    queue(world)
    drives(world)
    want = await got(client)
    drives(world, flags=True)
    world.live.table = positions((ASSET, "main", 101.65, 22.1 - 60 / 110.75), t_ms=NOW + 1)
    assert (await got(client))["distance_m"] == want["distance_m"]


async def test_without_figures_only_the_arrival_is_told(client: httpx.AsyncClient, world: World) -> None:
    drives(world)
    body = await got(client)
    assert body["arrival"] is not None
    assert (body["entry"], body["leave"], body["queue"]) == (None, None, None)
    assert body["unknown"] == {"entry": "no_figures_exit_port", "leave": "no_figures_exit_port"}


@pytest.mark.parametrize("case", ["standing", "no_position"])
async def test_one_that_stands_or_was_never_seen(client: httpx.AsyncClient, world: World, case: str) -> None:
    drives(world)
    trip = {"state": "closed", "start_ms": T0, "end_ms": T0 + 1}
    world.engine.commit([(Kind.TRIP, "trip_own", 3, Change.AMENDED, "main", ASSET, T0, trip)])
    if case == "no_position":
        world.live.table = positions()
    body = await got(client)
    assert body["unknown"] == dict.fromkeys(("gate", "arrival", "entry", "leave"), case)
    assert (body["gate"], body["stage"], body["arrival"]) == (None, None, None)


@pytest.mark.parametrize(
    ("state", "stages", "stage", "entry", "leave"),
    [
        ("at_exit_port", {"exit_port": bracket(NOW)}, "exit_port", "10:00", "11:00"),
        (
            "at_exit_port",
            {"exit_port": bracket(T0), "exit_port_left": bracket(NOW - 10 * MINUTE)},
            "between",
            "08:50",
            "09:50",
        ),
        ("between", {"line": bracket(NOW - 20 * MINUTE)}, "between", "08:40", "09:40"),
        ("at_entry_port", {"entry_port": bracket(NOW - 20 * MINUTE)}, "entry_port", None, "08:40"),
    ],
)
async def test_one_in_a_crossing_has_the_rest_of_its_stage_before_it(
    client: httpx.AsyncClient,
    world: World,
    state: str,
    stages: dict[str, Any],
    stage: str,
    entry: str | None,
    leave: str,
) -> None:
    queue(world)
    world.engine.commit(
        [(Kind.CROSSING, "crossing_own", 2, Change.AMENDED, "main", ASSET, NOW, crossing(state, **stages))]
    )
    body = await got(client)
    assert (body["stage"], body["gate"], body["unknown"]["arrival"]) == (stage, "mohan-boten", "reached")
    assert (body["entry"] or {}).get("estimate", "")[11:16] == (entry or "")
    assert body["leave"]["estimate"][11:16] == leave


@pytest.mark.parametrize(("came_over", "stage"), [(False, "approach"), (True, None)])
async def test_one_in_an_approach_waits_for_the_port_unless_it_came_over_the_gate(
    client: httpx.AsyncClient, world: World, came_over: bool, stage: str | None
) -> None:
    queue(world, direction="LA>CN")
    drives(world)
    trip = {"state": "closed", "start_ms": T0, "end_ms": T0 + 1}
    inside: dict[str, Any] = {
        "zone": "laos side",
        "zone_name": "approach",
        "zone_kind": "approach",
        "gate": "mohan-boten",
    }
    inside |= {
        "dwell_ms": None,
        "country": None,
        "state": "open",
        "how": "path",
        "enter": bracket(T0),
        "leave": None,
    }
    facts = [
        (Kind.TRIP, "trip_own", 3, Change.AMENDED, "main", ASSET, T0, trip),
        (Kind.VISIT, "visit_2", 1, Change.CREATED, "main", ASSET, T0, inside),
    ]
    if came_over:
        over = crossing("completed", exit_port=bracket(T0 - 9), leave=bracket(NOW))
        facts.append((Kind.CROSSING, "crossing_2", 1, Change.CREATED, "main", ASSET, NOW, over))
    world.engine.commit(facts)
    body = await got(client)
    assert body["stage"] == stage
    if stage:
        assert body["direction"] == "LA>CN"
        # the median of an hour is over just now; then exit port and between, then the entry port
        assert body["entry"]["estimate"][11:16] == "10:00"
        assert body["leave"]["estimate"][11:16] == "11:00"


async def test_a_gate_shows_its_queue_by_direction_and_the_tenants_own(
    client: httpx.AsyncClient, world: World
) -> None:
    queue(world)
    queue(world, "other", 7 * MINUTE)
    gate = (await client.get("/v1/gates/mohan-boten")).json()
    Gate.model_validate(gate)
    assert gate["queues"]["LA>CN"] is None
    found = gate["queues"]["CN>LA"]
    assert (found["window_s"], found["waiting"]) == (86400.0, {"exit_port": 0, "between": 0, "entry_port": 0})
    assert found["stages"]["between"] == {"median_s": 3600.0, "p90_s": 5400.0, "count": 3}
    theirs = await client.get("/v1/gates/mohan-boten", headers={"Authorization": f"Bearer {OTHER_KEY}"})
    assert theirs.json()["queues"]["CN>LA"]["stages"]["between"]["median_s"] == 840.0


async def test_the_queue_is_an_event_and_an_object_with_revisions(
    client: httpx.AsyncClient, world: World
) -> None:
    queue(world)
    line = (await client.get("/v1/events?kinds=queue")).json()
    assert (line["kind"], line["object"]["gate"], line["object"]["window_s"]) == (
        "queue",
        "mohan-boten",
        86400.0,
    )
    (revision,) = (await client.get(f"/v1/objects/{line['id']}/revisions")).json()["items"]
    assert revision["object"]["stages"]["exit_port"]["median_s"] == 3600.0


async def test_the_way_of_another_tenants_truck_is_not_told(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/v1/assets/{OTHER_ASSET}/eta")).status_code == 404
