"""An authority over HTTPS with JSON: messages posted under an idempotency key, decisions polled or pushed.

``POST {url}/messages`` (Idempotency-Key: the effect's id), ``GET {url}/messages/{id}``, ``GET
{url}/decisions?after=&limit=``; bearer token. Not redirected, in limited time, answers of limited size.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
import orjson

from feeds.authority.connectors import Connector
from feeds.authority.decisions import DecisionError, decision_of
from feeds.authority.port import AuthorityError, Message, Page
from feeds.outbound.schedule import Answer
from feeds.webhooks.post import retry_after
from feeds.webhooks.signing import verified

_LIMIT: Final = 100
_MOST_BYTES: Final = 4 << 20
_TOLD: Final = 300


class HttpAuthority:
    """``Authority`` (see ``port``) over kept connections. Close it at the end."""

    def __init__(self, connector: Connector) -> None:
        if connector.url is None:
            raise ValueError(f"authority {connector.authority} has no url")
        self._url, self._name = connector.url, connector.authority
        self._timeout_s = connector.timeout_s
        verify: ssl.SSLContext | bool = self._url.startswith("https:")  # http is for this machine only
        if connector.ca_file is not None:
            verify = ssl.create_default_context(cafile=str(connector.ca_file))
        self._client = httpx.AsyncClient(
            timeout=None,
            follow_redirects=False,
            trust_env=False,
            verify=verify,
            headers={"authorization": f"Bearer {connector.key}", "accept": "application/json"},
        )

    async def tell(self, message: Message) -> Answer:
        """See Authority.tell."""
        head = {"idempotency-key": message.id, "content-type": "application/json"}
        try:
            status, given, body = await self._ask("POST", "/messages", head, orjson.dumps(message.body))
        except AuthorityError as error:
            return Answer(None, str(error))
        told = f"status {status}" if 200 <= status < 300 else f"status {status}: {_detail(body)}"
        return Answer(status, told[:_TOLD], retry_after(given))

    async def query(self, id_: str) -> Mapping[str, Any] | None:
        """See Authority.query."""
        status, _, body = await self._ask("GET", f"/messages/{quote(id_, safe='')}")
        if status == 404:
            return None
        return _json_object(status, body)

    async def decisions(self, after: str) -> Page:
        """See Authority.decisions."""
        status, _, body = await self._ask("GET", f"/decisions?limit={_LIMIT}&after={quote(after, safe='')}")
        told = _json_object(status, body)
        rows, next_ = told.get("decisions"), told.get("after")
        if not isinstance(rows, list) or not isinstance(next_, str):
            raise AuthorityError(f"decisions: got {_detail(body)}, want decisions and after")
        found, bad = [], {}
        for at, row in enumerate(rows):
            try:
                found.append(decision_of(row, self._name))
            except DecisionError as error:
                named = row.get("message") if isinstance(row, dict) else None
                bad[str(named or f"{after}+{at}")[:200]] = str(error)
        return Page(found, next_, bad)

    async def taken(self, page: Page) -> None:
        """See Authority.taken: the place is kept here, so there is nothing to tell."""

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _ask(
        self, method: str, path: str, head: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, Any, bytes]:
        """Status, headers and body. Raises AuthorityError when there is no answer."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),  # of all: the client's own would be of each piece
                self._client.stream(
                    method, self._url + path, headers=dict(head or {}), content=body
                ) as answer,
            ):
                got = b""
                async for piece in answer.aiter_bytes():
                    got += piece
                    if len(got) > _MOST_BYTES:
                        raise AuthorityError(f"answer too large: want at most {_MOST_BYTES} bytes")
                return answer.status_code, answer.headers, got
        except AuthorityError:
            raise
        except TimeoutError:
            raise AuthorityError(f"no answer in {self._timeout_s:g} s") from None
        except Exception as error:  # no connection, no name, a broken answer: it may pass
            raise AuthorityError(f"{type(error).__name__}: {error}"[:200]) from None


def pushed(secret: bytes, head: Mapping[str, str], body: bytes, authority: str, now_s: int) -> Page | None:
    """What an authority pushed: None when the signature (Standard Webhooks) is not its own.

    ``body``: one decision or a list of them, as JSON.
    """
    lower = {name.lower(): value for name, value in head.items()}
    if not verified(secret, lower, body, now_s):
        return None
    try:
        value = orjson.loads(body)
    except ValueError:
        return Page([], "", {"body": "got no JSON"})
    found, bad = [], {}
    for at, row in enumerate(value if isinstance(value, list) else [value]):
        try:
            found.append(decision_of(row, authority))
        except DecisionError as error:
            bad[str(at)] = str(error)
    return Page(found, "", bad)


def _json_object(status: int, body: bytes) -> dict[str, Any]:
    if status != 200:
        raise AuthorityError(f"status {status}: {_detail(body)}"[:_TOLD])
    try:
        value = orjson.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise AuthorityError(f"answer: got {_detail(body)}, want a JSON object")
    return value


def _detail(body: bytes) -> str:
    """What an answer says of itself, for people: ``detail`` of a problem, else how it begins."""
    try:
        value = orjson.loads(body)
        return str(value.get("detail") or value.get("title") or value)[:_TOLD]
    except (ValueError, AttributeError):
        return body[:100].decode("utf-8", "replace").strip()
