"""The level of a report follows from the checks alone, and every check can bring it down."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import pytest

from feeds.assurance import Bus, Chain, assess, bus_agreement, identified, revoked
from feeds.completeness import Around, Starts

VIN, OTHER = "LZZ5CLSB0NA000001", "LZZ5CLSB0NA000002"
HEAD: dict[str, Any] = {
    "device": "unit-1",
    "topic": "corridor/v1/unit-1/report",
    "signature": 1,
    "key": "00" * 8,
    "received_ms": 1_000,
    "verdict": "new",
}
KEY = {"id": "00" * 8, "alg": "EdDSA", "from_ms": 500, "revoked_ms": None}


def level(
    chain: Chain = "holds",
    bus: Bus = "agrees",
    identity: bool = True,
    revoked_ms: int | None = None,
    **changed: Any,
) -> str:
    return assess(HEAD | changed, chain=chain, bus=bus, identity=identity, revoked_ms=revoked_ms).level


def test_the_levels() -> None:
    assert level() == "proven"
    assert level(chain="unknown") == "signed"
    assert level(bus="unknown") == "signed"
    assert level(signature=0, key=None) == "attributed"


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({"chain": "broken"}, "chain"),
        ({"bus": "disagrees"}, "bus"),
        ({"identity": False}, "identity"),
        ({"revoked_ms": 999}, "key"),
        ({"signature": 2}, "key"),
        ({"verdict": "conflict"}, "number"),
    ],
)
@pytest.mark.parametrize("signature", [0, 1])
def test_what_fails_makes_it_suspect(changed: dict[str, Any], failed: str, signature: int) -> None:
    if failed == "key" and not signature:
        changed = {"signature": 2}
    facts = {"chain": "holds", "bus": "agrees", "identity": True, "revoked_ms": None}
    given = {name: changed.get(name, value) for name, value in facts.items()}
    head = HEAD | {"signature": signature} | {n: v for n, v in changed.items() if n in HEAD}
    made = assess(head, **given)
    assert made.level == "suspect"
    assert [one.name for one in made.checks if one.result == "fails"] == [failed]


def test_what_was_received_when_the_key_held_stays() -> None:
    assert level(revoked_ms=1_000) == "proven"
    assert level(revoked_ms=1_001) == "proven"
    assert level(signature=0, key=None, revoked_ms=1) == "attributed"


def test_every_combination_has_one_level_and_all_its_checks() -> None:
    order = {"proven": 3, "signed": 2, "attributed": 1, "suspect": 0}
    for chain, bus, identity, signature, verdict in product(
        get_args(Chain), get_args(Bus), (True, False), (0, 1, 2), ("new", "conflict")
    ):
        head = HEAD | {"signature": signature, "verdict": verdict}
        made = assess(head, chain=chain, bus=bus, identity=identity, revoked_ms=None)
        names = [one.name for one in made.checks]
        assert names == ["signature", "key", "number", "chain", "identity", "bus"]
        fails = any(one.result == "fails" for one in made.checks)
        assert (made.level == "suspect") == fails
        assert (made.level == "proven") == all(one.result == "holds" for one in made.checks)
        unsure = assess(head, chain="unknown", bus="unknown", identity=True, revoked_ms=None)
        if not fails:  # knowing more never lowers what does not fail
            assert order[made.level] >= order[unsure.level]


def test_as_json_values() -> None:
    made = assess(HEAD, chain="unknown", bus="agrees", identity=True, revoked_ms=None).plain()
    assert made["level"] == "signed"
    assert made["checks"][3]["name"] == "chain"
    assert set(made["checks"][3]) == {"name", "result", "why"}


def test_topic_sender_and_key_are_one_device() -> None:
    assert identified(HEAD, [KEY])
    assert identified(HEAD | {"key": None, "topic": "corridor/v1/unit-1/nmea"}, [])
    assert identified(HEAD, [KEY | {"from_ms": 121_000}])
    assert not identified(HEAD | {"topic": "corridor/v1/unit-2/report"}, [KEY])
    assert not identified(HEAD, [])
    assert not identified(HEAD, [KEY | {"id": "11" * 8}])
    assert not identified(HEAD, [KEY | {"from_ms": 121_001}])


def test_when_a_key_was_revoked() -> None:
    assert revoked(HEAD, [KEY]) is None
    assert revoked(HEAD, [KEY | {"revoked_ms": 7}]) == 7
    assert revoked(HEAD | {"key": None}, [KEY | {"id": None, "revoked_ms": 7}]) is None


def conflict(**changed: Any) -> dict[str, Any]:
    told = {"what": "vin", "got": OTHER, "want": VIN, "source": "can:0", "state": "open"}
    return {**told, "seen": [["unit-1", "b1", 3]], **changed}


def test_the_bus_agrees_when_it_told_the_vin_and_no_other() -> None:
    assert bus_agreement("unit-1", VIN, [VIN]) == "agrees"
    assert bus_agreement("unit-1", VIN, [f" {VIN.lower()}"]) == "agrees"
    assert bus_agreement("unit-1", VIN, [VIN, OTHER]) == "disagrees"
    assert bus_agreement("unit-1", VIN, [OTHER]) == "disagrees"
    assert bus_agreement("unit-1", VIN, []) == "unknown"
    assert bus_agreement("unit-1", None, [VIN]) == "unknown"


def test_an_open_conflict_about_the_bus_is_disagreement() -> None:
    assert bus_agreement("unit-1", VIN, [VIN], [conflict()]) == "disagrees"
    assert bus_agreement("unit-1", VIN, [], [conflict(seen=[])]) == "disagrees"
    assert bus_agreement("unit-2", VIN, [VIN], [conflict()]) == "agrees"
    assert bus_agreement("unit-1", VIN, [VIN], [conflict(source="filing")]) == "agrees"


def test_what_an_officer_settled_is_neither_for_nor_against() -> None:
    settled = [conflict(state="settled")]
    assert bus_agreement("unit-1", VIN, [OTHER], settled) == "unknown"
    assert bus_agreement("unit-1", VIN, [VIN, OTHER], settled) == "agrees"


def test_around_a_report() -> None:
    starts = Starts()
    said = [{"t": 5, "kind": "identity", "vin": VIN, "source": 0}]
    starts.add("unit-1", "b1", 1, 0, b"a" * 32, None, facts=said)
    starts.add("unit-1", "b1", 1, 1, b"b" * 32, b"a" * 32)
    starts.add("unit-1", "b1", 1, 4, b"d" * 32, b"c" * 32)
    around = Around.of(starts.of("unit-1"), [KEY], {"asset_1": VIN}, {"asset_1": [conflict(source="filing")]})
    head = HEAD | {"asset": "asset_1", "boot": "b1", "seq": 1}
    assert around.assurance(head).level == "proven"
    assert around.completeness(head) == {"missing_before": 0, "chain": "holds"}
    late = head | {"seq": 4}
    assert around.assurance(late).level == "signed"
    assert around.completeness(late) == {"missing_before": 2, "chain": "unknown"}
    assert around.assurance(head | {"asset": "asset_2"}).level == "signed"
    assert around.assurance(head | {"boot": "b9"}).level == "signed"
    assert around.completeness(head | {"boot": "b9"}) == {"missing_before": None, "chain": "unknown"}
    disputed = Around.of(starts.of("unit-1"), [KEY], {"asset_1": VIN}, {"asset_1": [conflict()]})
    assert disputed.assurance(head).level == "suspect"
