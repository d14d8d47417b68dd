"""One process at a time makes, or mends, a database file that several share.

SQLite lets processes share a file that is there; while it is being made, switched to WAL or replaced by
what could be saved of it, they must not meet. The lock goes with the process, however that ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_WAIT_S: Final = 30.0


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep every other process that asks the same for ``path`` waiting. Raises sqlite3.Error."""
    lock = sqlite3.connect(path.with_name(path.name + ".lock"), timeout=_WAIT_S, isolation_level=None)
    try:
        lock.execute("begin exclusive")
        yield
    finally:
        lock.close()
