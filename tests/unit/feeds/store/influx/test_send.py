"""Refused lines are found, whatever is refused, and everything else is sent."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.store.influx.client import RefusedError, TooLargeError
from feeds.store.influx.lines import Lines, render
from feeds.store.influx.send import MOST_REFUSED, Sender
from feeds.store.names import Names
from feeds.store.port import StoreAwayError, StoreError
from feeds.store.schema import rows_of
from tests.unit.feeds.store.frames import Report, at, frame


def lines_of(count: int) -> Lines:
    names = Names()
    return render(rows_of([frame(Report("a", [at(t, tyre=float(t)) for t in range(count)]))], names), names)


class Bucket:
    """Takes lines like InfluxDB, but for those of ``bad``; ``whole`` refuses a request with one of them."""

    def __init__(self, lines: Lines, bad: set[int], *, whole: bool, most: int = 10**9) -> None:
        self.wanted = [lines.body(k, k + 1) for k in range(len(lines))]
        self.bad = {self.wanted[k] for k in bad}
        self.whole = whole
        self.most = most
        self.held: set[bytes] = set()
        self.requests = 0
        self.lock = threading.Lock()

    def write(self, body: bytes) -> None:
        with self.lock:
            self.requests += 1
            if len(body) > self.most:
                raise TooLargeError("too large")
            found = set(body.splitlines(keepends=True))
            bad = found & self.bad
            if not (bad and self.whole):
                self.held |= found - bad
            if bad:
                raise RefusedError("no", partial=not self.whole, dropped=len(bad))


@given(st.integers(0, 60), st.sets(st.integers(0, 59), max_size=8), st.booleans(), st.integers(1, 70))
def test_every_line_is_stored_or_told(count: int, bad: set[int], whole: bool, most: int) -> None:
    lines = lines_of(count)
    bad = {k for k in bad if k < count}
    bucket = Bucket(lines, bad, whole=whole)
    outcome = Sender(bucket.write, at_once=1, lines=most).send(lines)
    assert sorted(k for k, _ in outcome.refused) == sorted(bad)
    assert bucket.held == {line for k, line in enumerate(bucket.wanted) if k not in bad}


def test_one_bad_line_of_many_costs_few_requests() -> None:
    lines = lines_of(1000)
    bucket = Bucket(lines, {777}, whole=True)
    assert Sender(bucket.write, at_once=1).send(lines).refused == [(777, "no")]
    assert bucket.requests <= 2 * 10 + 1


def test_requests_keep_to_size_and_number_and_run_beside_each_other() -> None:
    lines = lines_of(500)
    bucket = Bucket(lines, set(), whole=True, most=4000)
    sender = Sender(bucket.write, at_once=3, lines=100, size=4000)
    sender.send(lines)
    sender.close()
    assert len(bucket.held) == 500
    assert bucket.requests >= len(lines.text) / 4000


def test_a_request_that_is_too_large_is_halved() -> None:
    lines = lines_of(64)
    bucket = Bucket(lines, set(), whole=True, most=600)
    assert Sender(bucket.write, at_once=1).send(lines).refused == []
    assert len(bucket.held) == 64


def test_samples_beyond_retention_are_counted_and_not_sent_again() -> None:
    requests = []

    def write(body: bytes) -> None:
        requests.append(body)
        raise RefusedError(
            "partial write: dropped 3 points outside retention policy of duration 1h dropped=3",
            partial=True,
            dropped=3,
        )

    outcome = Sender(write, at_once=1, lines=10).send(lines_of(20))
    assert (outcome.late, outcome.refused, len(requests)) == (6, [], 2)


def test_a_bucket_that_refuses_everything_stops_the_writer() -> None:
    lines = lines_of(3 * MOST_REFUSED)
    bucket = Bucket(lines, set(range(len(lines))), whole=False)
    with pytest.raises(StoreError, match="too many samples"):
        Sender(bucket.write, at_once=1).send(lines)


@pytest.mark.parametrize("at_once", [1, 2])
def test_an_error_that_stays_comes_before_one_that_passes(at_once: int) -> None:
    calls = iter([StoreAwayError("away", 1.0), StoreError("no bucket")])
    lock = threading.Lock()

    def write(body: bytes) -> None:
        with lock:
            raise next(calls)

    sender = Sender(write, at_once=at_once, lines=10)
    with pytest.raises(StoreError) as raised:
        sender.send(lines_of(20))
    sender.close()
    assert isinstance(raised.value, StoreAwayError) == (at_once == 1)  # alone, it stops at the first
