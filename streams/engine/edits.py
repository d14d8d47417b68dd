"""Edits of zones: put in force, here and by notes in the other partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.late import renumber
from streams.engine.registry import Fact, Refused
from streams.events import Kind
from streams.homes import handed_zones
from streams.zones import COMMANDS, ZoneBook, ZoneBookError, ZoneFact
from streams.zoneversion import plain

if TYPE_CHECKING:
    from streams.engine.engine import Engine


def publish(engine: Engine, command: dict[str, Any]) -> list[Fact]:
    """Carry out a command about zones; the notes to other partitions are handed on. Raises Refused."""
    if command["command"] not in COMMANDS:
        raise Refused("unknown_command", f"no such command: got {command['command']}")
    book = engine.world.book.copy()
    first = book.count + 1
    try:
        facts = book.apply(command)
    except ZoneBookError as error:
        raise Refused(error.code, str(error)) from error
    if facts and engine.partitions > 1:
        engine.hand(handed_zones(first, plain([fact.put for fact in facts]), engine.partitions))
    hold(engine, book, facts)
    why = {"changed": [], "positions": [engine.position]}
    return [Fact(Kind.ZONE, f.id, f.revision, f.tenant, "", {**f.data, "why": why}) for f in facts]


def hold(engine: Engine, book: ZoneBook, facts: list[ZoneFact]) -> None:
    """Go by ``book``; assets with samples after what changed are gone through again, in steps."""
    if not facts:
        return
    first = min(fact.put.valid_from_ms or 0 for fact in facts)
    behind = np.flatnonzero(engine.states.newest() >= first)
    engine.world = engine.world.published(book)
    places = engine.states.places_of_awake(behind)  # those at rest are told their sets when they are woken
    moved = engine.states.hot[places]
    renumber(engine.world, moved)
    engine.states.hot[places] = moved
    for journey in engine.journeys():
        journey.moved_to(engine.world)
    engine.states.cell[:] = -1
    for row in behind.tolist():
        engine.again[row] = min(engine.again.get(row, first), first)
