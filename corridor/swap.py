"""Rebuilt folders take the place of the served ones, as a whole: what a crash interrupts is finished later.

A note in the side folder says what is to be swapped and under which names the old ones are kept. It is
written when all is there, and deleted when all is done.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from corridor.folder import Folder

_NOTE: Final = "swap.json"
_WITH: Final = ("", "-wal", "-shm")  # what SQLite keeps beside a file in use


def swap(folder: Folder, names: Sequence[str]) -> list[str]:
    """Put these of the side folder, which nobody has open, in place; returns the names of the old ones.

    Raises OSError.
    """
    kept = {name: _free(folder.root, name) for name in names}
    part = folder.rebuild / f"{_NOTE}.part"
    with part.open("w") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, folder.rebuild / _NOTE)
    finish(folder)
    return sorted(old for name, old in kept.items() if (folder.root / old).exists())


def finish(folder: Folder) -> bool:
    """Finish a swap that was begun, and delete what else a rebuild that was killed has left.

    Returns whether there was a swap. Raises OSError.
    """
    note = folder.rebuild / _NOTE
    try:
        kept: dict[str, str] = json.loads(note.read_text())
    except FileNotFoundError:
        if folder.rebuild.exists():
            shutil.rmtree(folder.rebuild)
        return False
    for name, old in kept.items():
        if (folder.rebuild / name).exists():
            for suffix in _WITH:
                _move(folder.root / f"{name}{suffix}", folder.root / f"{old}{suffix}")
            os.replace(folder.rebuild / name, folder.root / name)
    note.unlink()
    shutil.rmtree(folder.rebuild)
    return True


def _move(path: Path, into: Path) -> None:
    if path.exists():
        os.replace(path, into)


def _free(root: Path, name: str) -> str:
    old, number = f"{name}.before-rebuild", 1
    while (root / old).exists():
        number += 1
        old = f"{name}.before-rebuild-{number}"
    return old
