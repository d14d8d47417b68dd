"""The one session of raw NMEA, run by one gateway of a group at a time: ``Turn`` at work on a connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.mqtt import Broker, Connection, Handler, NotConnectedError
from gateway.topic import Channel, every, group_topic, shared
from gateway.turn import Turn

log = logging.getLogger("corridor.gateway")

_TICK_S: Final = 0.05
_STALL_S: Final = 5.0  # less than the silence after which another takes over


def reports(broker: Broker, client_id: str, group: str | None, me: str, handler: Handler) -> Connection:
    """The connection for all but raw NMEA: alone, or as ``me`` of a group, which shares the reports.

    One of a group has a client id of its own, and no session that the broker keeps for it when it is gone:
    its share of the reports would wait there (the devices send them again, to those that live).
    """
    if group is None:
        return Connection(broker, client_id, [every(Channel.REPORT), every(Channel.STATUS)], handler)
    talk = group_topic(group)
    filters = [shared(group, Channel.REPORT), every(Channel.STATUS), talk]
    return Connection(broker, f"{client_id}-{me}", filters, handler, (talk, Turn(me).will.encode()))


class Holding:
    """Keeps ``session`` connected while it is this gateway's turn; ``talk`` reaches the others of the group.

    ``begin`` is awaited before each connection: the log must be read again, as others have written there.
    ``end`` is called when it is lost: what was not acknowledged comes to whoever holds the session next.
    """

    def __init__(
        self,
        group: str,
        me: str,
        talk: Connection,
        session: Connection,
        begin: Callable[[], Awaitable[None]],
        end: Callable[[], None],
    ) -> None:
        self.turn = Turn(me)
        self.topic = group_topic(group)
        self._talk, self._session, self._begin, self._end = talk, session, begin, end
        self._joined: int | None = None
        self._looked = 0.0
        self._stale = False
        self._over = asyncio.Event()

    @property
    def state(self) -> str:
        """In words, for people."""
        if self.turn.wants:
            return self._session.state
        holder = f": {self.turn.holder} holds it" if self.turn.holder else ""
        return f"{self.turn.stand.value}{holder}"

    def hear(self, payload: bytes) -> None:
        """A message of the group's topic."""
        self._say(self.turn.hear(payload.decode("utf-8", "replace"), time.monotonic()))

    async def ours(self) -> bool:
        """Whether what the session delivers now is ours to take; if not, returns when that session is over.

        A gateway that was frozen still finds in its socket what the broker has given to its successor since.
        """
        if not self._stale and time.monotonic() - self._looked < _STALL_S:
            return True
        await self._over.wait()
        return False

    async def run(self) -> None:
        """Take turns until cancelled; then leave the session to others."""
        session: asyncio.Task[None] | None = None
        try:
            while True:
                self._look()
                if session is not None and session.done():
                    self._ended(session)
                    session = None
                if session is None and self.turn.wants:
                    self._stale, self._over = False, asyncio.Event()
                    session = asyncio.create_task(self._hold(), name="gateway nmea session")
                await asyncio.sleep(_TICK_S)
        finally:
            if session is not None:
                session.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await session
                self._over.set()
                self._end()
            self._say(self.turn.free())

    def _look(self) -> None:
        """Tell the turn what has become of both connections, and the time."""
        now, talk = time.monotonic(), self._talk
        if self._looked and now - self._looked >= _STALL_S and self.turn.wants:
            log.warning("nmea_session_given_up stalled_s=%.1f", now - self._looked)
            self._stale = True
            self._session.close()
        self._looked = now
        joined = talk.losses if talk.connected else None
        if joined != self._joined:
            self._joined = joined
            if joined is None:
                self.turn.leave()
            else:
                self._say(self.turn.join(now))
        if self._session.connected:
            self._say(self.turn.hold(now))
        self._say(self.turn.tick(now))

    async def _hold(self) -> None:
        await self._begin()
        await self._session.once()

    def _ended(self, session: asyncio.Task[None]) -> None:
        if session.exception() is not None:
            log.error("nmea_session_not_taken", exc_info=session.exception())
        self._over.set()
        self._end()
        self._say(self.turn.lose(time.monotonic()))

    def _say(self, message: str | None) -> None:
        if message is not None:
            with contextlib.suppress(NotConnectedError):  # who can't be heard asks again once connected
                self._talk.publish(self.topic, message.encode(), qos=1)
