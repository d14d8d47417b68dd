"""Messages of events and records: what comes out is what went in, whatever it was."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codec import CodecError
from streams.events import Change, Event, Kind
from streams.kafka.bodies import MAX_BYTES, bodies, marks_header, read_body, read_marks
from streams.kafka.wire import HEADER, headers_of, record_of
from streams.log import LogCorruptError
from streams.records import LogRecord, NewRecord, RecordKind

_INT = st.integers(-(2**63), 2**63 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | _INT | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def _runs(draw: st.DrawFn) -> tuple[int, int, list[Event]]:
    """A covered position, the number before and events that follow it, causes never going back."""
    number, position = draw(st.integers(0, 9)), draw(st.integers(1, 9))
    events = []
    for at in range(draw(st.integers(0, 12))):
        position += draw(st.integers(0, 2))
        data = draw(st.dictionaries(_TEXT, _JSON, max_size=3))
        if draw(st.booleans()):
            data["long"] = "x" * draw(st.sampled_from([10, MAX_BYTES // 3, MAX_BYTES + 1]))
        kind, change = draw(st.sampled_from(Kind)), draw(st.sampled_from(Change))
        words = draw(_TEXT), draw(_TEXT), draw(_TEXT)
        id_, tenant, asset = words
        t_ms, recorded_ms, revision = draw(_INT), draw(_INT), draw(st.integers(1, 99))
        place = 3, number + at + 1, position
        events.append(Event(*place, kind, id_, revision, change, tenant, asset, t_ms, recorded_ms, data))
    return position + draw(st.integers(0, 3)), number, events


@given(_runs())
def test_a_run_of_events_cut_into_messages_is_the_same_run(run: tuple[int, int, list[Event]]) -> None:
    position, number, events = run
    cut = list(bodies(position, number, events))
    held = [read_body(3, body) for _, _, body in cut]
    assert [event for body in held for event in body.events] == events
    assert [(body.position, body.number) for body in held] == [(p, n) for p, n, _ in cut]
    assert (held[-1].position, held[-1].number) == (position, events[-1].number if events else number)
    for body, following in pairwise(held):
        assert body.number == body.events[-1].number
        assert body.position < following.events[0].position
    for body, (_, _, raw) in zip(held, cut, strict=True):
        assert len(raw) < MAX_BYTES + 200 or len(body.events) == 1


@given(_INT, _INT)
def test_marks_come_back(position: int, number: int) -> None:
    assert read_marks(marks_header(position, number)) == (position, number)  # type: ignore[arg-type]


@pytest.mark.parametrize("headers", [None, [], [("other", b"x" * 16)], [(HEADER, b"short")]])
def test_marks_that_are_none_are_refused(headers: list[tuple[str, bytes]] | None) -> None:
    with pytest.raises(CodecError, match="events not readable"):
        read_marks(headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"v":2,"position":1,"number":1,"events":[]}',
        b'{"v":1,"position":1,"number":1,"events":[[1]]}',
        b'{"v":1,"position":1,"number":1,"events":[[1,1,"nothing","i",1,"created","t","a",1,1,{}]]}',
    ],
)
def test_what_is_no_message_of_events_is_refused(body: bytes) -> None:
    with pytest.raises(CodecError):
        read_body(0, body)


@given(st.sampled_from(RecordKind), _INT, _TEXT, st.binary(max_size=50), st.integers(0, 2**40))
def test_a_record_comes_back_from_its_message(
    kind: RecordKind, received_ms: int, key: str, body: bytes, offset: int
) -> None:
    new = NewRecord(5, kind, received_ms, key, body)
    want = LogRecord(5, offset + 1, kind, received_ms, key, body)
    headers: list[tuple[str, bytes]] = headers_of(new)  # type: ignore[assignment]
    assert record_of(5, offset, key.encode(), body, headers) == want
    assert record_of(5, offset, key.encode(), body, dict(headers)) == want  # as other clients give them


@pytest.mark.parametrize("header", [b"", b"\x09" + bytes(8), b"\x01"])
def test_a_kind_of_a_later_version_is_refused_with_its_place(header: bytes) -> None:
    with pytest.raises(
        LogCorruptError, match=f"record 2/8: got header {header.hex()}, want a kind of 1, 2, 3, 4"
    ):
        record_of(2, 7, b"k", b"", [(HEADER, header)])
