"""The engine: a pure fold of log records into events. No clock, no socket, no file."""

from streams.engine.engine import Engine, Step
from streams.engine.settings import Rules
from streams.engine.snapshot import SnapshotError, restore, snapshot
from streams.engine.world import World

__all__ = ["Engine", "Rules", "SnapshotError", "Step", "World", "restore", "snapshot"]
