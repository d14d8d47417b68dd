"""A role's copy of events while it is filled: what was redacted goes, and does not come again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corridor.roles import redact
from corridor.roles.redact import CleanEvents
from corridor.settings import Settings
from feeds import readredact, redactions
from feeds.readmodel import ReadModel
from feeds.redactions import Redaction, RedactionsError
from streams.events import Change, Event, Kind

WISH = Redaction(1, "asked", ("a1",), (), 100, 200, 300)


def trip(number: int, asset: str, start: int, end: int | None, revision: int = 1, name: str = "") -> Event:
    data = {"start_ms": start} | ({} if end is None else {"end_ms": end})
    id_ = name or f"trip_{number}"
    change = Change.CREATED if revision == 1 else Change.AMENDED
    return Event(0, number, number, Kind.TRIP, id_, revision, change, "main", asset, end or start, 1, data)


def held(read: ReadModel) -> list[int]:
    return [one.number for one in read.partition_after(0, 0, None)]


def test_what_is_redacted_goes_while_the_copy_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redact, "LOOK_S", 0.0)
    settings = Settings(data_dir=tmp_path, ledger_dir=tmp_path)
    wishes = tmp_path / "redactions.jsonl"
    with ReadModel(tmp_path / "read.db", 1) as read:
        clean, before = CleanEvents(settings), [trip(1, "a1", 90, 150), trip(2, "a2", 90, 150)]
        read.apply(0, 2, before)
        clean(before)
        assert held(read) == [1, 2]
        redactions.add(wishes, WISH)
        clean([])
        assert held(read) == [2]
        late = [trip(3, "a1", 90, 160, 2, "trip_1"), trip(4, "a1", 200, 260), trip(5, "a1", 190, None)]
        read.apply(0, 5, late)
        clean(late)
        assert held(read) == [2, 4]
        assert read.last_number(0) == 5
        with wishes.open("ab") as file:
            file.write(b'{"made_ms":')
        with pytest.raises(RedactionsError, match="line 2"):
            clean([])


_INSTANT = st.integers(90, 210)


@given(
    st.sampled_from(["a1", "a2"]),
    _INSTANT,
    st.one_of(st.none(), _INSTANT),
    _INSTANT,
    st.sampled_from([Kind.TRIP, Kind.STOP, Kind.LATE, Kind.CASE]),
    st.sampled_from([("a1",), ()]),
)
def test_an_event_is_judged_as_its_object_in_a_file(
    tmp_path_factory: pytest.TempPathFactory,
    asset: str,
    start: int,
    end: int | None,
    t_ms: int,
    kind: Kind,
    assets: tuple[str, ...],
) -> None:
    data = {"start_ms": start} | ({} if end is None else {"end_ms": end})
    event = Event(0, 1, 1, kind, "one", 1, Change.CREATED, "main", asset, t_ms, 1, data)
    wish = Redaction(1, "asked", assets, (), 100, 200, 300)
    path = tmp_path_factory.mktemp("read") / "read.db"
    with ReadModel(path, 1) as read:
        read.apply(0, 1, [event])
        assert readredact.touches(event, wish) == bool(readredact.touched(path, assets, 100, 200))
