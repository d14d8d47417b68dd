"""The papers of the demo's exporters: all that the legend promises goes in, in time, once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from api.papers import ClaimNew, CouplingNew, FilingNew, PermitNew
from api.schemas import AssetNew
from corridor.client import Client, ClientError
from corridor.demofilings import DIRECTION, GATE, STORIES, TRAILER, Papers, papers_of, register_trailer
from firmware_sim.fleet import identities
from firmware_sim.identity import check_digit
from firmware_sim.scenario_file import load
from streams.clearance.regime import parse

BEGUN = 1_790_000_000.0
REGIME = """
id = "r"
name = "a regime"
source = "a test"
confidence = "C"
valid_from = 2025-01-01T00:00:00Z
exporters = "any"
[[gates]]
gate = "mohan-boten"
direction = "CN>LA"
[[documents]]
kind = "export_declaration"
name = "declaration"
confidence = "C"
[[documents]]
kind = "trailer_paper"
name = "paper of trailers"
kinds = ["semi_trailer"]
confidence = "C"
[[data]]
name = "transport_mode"
text = "mode"
confidence = "C"
[[data]]
name = "colour"
text = "colour"
confidence = "C"
[release]
authority = "a"
name = "A"
by = ["authority"]
timeout_minutes = 30
automatic = false
confidence = "C"
"""


class FakeClient(Client):
    """An API that notes what it is given; ``answer`` is what it refuses with, None to take it."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.answer: int | str | None = ""
        self.known: dict[str, list[Any]] = {}

    def get(self, path: str) -> Any:
        if path in self.known:
            return {"items": self.known[path]}
        if path == "/v1/regimes":
            return {"items": [{"id": "r", "in_force": True, "gates": [[GATE, DIRECTION]]}]}
        return {"text": REGIME}

    def post(self, path: str, body: Any, timeout_s: float = 60.0) -> Any:
        if self.answer != "":
            raise ClientError(f"refused {path}", self.answer if isinstance(self.answer, int) else None)
        self.posted.append((path, body))
        return {"id": "x"}


def papers() -> tuple[Papers, FakeClient]:
    client = FakeClient()
    return Papers(client, [who.to_json() for who in identities(load("clearance"))], BEGUN), client


def bodies(client: FakeClient, ending: str) -> list[Any]:
    return [body for path, body in client.posted if path.endswith(ending)]


def test_every_paper_is_one_that_the_api_takes() -> None:
    put, client = papers()
    assert put.due(BEGUN + 86_400) == 0
    register_trailer(client)
    shapes: dict[str, type[BaseModel]] = {"filings": FilingNew, "permits": PermitNew, "claims": ClaimNew,
                                          "couplings": CouplingNew,
                                          "assets": AssetNew}  # fmt: skip
    for path, body in client.posted:
        shapes[path.rpartition("/")[2]].model_validate(body)
    counts = {name: len(bodies(client, name)) for name in shapes}
    assert counts == {"filings": 12, "permits": 11, "claims": 12, "couplings": 1, "assets": 1}


def test_papers_come_when_they_are_due() -> None:
    put, client = papers()
    assert put.due(BEGUN) == 2
    assert (len(bodies(client, "filings")), len(bodies(client, "permits"))) == (11, 10)
    assert put.due(BEGUN + 60 * 19) == 2
    assert put.due(BEGUN + 60 * 20) == 1
    assert len(bodies(client, "permits")) == 11
    assert put.due(BEGUN + 60 * 45) == 0
    assert bodies(client, "filings")[-1]["reference"] == "DEMO-09"


def test_the_swapped_pair_is_filed_with_each_others_chassis_number_and_made_with_its_own() -> None:
    put, client = papers()
    put.due(BEGUN)
    made = {body["vin"]: body["chassis"] for body in bodies(client, "claims")}
    filed = {body["vin"]: body["chassis"] for body in bodies(client, "filings")}
    swapped = sorted(vin for vin in filed if filed[vin] != made[vin])
    assert len(swapped) == 2
    assert [filed[vin] for vin in swapped] == [made[vin] for vin in reversed(swapped)]


def test_what_is_exported_behind_the_tractor_is_the_trailer() -> None:
    put, client = papers()
    put.due(BEGUN)
    vins = {body["vin"] for body in bodies(client, "filings")}
    assert TRAILER["vin"] in vins
    assert check_digit(TRAILER["vin"]) == TRAILER["vin"][8]
    (coupling,) = bodies(client, "couplings")
    assert coupling["carrier"] not in vins


def test_a_demo_that_goes_on_puts_in_only_what_is_not_there() -> None:
    put, client = papers()
    client.known = {
        "/v1/filings?limit=500": [{"reference": story.reference} for story in STORIES if story.truck != 8],
        "/v1/permits?limit=500": [{"number": story.permit} for story in STORIES if story.truck not in (1, 5)],
    }
    put.skip_known()
    assert put.due(BEGUN + 60 * 19) == 2
    assert put.due(BEGUN + 86_400) == 0
    assert [(path.rpartition("/")[2], body["vin"]) for path, body in client.posted] == [
        ("claims", "LGGTESTJ8RN700009"),
        ("permits", "LGGTESTJ8RN700009"),
        ("permits", "LFWTESTB2RN700002"),
        ("filings", "LGGTESTJ8RN700009"),
    ]


def test_the_batch_has_two() -> None:
    put, client = papers()
    put.due(BEGUN)
    batches = [body["batch"] for body in bodies(client, "filings") if "batch" in body]
    assert len(batches) == 2
    assert len(set(batches)) == 1


def test_what_is_there_already_stays_and_what_is_refused_is_told() -> None:
    put, client = papers()
    client.answer = 409
    assert put.due(BEGUN + 86_400) == 0
    assert put.refused == []
    put, client = papers()
    client.answer = 422
    assert put.due(BEGUN + 86_400) == 0
    assert len(put.refused) == 36


@pytest.mark.parametrize("answer", [None, 503])
def test_a_system_that_is_away_is_tried_again(answer: int | None) -> None:
    put, client = papers()
    client.answer = answer
    with pytest.raises(ClientError):
        put.due(BEGUN)
    client.answer = ""
    assert put.due(BEGUN) == 2
    assert len(client.posted) == 34


def test_papers_are_those_that_the_regime_asks_for() -> None:
    filing = {"reference": "R", "exporter": "E"}
    trailer, tractor = (papers_of(parse(REGIME), filing, kind, BEGUN) for kind in ("semi_trailer", "tractor"))
    assert [one["kind"] for one in trailer["documents"]] == ["export_declaration", "trailer_paper"]
    assert [one["kind"] for one in tractor["documents"]] == ["export_declaration"]
    assert tractor["data"] == {"transport_mode": "4", "colour": "colour of R"}
    assert papers_of(None, filing, "tractor", BEGUN) == {}


def test_the_stories_are_of_twelve_exporters_in_the_order_of_their_trucks() -> None:
    assert [story.truck for story in STORIES] == list(range(12))
    assert len({story.reference for story in STORIES}) == 12
