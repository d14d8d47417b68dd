"""A receiver of webhooks: a real HTTP server that checks signatures and keeps what it accepts."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from feeds.webhooks.signing import verified

SECRET = b"a-secret-of-the-test-with-32-byt"


@contextlib.contextmanager
def receiver(folder: Path, kinds: str = "crossing") -> Iterator[list[dict[str, Any]]]:
    """Listens while the block lasts, and writes ``webhooks.toml`` for it into ``folder``; gives what came."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            head = {name.lower(): value for name, value in self.headers.items()}
            good = verified(SECRET, head, body, int(time.time()))
            if good:
                got.append(json.loads(body))
            self.send_response(204 if good else 401)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.secret").write_text(f"whsec_{b64encode(SECRET).decode()}")
    (folder / "webhooks.toml").write_text(
        f'[[webhook]]\nname = "test"\nurl = "http://127.0.0.1:{server.server_port}/in"\n'
        f'secret_file = "test.secret"\nkinds = ["{kinds}"]\n'
    )
    try:
        yield got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
