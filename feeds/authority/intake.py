"""Decisions of one authority into the log: each once, whatever dies in between.

The place after a page is noted only when every decision of the page was answered by the engine; what came
again until then is known there by the authority's message id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Any, Final

import orjson

from feeds.authority.connectors import Connector
from feeds.authority.decisions import command_of
from feeds.authority.port import Authority, Decision, Page
from feeds.outbound.lane import Notes
from feeds.readmodel import ReadModel
from feeds.readreach import AtGates, OfAuthority
from streams.events import Event, Kind

Submit = Callable[[Sequence[dict[str, Any]]], Awaitable[Sequence[Event]]]
"""Commands into the log; their COMMAND events in the same order. May raise: then all is tried again."""
REFUSED: Final = "refused-"
"""What the notes' keys of decisions begin with that were not taken."""
_AFTER: Final = "after"
_DONE: Final = frozenset({"duplicate"})
_MOST: Final = 200


class Intake:
    """What ``authority`` decides, as the commands of ``connector``. Notes are those of ``partition``."""

    def __init__(
        self,
        connector: Connector,
        authority: Authority,
        read: ReadModel,
        notes: Notes,
        partition: int,
        submit: Submit,
        now_ms: Callable[[], int],
    ) -> None:
        self.connector, self._authority, self._read = connector, authority, read
        self._notes, self._partition, self._submit, self._now_ms = notes, partition, submit, now_ms
        self.after = ""
        self.taken = 0
        self.refused = 0
        self._kept: list[str] = []  # keys of the refused, the oldest first

    async def begin(self) -> None:
        """Take up the place that is noted."""
        kept = await asyncio.to_thread(self._notes.load, self._partition)
        self.after = kept.get(f"{self.connector.name}/{_AFTER}", b"").decode()
        prefix = f"{self.connector.name}/{REFUSED}"
        mine = {key: orjson.loads(value)["at_ms"] for key, value in kept.items() if key.startswith(prefix)}
        self._kept = sorted(mine, key=lambda key: (mine[key], key))

    async def step(self) -> bool:
        """Take one page of decisions; returns whether there was one. Raises AuthorityError, and what
        ``submit`` and the notes raise: then nothing is lost and the same comes again."""
        page = await self._authority.decisions(self.after)
        if not page.decisions and not page.bad and page.after in ("", self.after):
            return False
        values = await self.take(page)
        if page.after != self.after:
            self.after = page.after
            values[f"{self.connector.name}/{_AFTER}"] = page.after.encode()
        await asyncio.to_thread(self._notes.put, self._partition, values)
        await self._authority.taken(page)
        return bool(page.decisions)

    async def take(self, page: Page) -> dict[str, bytes | None]:
        """Bring the decisions of a page into the log; gives notes of those that were refused."""
        taken, refused = await bring(page.decisions, self.connector.authority, self._read, self._submit)
        self.taken += taken
        refused = {**page.bad, **refused}
        self.refused += len(refused)
        return self._notes_of(refused)

    def _notes_of(self, refused: dict[str, str]) -> dict[str, bytes | None]:
        values: dict[str, bytes | None] = {}
        for message, reason in refused.items():
            digest = sha256(message.encode()).hexdigest()[:24]
            key = f"{self.connector.name}/{REFUSED}{digest}"
            told = {"message": message, "reason": reason[:500], "at_ms": self._now_ms()}
            values[key] = orjson.dumps(told)
            if key not in self._kept:
                self._kept.append(key)
        while len(self._kept) > _MOST:
            values[self._kept.pop(0)] = None
        return values


async def bring(
    decisions: Sequence[Decision], name: str, read: ReadModel, submit: Submit
) -> tuple[int, dict[str, str]]:
    """Bring decisions of authority ``name`` into the log; gives how many count, and why others do not.

    One that came before counts again as taken. Raises what ``submit`` raises.
    """
    found = [(one, await asyncio.to_thread(_command, one, name, read)) for one in decisions]
    commands = {command["id"]: command for _, command in found if isinstance(command, dict)}
    events = {event.id: event for event in await submit(list(commands.values()))} if commands else {}
    taken, refused = 0, {}
    for decision, command in found:
        if isinstance(command, str):
            refused[decision.message] = command
            continue
        error = events[command["id"]].data.get("error")
        if error is None or error["code"] in _DONE:
            taken += 1
        else:
            refused[decision.message] = f"{error['code']}: {error['detail']}"
    return taken, refused


def _command(decision: Decision, name: str, read: ReadModel) -> dict[str, Any] | str:
    """The command of a decision, or why it can be none."""
    if decision.request is not None:
        asked = read.object(Kind.RELEASE, OfAuthority(name), decision.request)
        if asked is None:
            return f"request not known: got {decision.request}, want one that was asked of {name}"
        if asked.data.get("case") != decision.case:
            return f"request of another case: got {decision.case}, want {asked.data.get('case')}"
        return command_of(decision, name, asked.tenant, asked.asset)
    case = read.object(Kind.CASE, AtGates(), decision.case)
    if case is None:
        return f"case not known: got {decision.case}"
    return command_of(decision, name, case.tenant, case.asset)
