"""Messages: the WCO shape, codes from their lists, times of the port, and nothing that is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from feeds.authority.connectors import Connector
from feeds.authority.effects import Effect, Route, effects
from feeds.authority.messages import Facts, IncompleteError, render
from feeds.authority.places import instant, offset_of
from feeds.authority.port import Purpose
from feeds.authority.routes import routes_of
from streams.events import Kind
from tests.unit.feeds.authority.world import (
    CASE,
    CHASSIS,
    ENTRY,
    EXIT,
    PILOT,
    RELEASE,
    T0,
    VIN,
    asset_data,
    case_data,
    event,
    filing_data,
    release_data,
    step,
)

PORTS = {"CN": "CNMHN", "LA": "LABTN"}
AT_EXIT = Connector(EXIT, url="https://example.org", offices={"mohan-boten": "OFFICE"})
AT_ENTRY = Connector(ENTRY, url="https://example.org")


def facts(**more: Any) -> Facts:
    return replace(Facts(filing=filing_data(), case=case_data(), asset=asset_data(), ports=PORTS), **more)


def effect(stage: str, authority: str, route: Route | None = None) -> Effect:
    routes = [route] if route else routes_of(PILOT)
    told = event(Kind.CASE, CASE, 1, case_data(step(stage, T0 + 3_000)), 1)
    (found,) = (one for one in effects(told, None, routes) if one.authority == authority)
    return found


def manifest(code: str = "MT4402") -> Effect:
    return effect("crossed", EXIT, Route("crossed", EXIT, "China road manifest", code))


def test_a_departure_is_told_with_the_time_of_the_port_that_was_left() -> None:
    body = render(effect("crossed", EXIT), facts(), AT_EXIT).body
    declaration = body["Declaration"]
    assert (declaration["TypeCode"], declaration["FunctionCode"]) == ("525", "9")
    assert declaration["DeclarationOfficeID"] == "OFFICE"
    assert body["Status"] == {"Code": "24", "DateTime": instant(T0 + 3_000, offset_of("mohan-boten", "CN"))}
    assert body["Status"]["DateTime"].endswith("+08:00")
    vehicle = declaration["BorderTransportMeans"]
    assert vehicle["ID"] == "VEHICLE-CODE"
    assert vehicle["TypeCode"] == "3"
    assert vehicle["RegistrationNationalityCode"] == "CN"
    assert "ArrivalDateTime" not in vehicle


def test_an_arrival_is_told_with_the_time_of_the_port_that_was_reached() -> None:
    body = render(effect("arrived_entry", ENTRY), facts(), AT_ENTRY).body
    assert body["Declaration"]["TypeCode"] == "524"
    assert body["Declaration"]["BorderTransportMeans"]["ArrivalDateTime"].endswith("+07:00")
    assert body["Corridor"]["Time"]["Qualifier"] == "actual"
    assert body["Corridor"]["VIN"] == VIN
    assert body["Corridor"]["Chassis"] == CHASSIS


def test_an_advance_notice_says_that_its_time_is_estimated() -> None:
    body = render(effect("approaching", ENTRY), facts(), AT_ENTRY).body
    assert body["Corridor"]["Time"] == {
        "Qualifier": "estimated",
        "Estimate": instant(T0 + 7_200_000, offset_of("mohan-boten", "LA")),
    }
    assert body["Status"]["Code"] == "31"


def test_a_status_is_no_document_type() -> None:
    body = render(effect("arrived", EXIT), facts(), AT_EXIT).body
    assert "TypeCode" not in body["Declaration"]
    assert body["Status"]["Code"] == "1"


def test_what_is_taken_back_is_cancelled_and_has_no_status() -> None:
    body = render(replace(effect("arrived", EXIT), cancels=True), facts(), AT_EXIT).body
    assert body["Declaration"]["FunctionCode"] == "1"
    assert body["Corridor"]["Cancels"] is True
    assert "Status" not in body


def test_what_is_not_known_is_not_there() -> None:
    bare = Facts(filing=filing_data(batch=None, exporter=None), case=case_data())
    body = render(effect("crossed", EXIT), bare, Connector(EXIT, url="https://example.org")).body
    assert body["Declaration"] == {
        "ID": "EX-2026-1",
        "TypeCode": "525",
        "FunctionCode": "9",
        "BorderTransportMeans": {"TypeCode": "3"},
    }

    def values(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [one for each in value.values() for one in values(each)]
        return [one for each in value for one in values(each)] if isinstance(value, list) else [value]

    assert not [one for one in values(body) if one is None or one == ""]


def test_the_chinese_manifest_has_its_own_codes() -> None:
    body = render(manifest(), facts(), AT_EXIT).body
    assert (body["MessageType"], body["FunctionCode"]) == ("MT4402", "2")
    declaration = body["declaration"]
    assert declaration["declarationId"] == "B-77"
    assert declaration["declarationOfficeId"] == "OFFICE"
    assert declaration["borderTransportMeans"] == {
        "borderTransportMeansId": "VEHICLE-CODE",
        "name": "云A12345",
        "typeCode": "4",
    }
    inbound = render(manifest("MT4401"), facts(), AT_EXIT).body["declaration"]["borderTransportMeans"]
    assert inbound["arrivalDateTime"].startswith("2026-09-21T")
    cancelled = render(replace(manifest(), cancels=True), facts(), AT_EXIT).body
    assert cancelled["FunctionCode"] == "3"


def test_a_manifest_without_what_it_must_have_is_not_made() -> None:
    with pytest.raises(IncompleteError) as error:
        render(manifest(), facts(filing=filing_data(exporter=None)), AT_ENTRY)
    assert str(error.value) == "message MT4402 not complete: got no customs office (065), filer (R006)"


def test_seals_and_container_are_the_equipment() -> None:
    seals = tuple({"seal": name, "state": state} for name, state in (("S2", "locked"), ("S1", "broken")))
    found = facts(filing=filing_data(data={"container": "CSQU3054383"}), seals=seals)
    body = render(effect("arrived_entry", ENTRY), found, AT_ENTRY).body
    assert body["Declaration"]["Consignment"]["TransportEquipment"] == [
        {"ID": "CSQU3054383", "Seal": [{"SequenceNumeric": 1, "ID": "S2"}]}
    ]


def test_a_request_says_which_release_and_until_when() -> None:
    told = event(Kind.RELEASE, RELEASE, 1, release_data(), 1)
    (asked,) = effects(told, None, routes_of(PILOT))
    message = render(asked, facts(release=release_data()), AT_ENTRY)
    assert (message.id, message.purpose) == (RELEASE, Purpose.ASK_RELEASE)
    assert message.body["Corridor"]["Request"] == {
        "ID": RELEASE,
        "Conditions": ["permit valid"],
        "Deadline": instant(T0 + 1_800_000, offset_of("mohan-boten", "LA")),
    }
    assert message.body["Status"]["Code"] == "128"


@pytest.mark.parametrize(
    ("gate", "country", "want"),
    [
        ("mohan-boten", "CN", "+08:00"),
        ("mohan-boten", "LA", "+07:00"),
        ("manzhouli-zabaikalsk", "RU", "+09:00"),
        ("suifenhe-pogranichny", "RU", "+10:00"),
        ("nowhere", "XX", "+00:00"),
    ],
)
def test_times_have_the_offset_of_the_port(gate: str, country: str, want: str) -> None:
    assert instant(T0, offset_of(gate, country)).endswith(want)
