"""A feed over the logs of several partitions, and ``corridor redact``, with a real Kafka and InfluxDB."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from corridor.__main__ import main
from corridor.folder import Folder
from corridor.redact import LATE_MS
from corridor.roles.followers import EventSource, LetterSource
from corridor.roles.ledgers import readers_of
from corridor.roles.readcopy import read_copy
from corridor.roles.redact import CleanEvents, CleanLetters
from corridor.settings import Settings
from feeds import redactions
from feeds.deadletters import DeadLetter, DeadLetters
from feeds.grants import Grant
from feeds.grants.grant import checked
from feeds.ledger.note import parse_verifier
from feeds.lettertopic import LettersOut
from feeds.readmodel import ReadModel
from feeds.records.export import Source, export
from feeds.redactions import MOVEMENT, Redaction
from feeds.store.influx.store import InfluxStore
from feeds.store.writer import StoreWriter
from feeds.verify.finding import Result, VerifyError
from feeds.verify.verifier import verify
from streams.events import Change, Event, Kind
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import create
from tests.distributed.servers import Influx, Kafka
from tests.distributed.test_influx_store import bucket_of, client_of
from tests.distributed.test_ledger import PARTITIONS, Ledgers, caught_up, fed
from tests.distributed.worker_system import system
from tests.unit.feeds.store.contract import ALL

pytestmark = pytest.mark.timeout(300)
ASSET, OTHER = "a1", "a2"
NOT_OF_WORKERS = {
    "completeness",
    "derivation",
}  # nobody fitted these devices, and they live in a world of their own
WORDS = {
    "consumer": "insurer",
    "purpose": "cover",
    "assets": "tenant",
    "fields": "precise",
    "kinds": ["report", "crossing"],
    "driver": False,
    "from_ms": 0,
    "to_ms": None,
    "expires_ms": 4_070_908_800_000,
}


@pytest.fixture
def ledgers(kafka: Kafka, tmp_path: Path) -> Iterator[Ledgers]:
    """Two logs, everything in them and signed, by one process that has ended."""
    with system(kafka.address, tmp_path, PARTITIONS, f"redact-{os.getpid()}") as workers:
        made = Ledgers(workers, tmp_path)
        workers.worker("worker")
        try:
            fed(made, lambda: made.until(lambda: bool(made.another("one"))))
            assert caught_up(made)
            made.stop()
            yield made
        finally:
            made.stop()


def verified(ledgers: Ledgers, read: ReadModel, into: Path) -> tuple[dict[str, int], Result]:
    """An export of the feed and what the verifier says of it, by the keys of all logs."""
    data = checked("main", WORDS)
    grant = Grant.of(data["feed"], "main", data | {"granted_ms": 1})
    readers = readers_of(ledgers.folder, range(PARTITIONS))
    made = export(Source(read, readers, None), grant, into, int(time.time() * 1000))
    keys = [parse_verifier(reader.key()) for reader in readers]
    assert [log["log"] for log in made["logs"]] == list(range(PARTITIONS))
    assert all(log["size"] for log in made["logs"])
    result = verify(into, keys, processes=1)
    with pytest.raises(VerifyError, match=r"log 1: .* want a key for it"):
        verify(into, keys[:1], processes=1)
    for reader in readers:
        reader.close()
    return made["counts"], result


def registered(path: Path) -> None:
    """The vehicles, which nobody registers in a system of workers alone, made known to a copy."""
    with ReadModel(path) as read:
        at, number = read.position(0), read.last_number(0)
        names = [f"a{k}" for k in range(8)]
        made = [
            Event(0, number + k, at, Kind.ASSET, name, 1, Change.CREATED, "main", name, 1, 1, {"vin": name})
            for k, name in enumerate(names, 1)
        ]
        read.apply(0, at, made)


class Copy:
    """A role's copy of the events, and what fills it."""

    def __init__(self, ledgers: Ledgers, name: str) -> None:
        settings = ledgers.workers.settings.model_copy(
            update={"data_dir": ledgers.root / name, "ledger_dir": ledgers.folder.root}
        )
        self._read = read_copy(settings, PARTITIONS)
        self.source = EventSource(ledgers.workers.kafka, self._read, clean=CleanEvents(settings))
        while not self.source.caught_up:
            self.source.step()

    def events(self) -> list[Event]:
        """All that it holds."""
        some = [self._read.partition_after(p, 0, None, limit=1 << 20) for p in range(PARTITIONS)]
        return [event for row in some for event in row]

    def close(self) -> None:
        """Fill it no more."""
        self.source.close()
        self._read.close()


def copy(ledgers: Ledgers, name: str) -> list[Event]:
    """What a role's copy made anew holds when it is said to be caught up."""
    with closing(Copy(ledgers, name)) as made:
        return made.events()


def test_a_feed_over_all_logs_and_what_is_redacted_of_it(
    ledgers: Ledgers, influx: Influx, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy(ledgers, "before")
    registered(ledgers.root / "before" / "read.db")
    with ReadModel(ledgers.root / "before" / "read.db", read_only=True) as read:
        counts, result = verified(ledgers, read, ledgers.root / "export")
    assert {one.check for one in result.findings} <= NOT_OF_WORKERS, list(result.lines())
    assert (counts["redacted"], counts["reports"] > 50, counts["events"] > 5) == (0, True, True)

    bucket = bucket_of(influx)
    settings = ledgers.workers.settings
    given = {"URL": influx.url, "ORG": influx.org, "BUCKET": bucket, "TOKEN": influx.token}
    for name, text in given.items():
        monkeypatch.setenv(f"CORRIDOR_INFLUX_{name}", text)
    monkeypatch.setenv("CORRIDOR_KAFKA_SERVERS", str(settings.kafka_servers))
    monkeypatch.setenv("CORRIDOR_KAFKA_PREFIX", settings.kafka_prefix)
    monkeypatch.setenv("CORRIDOR_PARTITIONS", str(PARTITIONS))
    monkeypatch.setenv("CORRIDOR_LEDGER_DIR", str(ledgers.folder.root))
    folder = str(ledgers.root / "redacting")
    running = Copy(ledgers, "running")
    asked = ["redact", "--asset", ASSET, "--reason", "asked", "--json", "--data-dir", folder]

    assert main(asked) == 2  # the store has nothing yet: what is in the log would come back
    assert "not caught up" in capsys.readouterr().err
    assert not redactions.load(ledgers.folder.redactions)
    with InfluxStore(client_of(influx, bucket)) as store:
        writer = StoreWriter(ledgers.workers.log, store, range(PARTITIONS))
        while writer.step():
            pass
        held = {asset: len(store.track(asset, *ALL, 1 << 20)) for asset in (ASSET, OTHER)}
        assert main(asked) == 0
        told = json.loads(capsys.readouterr().out)
        assert held[ASSET] > 100
        assert told["samples"] >= held[ASSET]
        assert len(store.track(ASSET, *ALL, 1 << 20)) == 0
        assert len(store.track(OTHER, *ALL, 1 << 20)) == held[OTHER]
    assert told["log_ms"] > told["to_ms"]
    assert Folder(ledgers.folder.root).redactions.stat().st_mode & 0o777 == 0o600

    gone = [event for event in before if event.asset == ASSET and event.kind in MOVEMENT]
    left = [event for event in before if event not in gone]
    assert gone
    deadline = time.monotonic() + 20
    while running.events() != left:
        assert time.monotonic() < deadline, "a copy that is at work keeps what was redacted"
        running.source.step()
    running.close()
    assert copy(ledgers, "after") == left
    registered(ledgers.root / "after" / "read.db")
    with ReadModel(ledgers.root / "after" / "read.db", read_only=True) as read:
        counts, result = verified(ledgers, read, ledgers.root / "export-after")
    assert {one.check for one in result.findings} <= NOT_OF_WORKERS, list(result.lines())
    assert counts["redacted"] > 0
    assert told["contents"] >= counts["redacted"]

    registered(ledgers.root / "redacting" / "read.db")
    assert main(asked) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["samples"], again["objects"], again["contents"]) == (0, 0, 0)


def test_dead_letters_go_from_a_copy_at_work_and_come_to_no_other(kafka: Kafka, tmp_path: Path) -> None:
    settings = KafkaSettings(kafka.address, prefix=f"redact-letters-{os.getpid()}.", partitions=PARTITIONS)
    create(settings)
    out = LettersOut(settings)
    out.add([letter("d1", 5), letter("d2", 5), letter("d1", 20 + LATE_MS)])

    def role(name: str) -> tuple[DeadLetters, LetterSource]:
        given = Settings(data_dir=tmp_path / name, ledger_dir=tmp_path / "ledger")
        given.data_dir.mkdir()
        letters = DeadLetters(given.data_dir / "deadletters.db")
        return letters, LetterSource(settings, letters, CleanLetters(given, letters))

    def until(letters: DeadLetters, source: LetterSource, want: list[tuple[str, int]]) -> None:
        deadline = time.monotonic() + 20
        while (got := sorted((one.device, one.received_ms) for one in letters.list())) != want:
            assert time.monotonic() < deadline, got
            source.step()

    late = ("d1", 20 + LATE_MS)
    letters, source = role("at-work")
    until(letters, source, [("d1", 5), late, ("d2", 5)])
    (tmp_path / "ledger").mkdir()
    wish = Redaction(1, "asked", ("a1",), ("d1",), 0, 20, 2)
    redactions.add(tmp_path / "ledger" / "redactions.jsonl", wish)
    until(letters, source, [late, ("d2", 5)])
    out.add([letter("d1", 7), letter("d2", 7)])
    want = [late, ("d2", 5), ("d2", 7)]
    until(letters, source, want)
    another, its = role("made-anew")
    until(another, its, want)
    for one in (source, its, letters, another, out):
        one.close()


def letter(device: str, received_ms: int) -> DeadLetter:
    """A report that was refused."""
    return DeadLetter(received_ms, "main", device, f"v1/{device}/report", "malformed", "no CBOR", b"x")
