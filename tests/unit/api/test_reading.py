"""Every list and single answer: shape, units, filters, pages, refusals."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api import paging
from api.gateschemas import Eta, Gate
from api.schemas import Asset, Crossing, DeadLetter, Device, EventLine, Page, Stop, Trip, Visit, Whoami
from tests.unit.api.world import ASSET, KEY, T0, VIN

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/assets", Asset),
        ("/v1/devices", Device),
        ("/v1/visits", Visit),
        ("/v1/crossings", Crossing),
        ("/v1/trips", Trip),
        ("/v1/stops", Stop),
        ("/v1/gates", Gate),
        ("/v1/deadletters", DeadLetter),
    ],
)
async def test_list_has_the_declared_shape(reader: httpx.AsyncClient, path: str, shape: type[Any]) -> None:
    answer = await reader.get(path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    page = Page[shape].model_validate(answer.json())  # type: ignore[valid-type]
    assert len(page.items) >= 1
    assert page.next is None


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (f"/v1/assets/{ASSET}", Asset),
        (f"/v1/assets/{VIN.lower()}", Asset),
        ("/v1/devices/dev-own", Device),
        ("/v1/visits/visit_own", Visit),
        ("/v1/crossings/crossing_own", Crossing),
        ("/v1/trips/trip_own", Trip),
        ("/v1/stops/stop_own", Stop),
        ("/v1/gates/mohan-boten", Gate),
        (f"/v1/assets/{ASSET}/eta", Eta),
        ("/v1/whoami", Whoami),
    ],
)
async def test_single_has_the_declared_shape(reader: httpx.AsyncClient, path: str, shape: type[Any]) -> None:
    shape.model_validate((await reader.get(path)).json())


async def test_whoami_names_the_key(reader: httpx.AsyncClient) -> None:
    want: dict[str, object] = {
        "name": "admin",
        "tenant": "main",
        "role": "admin",
        "gates": [],
        "authority": None,
        "officer": True,
    }
    assert (await reader.get("/v1/whoami")).json() == want


async def test_visit_comes_in_units_of_the_api(reader: httpx.AsyncClient) -> None:
    visit = (await reader.get("/v1/visits/visit_own")).json()
    assert visit["enter"] == {
        "earliest": "2026-11-22T06:59:30.000Z",
        "latest": "2026-11-22T07:00:30.000Z",
        "estimate": "2026-11-22T07:00:00.000Z",
        "lon": 101.65,
        "lat": 21.1,
    }
    assert visit["dwell_s"] == 600
    assert not any(name.endswith(("_ms", "_e7", "_mm")) for name in visit)


async def test_trip_keeps_both_the_place_and_the_time_of_its_start(reader: httpx.AsyncClient) -> None:
    trip = (await reader.get("/v1/trips/trip_own")).json()
    assert trip["start"] == {"t": "2026-11-22T07:00:00.000Z", "lon": 101.65, "lat": 21.1}
    assert trip["end"] is None
    assert trip["distance_m"] == 12.345


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("/v1/assets?fleet=own fleet", 1),
        ("/v1/assets?fleet=no such fleet", 0),
        (f"/v1/visits?asset={VIN}&zone=mohan&gate=mohan-boten&state=closed", 1),
        ("/v1/visits?zone=boten", 0),
        ("/v1/visits?from=2026-11-22T07:09:59Z", 1),
        ("/v1/visits?from=2026-11-22T07:10:01Z", 0),
        ("/v1/visits?to=2026-11-22T07:00:00Z", 0),
        ("/v1/visits?from=2026-11-22T14:00:00%2B08:00&to=2026-11-22T15:00:01%2B08:00", 1),
        ("/v1/crossings?state=at_exit_port", 1),
        ("/v1/crossings?state=completed", 0),
        ("/v1/crossings?gate=khorgos", 0),
        ("/v1/trips?state=open", 1),
        (f"/v1/devices?asset={ASSET}", 1),
        ("/v1/deadletters?reason=bad_field", 1),
        ("/v1/deadletters?device=dev-own", 1),
    ],
)
async def test_lists_are_filtered(reader: httpx.AsyncClient, query: str, count: int) -> None:
    answer = await reader.get(query)
    assert len(answer.json()["items"]) == count, answer.text


async def test_pages_of_dead_letters_follow_each_other(reader: httpx.AsyncClient) -> None:
    first = (await reader.get("/v1/deadletters?limit=1")).json()
    assert first["next"] is not None
    second = (await reader.get("/v1/deadletters", params={"limit": 1, "after": first["next"]})).json()
    assert [letter["device"] for letter in first["items"] + second["items"]] == ["dev-own", "dev-nobody"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("path", "status", "got", "want"),
    [
        ("/v1/assets?limit=0", 422, "got 0", "greater than or equal to 1"),
        ("/v1/assets?limit=1001", 422, "got 1001", "1000"),
        ("/v1/assets?limit=many", 422, "got many", "a valid integer"),
        ("/v1/assets?after=%00", 400, "after: got", "`next`"),
        ("/v1/assets?after=bm90IGpzb24", 400, "bm90IGpzb24", "`next`"),
        (f"/v1/assets?after={paging.encode_next('visits', (1, 'x'))}", 400, "cursor of visits", "assets"),
        (f"/v1/assets?after={paging.encode_next('assets', ('x', 1))}", 400, "got", "`next`"),
        ("/v1/visits?from=yesterday", 422, "got yesterday", "RFC 3339"),
        ("/v1/visits?from=2026-11-22T07:00:00", 422, "got 2026-11-22T07:00:00", "offset"),
        ("/v1/visits?from=1795330800000", 422, "got 1795330800000", "RFC 3339"),
        ("/v1/visits?state=maybe", 422, "got maybe", "open"),
        (
            "/v1/visits?from=2026-11-22T07:00:00Z&to=2026-11-22T07:00:00Z",
            422,
            "from at or after to",
            "before",
        ),
        ("/v1/crossings?state=lost", 422, "got lost", "approaching"),
        ("/v1/assets/LZZTESTA6PN000009", 404, "got LZZTESTA6PN000009", "no such asset"),
        ("/v1/assets/absent/eta", 404, "got absent", "no such asset"),
        ("/v1/gates/nowhere", 404, "got nowhere", "no such gate"),
        ("/v1/zones?kinds=port,lake", 422, "got 'lake'", "approach"),
        ("/v1/positions?bbox=1,2,3", 422, "got 1,2,3", "west,south,east,north"),
        ("/v1/positions?bbox=1,80,3,20", 422, "got 1,80,3,20", "south to north"),
        ("/v1/positions?bbox=nan,0,1,1", 422, "got nan,0,1,1", "within 180"),
        ("/v1/nowhere", 404, "no such route", ""),
        ("/nowhere.html", 404, "no such route", ""),
    ],
)
async def test_refusal_names_got_and_want(
    reader: httpx.AsyncClient, path: str, status: int, got: str, want: str
) -> None:
    answer = await reader.get(path)
    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) >= {"type", "title", "status", "detail", "instance", "code"}
    assert body["instance"] == path.split("?")[0]
    assert got in body["detail"]
    assert want in body["detail"]


async def test_wrong_method_says_which_is_right(reader: httpx.AsyncClient) -> None:
    answer = await reader.put("/v1/trips")
    assert answer.status_code == 405
    assert answer.json()["detail"] == "method not allowed: want GET"
    assert answer.headers["allow"] == "GET"


async def test_positions_are_features(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/v1/positions")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.json() == {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": ASSET,
                "geometry": {"type": "Point", "coordinates": [101.65, 21.15]},
                "properties": {
                    "asset": ASSET,
                    "vin": VIN,
                    "name": "own truck",
                    "fleet": "own fleet",
                    "device": f"dev-{ASSET[-4:]}",
                    "t": "2026-11-22T07:00:00.000Z",
                    "speed_kmh": 42.5,
                    "heading_deg": None,
                    "country": "CN",
                    "state": "moving",
                    "trip_m": 12.5,
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("box", "count"), [("101,21,102,22", 1), ("0,0,1,1", 0), ("170,-90,102,90", 1), ("102,-90,101,90", 0)]
)
async def test_positions_in_a_box(reader: httpx.AsyncClient, box: str, count: int) -> None:
    assert len((await reader.get(f"/v1/positions?bbox={box}")).json()["features"]) == count


async def test_zones_are_features_and_countries_only_when_asked_for(reader: httpx.AsyncClient) -> None:
    features = (await reader.get("/v1/zones")).json()["features"]
    assert [f["id"] for f in features] == ["mohan", "boten"]
    assert features[0]["geometry"]["type"] == "Polygon"
    assert features[0]["properties"]["gate"] == "mohan-boten"
    assert len(features[0]["properties"]["version"]) == 64
    features = (await reader.get("/v1/zones?kinds=country")).json()["features"]
    assert [f["id"] for f in features] == ["la"]


async def test_gate_counts_own_assets_inside(reader: httpx.AsyncClient) -> None:
    gate = (await reader.get("/v1/gates")).json()["items"][0]
    assert gate["queue"] == {"CN>LA": 1, "LA>CN": 0}
    assert gate["a"]["country"] == "CN"
    assert gate["a"]["zone"] == "mohan"
    assert gate["a"]["offices"] == [{"scheme": "UN/LOCODE", "code": "CNMHN"}]
    assert [crossing["id"] for crossing in gate["recent"]] == ["crossing_own"]
    assert gate["line"]["type"] == "LineString"


async def test_event_lines_have_the_declared_shape(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/v1/events")
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [EventLine.model_validate_json(line) for line in answer.text.splitlines()]
    kinds = {"asset", "device", "command", "visit", "crossing", "trip", "stop"}
    kinds |= {
        *("filing", "permit", "binding", "conflict", "coupling", "case", "release", "batch", "seal"),
        *("cover", "exposure", "handover", "gap", "breach", "incident", "feed"),
    }
    assert {line.kind for line in lines} == kinds
    assert answer.headers["corridor-cursor"] == lines[-1].cursor


async def test_health_needs_no_key(reader: httpx.AsyncClient) -> None:
    bare = httpx.AsyncClient(transport=reader._transport, base_url=reader.base_url)
    assert (await bare.get("/healthz")).json() == {"alive": True}
    assert (await bare.get("/readyz")).json() == {"ready": True, "checks": {"engine": "ok", "live": True}}


async def test_metrics_count_requests_by_route(reader: httpx.AsyncClient) -> None:
    await reader.get("/v1/whoami")
    text = (await reader.get("/metrics")).text
    assert 'corridor_http_requests_total{method="GET",route="/v1/whoami",status="200"}' in text
    assert "corridor_live_clients 0.0" in text
    assert KEY not in text


TRACK = f"/v1/assets/{ASSET}/track"
PERIOD = "from=2026-11-22T07:00:00Z&to=2026-11-22T08:00:00Z"


async def test_track_as_rows(reader: httpx.AsyncClient) -> None:
    body = (await reader.get(f"{TRACK}?{PERIOD}")).json()
    assert len(body["items"]) == 60
    assert body["items"][1] | {"t": body["items"][1]["t"]} == {
        "t": "2026-11-22T07:00:01.000Z",
        "lon": 101.601,
        "lat": 21.1,
        "alt_m": 812.5,
        "speed_kmh": 42.01,
        "heading_deg": None,
        "hdop": None,
        "sats": None,
        "fix": None,
        "odometer_m": None,
        "wheel_speed_kmh": None,
        "flags": 0,
    }


async def test_track_is_cut_to_its_period_and_thinned(reader: httpx.AsyncClient) -> None:
    cut = f"{TRACK}?from=2026-11-22T07:00:10Z&to=2026-11-22T07:00:20Z"
    items = (await reader.get(cut)).json()["items"]
    assert [i["t"][17:19] for i in items] == [f"{s}" for s in range(10, 20)]
    items = (await reader.get(f"{TRACK}?{PERIOD}&points=5")).json()["items"]
    assert 2 <= len(items) <= 5


async def test_signals_as_rows(reader: httpx.AsyncClient) -> None:
    path = f"/v1/assets/{VIN}/signals?names=engine_rpm,speed_kmh,unheard_of&{PERIOD}"
    items = (await reader.get(path)).json()["items"]
    assert items[3] == {
        "t": "2026-11-22T07:00:03.000Z",
        "engine_rpm": 903.0,
        "speed_kmh": 42.03,
        "unheard_of": None,
    }


@pytest.mark.parametrize(
    ("path", "status", "got", "want"),
    [
        (f"{TRACK}.doc", 422, "got doc", "json, geojson, csv"),
        (f"{TRACK}?format=xml", 422, "got xml", "gpx"),
        (f"{TRACK}?points=1", 422, "got 1", "2"),
        (f"{TRACK}?from=2026-11-22T07:00:00Z&to=2026-11-22T06:00:00Z", 422, "at or after", "before"),
        (f"/v1/assets/{ASSET}/signals", 422, "names: got nothing", "a value"),
        (f"/v1/assets/{ASSET}/signals?names=Speed", 422, "got 'Speed'", "speed_kmh"),
        (f"/v1/assets/{ASSET}/signals?names=a,,b", 422, "got ''", "speed_kmh"),
        (f"/v1/assets/{ASSET}/signals.gpx?names=a", 422, "got gpx", "json, csv"),
    ],
)
async def test_wrong_request_for_history_is_refused(
    reader: httpx.AsyncClient, path: str, status: int, got: str, want: str
) -> None:
    answer = await reader.get(path)
    assert answer.status_code == status, answer.text
    assert got in answer.json()["detail"]
    assert want in answer.json()["detail"]


async def test_format_that_is_not_offered_is_not_acceptable(reader: httpx.AsyncClient) -> None:
    answer = await reader.get(TRACK, headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "got image/png, want one of application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("how", "media_type"),
    [
        ({"url": f"{TRACK}.gpx"}, "application/gpx+xml"),
        ({"url": f"{TRACK}?format=csv"}, "text/csv; charset=utf-8"),
        ({"url": TRACK, "headers": {"Accept": "application/geo+json"}}, "application/geo+json"),
        ({"url": TRACK, "headers": {"Accept": "text/html, application/*;q=0.5"}}, "application/json"),
        ({"url": f"{TRACK}.parquet"}, "application/vnd.apache.parquet"),
        ({"url": f"{TRACK}.arrow"}, "application/vnd.apache.arrow.stream"),
    ],
)
async def test_format_is_chosen_three_ways(
    reader: httpx.AsyncClient, how: dict[str, Any], media_type: str
) -> None:
    answer = await reader.get(**how)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type


async def test_openapi_declares_a_problem_for_every_refusal(reader: httpx.AsyncClient) -> None:
    document = (await reader.get("/v1/openapi.json")).json()
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 20
    for path, method, operation in operations:
        statuses = {status for status in operation["responses"] if status >= "400"}
        if path.startswith("/v1/"):
            assert {"401", "403", "422"} <= statuses, (path, method)
        for status in statuses:
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], (path, method, status)


async def test_instant_zero_is_1970(reader: httpx.AsyncClient) -> None:
    assert (await reader.get("/v1/visits?from=1970-01-01T00:00:00Z")).status_code == 200
    assert T0 == 1_795_330_800_000
