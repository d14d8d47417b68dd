"""The single window over HTTP: messages in, decisions out, a page for officers. A thread a request.

``POST /AUTHORITY/messages`` with ``Idempotency-Key``, ``GET /AUTHORITY/messages/ID``, ``GET
/AUTHORITY/decisions?after=&limit=``, each with the authority's key as bearer token; ``GET /`` and ``POST
/AUTHORITY/decide`` for officers.
"""

from __future__ import annotations

import hmac
import json
import sys
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from authority_sim import page
from authority_sim.rules import Authority
from authority_sim.window import RefusedError, Window

_MOST_BYTES: Final = 1 << 20
_MOST_READ: Final = 8 << 20
_MOST_ROWS: Final = 500
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
"""Nobody's page may hold ours in a frame, and no text of a message becomes a script."""


class Server(ThreadingHTTPServer):
    """Serves ``window`` at ``host``:``port`` (0: any free one)."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, window: Window, host: str, port: int) -> None:
        self.window = window
        self.ending = threading.Event()
        super().__init__((host, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60

    def do_POST(self) -> None:
        """Messages, and officers' decisions."""
        self._answer(self._post)

    def do_GET(self) -> None:
        """Decisions, what became of a message, the officers' page."""
        self._answer(self._get)

    def _answer(self, work: Any) -> None:
        try:
            work()
        except RefusedError as error:
            self._json(error.status, {"status": error.status, "detail": str(error)})
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _post(self) -> None:
        path = _parts(self.path)
        body = self._body()
        if len(path) == 2 and path[1] == "decide":
            self._officer()
            self._decide(path[0], body)
            return
        authority = self._authorised(path)
        if path[1:] != ["messages"]:
            raise RefusedError(404, f"no such place: got POST {self.path[:100]}")
        if self._fault(authority):
            return
        id_ = self.headers.get("idempotency-key", "")
        try:
            value = json.loads(body)
        except ValueError:
            raise RefusedError(400, "body: got no JSON") from None
        receipt = self.server.window.receive(authority.name, id_, value)
        if not self._lost(authority):
            self._json(200 if receipt.again else 201, receipt.value())

    def _get(self) -> None:
        path = _parts(self.path)
        query = parse_qs(urlsplit(self.path).query)
        window = self.server.window
        if not path:
            self._officer()
            head = {"Content-Security-Policy": _POLICY}
            self._send(200, "text/html; charset=utf-8", page.render(window).encode(), head)
            return
        authority = self._authorised(path)
        if path[1:] == ["decisions"]:
            if self._fault(authority):
                return
            after = _number(query, "after", 0)
            found = window.decisions(authority.name, after, min(_number(query, "limit", 100), _MOST_ROWS))
            last = found[-1]["seq"] if found else after
            rows = [{name: value for name, value in one.items() if name != "seq"} for one in found]
            if authority.faults.twice:
                rows = [row for row in rows for _ in range(2)]
            if not self._lost(authority):
                self._json(200, {"decisions": rows, "after": str(last)})
        elif len(path) == 3 and path[1] == "messages":
            kept = window.database.message(authority.name, path[2])
            if kept is None:
                raise RefusedError(404, f"message not known: got {path[2][:60]}")
            self._json(200, {name: kept[name] for name in ("id", "state", "reason", "purpose", "came")})
        else:
            raise RefusedError(404, f"no such place: got GET {self.path[:100]}")

    def _authorised(self, path: list[str]) -> Authority:
        if not path:
            raise RefusedError(404, "no such place")
        authority = self.server.window.authority(path[0])
        given = self.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {authority.key}".encode()):
            raise RefusedError(401, "key not known")
        return authority

    def _officer(self) -> None:
        """Only who knows the officers' password, and only from the page itself."""
        origin = self.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("host"):
            raise RefusedError(403, "origin: got another site")
        password = self.server.window.rules.officer_password
        if password is None:
            return
        want = "Basic " + b64encode(f"officer:{password}".encode()).decode()
        if not hmac.compare_digest(self.headers.get("authorization", "").encode(), want.encode()):
            self._send(401, "text/plain", b"password of officer\n", {"WWW-Authenticate": "Basic"})
            raise ConnectionError

    def _decide(self, name: str, body: bytes) -> None:
        form = parse_qs(body.decode("utf-8", "replace"))
        one = {key: values[0] for key, values in form.items()}
        self.server.window.decide(
            *(unquote(name), one.get("request") or None, one.get("decision", ""), one.get("reason", "")),
            case=one.get("case") or None,
        )
        self._send(303, "text/plain", b"", {"Location": "/"})

    def _fault(self, authority: Authority) -> bool:
        """Whether a fault took the request before anything was done."""
        faults, window = authority.faults, self.server.window
        window.requests[authority.name] += 1
        count = window.requests[authority.name]
        if authority.latency_ms:
            self.server.ending.wait(authority.latency_ms / 1000)
        if faults.away:
            self._json(503, {"status": 503, "detail": "away"})
        elif count <= faults.errors_first or _each(count, faults.error_every):
            self._json(500, {"status": 500, "detail": "broken"})
        elif _each(count, faults.busy_every):
            wait = {"Retry-After": str(faults.retry_after_s)}
            self._json(429, {"status": 429, "detail": "too much"}, wait)
        else:
            return False
        return True

    def _lost(self, authority: Authority) -> bool:
        """Whether the answer to what was done is lost."""
        faults, count = authority.faults, self.server.window.requests[authority.name]
        if _each(count, faults.hang_every):
            self.server.ending.wait(faults.hang_s)
        if _each(count, faults.lost_every):
            self.close_connection = True
            return True
        return False

    def _body(self) -> bytes:
        try:
            length = int(self.headers.get("content-length", ""))
        except ValueError:
            self.close_connection = True
            raise RefusedError(411, "content-length: got none") from None
        if not 0 <= length <= _MOST_BYTES:
            self.close_connection = True
            left = min(length, _MOST_READ)  # who is still sending would not see the answer
            while left > 0 and (piece := self.rfile.read(min(left, 65_536))):
                left -= len(piece)
            raise RefusedError(413, f"body too large: got {length} bytes, want at most {_MOST_BYTES}")
        return self.rfile.read(length)

    def _json(self, status: int, value: Any, head: dict[str, str] | None = None) -> None:
        self._send(status, "application/json", json.dumps(value).encode(), head)

    def _send(self, status: int, kind: str, body: bytes, head: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (head or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is said of each request."""


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in urlsplit(path).path.split("/") if part]


def _number(query: dict[str, list[str]], name: str, absent: int) -> int:
    text = query.get(name, [""])[0]
    if not text:
        return absent
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise RefusedError(400, f"{name}: got {text[:40]!r}, want a number")
    return int(text)


def _each(count: int, every: int) -> bool:
    return every > 0 and count % every == 0


def now_ms() -> int:
    """The clock of the single window."""
    return time.time_ns() // 1_000_000
