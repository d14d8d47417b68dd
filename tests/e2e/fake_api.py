"""A server in the shapes of the API for the page's test: the built page, requests with a key, the socket.

It keeps its events, so that a page that lost its connection can ask for what it missed; ``away`` makes the
server drop every socket and refuse new ones, which is how the test takes the network down.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import orjson
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response, WebSocket, WebSocketDisconnect
from fastapi.staticfiles import StaticFiles

from tests.e2e import fake_clearance, fake_feed, fake_history, fake_zones
from tests.e2e import fake_world as world

KEY = "test-key-of-the-fake-server"
DIST = Path(__file__).parents[2] / "api" / "web" / "dist"


class FakeApi:
    """The server's state; its methods may be called from the test's thread."""

    def __init__(self, trucks: int = 24, event_every_s: float = 0.7) -> None:
        self.trucks = [world.Truck(i, trucks) for i in range(trucks)]
        self.by_asset = {truck.asset: truck for truck in self.trucks}
        self.events: list[dict[str, Any]] = []
        self.crossings: dict[str, dict[str, Any]] = {}
        self.visits: dict[str, dict[str, Any]] = {}
        self.zones = fake_zones.FakeZones()
        self.feed = fake_feed.FakeFeed()
        self.role = "admin"
        self.gates: list[str] = []
        self.away = False
        self.sockets = 0
        self._every_s = event_every_s
        self._started = time.monotonic()
        for number in range(5):
            self.make_event(number)
        self.clearance = fake_clearance.FakeClearance(self)

    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started + 60

    def tick(self) -> None:
        """Make the events that are due."""
        due = int((self.seconds() - 60) / self._every_s) + 5
        for number in range(len(self.events), due):
            self.make_event(number)

    def after(self, cursor: str | None, limit: int) -> list[dict[str, Any]]:
        """Events behind a cursor."""
        first = int(cursor.removeprefix("c")) if cursor else 0
        return self.events[first : first + limit]

    def head(self) -> str:
        """The cursor behind the last event."""
        return f"c{len(self.events)}"

    def queue(self) -> dict[str, int]:
        """How many wait in each direction."""
        waits = [t.southward for t in self.trucks if t.state(self.seconds())[0] == "at_gate"]
        return {"CN>LA": sum(waits), "LA>CN": len(waits) - sum(waits)}

    def make_event(self, number: int) -> None:
        """Make event number `number`, which is the next one."""
        truck = self.trucks[(number * 5 + number // 7) % len(self.trucks)]
        now_ms = world.EPOCH_MS + self.seconds() * 1000 * world.SPEED_UP
        if number % 3 == 2:
            kind = "visit"
            made = world.visit(truck, now_ms - 1_500_000, closed=number % 2 == 0)
            object_id = f"visit_{truck.number:04d}_{number // 12}"
        else:
            kind, kept = "crossing", self.crossings
            object_id = f"crossing_{truck.number:04d}"
            before = kept.get(object_id, {}).get("stages", {})
            told = sum(one is not None for one in before.values())
            reached = told % len(world.STAGES) if before else truck.number % len(world.STAGES)
            made = world.crossing(truck, now_ms - world.STAGE_AFTER_S[reached] * 1000, reached)
        self.keep(kind, object_id, truck, made, now_ms)

    def alarm(self, truck: world.Truck) -> None:
        """Make the event of a border crossed away from any gate."""
        now_ms = world.EPOCH_MS + self.seconds() * 1000 * world.SPEED_UP
        made = world.off_gate(truck, now_ms - 600_000)
        self.keep("crossing", f"crossing_{truck.number:04d}_off", truck, made, now_ms)

    def keep(
        self, kind: str, object_id: str, truck: world.Truck, made: dict[str, Any], now_ms: float
    ) -> None:
        """Keep a revision and tell it."""
        kept = self.crossings if kind == "crossing" else self.visits
        revision = int(kept.get(object_id, {}).get("revision", 0)) + 1
        change = "created" if revision == 1 else "amended"
        head = {"id": object_id, "asset": truck.asset, "revision": revision, "change": change}
        kept[object_id] = {**head, **made, "t": world.rfc3339(now_ms), "recorded": world.rfc3339(now_ms)}
        self.events.append(
            {
                "cursor": f"c{len(self.events) + 1}",
                "kind": kind,
                "id": object_id,
                "revision": revision,
                "change": change,
                "asset": truck.asset,
                "t": world.rfc3339(now_ms),
                "recorded": world.rfc3339(now_ms),
                "object": made,
            }
        )


def make_app(fake: FakeApi) -> FastAPI:
    """The routes that the page asks for."""
    app = FastAPI()

    def keyed(authorization: Annotated[str, Header()] = "") -> None:
        if fake.away:
            raise HTTPException(503, "away")
        if authorization != f"Bearer {KEY}":
            raise HTTPException(401, "key not known")

    need_key = [Depends(keyed)]

    @app.get("/v1/whoami", dependencies=need_key)
    def whoami() -> dict[str, Any]:
        told = {"name": "test", "tenant": "main", "role": fake.role, "gates": fake.gates, "authority": None}
        return told | {"officer": fake.role in ("admin", "customs")}

    @app.get("/v1/positions", dependencies=need_key)
    def positions() -> dict[str, Any]:
        features = [
            {
                "type": "Feature",
                "id": truck.asset,
                "geometry": {"type": "Point", "coordinates": truck.row(fake.seconds())[1:3]},
                "properties": {
                    "asset": truck.asset,
                    "vin": truck.vin,
                    "name": truck.name,
                    "device": f"tbox-{truck.number:03d}",
                    "fleet": "Lancang Logistics",
                },
            }
            for truck in fake.trucks
        ]
        return {"type": "FeatureCollection", "features": features}

    @app.get("/v1/assets/{asset}", dependencies=need_key)
    def asset(asset: str) -> dict[str, Any]:
        truck = fake.by_asset[asset]
        return {
            "id": asset,
            "vin": truck.vin,
            "chassis": f"KA{100_000 + truck.number * 137:06d}",
            "plates": [f"云K {5100 + truck.number}"],
            "kind": "tractor",
            "maker": truck.maker,
            "name": truck.name,
            "fleet": "Lancang Logistics",
        }

    @app.get("/v1/assets/{asset}/track", dependencies=need_key)
    def track(asset: str, begin: Annotated[str, Query(alias="from")] = "", to: str = "9") -> dict[str, Any]:
        rows = fake.by_asset[asset].track(fake.seconds(), 400)
        return {"items": [row for row in rows if begin <= row["t"] < to], "next": None}

    @app.get("/v1/assets/{asset}/signals", dependencies=need_key)
    def signals(asset: str, names: str) -> dict[str, Any]:
        return {"items": fake.by_asset[asset].signals(fake.seconds(), names.split(","), 200), "next": None}

    app.include_router(fake_clearance.router(fake), dependencies=need_key)
    app.include_router(fake_history.router(fake), dependencies=need_key)
    app.include_router(fake_zones.router(fake.zones), dependencies=need_key)
    app.include_router(fake_feed.router(fake.feed), dependencies=need_key)

    @app.get("/v1/gates", dependencies=need_key)
    def gates() -> dict[str, Any]:
        return {"items": world.gates(fake.queue()), "next": None}

    @app.get("/v1/crossings", dependencies=need_key)
    def crossings(asset: str | None = None, gate: str | None = None) -> dict[str, Any]:
        return {"items": [c for c in fake.crossings.values() if asset in (None, c["asset"])], "next": None}

    @app.get("/v1/visits", dependencies=need_key)
    def visits(asset: str | None = None) -> dict[str, Any]:
        return {"items": [v for v in fake.visits.values() if asset in (None, v["asset"])], "next": None}

    @app.get("/v1/events", dependencies=need_key)
    def events(after: str | None = None, limit: int = 100) -> Response:
        lines = [orjson.dumps(event) + b"\n" for event in fake.after(after, limit)]
        return Response(b"".join(lines), media_type="application/x-ndjson")

    @app.websocket("/v1/live")
    async def live(ws: WebSocket) -> None:
        await ws.accept()
        hello = orjson.loads(await ws.receive_text())
        if fake.away or hello.get("key") != KEY:
            await ws.close(1013 if fake.away else 4401, "" if fake.away else "key not known")
            return
        fake.sockets += 1
        with suppress(WebSocketDisconnect, RuntimeError):
            await _talk(fake, ws)
        fake.sockets -= 1

    app.mount("/", StaticFiles(directory=DIST, html=True))
    return app


async def _talk(fake: FakeApi, ws: WebSocket) -> None:
    told = len(fake.events)
    await ws.send_text(orjson.dumps({"type": "welcome", "cursor": fake.head()}).decode())
    while not fake.away:
        fake.tick()
        rows = [truck.row(fake.seconds()) for truck in fake.trucks]
        await ws.send_text(orjson.dumps({"type": "positions", "items": rows}).decode())
        for event in fake.events[told:]:
            await ws.send_text(orjson.dumps({"type": "event", **event}).decode())
        told = len(fake.events)
        await asyncio.sleep(0.5)
    await ws.close(1012)


@contextmanager
def serving(fake: FakeApi) -> Iterator[str]:
    """The fake server on a free port of loopback, in a thread; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(fake), log_level="warning", ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="fake-api")
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        fake.away = True
        server.should_exit = True
        thread.join(10)
        listener.close()


if __name__ == "__main__":
    with serving(FakeApi()) as url:
        print(f"{url}/#key={KEY}", flush=True)
        threading.Event().wait()
