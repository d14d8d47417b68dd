"""The read model: idempotent, atomic with its position, filtered by tenant, read from elsewhere."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feeds import cursor
from feeds.readmodel import (
    EventsTrimmedError,
    ObjectFilter,
    ReadModel,
    ReadModelAwayError,
    ReadModelError,
)
from streams.events import Change, Event, Kind, object_id

PARTITIONS = 3


def event(
    number: int,
    kind: Kind = Kind.VISIT,
    id_: str = "visit_1",
    *,
    partition: int = 0,
    revision: int = 1,
    change: Change = Change.CREATED,
    tenant: str = "t1",
    asset: str = "asset_1",
    t_ms: int = 1_000,
    recorded_ms: int | None = None,
    **data: Any,
) -> Event:
    when = number * 10 if recorded_ms is None else recorded_ms
    return Event(
        partition, number, number, kind, id_, revision, change, tenant, asset, t_ms, when, dict(data)
    )


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ReadModel]:
    with ReadModel(tmp_path / "read.db", PARTITIONS) as opened:
        yield opened


def numbers(events: list[Event]) -> list[tuple[int, int]]:
    return [(e.partition, e.number) for e in events]


def test_events_and_position_come_back(model: ReadModel) -> None:
    written = [event(1, zone="z"), event(2, revision=2, change=Change.AMENDED, zone="z")]
    model.apply(0, 7, written)
    assert model.events_after((0, 0, 0), "t1") == written
    assert model.position(0) == 7
    assert model.position(1) == 0
    assert model.head() == (2, 0, 0)


def test_applying_again_changes_nothing(model: ReadModel) -> None:
    events = [event(1), event(2, revision=2, zone="z")]
    model.apply(0, 2, events)
    touched = model.touched()
    model.apply(0, 1, events[:1])
    model.apply(0, 2, events)
    assert model.position(0) == 2
    assert model.touched() == touched
    assert numbers(model.events_after((0, 0, 0), "t1")) == [(0, 1), (0, 2)]


def test_batch_that_overlaps_what_is_stored_adds_only_the_rest(model: ReadModel) -> None:
    events = [event(n, revision=n) for n in range(1, 6)]
    model.apply(0, 3, events[:3])
    model.apply(0, 5, events[1:])
    assert numbers(model.events_after((0, 0, 0), "t1")) == [(0, n) for n in range(1, 6)]


@pytest.mark.parametrize(
    "different",
    [{"data": {"zone": "other"}}, {"revision": 9}, {"t_ms": 5}, {"tenant": "t2"}, {"position": 8}],
)
def test_replay_with_other_content_is_refused(model: ReadModel, different: dict[str, Any]) -> None:
    first = event(1, zone="z")
    model.apply(0, 1, [first])
    with pytest.raises(ReadModelError, match="replay differs at partition 0 number 1"):
        model.apply(0, 2, [replace(first, **different)])
    assert model.position(0) == 1


def test_hole_in_numbers_is_refused_and_nothing_of_the_batch_stored(model: ReadModel) -> None:
    with pytest.raises(ReadModelError, match="hole in partition 0: got number 3, want 2"):
        model.apply(0, 4, [event(1), event(3)])
    assert model.events_after((0, 0, 0), "t1") == []
    assert model.position(0) == 0


def test_event_of_another_partition_is_refused(model: ReadModel) -> None:
    with pytest.raises(ReadModelError, match="got 1, want 0"):
        model.apply(0, 1, [event(1, partition=1)])


def test_highest_revision_stays(model: ReadModel) -> None:
    model.apply(0, 1, [event(1, revision=1, state="open"), event(2, revision=2, state="closed")])
    model.apply(1, 1, [event(1, partition=1, revision=1, state="open")])
    found = model.object(Kind.VISIT, "t1", "visit_1")
    assert found is not None
    assert (found.revision, found.data) == (2, {"state": "closed"})


def test_partitions_are_merged_by_recorded_time_and_each_keeps_its_order(model: ReadModel) -> None:
    model.apply(0, 1, [event(1, recorded_ms=10), event(2, recorded_ms=40)])
    model.apply(2, 1, [event(n, partition=2, recorded_ms=n * 15) for n in (1, 2, 3)])
    assert numbers(model.events_after((0, 0, 0), "t1")) == [(0, 1), (2, 1), (2, 2), (0, 2), (2, 3)]


def test_reading_page_by_page_gives_each_event_once(model: ReadModel) -> None:
    for p in range(PARTITIONS):
        model.apply(p, 9, [event(n, partition=p, recorded_ms=n * (p + 2)) for n in range(1, 10)])
    at, seen = cursor.start(PARTITIONS), []
    while page := model.events_after(at, "t1", limit=4):
        for one in page:
            at = cursor.advance(at, one.partition, one.number)
            seen.append((one.partition, one.number))
    assert sorted(seen) == [(p, n) for p in range(PARTITIONS) for n in range(1, 10)]
    assert at == model.head()


def test_events_are_filtered_by_tenant_kind_and_asset(model: ReadModel) -> None:
    model.apply(
        0,
        4,
        [
            event(1, asset="a"),
            event(2, Kind.TRIP, "trip_1", asset="b"),
            event(3, tenant="t2", asset="a"),
            event(4, Kind.COMMAND, "cmd_1", asset=""),
        ],
    )
    zero = (0, 0, 0)
    assert numbers(model.events_after(zero, "t2")) == [(0, 3)]
    assert numbers(model.events_after(zero, "t1", [Kind.TRIP, Kind.COMMAND])) == [(0, 2), (0, 4)]
    assert numbers(model.events_after(zero, "t1", asset="a")) == [(0, 1)]
    assert model.events_after(zero, "t1", asset="") == []


def visit(number: int, id_: str, enter_ms: int, leave_ms: int | None, **more: Any) -> Event:
    leave = None if leave_ms is None else {"estimate_ms": leave_ms}
    data = {"enter": {"estimate_ms": enter_ms}, "leave": leave, **more}
    return event(number, Kind.VISIT, id_, asset=str(more.get("of", "asset_1")), **data)


def ids(model: ReadModel, where: ObjectFilter | None = None, **rest: Any) -> list[str]:
    return [o.id for o in model.objects(Kind.VISIT, "t1", where, **rest)]


def test_objects_are_listed_newest_first_and_paged_without_doubles(model: ReadModel) -> None:
    model.apply(0, 1, [visit(n, f"v{n}", 100 * (n // 2), None) for n in range(1, 8)])
    seen: list[str] = []
    after = None
    while page := model.objects(Kind.VISIT, "t1", after=after, limit=2):
        seen += [o.id for o in page]
        after = (page[-1].start_ms, page[-1].id)
    assert seen == ["v7", "v6", "v5", "v4", "v3", "v2", "v1"]


def test_objects_are_filtered(model: ReadModel) -> None:
    model.apply(
        0,
        1,
        [
            visit(1, "old", 100, 200, zone="z1", gate="g1", of="a"),
            visit(2, "long", 100, 1000, zone="z2", gate="g1", of="b"),
            visit(3, "open", 500, None, zone="z2", state="open", of="b"),
        ],
    )
    assert ids(model, ObjectFilter(zone="z2")) == ["open", "long"]
    assert ids(model, ObjectFilter(gate="g1", asset="a")) == ["old"]
    assert ids(model, ObjectFilter(state="open")) == ["open"]
    assert ids(model, ObjectFilter(lasting=True)) == ["open"]
    assert ids(model, ObjectFilter(start_ms=201, end_ms=400)) == ["long"]
    assert ids(model, ObjectFilter(start_ms=2000)) == ["open"]
    assert ids(model, ObjectFilter(end_ms=100)) == []


def test_retracted_object_leaves_the_list_but_can_be_asked_for(model: ReadModel) -> None:
    model.apply(0, 1, [visit(1, "v1", 1, 2)])
    model.apply(0, 2, [event(2, id_="v1", revision=2, change=Change.RETRACTED)])
    assert ids(model) == []
    found = model.object(Kind.VISIT, "t1", "v1")
    assert found is not None
    assert found.change is Change.RETRACTED


def test_revisions_of_an_object_come_newest_first_and_are_only_its_own(model: ReadModel) -> None:
    written = [event(n, revision=n, step=n) for n in (1, 2, 3)]
    others = [event(4, id_="visit_2"), event(5, tenant="t2", id_="visit_3")]
    model.apply(0, 5, [*written, *others])
    assert model.revisions(Kind.VISIT, "t1", "visit_1") == written[::-1]
    assert model.revisions(Kind.VISIT, "t1", "visit_1", before=3, limit=1) == [written[1]]
    assert model.revisions(Kind.VISIT, "t1", "visit_3") == []


def test_revisions_of_a_device_are_whole_although_it_moved(model: ReadModel) -> None:
    moved = [
        event(n, Kind.DEVICE, "device_1", revision=n, asset=asset, device="d", from_ms=n)
        for n, asset in ((1, "asset_1"), (2, "asset_2"))
    ]
    model.apply(0, 2, moved)
    assert model.revisions(Kind.DEVICE, "t1", "device_1") == moved[::-1]


def test_crossing_covers_its_stages(model: ReadModel) -> None:
    stages = {"approach": {"estimate_ms": 50}, "line": {"estimate_ms": 70}, "leave": None}
    model.apply(0, 1, [event(1, Kind.CROSSING, "c1", stages=stages, state="between", gate="g")])
    found = model.object(Kind.CROSSING, "t1", "c1")
    assert found is not None
    assert (found.start_ms, found.end_ms) == (50, None)
    stages = {**stages, "leave": {"estimate_ms": 90}}
    model.apply(0, 2, [event(2, Kind.CROSSING, "c1", revision=2, stages=stages, state="completed")])
    found = model.object(Kind.CROSSING, "t1", "c1")
    assert found is not None
    assert (found.start_ms, found.end_ms) == (50, 90)


def test_other_tenants_objects_are_not_there(model: ReadModel) -> None:
    model.apply(0, 1, [visit(1, "v1", 1, 2)])
    assert model.object(Kind.VISIT, "t2", "v1") is None
    assert model.objects(Kind.VISIT, "t2") == []


def test_asset_is_found_by_vin_of_its_tenant(model: ReadModel) -> None:
    id_ = object_id(Kind.ASSET, "t1", "LZZTESTA6PN000001")
    model.apply(0, 1, [event(1, Kind.ASSET, id_, vin="LZZTESTA6PN000001", name="one")])
    found = model.asset_by_vin("t1", "LZZTESTA6PN000001")
    assert found is not None
    assert found.id == id_
    assert model.asset_by_vin("t2", "LZZTESTA6PN000001") is None


def test_asset_keeps_when_it_was_first_heard_of(model: ReadModel) -> None:
    model.apply(0, 1, [event(1, Kind.ASSET, "a1", t_ms=100)])
    model.apply(0, 2, [event(2, Kind.ASSET, "a1", t_ms=900, revision=2)])
    found = model.object(Kind.ASSET, "t1", "a1")
    assert found is not None
    assert (found.start_ms, found.t_ms) == (100, 900)


def device(number: int, name: str, asset: str, revision: int = 1, to_ms: int | None = None) -> Event:
    bare = event(number, Kind.DEVICE, f"device_{name}", revision=revision, asset=asset)
    return replace(bare, data={"device": name, "asset": asset, "from_ms": 5, "to_ms": to_ms})


def test_changed_devices_come_once_with_their_newest_fitting(model: ReadModel) -> None:
    assert model.devices_changed() == ([], 0)
    model.apply(0, 1, [device(1, "d1", "a1"), device(2, "d2", "a2")])
    rows, at = model.devices_changed(0)
    assert [(r.device, r.tenant, r.asset, r.to_ms) for r in rows] == [
        ("d1", "t1", "a1", None),
        ("d2", "t1", "a2", None),
    ]
    assert model.devices_changed(at) == ([], at)
    model.apply(0, 2, [event(3), device(4, "d1", "a1", 2, to_ms=9)])
    rows, later = model.devices_changed(at)
    assert [(r.device, r.asset, r.to_ms, r.revision) for r in rows] == [("d1", "a1", 9, 2)]
    assert later > at


def test_trimmed_events_are_gone_and_an_older_cursor_is_told(model: ReadModel) -> None:
    model.apply(0, 4, [event(n, tenant="t1" if n < 4 else "t2") for n in range(1, 6)])
    assert model.trim_events(31) == 3
    assert model.events_after((0, 0, 0), "t1") == []
    with pytest.raises(EventsTrimmedError):
        model.events_after((2, 0, 0), "t1")
    assert model.events_after((3, 0, 0), "t1") == []
    assert numbers(model.events_after((2, 0, 0), "t2")) == [(0, 4), (0, 5)]
    model.apply(0, 5, [event(1), event(6)])  # a replay of trimmed numbers is no difference
    assert numbers(model.events_after((3, 0, 0), "t1")) == [(0, 6)]


def test_reopened_file_continues(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "read.db"
    with ReadModel(path, PARTITIONS) as first:
        first.apply(1, 9, [event(1, partition=1)])
    with ReadModel(path, PARTITIONS) as again:
        assert again.position(1) == 9
        again.apply(1, 10, [event(2, partition=1)])
    with ReadModel(path, read_only=True) as reader:
        assert reader.head() == (0, 2, 0)
        assert reader.partitions == PARTITIONS


def test_what_is_not_a_read_model_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "read.db"
    with pytest.raises(ReadModelError, match="got no partition count"):
        ReadModel(path)
    ReadModel(path, PARTITIONS).close()
    with pytest.raises(ReadModelError, match="got 3, want 4"):
        ReadModel(path, 4)
    text = tmp_path / "text.db"
    text.write_bytes(b"not a database, but long enough to be looked at as one" * 40)
    with pytest.raises(ReadModelError, match="not a database"):
        ReadModel(text, PARTITIONS)


def test_reader_waits_for_the_file_and_notices_its_replacement(tmp_path: Path) -> None:
    path = tmp_path / "read.db"
    with ReadModel(path, read_only=True) as reader:
        with pytest.raises(ReadModelAwayError, match="not there yet") as away:
            reader.devices_changed()
        assert away.value.retry_after > 0
        with ReadModel(path, PARTITIONS) as writer:
            writer.apply(0, 1, [device(1, "d1", "a1")])
            assert len(reader.devices_changed()[0]) == 1
        for leftover in tmp_path.glob("read.db*"):
            leftover.unlink()
        with ReadModel(path, PARTITIONS) as writer:
            writer.apply(0, 1, [device(1, "d2", "a2")])
            assert [r.device for r in reader.devices_changed()[0]] == ["d2"]


def test_reader_does_not_write(tmp_path: Path) -> None:
    path = tmp_path / "read.db"
    ReadModel(path, PARTITIONS).close()
    with ReadModel(path, read_only=True) as reader, pytest.raises(ReadModelError, match="read only"):
        reader.apply(0, 1, [event(1)])


def test_threads_read_whole_batches_while_one_writes(model: ReadModel) -> None:
    torn: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            count = len(model.events_after((0, 0, 0), "t1"))
            if count % 5:
                torn.append(count)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for batch in range(20):
        model.apply(0, batch, [event(batch * 5 + i, revision=batch * 5 + i) for i in range(1, 6)])
    done.set()
    for thread in readers:
        thread.join()
    assert torn == []
    assert len(model.events_after((0, 0, 0), "t1")) == 100


def _read_elsewhere(path: Path, answer: Any) -> None:
    with ReadModel(path, read_only=True) as reader:
        answer.put([r.device for r in reader.devices_changed()[0]])


def test_another_process_reads_what_is_committed(model: ReadModel, tmp_path: Path) -> None:
    model.apply(0, 1, [device(1, "d1", "a1")])
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    other = context.Process(target=_read_elsewhere, args=(tmp_path / "read.db", answer))
    other.start()
    try:
        assert answer.get(timeout=30) == ["d1"]
    finally:
        other.join(30)
        answer.close()
        answer.join_thread()
