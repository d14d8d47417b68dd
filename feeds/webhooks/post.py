"""One attempt at a delivery over HTTP: signed, not redirected, in limited time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from feeds.outbound.schedule import Answer
from feeds.webhooks.endpoints import Endpoint
from feeds.webhooks.signing import headers
from streams.events import Event

TIMEOUT_S: Final = 20.0
_TYPE: Final = "application/cloudevents+json"
_SIGNED_S: Final = 5.0  # heads are signed once a second
_LOOK_S: Final = 0.25
Body = Callable[[Endpoint, Event], bytes | None]
"""The body that tells an event; None: its feed's signed heads don't hold it yet. Of feeds it may block."""


class Poster:
    """A ``Send`` (see ``lane``) over kept connections. Close it at the end."""

    def __init__(self, body: Body, *, timeout_s: float = TIMEOUT_S) -> None:
        self._body, self._timeout_s = body, timeout_s
        self._client = httpx.AsyncClient(timeout=None, follow_redirects=False, trust_env=False)

    async def send(self, endpoint: Endpoint, event: Event) -> Answer:
        """Post the event; whatever goes wrong is an answer."""
        try:
            body = await self._made(endpoint, event)
            if body is None:
                return Answer(500, "no signed head holds it yet")
            signed = headers(endpoint.secret, id_of(event), int(time.time()), body)
            async with (
                asyncio.timeout(self._timeout_s),  # of all: the client's own would be of each piece
                self._client.stream(
                    "POST", endpoint.url, content=body, headers=signed | {"content-type": _TYPE}
                ) as answer,
            ):
                return Answer(answer.status_code, f"status {answer.status_code}", retry_after(answer.headers))
        except TimeoutError:
            return Answer(None, f"no answer in {self._timeout_s:g} s")
        except httpx.HTTPError as error:
            return Answer(None, f"{type(error).__name__}: {error}"[:200])
        except Exception as error:  # a name that can't be resolved, a broken answer: it may pass
            return Answer(None, f"{type(error).__name__}: {error}"[:200])

    async def _made(self, endpoint: Endpoint, event: Event) -> bytes | None:
        if endpoint.feed is None:
            return self._body(endpoint, event)
        until = time.monotonic() + _SIGNED_S
        while (body := await asyncio.to_thread(self._body, endpoint, event)) is None:
            if time.monotonic() >= until:
                break
            await asyncio.sleep(_LOOK_S)
        return body

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def id_of(event: Event) -> str:
    """The id of a delivery: the same for every attempt and every instance."""
    return f"{event.id}-r{event.revision}"


def retry_after(given: Any) -> float | None:
    """The seconds that the headers of an answer ask to wait, None when they ask for none."""
    text = given.get("retry-after")
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
