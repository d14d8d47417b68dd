import subprocess
import sys
import time
from pathlib import Path

import pytest

from feeds.deadletters import DeadLetter, DeadLetters, DeadLettersError


def letter(number: int, tenant: str = "demo", reason: str = "bad_field", size: int = 10) -> DeadLetter:
    return DeadLetter(
        number, tenant, f"d{number}", f"corridor/v1/d{number}/report", reason, "why", b"x" * size
    )


def test_letters_are_kept_whole_and_paged_in_order(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db")
    full = DeadLetter(5, "demo", "d", "t", "bad_field", "got 1, want 2", b"\x00\xff", "boot", 7)
    letters.add([letter(n) for n in range(4)])
    letters.add([full])
    first = letters.list(limit=3)
    assert [found.received_ms for found in first] == [0, 1, 2]
    rest = letters.list(after=first[-1].id, limit=3)
    assert [found.received_ms for found in rest] == [3, 5]
    kept = rest[-1]
    assert (kept.payload, kept.boot, kept.seq, kept.detail) == (b"\x00\xff", "boot", 7, "got 1, want 2")
    assert letters.list(after=kept.id) == []
    letters.close()


def test_a_tenant_sees_only_its_own(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db")
    letters.add([letter(1, "a", "too_large"), letter(2, "b"), letter(3, "a")])
    assert [found.received_ms for found in letters.list(tenant="a")] == [1, 3]
    assert [found.received_ms for found in letters.list(tenant="a", reason="too_large")] == [1]
    assert [found.received_ms for found in letters.list(device="d2")] == [2]
    assert letters.count("a") == {"bad_field": 1, "too_large": 1}
    assert letters.count() == {"bad_field": 2, "too_large": 1}
    letters.close()


def test_the_oldest_go_first_when_there_are_too_many(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db", max_count=3)
    for start in range(0, 10, 5):
        letters.add([letter(n) for n in range(start, start + 5)])
    assert [found.received_ms for found in letters.list()] == [7, 8, 9]
    letters.close()


def test_the_oldest_go_first_when_they_are_too_large(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db", max_bytes=10_000)
    for number in range(10):
        letters.add([letter(number, size=3_000)])
    assert [found.received_ms for found in letters.list()] == [7, 8, 9]
    letters.close()


def test_ids_are_never_used_again_and_another_process_can_read(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.db", max_count=1)
    letters.add([letter(1)])
    (first,) = letters.list()
    letters.close()
    again = DeadLetters(tmp_path / "dead.db", max_count=1)
    again.add([letter(2)])
    reader = DeadLetters(tmp_path / "dead.db", read_only=True)
    (second,) = reader.list()
    assert second.id > first.id
    with pytest.raises(DeadLettersError, match="not written"):
        reader.add([letter(3)])
    reader.close()
    again.close()


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "dead.db").write_bytes(b"this is not a database, however long it may be" * 50)
    with pytest.raises(DeadLettersError, match=r"dead letters not opened: .*dead\.db"):
        DeadLetters(tmp_path / "dead.db")


def test_several_processes_may_open_new_dead_letters_at_once(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; import sys\n"
        "from feeds.deadletters import DeadLetters\n"
        "sys.stdin.readline()\n"
        "for i in range(25): DeadLetters(Path(sys.argv[1]) / f'{i}.db').close()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    pipe = subprocess.PIPE
    others = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(2)]
    time.sleep(0.3)
    for other in others:
        assert other.stdin is not None
        other.stdin.write(b"go\n")
        other.stdin.flush()
    ends = [(other.communicate(timeout=60)[1], other.returncode) for other in others]
    assert ends == [(b"", 0), (b"", 0)]
