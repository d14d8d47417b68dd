"""Events into a real Kafka and out again: what is handed over, confirmed, repeated, read."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from confluent_kafka import Producer

from streams.events import Change, Event, Kind
from streams.kafka.bodies import bodies, marks_header
from streams.kafka.feed import Batch, EventFeed, Seen
from streams.kafka.settings import KafkaSettings
from streams.kafka.sink import EventGapError, KafkaSink
from streams.kafka.topics import create
from streams.log import LogError
from tests.distributed import servers


def event(number: int, position: int, partition: int = 0, text: str = "é") -> Event:
    data = {"zone": f"z{number}", "from_ms": 1_700_000_000_000 + number, "deep": [{"a": None, "b": text}]}
    change = list(Change)[number % 3]
    id_ = f"visit_{number:024x}"
    return Event(partition, number, position, Kind.VISIT, id_, 1, change, "main", "asset", 5, 6, data)


def events(first: int, last: int, partition: int = 0) -> list[Event]:
    """Each log position causes two of them: 1, 1, 2, 2, 3 ..."""
    return [event(number, (number + 1) // 2, partition) for number in range(first, last + 1)]


def everything(settings: KafkaSettings, seen: dict[int, Seen] | None = None) -> list[Batch]:
    """What a new reader gets until it has caught up."""
    feed = EventFeed(settings, seen)
    batches = feed.read(10)
    while not feed.caught_up:
        batches += feed.read(10)
    feed.close()
    return batches


def _drained(feed: EventFeed) -> None:
    for _ in range(20):
        feed.read(5)


def read(settings: KafkaSettings, partition: int = 0, seen: Seen = Seen()) -> list[Event]:  # noqa: B008
    batches = everything(settings, {partition: seen})
    return [e for batch in batches for e in batch.events if batch.partition == partition]


@pytest.fixture
def settings(kafka: servers.Kafka) -> KafkaSettings:
    settings = KafkaSettings(kafka.address, prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=2, wait_s=20)
    create(settings)
    return settings


@pytest.fixture
def sink(settings: KafkaSettings) -> Iterator[KafkaSink]:
    sink = KafkaSink(settings)
    yield sink
    sink.close()


def test_events_come_out_as_they_went_in(settings: KafkaSettings, sink: KafkaSink) -> None:
    given = [replace(event(n, n), kind=kind, revision=n, t_ms=-n) for n, kind in enumerate(Kind, 1)]
    sink.apply(0, 20, given)
    sink.flush()
    assert read(settings) == given


def test_a_new_sink_knows_where_the_last_one_stopped(settings: KafkaSettings, sink: KafkaSink) -> None:
    assert (sink.position(0), sink.last_number(0)) == (0, 0)
    sink.apply(0, 3, events(1, 5))
    sink.apply(1, 9, [])
    assert (sink.position(0), sink.last_number(0)) == (3, 5)
    sink.flush()
    again = KafkaSink(settings)
    assert [(again.position(p), again.last_number(p)) for p in (0, 1)] == [(3, 5), (9, 0)]
    again.apply(0, 4, events(3, 7))
    again.flush()
    assert (again.position(0), again.last_number(0)) == (4, 7)
    assert [e.number for e in read(settings)] == [1, 2, 3, 4, 5, 6, 7]
    again.close()


def test_what_is_known_is_not_written_again(settings: KafkaSettings, sink: KafkaSink) -> None:
    sink.apply(0, 3, events(1, 6))
    for _ in range(3):
        sink.apply(0, 2, events(1, 4))
        sink.apply(0, 3, [])
    sink.flush()
    feed = EventFeed(settings)
    assert sum(feed.lag().values()) == 1
    feed.close()


def test_a_hole_in_what_is_handed_over_is_refused(sink: KafkaSink) -> None:
    sink.apply(0, 1, events(1, 2))
    with pytest.raises(EventGapError, match="partition 0 have a hole: got 4, want 3"):
        sink.apply(0, 2, events(4, 5))
    assert (sink.position(0), sink.last_number(0)) == (1, 2)


def test_a_replay_of_any_size_is_cut_into_messages_that_cover_no_more_than_they_hold(
    settings: KafkaSettings, sink: KafkaSink
) -> None:
    given = [event(n, (n + 2) // 3, text="x" * 20_000) for n in range(1, 200)]
    sink.apply(0, 500, given)
    sink.flush()
    batches = everything(settings)
    assert [e for batch in batches for e in batch.events] == given
    assert batches[-1].position == 500
    cut = list(bodies(500, 0, given))
    assert len(cut) > 3
    assert max(len(body) for _, _, body in cut) <= 900_000
    for (position, number, _), following in pairwise(cut):
        assert position < given[number].position
        assert position < following[0]


def test_an_event_that_no_message_can_hold_is_told_and_not_half_written(sink: KafkaSink) -> None:
    with pytest.raises(LogError, match=r"event too large: got 9000187 bytes, want at most \d+"):
        sink.apply(0, 2, [event(1, 1), event(2, 2, text="x" * 9_000_000)])
    assert (sink.last_number(0), sink.waiting()) == (0, 0)
    sink.apply(0, 2, [event(1, 1), event(2, 2, text="x" * 5_000_000)])
    sink.flush()
    assert sink.last_number(0) == 2


def test_two_writers_of_the_same_events_give_readers_each_number_once(settings: KafkaSettings) -> None:
    rng = random.Random(7)
    all_events = events(1, 600)
    sinks = [KafkaSink(settings), KafkaSink(settings)]
    ends = [0, 0]
    for sink in sinks:
        sink.last_number(0)  # both believe that they begin
    while min(ends) < 600:
        who = rng.randrange(2)
        end = min(600, ends[who] + rng.randrange(1, 40))
        sinks[who].apply(0, end // 2, all_events[ends[who] : end])
        ends[who] = end
        if rng.random() < 0.3:
            sinks[who].flush()
    for sink in sinks:
        sink.flush()
        sink.close()
    assert read(settings) == all_events
    third = KafkaSink(settings)
    assert (third.position(0), third.last_number(0)) == (300, 600)
    third.close()
    for at in (1, 17, 255, 300, 599, 600):
        assert read(settings, seen=Seen(at // 2, at)) == all_events[at:]


def test_a_former_owner_that_wakes_late_moves_nobody_back(settings: KafkaSettings, sink: KafkaSink) -> None:
    old = KafkaSink(settings)
    old.apply(0, 10, events(1, 20))
    old.flush()
    assert sink.last_number(0) == 20
    sink.apply(0, 50, events(21, 100))
    sink.flush()
    old.apply(0, 13, events(21, 26))
    old.apply(0, 13, events(21, 26))
    old.flush()
    new = KafkaSink(settings)
    assert (new.position(0), new.last_number(0)) == (50, 100)
    assert read(settings) == events(1, 100)
    assert read(settings, seen=Seen(50, 100)) == []
    old.close()
    new.close()


def test_a_reader_begins_where_it_stopped_without_reading_all(
    settings: KafkaSettings, sink: KafkaSink
) -> None:
    for at in range(3000):
        sink.apply(1, at + 1, events(2 * at + 1, 2 * at + 2, 1))
    sink.flush()
    feed = EventFeed(settings, {1: Seen(2990, 5980)})
    first = feed.read(10)
    while not feed.caught_up:
        first += feed.read(10)
    assert [e.number for batch in first for e in batch.events] == list(range(5981, 6001))
    assert feed.seen()[1] == Seen(3000, 6000)
    sink.apply(1, 3001, events(6001, 6002, 1))
    (batch,) = feed.read(10)
    assert (batch.partition, batch.position, len(batch.events)) == (1, 3001, 2)
    assert feed.read(0) == []
    feed.close()


def test_a_cover_without_events_reaches_readers(settings: KafkaSettings, sink: KafkaSink) -> None:
    sink.apply(0, 256, [])
    sink.flush()
    (batch,) = everything(settings)
    assert batch == Batch(0, 256, [])
    assert everything(settings, {0: Seen(256, 0)}) == []


def test_a_hole_in_the_topic_is_named_once_the_whole_was_looked_at(settings: KafkaSettings) -> None:
    writer = Producer({"bootstrap.servers": settings.servers})
    given = [events(1, 10), events(11, 20), events(23, 30)]
    for group in given:
        for position, number, body in bodies(group[-1].position, 0, group):
            headers = marks_header(position, number)
            writer.produce(settings.topic("events"), body, partition=0, headers=headers)
    writer.flush(20)
    feed = EventFeed(settings, {0: Seen(3, 5)})
    with pytest.raises(EventGapError, match=r"events/0 at offset 2: got event 23, want 21"):
        _drained(feed)
    feed.close()


def test_what_is_no_message_of_ours_is_named(settings: KafkaSettings) -> None:
    writer = Producer({"bootstrap.servers": settings.servers})
    writer.produce(settings.topic("events"), b"{}", partition=0)
    writer.flush(20)
    feed = EventFeed(settings)
    with pytest.raises(LogError, match="events/0 at offset 0: events not readable"):
        feed.read(10)
    sink = KafkaSink(settings)
    with pytest.raises(LogError, match="events/0 at offset 0: events not readable"):
        sink.position(0)
    feed.close()
    sink.close()


def test_a_missing_topic_is_told_at_once(kafka: servers.Kafka) -> None:
    settings = KafkaSettings(kafka.address, prefix="nowhere.")
    sink, feed = KafkaSink(settings), EventFeed(settings)
    calls: Sequence[object] = (lambda: sink.apply(0, 1, events(1, 1)), feed.read, lambda: sink.position(0))
    for call in calls:
        assert callable(call)
        with pytest.raises(LogError, match=r"topic nowhere\.events is missing"):
            call()
    sink.close()
    feed.close()
