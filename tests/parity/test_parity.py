"""One recorded log gives the same events in every runtime, in any portions, whoever dies meanwhile."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from corridor.demofilings import STORIES
from streams.events import Change, Event, Kind
from streams.homes import home
from streams.records import RecordKind
from tests.parity.compare import difference
from tests.parity.record import Recorded, recorded
from tests.parity.runtime import Embedded, Outcome, Runtime, served

PARTITIONS = 4
pytestmark = pytest.mark.timeout(600)  # the log is recorded by the first test that asks for it
RUNTIMES: list[Runtime] = [
    Embedded(),
    Embedded("embedded, in small portions, dying", read_bytes=150_000, dies_every=5),
]


@pytest.fixture(scope="module")
def log() -> Recorded:
    return recorded(PARTITIONS)


@pytest.fixture(scope="module")
def live(log: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What was served while the log grew."""
    return served("the recorded system", log.events, tmp_path_factory.mktemp("live"))


def test_the_recorded_log_holds_what_parity_is_about(log: Recorded, live: Outcome) -> None:
    events = [event for events in live.events for event in events]
    kinds = Counter((event.kind, event.change) for event in events)
    for kind in (Kind.VISIT, Kind.CROSSING, Kind.TRIP, Kind.STOP):
        assert kinds[kind, Change.CREATED]
        assert kinds[kind, Change.AMENDED]
    assert kinds[Kind.VISIT, Change.RETRACTED]
    assert kinds[Kind.QUEUE, Change.CREATED] >= 4
    records = Counter((record.partition, record.kind) for log_ in log.logs for record in log_)
    assert all(records[p, kind] for p in range(PARTITIONS) for kind in (RecordKind.FRAME, RecordKind.TICK))
    assert all(records[p, RecordKind.NOTE] > 50 for p in range(PARTITIONS))
    answers = [event for event in events if event.kind is Kind.COMMAND]
    assert len({event.id for event in answers}) == len(answers)
    refused = {(e.data["command"], e.data["error"]["code"]) for e in answers if not e.data["ok"]}
    assert refused == {("device.fit", "fitted"), ("zone.retire", "unknown")}


def test_the_twelve_exporters_cases_end_as_their_stories_tell(live: Outcome) -> None:
    events = [event for events in live.events for event in events]
    cases = {event.data["reference"]: event.data for event in events if event.kind is Kind.CASE}
    assert {story.reference: cases[story.reference]["state"] for story in STORIES} == {
        story.reference: story.state for story in STORIES
    }
    for story in STORIES:
        codes = [one["code"] for one in cases[story.reference]["reasons"]]
        assert story.code is None or story.code in codes, story
    assert cases["DEMO-10"]["by"] is not None, "the trailer takes its case from its tractor"
    pair = [
        event.data
        for event in events
        if event.kind is Kind.CONFLICT and event.data["cause"] == "swapped_pair"
    ]
    assert len({data["other"] for data in pair}) == 2
    (batch,) = {event.data["batch"]: event.data for event in events if event.kind is Kind.BATCH}.values()
    assert batch["complete"]
    releases = Counter(
        event.data["case"] for event in events if event.kind is Kind.RELEASE and event.revision == 1
    )
    assert set(releases.values()) == {1}


def test_each_object_is_told_in_its_home(log: Recorded, live: Outcome) -> None:
    for partition, events in enumerate(live.events):
        for event in events:
            if event.kind is Kind.BATCH:
                want: int | None = home(f"batch:{event.tenant}:{event.data['batch']}", PARTITIONS)
            elif event.kind in (Kind.ZONE, Kind.QUEUE, Kind.DEVICE, Kind.COMMAND):
                key = {Kind.QUEUE: "gate", Kind.DEVICE: "device"}.get(event.kind)
                want = 0 if event.kind is Kind.ZONE else home(event.data[key], PARTITIONS) if key else None
            else:
                want = home(event.asset, PARTITIONS)
            assert want in (None, partition), event


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_a_runtime_serves_what_was_served(
    runtime: Runtime, log: Recorded, live: Outcome, tmp_path: Path
) -> None:
    assert difference(live, runtime.run(log, tmp_path)) is None


def test_a_difference_is_told_in_words(live: Outcome) -> None:
    def changed(number: int, event: Event | None) -> Outcome:
        first, *others = live.events
        some = (*first[:number], *([event] if event else []), *first[number + 1 :])
        return replace(live, name="other", events=(some, *others))

    event = next(e for e in live.events[0] if e.kind is Kind.VISIT)
    at = event.number - 1
    said = f"visit {event.id} revision {event.revision}"
    count = len(live.events[0])
    found = difference(live, changed(at, replace(event, data=event.data | {"zone": "elsewhere"})))
    assert found is not None
    assert found.startswith(f"partition 0, event {at + 1} of {count}: {said} (created, asset {event.asset})")
    zone = event.data["zone"]
    assert found.endswith(f': data.zone differs: the recorded system has "{zone}", other has "elsewhere"')
    found = difference(live, changed(at, replace(event, position=7_777)))
    assert found is not None
    assert found.endswith(f"position differs: the recorded system has {event.position}, other has 7777")
    found = difference(live, changed(count - 1, None))
    assert found is not None
    assert f"event {count} of {count}: other ends here, the recorded system goes on with " in found
    found = difference(live, replace(live, name="other", objects=dict(list(live.objects.items())[1:])))
    assert found is not None
    assert found.startswith("all events are equal, but the read models differ in ")
    assert found.endswith("other has none")
    assert difference(live, live) is None
