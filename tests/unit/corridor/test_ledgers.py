"""The logs of one process of the distributed system: taken over, given up, held by another, stopped."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from corridor.__main__ import main
from corridor.folder import Folder
from corridor.roles.ledgers import GapLog, LedgerKeeper, house_of, index_of, ledger_folder, readers_of
from corridor.settings import Settings, SettingsError
from feeds.ledger.files import LogFiles
from feeds.ledger.index import INDEX_KEY, open_index
from feeds.ledger.note import parse_verifier
from streams.memory_log import MemoryLog
from streams.records import LogRecord
from tests.unit.feeds.ledger.test_writer import Told, event, logged


def keeper(root: Path, log: MemoryLog, told: Told) -> LedgerKeeper:
    settings = Settings(ledger_dir=root, ledger_keys_dir=root / "apart", partitions=1)
    return LedgerKeeper(settings, ledger_folder(settings), log, told)


def test_a_folder_has_to_be_named() -> None:
    with pytest.raises(SettingsError, match="ledger_dir: got nothing"):
        ledger_folder(Settings())


def test_it_is_in_the_shared_folder_unless_it_has_its_own(tmp_path: Path) -> None:
    assert ledger_folder(Settings(shared_dir=tmp_path)).root == tmp_path
    assert ledger_folder(Settings(shared_dir=tmp_path, ledger_dir=tmp_path / "own")).root == tmp_path / "own"


def test_an_installation_has_one_name_whoever_comes_first(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: house_of(folder), range(32)))
    assert len(names) == 1
    assert house_of(Folder(tmp_path)) in names
    assert [path.name for path in folder.ledgers.iterdir()] == ["installation"]


def test_what_is_owned_is_written_and_what_is_given_up_is_anothers(tmp_path: Path) -> None:
    log, told = MemoryLog(1), Told(event(1))
    logged(log, {"seq": 1}, {"seq": 2})
    one, two = keeper(tmp_path, log, told), keeper(tmp_path, log, told)
    assert one._step(0, True) == 0  # nobody gave it anything
    one.assigned(frozenset({0}))
    assert one._step(0, True) == 2
    one._index()
    two.assigned(frozenset({0}))
    assert two._step(0, True) == 0
    assert two.trouble == "partition 0: another process writes the log in p0"
    two._index()
    assert two.index_trouble is None
    one.revoked(frozenset({0}))
    assert (one.owned, one.figures, one.trouble) == ([], {}, None)
    logged(log, {"seq": 3})
    assert two._step(0, True) == 1
    assert two.trouble is None
    two._index()
    assert two.figures[0]["size"] == 4
    folder = Folder(tmp_path)
    key = parse_verifier((folder.ledgers / INDEX_KEY).read_text().strip())
    (line,) = open_index(index_of(folder).read_bytes(), key).logs
    (reader,) = readers_of(folder, range(1))
    assert (line.size, line.key.name) == (4, f"{house_of(folder)}/ledger/0")
    assert parse_verifier(reader.key()) == line.key
    assert sorted(path.name for path in (tmp_path / "apart").iterdir()) == [
        "ledger-index.key",
        "ledger-p0.key",
    ]
    two.revoked(frozenset({0}))
    reader.close()


def test_a_log_whose_key_is_gone_stops_and_says_so(tmp_path: Path) -> None:
    log = MemoryLog(1)
    logged(log, {"seq": 1})
    one = keeper(tmp_path, log, Told())
    one.assigned(frozenset({0}))
    assert one._step(0, True) == 1
    one.revoked(frozenset({0}))
    (tmp_path / "apart" / "ledger-p0.key").unlink()
    one.assigned(frozenset({0}))
    assert one._step(0, True) == 0
    assert "stopped: the key ledger-p0.key is gone" in str(one.trouble)
    assert one.stopped == {0}
    with LogFiles(tmp_path / "ledger" / "p0").locked():
        pass  # it let go of the lock
    one.revoked(frozenset({0}))
    assert one.stopped == set()


def test_what_retention_took_first_is_counted() -> None:
    class Trimmed(MemoryLog):
        def read(self, partition: int, after: int, max_bytes: int) -> list[LogRecord]:
            found: Sequence[LogRecord] = super().read(partition, max(after, 2), max_bytes)
            return list(found)

    log = Trimmed(1)
    for number in range(4):
        logged(log, {"seq": number})
    gaps = GapLog(log)
    assert [one.position for one in gaps.read(0, 0, 1 << 20)] == [3, 4]
    assert gaps.lost == {0: 2}
    assert gaps.read(0, 4, 1 << 20) == []
    assert [one.position for one in gaps.read(0, 3, 1 << 20)] == [4]
    assert gaps.lost == {0: 2}


def test_a_ledger_that_the_logs_retention_comes_near_says_so_before_anything_is_lost(tmp_path: Path) -> None:
    log = MemoryLog(1)
    logged(log, {"seq": 1})
    received_ms = log.read(0, 0, 1 << 20)[-1].received_ms
    one = keeper(tmp_path, log, Told())
    one.assigned(frozenset({0}))
    assert one._step(0, True) == 1
    later = received_ms + 16 * 86_400_000
    assert one.behind_s(later) == {}  # there is no more
    assert one.late(later, 30) is None
    logged(log, {"seq": 2})
    one.figures[0]["lag"] = 1  # as a step says that did not come to the end
    assert one.behind_s(later) == {0: 16 * 86_400.0}
    assert one.late(later, 33) is None
    assert "partition 0: 16.0 days behind, and the log keeps 30: " in str(one.late(later, 30))
    assert one._step(0, True) == 1
    assert one.late(later, 30) is None
    one.revoked(frozenset({0}))
    assert one.behind_s(later) == {}


def test_after_a_rotation_the_owner_goes_on_in_the_log_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORRIDOR_LEDGER_KEYS_DIR", str(tmp_path / "apart"))
    log = MemoryLog(1)
    logged(log, {"seq": 1})
    one = keeper(tmp_path, log, Told())
    one.assigned(frozenset({0}))
    assert one._step(0, True) == 1
    assert main(["ledger", "rotate", "--data-dir", str(tmp_path)]) == 2  # while it is written
    assert "another process writes" in capsys.readouterr().err
    one.revoked(frozenset({0}))
    assert main(["ledger", "rotate", "--data-dir", str(tmp_path)]) == 0
    one.assigned(frozenset({0}))
    logged(log, {"seq": 2})
    assert one._step(0, True) == 1
    one._index()
    assert one.trouble is None
    folder = Folder(tmp_path)
    key = parse_verifier((folder.ledgers / INDEX_KEY).read_text().strip())
    old, new = open_index(index_of(folder).read_bytes(), key).logs
    assert (old.size, old.next, new.size, new.next) == (2, 1, 1, None)
    assert new.key.name == f"{old.key.name}/r1"
    one.revoked(frozenset({0}))
    assert main(["ledger", "show", "--data-dir", str(tmp_path)]) == 0
    assert f"index      {key}" in capsys.readouterr().out
