"""Cases over the real engine: what moves them, who decides about them, how they are shown and explained."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.clearanceschemas import (
    BindingAt,
    Board,
    Case,
    ClearanceReport,
    Conflict,
    Coupling,
    Explained,
    RegimeText,
    Release,
    Trace,
)
from streams.events import Kind, object_id
from tests.unit.api.deskworld import (
    ADMIN,
    FAR_LINK,
    LINK,
    OFFICER,
    THEIR_ADMIN,
    THEIRS,
    DeskWorld,
    as_,
    client_of,
    make,
)
from tests.unit.api.test_filings import filing, permit
from tests.unit.streams.engine.desk_world import REGIME, VINS, asset_of, through
from tests.unit.streams.engine.small_world import T0

VIN, CARRIER = VINS[0], VINS[1]
DAY = 86_400_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskWorld]:
    made = make(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def client(desk: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(desk) as opened:
        yield opened


async def ok(request: Any, status: int = 200) -> dict[str, Any]:
    answer = await request
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def case_at_gate(client: httpx.AsyncClient, desk: DeskWorld, upto: float = -0.006) -> dict[str, Any]:
    """A filed and permitted vehicle that has driven to longitude ``upto``, in the entry port."""
    made = await ok(client.post("/v1/filings", json=filing(kind="tractor")), 201)
    claim = {"source": "maker", "chassis": VIN, "scheme": "VIN", "evidence": "production list"}
    await ok(client.post(f"/v1/assets/{VIN}/claims", json=claim), 201)
    await ok(client.post("/v1/permits", json=permit()), 201)
    samples = through(VIN, 3600, upto)
    for first in range(0, len(samples), 20):
        desk.engine.drive(VIN, samples[first : first + 20])
    return await ok(client.get(f"/v1/cases/{made['case']}"))


async def test_an_authority_is_asked_and_its_answer_counts_once(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    case = await case_at_gate(client, desk)
    Case.model_validate(case)
    assert case["stage"] == "arrived_entry", case["reasons"]
    (release,) = (await ok(client.get(f"/v1/releases?case={case['id']}")))["items"]
    Release.model_validate(release)
    assert (release["state"], release["authority"], release["n"]) == ("requested", "g-customs", 1)
    asked = await ok(client.get("/v1/releases?state=requested", headers=as_(LINK)))
    assert [one["id"] for one in asked["items"]] == [release["id"]]
    assert (await ok(client.get("/v1/releases", headers=as_(FAR_LINK))))["items"] == []
    body = {"case": case["id"], "message": "M1", "request": release["id"], "decision": "release"}
    body |= {"authority": "g-customs", "reason": None, "at": "2026-09-21T17:00:00Z"}
    url = "/v1/authorities/g-customs/decisions"
    told = await ok(client.post(url, json=body, headers=as_(LINK)))
    assert (told["case"], told["message"]) == (case["id"], "M1")
    again = await client.post(url, json=body, headers=as_(LINK))
    assert (again.status_code, again.json()["code"]) == (409, "duplicate")
    assert again.json()["errors"][0]["field"] == "body.message"
    after = await ok(client.get(f"/v1/cases/{case['id']}"))
    assert (after["state"], after["release_rule"]) == ("released", "authority")
    granted = await ok(client.get(f"/v1/releases/{release['id']}"))
    assert (granted["state"], granted["message"]) == ("granted", "M1")


@pytest.mark.parametrize(
    ("key", "name", "change", "status", "code"),
    [
        (LINK, "far-customs", {}, 403, "wrong_authority"),
        (FAR_LINK, "far-customs", {}, 403, "wrong_authority"),
        (LINK, "g-customs", {"authority": "far-customs"}, 403, "wrong_authority"),
        (OFFICER, "g-customs", {}, 403, "not_allowed"),
        (LINK, "g-customs", {"case": "case_none"}, 404, "not_found"),
        (LINK, "g-customs", {"request": "release_none"}, 404, "unknown"),
        (LINK, "g-customs", {"decision": "close"}, 422, "not_valid"),
        (LINK, "g-customs", {"message": " "}, 422, "not_valid"),
        (LINK, "g-customs", {"at": "yesterday"}, 422, "not_valid"),
    ],
)
async def test_an_answer_that_may_not_be_is_refused(
    client: httpx.AsyncClient, key: str, name: str, change: dict[str, Any], status: int, code: str
) -> None:
    made = await ok(client.post("/v1/filings", json=filing()), 201)
    body = {"case": made["case"], "message": "M1", "decision": "release"} | change
    answer = await client.post(f"/v1/authorities/{name}/decisions", json=body, headers=as_(key))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await ok(client.get(f"/v1/cases/{made['case']}")))["release"] is None


async def test_an_officer_decides_with_a_reason(client: httpx.AsyncClient, desk: DeskWorld) -> None:
    case = await case_at_gate(client, desk)
    url = f"/v1/cases/{case['id']}/decisions"
    bare = await client.post(url, json={"decision": "inspect"}, headers=as_(OFFICER))
    assert bare.json()["errors"][0]["field"] == "body.reason"
    odd = await client.post(url, json={"decision": "burn", "reason": "x"}, headers=as_(OFFICER))
    assert odd.json()["errors"][0]["field"] == "body.decision"
    body = {"decision": "inspect", "reason": "open the cab"}
    clerk = await client.post(url, json=body)
    assert clerk.status_code == 403
    held = await ok(client.post(url, json=body, headers=as_(OFFICER)))
    assert held["state"] == "held"
    assert "open the cab" in str(held["reasons"])
    done = await ok(client.post(url, json={"decision": "release", "reason": "seen"}, headers=as_(OFFICER)))
    assert (done["state"], done["release_rule"]) == ("released", "officer")
    (*_, command) = desk.engine.submitted
    assert (command["tenant"], command["by"], command["role"]) == ("main", "officer Li", "customs")


async def test_a_tenants_admin_is_no_officer(client: httpx.AsyncClient) -> None:
    made = await ok(client.post("/v1/filings", json=filing(vin=VINS[1]), headers=as_(THEIR_ADMIN)), 201)
    url = f"/v1/cases/{made['case']}"
    for path, body in (
        ("decisions", {"decision": "release", "reason": "in a hurry"}),
        ("settle", {"vin": VINS[1], "chassis": VINS[1], "reason": "in a hurry"}),
    ):
        answer = await client.post(f"{url}/{path}", json=body, headers=as_(THEIR_ADMIN))
        assert answer.status_code == 403
        assert "decided by officers only" in answer.json()["detail"]
    who = {
        key: (await ok(client.get("/v1/whoami", headers=as_(key))))["officer"]
        for key in (THEIR_ADMIN, ADMIN, OFFICER)
    }
    assert who == {THEIR_ADMIN: False, ADMIN: True, OFFICER: True}
    held = await ok(client.get(url, headers=as_(THEIR_ADMIN)))
    assert held["release"] is None


async def test_a_mismatch_goes_to_manual_verification_until_an_officer_settles_it(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    made = await ok(client.post("/v1/filings", json=filing()), 201)
    other = {"source": "maker", "chassis": VINS[2], "evidence": "list 17"}
    await ok(client.post(f"/v1/assets/{VIN}/claims", json=other), 201)
    held = await ok(client.get(f"/v1/cases/{made['case']}"))
    assert held["state"] == "manual_verification"
    conflicts = (await ok(client.get("/v1/conflicts?state=open", headers=as_(OFFICER))))["items"]
    assert conflicts
    Conflict.model_validate(conflicts[0])
    board = await ok(client.get("/v1/gates/g/board", headers=as_(OFFICER)))
    assert board["items"][0]["conflicts"] == held["conflicts"]
    body = {"vin": VIN, "chassis": VIN, "reason": "both plates read"}
    assert (await client.post(f"/v1/cases/{made['case']}/settle", json=body)).status_code == 403
    slip = {**body, "vin": VINS[2]}
    refused = await client.post(f"/v1/cases/{made['case']}/settle", json=slip, headers=as_(OFFICER))
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_vin")
    assert "position" in refused.json()["detail"]
    assert refused.json()["errors"][0]["field"] == "body.vin"
    assert (await ok(client.get("/v1/conflicts?state=open")))["items"], "nothing was settled"
    settled = await ok(client.post(f"/v1/cases/{made['case']}/settle", json=body, headers=as_(OFFICER)))
    assert (settled["state"], settled["conflicts"]) != ("manual_verification", held["conflicts"])
    assert (await ok(client.get("/v1/conflicts?state=open")))["items"] == []


async def test_a_case_is_explained_revision_by_revision(client: httpx.AsyncClient, desk: DeskWorld) -> None:
    case = await case_at_gate(client, desk)
    told = await ok(client.get(f"/v1/cases/{case['id']}/explain", headers=as_(OFFICER)))
    Explained.model_validate(told)
    assert (told["case"], told["complete"]) == (case["id"], True)
    assert [one["revision"] for one in told["revisions"]] == list(range(1, case["revision"] + 1))
    assert {one["regime_version"] for one in told["revisions"]} == {case["regime_version"]}
    steps = [entry for one in told["revisions"] for entry in one["entries"] if entry["what"] == "step"]
    assert {"filed", "arrived", "crossed"} <= {entry["stage"] for entry in steps}
    for entry in steps:
        assert entry["sentence"]
        assert entry["rule"]
        assert entry["cause"]["kind"]
    assert (await client.get(f"/v1/cases/{case['id']}/explain", headers=as_(THEIRS))).status_code == 404


async def test_the_board_has_every_open_case_conflicts_first(
    client: httpx.AsyncClient, desk: DeskWorld
) -> None:
    case = await case_at_gate(client, desk, 0.006)
    theirs = filing(reference="T1", vin=VINS[2], chassis=VINS[2])
    other = await ok(client.post("/v1/filings", json=theirs, headers=as_(THEIRS)), 201)
    claim = {"source": "maker", "chassis": VINS[3], "evidence": "list"}
    await ok(client.post(f"/v1/assets/{VINS[2]}/claims", json=claim, headers=as_(THEIRS)), 201)
    board = await ok(client.get("/v1/gates/g/board?direction=CN%3ELA", headers=as_(OFFICER)))
    Board.model_validate(board)
    assert [row["case"] for row in board["items"]] == [other["case"], case["id"]]
    assert (board["total"], sum(board["counts"].values())) == (2, 2)
    assert board["regime"]["id"] == "small"
    row = board["items"][1]
    assert (row["vin"], row["state"], row["exporter"], row["reference"]) == (
        VIN,
        case["state"],
        "good-exports",
        "R1",
    )
    assert row["since"] is not None
    own = await ok(client.get("/v1/gates/g/board"))
    assert [one["case"] for one in own["items"]] == [case["id"]]
    few = await ok(client.get("/v1/gates/g/board?limit=1", headers=as_(OFFICER)))
    assert (len(few["items"]), few["total"]) == (1, 2)
    none = await ok(client.get("/v1/gates/g/board?direction=LA%3ECN", headers=as_(OFFICER)))
    assert none["items"] == []
    bad = await client.get("/v1/gates/g/board?direction=CN%3ERU", headers=as_(OFFICER))
    assert (bad.status_code, "LA>CN" in bad.json()["detail"]) == (422, True)
    assert (await client.get("/v1/gates/none/board", headers=as_(OFFICER))).status_code == 404


async def test_the_report_counts_the_cases_of_a_period(client: httpx.AsyncClient, desk: DeskWorld) -> None:
    case = await case_at_gate(client, desk)
    report = await ok(client.get("/v1/gates/g/clearance", headers=as_(OFFICER)))
    ClearanceReport.model_validate(report)
    assert (report["gate"], report["cases"], report["states"]) == ("g", 1, {case["state"]: 1})
    early = await ok(client.get("/v1/gates/g/clearance?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"))
    assert early["cases"] == 0
    wrong = await client.get("/v1/gates/g/clearance?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")
    assert wrong.status_code == 422


async def test_a_vehicle_is_traced(client: httpx.AsyncClient, desk: DeskWorld) -> None:
    await case_at_gate(client, desk)
    told = await ok(client.get(f"/v1/trace/{VIN}", headers=as_(OFFICER)))
    Trace.model_validate(told)
    assert {"filing", "permit", "registration"} <= {step["what"] for step in told["steps"]}
    assert (await client.get(f"/v1/trace/{VINS[5]}")).status_code == 404
    assert (await client.get(f"/v1/trace/{VIN}", headers=as_(THEIRS))).status_code == 404


async def test_a_binding_is_told_at_two_times(client: httpx.AsyncClient, desk: DeskWorld) -> None:
    await ok(client.post("/v1/filings", json=filing()), 201)
    first = stamp(desk.engine.now_ms)
    desk.engine.now_ms += DAY
    claim = {
        "source": "maker",
        "chassis": VIN,
        "scheme": "VIN",
        "from": "2026-01-01T00:00:00Z",
        "evidence": "production list",
    }
    await ok(client.post(f"/v1/assets/{VIN}/claims", json=claim), 201)
    now = await ok(client.get(f"/v1/assets/{VIN}/binding"))
    BindingAt.model_validate(now)
    assert (now["vin"], now["state"], now["known"]) == (VIN, "bound", None)
    assert sorted(now["agreed"]) == ["filing", "maker"] or "maker" in now["agreed"]
    then = await ok(client.get(f"/v1/assets/{VIN}/binding", params={"known": first}))
    assert (then["state"], "maker" in then["agreed"]) == ("claimed", False)
    assert then["known"] == first
    before_filing = await ok(client.get(f"/v1/assets/{VIN}/binding", params={"at": "2026-02-01T00:00:00Z"}))
    assert [one["source"] for one in before_filing["claims"]] == ["maker"]
    nothing = await ok(client.get(f"/v1/assets/{VIN}/binding", params={"known": "2026-01-01T00:00:00Z"}))
    assert (nothing["vin"], nothing["claims"]) == (None, [])


@pytest.mark.parametrize(
    ("key", "change", "status", "want"),
    [
        (None, {"source": "officer"}, 403, "for officers"),
        (OFFICER, {"source": "maker"}, 403, "for the tenant"),
        (None, {"source": "gossip"}, 422, "maker"),
        (None, {"evidence": ""}, 422, "evidence"),
        (None, {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 422, "ends before"),
        (None, {"vin": "LZZTESTA5PN000001"}, 422, "want 6"),
    ],
)
async def test_a_claim_that_may_not_be_is_refused(
    client: httpx.AsyncClient, key: str | None, change: dict[str, Any], status: int, want: str
) -> None:
    await ok(client.post("/v1/filings", json=filing()), 201)
    body = {"source": "maker", "chassis": VIN, "evidence": "list"} | change
    answer = await client.post(f"/v1/assets/{VIN}/claims", json=body, headers={} if key is None else as_(key))
    assert answer.status_code == status, answer.text
    assert want in answer.json()["detail"]


async def test_what_carries_a_vehicle_is_told_and_ended(client: httpx.AsyncClient) -> None:
    for vin in (VIN, CARRIER):
        await ok(client.post("/v1/assets", json={"vin": vin}), 201)
    body = {"carrier": CARRIER, "how": "loaded", "from": "2026-09-21T00:00:00Z", "evidence": "yard sheet"}
    made = await ok(client.post(f"/v1/assets/{VIN}/couplings", json=body), 201)
    Coupling.model_validate(made)
    assert (made["asset"], made["carrier"], made["to"]) == (asset_of(VIN), asset_of(CARRIER), None)
    early = await client.post(f"/v1/couplings/{made['id']}/end", json={"to": "2026-09-20T00:00:00Z"})
    assert early.status_code == 422
    ended = await ok(client.post(f"/v1/couplings/{made['id']}/end", json={"to": "2026-09-21T02:00:00Z"}))
    assert ended["to"] == "2026-09-21T02:00:00.000Z"
    assert (await ok(client.get(f"/v1/couplings?asset={VIN}")))["items"] == [ended]
    itself = await client.post(f"/v1/assets/{VIN}/couplings", json=body | {"carrier": VIN})
    assert itself.json()["errors"][0]["field"] == "body.carrier"


async def test_a_regime_is_published_and_new_cases_go_by_it(client: httpx.AsyncClient) -> None:
    shown = await ok(client.get("/v1/regimes"))
    assert [(one["id"], one["in_force"]) for one in shown["items"]] == [("others", True), ("small", True)]
    newer = REGIME.replace("2020-01-01", "2021-01-01").replace("good-exports", "new-exports")
    assert (await client.post("/v1/regimes", json={"text": newer})).status_code == 403
    made = await ok(client.post("/v1/regimes", json={"text": newer}, headers=as_(ADMIN)), 201)
    RegimeText.model_validate(made)
    assert (made["id"], made["in_force"], len(made["versions"])) == ("small", True, 2)
    again = await ok(client.post("/v1/regimes", json={"text": newer}, headers=as_(ADMIN)), 201)
    assert again["version"] == made["version"]
    refused = await client.post("/v1/filings", json=filing())
    assert (refused.status_code, refused.json()["code"]) == (422, "not_eligible")
    case = await ok(client.post("/v1/filings", json=filing(exporter="new-exports")), 201)
    held = await ok(client.get(f"/v1/cases/{case['case']}"))
    assert held["regime_version"] == made["version"]
    by_version = await ok(client.get(f"/v1/regimes/{made['version']}"))
    assert by_version["text"] == newer


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("id = ", "line 1"),
        (REGIME.replace('confidence = "C"', 'confidence = "Z"', 1), "line 5"),
        (REGIME.replace('gate = "g"', 'gate = "atlantis"'), "body.text"),
    ],
)
async def test_a_regime_that_is_wrong_is_refused_with_its_line(
    client: httpx.AsyncClient, text: str, want: str
) -> None:
    answer = await client.post("/v1/regimes", json={"text": text}, headers=as_(ADMIN))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_regime")
    assert want in str(answer.json()["errors"])
    assert object_id(Kind.REGIME, "small") not in answer.text


def stamp(t_ms: int) -> str:
    from api.times import format_instant

    assert t_ms > T0
    return format_instant(t_ms)
