"""Around every request, as plain ASGI: limits on the body's size and pace, headers, counts, the audit log.

A body is refused as soon as it is known to be too large, by its declared or its received length, and when
its next piece takes too long.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Problem
from api.metrics import Metrics
from feeds.keys import Principal, Role

MAX_BODY: Final = 1 << 20
MAX_IMPORT_BODY: Final = 5 << 20
MAX_LISTS_BODY: Final = 32 << 20
IMPORT_PATHS: Final = frozenset(
    ("/v1/assets/import", "/v1/zones", "/v1/zones/check", "/v1/zones/dry-run", "/v1/filings/bulk")
)
_LIMITS: Final = {**dict.fromkeys(IMPORT_PATHS, MAX_IMPORT_BODY), "/v1/reconcile": MAX_LISTS_BODY}
_READS_ARE_KEPT: Final = frozenset((Role.CUSTOMS, Role.AUTHORITY))
BODY_TIMEOUT_S: Final = 20.0
_AUDIT = logging.getLogger("corridor.api.audit")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class BodyLimit:
    """Refuses bodies above the limit (413) and bodies that stop coming (408)."""

    def __init__(self, app: ASGIApp, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self._app = app
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _LIMITS.get(scope["path"], MAX_BODY)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            problem = _too_large(int(declared), limit)
            await problem.response(scope["path"])(scope, receive, send)
            return
        received, ended = 0, False

        async def limited() -> Message:
            nonlocal received, ended
            if ended:
                return await receive()
            try:
                async with asyncio.timeout(self._timeout_s):
                    message = await receive()
            except TimeoutError:
                detail = (
                    f"body stopped coming: got {received} bytes, want the next within {self._timeout_s:g} s"
                )
                raise Problem(408, detail) from None
            received += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if received > limit:
                raise _too_large(received, limit)
            return message

        await self._app(scope, limited, send)


class Surroundings:
    """Adds the headers that every answer has, counts it, and writes the audit log.

    That is who changed what, and what those read who see more than their own."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
                    headers.setdefault("Content-Security-Policy", "default-src 'none'")
                self._count(scope, status, time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, with_headers)
        self._audit(scope, status)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self._metrics.requests.labels(_method(scope), route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)

    def _audit(self, scope: Scope, status: int) -> None:
        who: Principal | None = scope.get("state", {}).get("principal")
        if who is None:
            return
        reads = scope["method"] in ("GET", "HEAD")
        if reads and who.role not in _READS_ARE_KEPT:
            return
        _AUDIT.info(
            "%s name=%s tenant=%s role=%s method=%s path=%s query=%s status=%s",
            "read" if reads else "changed",
            who.name,
            who.tenant,
            who.role,
            scope["method"],
            quote(scope["path"], safe="/"),
            scope.get("query_string", b"").decode("ascii", "replace") or "-",
            status,
        )


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT") else "other"


def _too_large(got: int, limit: int) -> Problem:
    return Problem(413, f"body too large: got {got} bytes, want at most {limit}")
