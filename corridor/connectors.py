"""Authorities at work: lanes of messages to each, and the intake of what each decides."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import geofences
from corridor.lanes import Lanes, now_ms
from corridor.settings import Settings, SettingsError
from feeds.authority.connectors import Connector, ConnectorsError, load
from feeds.authority.effects import Effect
from feeds.authority.folder import FolderAuthority
from feeds.authority.http import HttpAuthority
from feeds.authority.intake import Intake, Submit
from feeds.authority.messages import IncompleteError, render
from feeds.authority.port import Authority
from feeds.authority.reading import EffectItems, FactReader
from feeds.authority.routes import RouteBook
from feeds.outbound.asks import AskNotes
from feeds.outbound.filenotes import FileNotes
from feeds.outbound.lane import Rule
from feeds.outbound.schedule import Answer, judge_authority, throttles_authority
from feeds.readmodel import ReadModel
from streams.homes import home

_TROUBLE_S: Final = 1.0
_log = logging.getLogger("corridor.authority")
RULE: Final = Rule[Effect](
    row=lambda effect: effect.case,
    what=lambda effect: f"{effect.purpose.value}:{effect.what}",
    judge=judge_authority,
    throttles=throttles_authority,
)


class Authorities:
    """Lanes and intakes of this process, for use on one event loop.

    An authority's intake belongs to who has the partition that its name is at home in.
    """

    def __init__(
        self,
        connectors: Sequence[Connector],
        read: ReadModel,
        notes: AskNotes,
        submit: Submit,
        partitions: int,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._clock = clock
        self.connectors, self._read, self._notes, self._submit = list(connectors), read, notes, submit
        self._partitions = partitions
        self._adapters: dict[str, Authority] = {one.authority: adapter_of(one) for one in self.connectors}
        self._facts = FactReader(read, ports())
        items = EffectItems(read, RouteBook(read).routes)
        self.lanes: Lanes[Connector, Effect] = Lanes(self.connectors, items, notes, self._send, RULE, clock)
        self.intakes: dict[str, Intake] = {}
        self.trouble: dict[str, str] = {}
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}

    async def take(self, partition: int) -> None:
        """Send what the events of this partition mean, and take the decisions that are at home in it."""
        await self.leave(partition)
        await self.lanes.take(partition)
        self._tasks[partition] = [
            asyncio.create_task(self._poll(one, partition), name=f"decisions/{one.authority}")
            for one in self.connectors
            if one.poll_s > 0 and home(one.authority, self._partitions) == partition
        ]

    async def leave(self, partition: int) -> None:
        """No more of this partition; what is under way is ended and noted first."""
        tasks = self._tasks.pop(partition, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.lanes.leave(partition)

    async def close(self) -> None:
        """Leave all and let go of the connections."""
        for partition in list(self._tasks):
            await self.leave(partition)
        await self.lanes.close()
        for adapter in self._adapters.values():
            await adapter.close()

    async def _send(self, connector: Connector, effect: Effect) -> Answer:
        """One attempt. A message that can't be made is parked with the reason, as one that is refused."""
        partition = home(effect.asset, self._partitions)
        try:
            facts = await asyncio.to_thread(self._facts.facts, partition, effect)
            message = render(effect, facts, connector)
        except IncompleteError as error:
            return Answer(422, str(error))
        except Exception as error:
            _log.exception("message_not_made authority=%s effect=%s", connector.authority, effect.id)
            return Answer(500, f"message not made: {type(error).__name__}: {error}"[:300])
        return await self._adapters[connector.authority].tell(message)

    async def _poll(self, connector: Connector, partition: int) -> None:
        """Take decisions for ever; what fails is said and tried again."""
        name = connector.authority
        adapter = self._adapters[name]
        while True:
            intake = Intake(connector, adapter, self._read, self._notes, partition, self._submit, self._clock)
            try:
                await intake.begin()
                self.intakes[name] = intake
                while True:
                    more = await intake.step()
                    self.trouble.pop(name, None)
                    await asyncio.sleep(0 if more else connector.poll_s)
            except Exception as error:
                if name not in self.trouble:
                    _log.warning("decisions_not_taken authority=%s reason=%s", name, error)
                self.trouble[name] = f"{type(error).__name__}: {error}"
                await asyncio.sleep(_TROUBLE_S)

    def status(self) -> Mapping[str, Any]:
        """What lanes and intakes say of themselves, summed up."""
        lanes = self.lanes.status()
        names = ("waiting", "parked", "delivered")
        return {
            "authorities": len(self.connectors),
            "authorities_away": sum(bool(one["held"]) for one in lanes) + len(self.trouble),
            **{f"messages_{key}": sum(one[key] for one in lanes) for key in names},
            "decisions_taken": sum(one.taken for one in self.intakes.values()),
            "decisions_refused": sum(one.refused for one in self.intakes.values()),
        }


@contextlib.asynccontextmanager
async def connecting(
    settings: Settings, path: Path, read: ReadModel, submit: Submit
) -> AsyncIterator[Authorities]:
    """Serve every partition of ``read`` while the block lasts; how far it got is in the file ``path``.

    Raises SettingsError when the file of authorities can't be used.
    """
    notes = FileNotes(path)
    authorities = Authorities(connectors_of(settings), read, notes, submit, read.partitions)
    try:
        for partition in range(read.partitions):
            await authorities.take(partition)
        yield authorities
    finally:
        await authorities.close()
        notes.close()


def connectors_of(settings: Settings) -> list[Connector]:
    """The connectors that the settings name; none without a file. Raises SettingsError."""
    if settings.authorities_file is None:
        return []
    try:
        return load(settings.authorities_file)
    except ConnectorsError as error:
        raise SettingsError(str(error)) from None


def adapter_of(connector: Connector) -> Authority:
    """The adapter that a connector asks for."""
    return HttpAuthority(connector) if connector.url is not None else FolderAuthority(connector, time.time)


def ports() -> dict[str, dict[str, str]]:
    """UN/LOCODE of each gate that ships, by country; the first of a side."""
    _, gates = geofences.world()
    found: dict[str, dict[str, str]] = {}
    for gate in gates:
        for office in reversed(gate.offices):
            if office.scheme == "UN/LOCODE" and office.code:
                found.setdefault(gate.id, {})[office.country] = office.code
    return found
