"""The data folder: one holder at a time, and what commands of the same user find there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from corridor.folder import Folder, FolderError, Local

_HOLD = """
import sys
from pathlib import Path
from corridor.folder import Folder
folder = Folder(Path(sys.argv[1]))
folder.hold()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_kept_out_until_the_first_ends(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdin is not None
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(FolderError, match=f"data folder in use: .* is held by process {first.pid}"):
            Folder(tmp_path).hold()
    finally:
        first.stdin.close()
        first.wait(10)
        first.stdout.close()
    folder = Folder(tmp_path)
    folder.hold()
    folder.release()


def test_the_local_file_is_private_and_gone_with_the_system(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    local = Local("http://127.0.0.1:1", "key", "127.0.0.1", 2, os.getpid())
    folder.announce(local)
    assert stat.S_IMODE((tmp_path / "run" / "local.json").stat().st_mode) == 0o600
    assert folder.local() == local
    folder.retract()
    assert folder.local() is None


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    Folder(tmp_path / "new" / "data")
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700


def test_a_local_file_of_a_process_that_died_is_not_believed(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    folder = Folder(tmp_path)
    folder.announce(Local("http://127.0.0.1:1", "key", "127.0.0.1", 2, child.pid))
    assert folder.local() is None


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match=r"data folder not writable: .*Not a directory"):
        Folder(tmp_path / "file" / "data")
