"""The web page: files of one folder, without a key, under a policy that lets it talk to this host only.

MapLibre runs its worker from a file or a blob and draws images from blobs; nothing else is allowed in.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DIST: Final = Path(__file__).parent / "web" / "dist"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
        "worker-src 'self' blob:; child-src 'self' blob:; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Cache-Control": "no-cache",  # names carry no hash: ask each time, 304 by ETag
}
_MISSING: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Corridor</title>
<body style="font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 36rem">
<h1>The page is not built</h1><p>The API works; the page's files are missing from this installation.
In a source tree, <code>make install</code> builds them.</p></body></html>"""


class _Files(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response


class _Below(Mount):
    """A mount at / that leaves the API's paths alone, so that a wrong one there is answered by the API."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["path"].startswith("/v1"):
            return Match.NONE, {}
        return super().matches(scope)


def install(app: FastAPI, folder: Path = DIST) -> None:
    """Serve ``folder`` at / below every other route of ``app``; without it, a page that says so."""
    mimetypes.add_type("text/javascript", ".mjs")
    mimetypes.add_type("application/geo+json", ".geojson")
    if (folder / "index.html").is_file():
        app.router.routes.append(_Below("/", _Files(directory=folder, html=True), name="page"))
        return

    @app.get("/", include_in_schema=False)
    async def missing() -> Response:
        return HTMLResponse(_MISSING, 503, _HEADERS)
