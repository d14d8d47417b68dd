"""What each reach sees of the read model: a tenant its own, officers what concerns their gates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feeds import cursor
from feeds.readmodel import ObjectFilter, ReadModel
from feeds.readreach import AtGates, OfAuthority, Reach
from streams.events import Change, Event, Kind

T0 = 1_795_330_800_000
MOHAN, FAR = AtGates(("mohan-boten",)), AtGates(("manzhouli",))


@pytest.fixture
def read(tmp_path: Path) -> Iterator[ReadModel]:
    with ReadModel(tmp_path / "read.db", 1) as made:
        yield made


def put(read: ReadModel, *facts: tuple[Kind, str, str, str, dict[str, Any]]) -> None:
    """Facts are (kind, id, tenant, asset, data)."""
    first = read.last_number(0) + 1
    events = [
        Event(
            0, n, n, kind, id_, revision_of(read, kind, id_) + 1, Change.CREATED, tenant, asset, T0, T0, data
        )
        for n, (kind, id_, tenant, asset, data) in enumerate(facts, first)
    ]
    read.apply(0, first, events)


def revision_of(read: ReadModel, kind: Kind, id_: str) -> int:
    found = [o for t in ("a", "b") if (o := read.object(kind, t, id_)) is not None]
    return found[0].revision if found else 0


def case(name: str, tenant: str, gate: str, **more: Any) -> tuple[Kind, str, str, str, dict[str, Any]]:
    data = {"gate": gate, "state": "filed", "lodged_ms": T0, "ended_ms": None, "vin": name.upper()}
    return Kind.CASE, f"case_{name}", tenant, f"asset_{name}", data | more


def of(kind: Kind, name: str, tenant: str, **data: Any) -> tuple[Kind, str, str, str, dict[str, Any]]:
    return kind, f"{kind.value}_{name}", tenant, f"asset_{name}", data


def ids(read: ReadModel, kind: Kind, reach: Reach) -> list[str]:
    return sorted(o.id for o in read.objects(kind, reach))


def test_officers_see_cases_at_their_gates_of_all_tenants(read: ReadModel) -> None:
    put(read, case("x", "a", "mohan-boten"), case("y", "b", "mohan-boten"), case("z", "b", "manzhouli"))
    assert ids(read, Kind.CASE, MOHAN) == ["case_x", "case_y"]
    assert ids(read, Kind.CASE, FAR) == ["case_z"]
    assert ids(read, Kind.CASE, AtGates()) == ["case_x", "case_y", "case_z"]
    assert ids(read, Kind.CASE, "b") == ["case_y", "case_z"]
    assert read.object(Kind.CASE, FAR, "case_x") is None
    assert set(read.objects_by_id(Kind.CASE, MOHAN, ["case_x", "case_z", "case_none"])) == {"case_x"}


@pytest.mark.parametrize(
    "kind",
    [Kind.ASSET, Kind.CROSSING, Kind.PERMIT, Kind.BINDING, Kind.CONFLICT, Kind.COUPLING, Kind.RELEASE],
)
def test_officers_see_what_is_told_of_assets_with_a_case_there(read: ReadModel, kind: Kind) -> None:
    put(read, of(kind, "x", "a"), of(kind, "y", "b"))
    assert ids(read, kind, MOHAN) == []
    put(read, case("x", "a", "mohan-boten"), case("y", "b", "manzhouli"))
    assert ids(read, kind, MOHAN) == [f"{kind.value}_x"]
    assert read.object(kind, MOHAN, f"{kind.value}_y") is None
    assert read.revisions(kind, MOHAN, f"{kind.value}_y") == []
    assert len(read.revisions(kind, MOHAN, f"{kind.value}_x")) == 1


@pytest.mark.parametrize("kind", [Kind.TRIP, Kind.STOP, Kind.VISIT, Kind.DEVICE, Kind.QUEUE])
def test_officers_see_nothing_else_of_an_asset(read: ReadModel, kind: Kind) -> None:
    put(read, case("x", "a", "mohan-boten"), of(kind, "x", "a"))
    assert ids(read, kind, MOHAN) == []
    assert read.object(kind, MOHAN, f"{kind.value}_x") is None


def test_a_case_that_was_retracted_opens_nothing(read: ReadModel) -> None:
    put(read, case("x", "a", "mohan-boten"), of(Kind.PERMIT, "x", "a"))
    kind, id_, tenant, asset, data = case("x", "a", "mohan-boten")
    read.apply(0, 3, [Event(0, 3, 3, kind, id_, 2, Change.RETRACTED, tenant, asset, T0, T0, data)])
    assert ids(read, Kind.PERMIT, MOHAN) == []


def test_a_batch_is_seen_where_one_of_its_cases_is(read: ReadModel) -> None:
    batch = (Kind.BATCH, "batch_1", "a", "", {"batch": "B1"})
    same_name = (Kind.BATCH, "batch_2", "b", "", {"batch": "B1"})
    put(read, batch, same_name, case("x", "a", "mohan-boten", batch="B1"))
    assert ids(read, Kind.BATCH, MOHAN) == ["batch_1"]
    assert ids(read, Kind.BATCH, FAR) == []
    found, _ = read.window_after(cursor.start(1), MOHAN, [Kind.BATCH])
    assert [event.id for event in found] == ["batch_1"]


def test_an_authority_sees_what_was_asked_of_it(read: ReadModel) -> None:
    put(
        read,
        case("x", "a", "mohan-boten"),
        of(Kind.RELEASE, "x", "a", authority="la", requested_ms=T0, decided_ms=None),
        of(Kind.RELEASE, "y", "b", authority="cn", requested_ms=T0, decided_ms=None),
    )
    assert ids(read, Kind.RELEASE, OfAuthority("la")) == ["release_x"]
    assert ids(read, Kind.CASE, OfAuthority("la")) == []
    assert read.window_after(cursor.start(1), OfAuthority("la")) == ([], cursor.start(1))


def test_events_at_gates_come_in_order_and_the_cursor_passes_what_is_not_shown(read: ReadModel) -> None:
    put(
        read,
        of(Kind.TRIP, "x", "a"),
        case("x", "a", "mohan-boten"),
        case("y", "b", "manzhouli"),
        of(Kind.PERMIT, "x", "a"),
        (Kind.REGIME, "regime_1", "a", "", {}),
        of(Kind.TRIP, "y", "b"),
    )
    found, at = read.window_after(cursor.start(1), MOHAN)
    assert [event.id for event in found] == ["case_x", "permit_x", "regime_1"]
    assert at == read.head()
    first, at = read.window_after(cursor.start(1), MOHAN, limit=1)
    assert ([event.id for event in first], at) == (["case_x"], (2,))
    rest, at = read.window_after(at, MOHAN, limit=10)
    assert [event.id for event in rest] == ["permit_x", "regime_1"]
    only, _ = read.window_after(cursor.start(1), MOHAN, asset="asset_x")
    assert [event.id for event in only] == ["case_x", "permit_x"]
    assert read.window_after(cursor.start(1), MOHAN, [Kind.TRIP])[0] == []


@pytest.mark.parametrize(
    ("where", "want"),
    [
        (ObjectFilter(state="held"), ["case_y"]),
        (ObjectFilter(exporter="North"), ["case_x"]),
        (ObjectFilter(batch="B1"), ["case_x", "case_y"]),
        (ObjectFilter(gate="manzhouli"), ["case_z"]),
        (ObjectFilter(lasting=True), ["case_x", "case_y"]),
        (ObjectFilter(ended=True), ["case_z"]),
        (ObjectFilter(vin="Y"), ["case_y"]),
        (ObjectFilter(reference="R'; DROP TABLE objects"), []),
    ],
)
def test_cases_are_filtered(read: ReadModel, where: ObjectFilter, want: list[str]) -> None:
    put(
        read,
        case("x", "a", "mohan-boten", exporter="North", batch="B1"),
        case("y", "a", "mohan-boten", state="held", batch="B1"),
        case("z", "a", "manzhouli", ended_ms=T0 + 5),
    )
    assert sorted(o.id for o in read.objects(Kind.CASE, "a", where)) == want


def test_open_cases_are_found_by_vin_and_gate(read: ReadModel) -> None:
    put(
        read,
        case("x", "a", "mohan-boten"),
        case("y", "b", "manzhouli"),
        case("z", "b", "mohan-boten", ended_ms=T0),
    )
    assert read.filed(["X", "Y", "Z", "NONE"]) == {"X": ("a", "case_x"), "Y": ("b", "case_y")}
    assert read.open_assets(MOHAN) == {"asset_x"}
    assert read.open_assets(AtGates()) == {"asset_x", "asset_y"}
    assert sorted(read.case_places())[2] == ("case_z", "asset_z", "mohan-boten", False)


@pytest.mark.parametrize(
    ("kind", "data", "want"),
    [
        (Kind.CASE, {"lodged_ms": 5, "ended_ms": 9}, (5, 9)),
        (Kind.FILING, {"lodged_ms": 5, "state": "lodged"}, (5, None)),
        (Kind.FILING, {"lodged_ms": 5, "state": "withdrawn"}, (5, T0)),
        (Kind.PERMIT, {"valid_from_ms": 5, "valid_until_ms": 9, "state": "granted"}, (5, 9)),
        (Kind.PERMIT, {"valid_from_ms": None, "valid_until_ms": None, "state": "revoked"}, (T0, T0)),
        (Kind.CONFLICT, {"first_ms": 5, "state": "settled"}, (5, T0)),
        (Kind.COUPLING, {"from_ms": 5, "to_ms": None}, (5, None)),
        (Kind.RELEASE, {"requested_ms": 5, "decided_ms": 7}, (5, 7)),
        (Kind.BATCH, {"batch": "B", "crossed_ms": 7}, (T0, 7)),
        (Kind.BINDING, {"state": "bound"}, (T0, None)),
    ],
)
def test_the_time_that_an_object_covers(
    read: ReadModel, kind: Kind, data: dict[str, Any], want: tuple[int, int | None]
) -> None:
    put(read, (kind, f"{kind.value}_1", "a", "asset_1", data))
    held = read.object(kind, "a", f"{kind.value}_1")
    assert held is not None
    assert (held.start_ms, held.end_ms) == want


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("kind = 'case' AND gate IN (?) AND change <> 'retracted' AND end_ms IS NULL", "cases_"),
        ("kind = 'case' AND tenant = ? AND gate = 'g' AND change <> 'retracted'", "_by_gate"),
        ("kind = 'filing' AND reference = ?", "objects_by_reference"),
        ("kind = 'case' AND end_ms IS NULL AND vin IN (?)", "objects_by_vin"),
        ("kind = 'release' AND authority = ?", "releases_by_authority"),
    ],
)
def test_an_index_serves_what_many_ask(read: ReadModel, where: str, index: str) -> None:
    with read._file.reading() as db:
        rows = db.execute(
            f"EXPLAIN QUERY PLAN SELECT id FROM objects WHERE {where} ORDER BY start_ms DESC", ("x",)
        ).fetchall()
    plan = " ".join(row[3] for row in rows)
    assert index in plan, plan
    assert "SCAN" not in plan


def test_a_batch_lists_only_the_cases_at_the_gate(read: ReadModel) -> None:
    put(read, case("x", "a", "mohan-boten", batch="B"), case("z", "a", "manzhouli", batch="B"))
    cases = [{"case": f"case_{name}", "vin": name.upper(), "state": "filed"} for name in "xz"]
    put(read, (Kind.BATCH, "batch_b", "a", "", {"batch": "B", "cases": cases}))

    def told(reach: Reach) -> list[list[str]]:
        one = read.object(Kind.BATCH, reach, "batch_b")
        found = [] if one is None else [one.data]
        found += [row.data for row in read.objects(Kind.BATCH, reach)]
        found += [event.data for event in read.revisions(Kind.BATCH, reach, "batch_b")]
        found += [event.data for event in read.window_after((0,), reach, [Kind.BATCH])[0]]
        return [[entry["vin"] for entry in data["cases"]] for data in found]

    assert told(MOHAN) == [["X"]] * 4
    assert told(FAR) == [["Z"]] * 4
    assert told(AtGates()) == [["X", "Z"]] * 4
    assert told("a") == [["X", "Z"]] * 4
