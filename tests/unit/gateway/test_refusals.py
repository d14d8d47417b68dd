from pathlib import Path

from feeds.deadletters import DeadLetters
from gateway.batch import Arrived, Rejected
from gateway.refusals import Refusals
from gateway.registry import Fitted
from streams.records import Form


def rejected(form: Form = Form.JSON, size: int = 3) -> Rejected:
    arrived = Arrived("d", Fitted("asset_1", "demo", 0), b"x" * size, 42)
    return Rejected(arrived, form, "bad_field", "got 1, want 2", "b", 9)


def test_a_refusal_is_kept_with_where_it_came_from(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db")
    refusals = Refusals(letters)
    refusals.add(rejected())
    refusals.add(rejected(Form.NMEA))
    refusals.write(refusals.take())
    kept = letters.list()
    assert [letter.topic for letter in kept] == ["corridor/v1/d/report", "corridor/v1/d/nmea"]
    assert (kept[0].tenant, kept[0].received_ms, kept[0].boot, kept[0].seq) == ("demo", 42, "b", 9)
    assert refusals.take() == []
    letters.close()


def test_more_than_memory_holds_is_counted(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db")
    refusals = Refusals(letters)
    for _ in range(20):
        refusals.add(rejected(size=1 << 20))
    assert len(refusals.take()) == 15
    assert refusals.lost == 5
    letters.close()


def test_a_file_that_fails_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db")
    letters.close()
    refusals = Refusals(letters)
    refusals.add(rejected())
    refusals.write(refusals.take())
    assert refusals.lost == 1
