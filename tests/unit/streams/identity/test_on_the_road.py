"""Identity in the engine: what papers and buses say becomes bindings and conflicts within the same step."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.can.facts import CI, VI, read_facts
from streams.events import Event, Kind
from tests.unit.streams.engine.desk_world import VINS, Office, asset_of, lodging, office, permitting

A, B = VINS[:2]
A_NUMBER, B_NUMBER = "ABCD 123456", "ABCD 777777"


def registered(here: Office, vin: str, chassis: str | None, **more: Any) -> None:
    here.ok("asset.register", {"vin": vin, "chassis": chassis, "plates": [], "kind": "tractor", **more})


def filed(chassis: str = A_NUMBER, **more: Any) -> Office:
    """A is registered and filed, both with the maker's own chassis number."""
    here = office()
    registered(here, A, A_NUMBER, chassis_scheme="OEM", **more)
    here.ok("filing.lodge", lodging(A, "F1", chassis=chassis))
    here.ok("permit.grant", permitting(A, "P1", chassis=chassis))
    return here


def hears(here: Office, data: bytes, pgn: int = VI, vin: str = A, source: int = 0) -> list[Event]:
    """A report of the device fitted to ``vin`` with what the bus told just now; returns its events."""
    here.tick(0.1)
    t_ms = here.engine.now_ms
    return here.report(vin, facts=read_facts(t_ms, pgn, source, data + b"*"))


def binding(here: Office, vin: str = A) -> dict[str, Any]:
    return next(e.data for e in here.latest(Kind.BINDING).values() if e.asset == asset_of(vin))


def conflicts(here: Office, state: str = "open") -> list[dict[str, Any]]:
    return [e.data for e in here.latest(Kind.CONFLICT).values() if e.data["state"] == state]


def test_registration_and_filing_that_agree_bind() -> None:
    here = filed("abcd-123456")
    assert (binding(here)["state"], binding(here)["agreed"]) == ("bound", ["filing", "registration"])
    assert here.case("F1")["state"] == "bound"


def test_filing_that_registers_its_vehicle_is_one_witness() -> None:
    here = office()
    here.ok("filing.lodge", lodging(A, "F1", chassis=A_NUMBER))
    assert (binding(here)["state"], binding(here)["agreed"]) == ("claimed", ["filing"])
    claim = {"asset": asset_of(A), "vin": A, "chassis": A_NUMBER, "scheme": None, "evidence": "line 3"}
    here.ok("binding.claim", claim | {"source": "maker", "from_ms": None, "to_ms": None})
    assert (binding(here)["state"], binding(here)["agreed"]) == ("bound", ["filing", "maker"])


def test_right_vin_on_the_bus_confirms_its_half() -> None:
    here = filed()
    hears(here, A.encode())
    assert binding(here)["confirmed"] == ["can", "filing", "registration"]
    assert binding(here)["agreed"] == ["filing", "registration"]
    assert conflicts(here) == []


@pytest.mark.parametrize("data", [A.encode() + b"\x3e\x2c", A[:12].encode(), b"0" * 17])
def test_junk_cut_vins_and_placeholders_hold_nothing_up(data: bytes) -> None:
    here = filed()
    hears(here, data)
    assert conflicts(here) == []
    assert here.case("F1")["state"] == "bound"


@pytest.mark.parametrize(
    ("data", "cause", "position"),
    [
        (b"LZZTESTA4PN000001", "slip", 9),
        (b"LZGTESTC0SX000003", "foreign", 3),
        (b"LFWTESTB9R", "truncated", 2),
    ],
)
def test_disagreement_sends_the_case_to_manual_verification_in_the_same_step(
    data: bytes, cause: str, position: int
) -> None:
    here = filed()
    said = hears(here, data)
    [conflict] = [e.data for e in said if e.kind is Kind.CONFLICT]
    assert (conflict["cause"], conflict["position"]) == (cause, position)
    assert (conflict["got"], conflict["want"], conflict["source"]) == (data.decode(), A, "can:0")
    assert [e.data["state"] for e in said if e.kind is Kind.CASE] == ["manual_verification"]


def test_device_of_one_vehicle_that_hears_another_is_a_swapped_unit() -> None:
    here = filed()
    registered(here, B, B_NUMBER)
    hears(here, B.encode())
    [conflict] = conflicts(here)
    assert (conflict["cause"], conflict["other"]) == ("swapped_unit", asset_of(B))


def test_it_is_one_too_when_the_other_is_registered_later() -> None:
    here = filed()
    hears(here, B.encode())
    assert [c["cause"] for c in conflicts(here)] == ["foreign"]
    registered(here, B, B_NUMBER)
    assert [c["cause"] for c in conflicts(here)] == ["swapped_unit"]


def test_chassis_numbers_filed_crosswise_are_a_swapped_pair() -> None:
    here = office()
    registered(here, A, A_NUMBER, chassis_scheme="OEM")
    registered(here, B, B_NUMBER, chassis_scheme="OEM")
    here.ok("filing.lodge", lodging(A, "F1", chassis=B_NUMBER))
    here.ok("filing.lodge", lodging(B, "F2", chassis=A_NUMBER))
    assert [c["cause"] for c in conflicts(here)] == ["swapped_pair", "swapped_pair"]
    assert {c["other"] for c in conflicts(here)} == {asset_of(A), asset_of(B)}
    assert {here.case(n)["state"] for n in ("F1", "F2")} == {"manual_verification"}


def test_replaced_control_unit_is_a_conflict_until_an_officer_looked() -> None:
    here = filed()
    hears(here, b"WEICHAI*WP13*SN0001*7", CI)
    assert conflicts(here) == []
    hears(here, b"WEICHAI*WP13*SN0777*7", CI)
    [conflict] = conflicts(here)
    assert (conflict["what"], conflict["cause"]) == ("component", "replaced_ecu")
    assert here.case("F1")["state"] == "manual_verification"
    settle(here)
    assert here.case("F1")["state"] == "bound"
    hears(here, b"WEICHAI*WP13*SN0777*7", CI)
    assert conflicts(here) == []


def test_chassis_number_on_the_bus_counts_only_where_the_registry_says_so() -> None:
    for on_bus, want in ((True, "slip"), (False, None)):
        here = filed(chassis_on_bus=on_bus)
        hears(here, b"UD*CW*E1*ABCD 123465", CI)
        assert [c["cause"] for c in conflicts(here)] == ([want] if want else [])


def test_settled_conflict_stays_settled_however_often_it_is_heard() -> None:
    here = filed()
    hears(here, B.encode())
    settle(here)
    assert (binding(here)["state"], conflicts(here)) == ("bound", [])
    hears(here, B.encode())
    hears(here, B.encode(), source=23)
    assert conflicts(here) == []
    hears(here, b"LZGTESTC0SX000003")
    assert [c["got"] for c in conflicts(here)] == ["LZGTESTC0SX000003"]


def test_rounded_chassis_number_is_refused() -> None:
    here = office()
    assert here.refused("filing.lodge", lodging(A, "F1", chassis="1.23E+16")) == "bad_chassis"
    assert here.latest(Kind.FILING) == {}


@pytest.mark.parametrize(
    ("chassis", "scheme"), [("1.23E+16", None), ("PN0001", "VIS8"), ("无", "OEM"), ("X 1", "NONE")]
)
def test_unreadable_chassis_number_is_not_registered(chassis: str, scheme: str | None) -> None:
    here = office()
    new: dict[str, Any] = {
        "vin": A,
        "chassis": chassis,
        "chassis_scheme": scheme,
        "plates": [],
        "kind": "tractor",
    }
    assert here.refused("asset.register", new) == "bad_chassis"
    registered(here, A, A_NUMBER)
    change = {"asset": asset_of(A), "chassis": chassis, "chassis_scheme": scheme}
    assert here.refused("asset.update", change) == "bad_chassis"
    assert here.engine.registry.assets[asset_of(A)]["data"]["chassis"] == A_NUMBER


def test_unreadable_chassis_number_of_old_says_nothing() -> None:
    here = office()
    registered(here, A, None)
    here.engine.registry.assets[asset_of(A)]["data"]["chassis"] = "1.23E+16"
    here.ok("asset.update", {"asset": asset_of(A), "name": "Truck 1"})
    here.ok("filing.lodge", lodging(A, "F1", chassis=A_NUMBER))
    hears(here, A.encode())
    assert (binding(here)["state"], binding(here)["chassis"]) == ("claimed", A_NUMBER)


def settle(here: Office) -> None:
    here.tick(0.1)
    seen = {"asset": asset_of(A), "case": None, "vin": A, "chassis": A_NUMBER, "reason": "read on the frame"}
    here.ok("binding.settle", seen)
