"""Who owns which partition, in a real Kafka: shared, handed over, taken from the dead."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest

from streams.kafka.members import Members
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import create
from streams.log import LogError
from tests.distributed import servers

_ALL = frozenset(range(4))
_OTHER = """
import sys, threading
from streams.kafka.members import Members
from streams.kafka.settings import KafkaSettings
settings = KafkaSettings(sys.argv[1], prefix=sys.argv[2], partitions=4)
say = lambda what: lambda partitions: print(what, *sorted(partitions), flush=True)
Members(settings, "store", say("came"), say("went"), session_s=1.5)
sys.stdin.readline()
"""


@pytest.fixture
def settings(kafka: servers.Kafka) -> KafkaSettings:
    settings = KafkaSettings(kafka.address, prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=4, wait_s=20)
    create(settings)
    return settings


class Owner:
    """A member and what it was told."""

    def __init__(self, settings: KafkaSettings, role: str = "store") -> None:
        self.told: queue.Queue[tuple[str, frozenset[int]]] = queue.Queue()
        self.owned: frozenset[int] = frozenset()
        self.members = Members(settings, role, self._came, self._went, session_s=1.5)

    def _came(self, partitions: frozenset[int]) -> None:
        assert not self.owned & partitions
        self.owned |= partitions
        self.told.put(("came", partitions))

    def _went(self, partitions: frozenset[int]) -> None:
        assert partitions <= self.owned
        self.owned -= partitions
        self.told.put(("went", partitions))

    def until(self, right: Callable[[frozenset[int]], bool]) -> frozenset[int]:
        while not right(self.owned):
            self.told.get(timeout=30)
        return self.owned


def test_one_member_owns_all_two_share_and_who_leaves_hands_over(settings: KafkaSettings) -> None:
    first = Owner(settings)
    assert first.until(lambda owned: owned == _ALL) == _ALL
    second = Owner(settings)
    mine = second.until(lambda owned: len(owned) == 2)
    assert first.until(lambda owned: len(owned) == 2) == _ALL - mine
    assert first.members.owned == _ALL - mine
    other = Owner(settings, "deliver")  # another group knows nothing of this one
    assert other.until(lambda owned: owned == _ALL) == _ALL
    first.members.close()
    assert first.owned == frozenset()
    assert second.until(lambda owned: owned == _ALL) == _ALL
    second.members.close()
    other.members.close()
    assert not second.members.alive
    assert second.members.error is None


def _other(settings: KafkaSettings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _OTHER, settings.servers, settings.prefix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _owns(other: subprocess.Popen[str], count: int) -> frozenset[int]:
    """Read what the other says until it owns ``count`` partitions."""
    assert other.stdout is not None
    owned: frozenset[int] = frozenset()
    while True:
        what, *partitions = other.stdout.readline().split()
        found = frozenset(map(int, partitions))
        owned = owned | found if what == "came" else owned - found
        if len(owned) == count:
            return owned


def test_what_a_killed_process_owned_goes_to_the_others(settings: KafkaSettings) -> None:
    other = _other(settings)
    try:
        assert _owns(other, 4) == _ALL
        first = Owner(settings)
        first.until(lambda owned: len(owned) == 2)
        other.kill()
        assert first.until(lambda owned: owned == _ALL) == _ALL
        first.members.close()
    finally:
        other.kill()
        other.communicate()


def test_a_frozen_process_loses_its_partitions_and_learns_it_when_it_wakes(settings: KafkaSettings) -> None:
    other = _other(settings)
    try:
        assert _owns(other, 4) == _ALL
        first = Owner(settings)
        first.until(lambda owned: len(owned) == 2)
        os.kill(other.pid, signal.SIGSTOP)
        assert first.until(lambda owned: owned == _ALL) == _ALL
        os.kill(other.pid, signal.SIGCONT)
        assert len(first.until(lambda owned: len(owned) == 2)) == 2
        assert _owns(other, 0) == frozenset()
        first.members.close()
    finally:
        other.kill()
        other.communicate()


def test_an_error_of_a_callback_ends_the_membership_and_others_take_over(settings: KafkaSettings) -> None:
    def refuse(_: frozenset[int]) -> None:
        raise ValueError("can't own this")

    bad = Members(settings, "store", refuse, lambda _: None, session_s=1.5)
    bad._thread.join(30)
    assert isinstance(bad.error, ValueError)
    assert not bad.alive
    good = Owner(settings)
    assert good.until(lambda owned: owned == _ALL) == _ALL
    good.members.close()


def test_a_missing_log_is_told(kafka: servers.Kafka) -> None:
    members = Members(KafkaSettings(kafka.address, prefix="nowhere."), "store", print, print)
    members._thread.join(20)
    assert isinstance(members.error, LogError)
