"""A copy of the events and objects in topics, for a role that keeps nothing of its own."""

from __future__ import annotations

import logging

from corridor.settings import Settings
from feeds.readmodel import ReadModel, ReadModelError

_log = logging.getLogger("corridor.copy")


def read_copy(settings: Settings, partitions: int) -> ReadModel:
    """The read model in ``data_dir``: as it is or, where it can't be used, made anew."""
    path = settings.data_dir / "read.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return ReadModel(path, partitions)
    except ReadModelError as error:
        _log.warning("read_model_made_anew reason=%s", error)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return ReadModel(path, partitions)
