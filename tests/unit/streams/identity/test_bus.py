"""The bus: junk, cut VINs, slips, foreign vehicles and replaced units are told apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.can.facts import CI, VI, read_facts
from streams.identity.bindings import Cause, bus_claim, judge, read_bus, shape
from streams.identity.claims import Claim

A = "LZZTESTA6PN000001"
B = "LZZTESTA8PN000002"
ASSET: dict[str, Any] = {"vin": A, "chassis": "ABCD 123456", "chassis_scheme": "OEM"}


def on_bus(data: bytes, pgn: int = VI) -> dict[str, Any]:
    """The fact as the gateway makes it of the bytes of a message from address 0."""
    [fact] = read_facts(5, pgn, 0, data)
    return fact


@pytest.mark.parametrize(
    "data", [A.encode() + b"*", A.encode(), A.encode() + b"*\xff\xff", b"%s  *" % A.encode()]
)
def test_right_vin_is_no_finding_and_confirms(data: bytes) -> None:
    fact = on_bus(data)
    assert read_bus(fact, ASSET) is None
    claim = bus_claim(fact, ASSET, 9, order=3)
    assert claim is not None
    assert (claim.source, claim.vin, claim.chassis) == ("can:0", A, None)
    assert (claim.from_ms, claim.known_ms, claim.order) == (5, 9, 3)


@pytest.mark.parametrize(
    ("data", "cause", "real", "position"),
    [
        (A.encode() + b"\x01\x02\x03*", Cause.JUNK, False, 18),
        (b"LZZTESTA6PN0*", Cause.TRUNCATED, False, 13),
        (b"ESTA6PN000001*", Cause.TRUNCATED, False, 1),
        (b"LFWTESTB9R*", Cause.TRUNCATED, True, 2),
        (b"LFW*", Cause.TRUNCATED, False, 2),
        (b"ZZTESTA6PN000001*", Cause.TRUNCATED, False, 1),
        (b"LZZTESTA6P000001*", Cause.SLIP, True, 11),
        (b"00000000000000000*", Cause.JUNK, False, None),
        (b"XXX*", Cause.JUNK, False, None),
        (b"\x02" + A.encode() + b"*", Cause.JUNK, False, 1),
        (b"LZZTESTA4PN000001*", Cause.SLIP, True, 9),
        (b"LZZTESTA6PN00000I*", Cause.SLIP, True, 17),
        (b"LZZTETSA6PN000001*", Cause.SLIP, True, 6),
        (B.encode() + b"*", Cause.FOREIGN, True, 9),
        (b"LFWTESTB9RA000002*", Cause.FOREIGN, True, 2),
        (b"WVWZZZ3CZEE140287*", Cause.FOREIGN, True, 1),
        (b"LFWTESTB2RA000002*", Cause.UNKNOWN, True, 2),
        (b"IOQTESTB2RA000002*", Cause.UNKNOWN, True, 1),
        (B.encode() + b"\x01*", Cause.FOREIGN, True, 9),
        (b"\x02YXYXYXYXYXYXYXYXYXYXY*", Cause.UNKNOWN, True, 1),
    ],
)
def test_causes_are_told_apart(data: bytes, cause: Cause, real: bool, position: int | None) -> None:
    found = read_bus(on_bus(data), ASSET)
    assert found is not None
    assert (found.cause, found.real, found.position) == (cause, real, position)
    assert (found.what, found.want, found.source, found.against) == ("vin", A, "can:0", "registration")
    assert "can:0" in found.text


def test_slip_that_still_has_a_right_check_digit_says_so() -> None:
    asset = ASSET | {"vin": "LZZTESTA6PN000001"}
    found = read_bus(on_bus(b"LZZTESJA6PN000001*"), asset)
    assert found is not None
    assert "check digit" not in found.text
    found = read_bus(on_bus(b"LZZTESTJ6PN000001*"), asset)
    assert found is not None
    assert found.cause is Cause.SLIP
    assert found.text.endswith("its check digit holds all the same")


def test_vin_of_another_known_vehicle_is_a_swapped_unit_even_when_alike() -> None:
    for data in (B.encode() + b"*", b"LZZTESTA6PN000007*"):
        found = read_bus(on_bus(data), ASSET, other="asset_b")
        assert found is not None
        assert (found.cause, found.other) == (Cause.SWAPPED_UNIT, "asset_b")


def test_placeholder_belongs_to_nobody() -> None:
    found = read_bus(on_bus(b"00000000000000000*"), ASSET, other="asset_b")
    assert found is not None
    assert found.cause is Cause.JUNK


@pytest.mark.parametrize("data", [b"LZZTESTA6PN0*", b"00000000000000000*", b"\x02" + A.encode() + b"*"])
def test_what_is_no_whole_vin_claims_nothing(data: bytes) -> None:
    assert bus_claim(on_bus(data), ASSET, 9) is None


def test_foreign_vin_claims_and_so_raises_the_conflict() -> None:
    claim = bus_claim(on_bus(B.encode() + b"\x01*"), ASSET, 9)
    assert claim is not None
    [conflict] = judge([Claim("registration", A, None, None, 0, None, 0), claim], 10).conflicts
    found = read_bus(on_bus(B.encode() + b"\x01*"), ASSET)
    assert found is not None
    same = ("what", "got", "want", "position", "source", "against", "cause")
    assert [getattr(conflict, n) for n in same] == [getattr(found, n) for n in same]


class TestComponents:
    old = on_bus(b"WEICHAI*WP13*SN0001*7*", CI)

    @pytest.mark.parametrize(
        "data",
        [
            b"WEICHAI*WP13*SN0001*7*",
            b"WEICHAI*WP13*SN0001*8*",
            b"WEICHAI**SN0001**",
            b"WEICHAI***",
            b"weichai*wp 13*sn-0001*7*",
        ],
    )
    def test_same_unit_is_no_finding(self, data: bytes) -> None:
        assert read_bus(on_bus(data, CI), ASSET, self.old) is None

    def test_first_word_of_an_address_is_no_finding(self) -> None:
        assert read_bus(self.old, ASSET, None) is None

    @pytest.mark.parametrize(
        ("data", "got", "want"),
        [
            (b"WEICHAI*WP13*SN0777*7*", "WEICHAI WP13 SN0777", "WEICHAI WP13 SN0001"),
            (b"CUMMINS*X15*CX1*7*", "CUMMINS X15 CX1", "WEICHAI WP13 SN0001"),
            (b"**SN0777**", "SN0777", "SN0001"),
        ],
    )
    def test_other_serial_is_a_replaced_unit(self, data: bytes, got: str, want: str) -> None:
        found = read_bus(on_bus(data, CI), ASSET, self.old)
        assert found is not None
        assert (found.what, found.got, found.want) == ("component", got, want)
        assert (found.cause, found.real, found.against) == (Cause.REPLACED_ECU, True, "can:0 before")
        assert "the unit at address 0 was replaced" in found.text

    def test_serial_cut_off_is_no_replaced_unit(self) -> None:
        found = read_bus(on_bus(b"WEICHAI*WP13*SN00*7*", CI), ASSET, self.old)
        assert found is not None
        assert (found.cause, found.real, found.position) == (Cause.TRUNCATED, False, 5)


class TestChassisOnBus:
    told = ASSET | {"chassis_on_bus": True}

    @pytest.mark.parametrize("data", [b"UD*CW*E1*ABCD123456*", b"UD*CW*ABCD-123456*FLEET 7*"])
    def test_right_number_is_a_claim_of_the_chassis_half(self, data: bytes) -> None:
        fact = on_bus(data, CI)
        assert read_bus(fact, self.told) is None
        claim = bus_claim(fact, self.told, 9)
        assert claim is not None
        assert claim.vin is None
        assert claim.reading is not None
        assert claim.reading.key == "ABCD123456"

    def test_other_number_of_its_form_is_a_conflict(self) -> None:
        fact = on_bus(b"UD*CW*E1*ABCD 123465*", CI)
        found = read_bus(fact, self.told, fact)
        assert found is not None
        assert (found.what, found.got, found.want) == ("chassis", "ABCD123465", "ABCD123456")
        assert (found.position, found.cause, found.real) == (9, Cause.SLIP, True)

    def test_only_where_the_registry_says_so(self) -> None:
        fact = on_bus(b"UD*CW*E1*ABCD 123465*", CI)
        for asset in (ASSET, self.told | {"chassis": None}, self.told | {"chassis_on_bus": False}):
            assert read_bus(fact, asset) is None
            assert bus_claim(fact, asset, 9) is None

    def test_serial_of_another_form_is_the_units_own(self) -> None:
        fact = on_bus(b"WEICHAI*WP13*SN0001*7*", CI)
        assert read_bus(fact, self.told) is None
        assert bus_claim(fact, self.told, 9) is None

    def test_number_that_is_none_by_its_scheme_claims_nothing(self) -> None:
        asset = {"vin": A, "chassis": "AB#12", "chassis_scheme": "OEM", "chassis_on_bus": True}
        assert bus_claim(on_bus(b"UD*CW*AB#13*", CI), asset, 9) is None


@pytest.mark.parametrize("kind", ["driver", "seal", "fault_code", "else"])
def test_other_facts_say_nothing(kind: str) -> None:
    fact = {"t": 1, "source": 0, "kind": kind}
    assert read_bus(fact, ASSET) is None
    assert bus_claim(fact, ASSET, 9) is None


def test_shape() -> None:
    assert shape("abcd 12-3456/x") == "AAAA999999/A"


@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_are_read(data: bytes, known: bool) -> None:
    for fact in read_facts(5, VI, 0, data):
        found = read_bus(fact, ASSET, other="asset_b" if known else None)
        claim = bus_claim(fact, ASSET, 9)
        if claim is not None and found is not None and found.real:
            assert claim.vin == found.got
        if found is not None and found.cause in (Cause.TRUNCATED, Cause.JUNK) and not found.real:
            assert claim is None or claim.vin == A


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_components_are_read(before: bytes, now: bytes) -> None:
    asset = ASSET | {"chassis_on_bus": True}
    for earlier in read_facts(5, CI, 0, before):
        assert read_bus(earlier, ASSET, earlier) is None
        for fact in read_facts(6, CI, 0, now):
            found = read_bus(fact, asset, earlier)
            assert found is None or found.what in ("component", "chassis")
            bus_claim(fact, asset, 9)
