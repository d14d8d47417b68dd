"""The description of the HTTP API names every route, and no code that no refusal has."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.api.test_tenants import routes

ROOT = Path(__file__).parents[3]
DOC = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")


def test_every_route_is_described(tmp_path: Path) -> None:
    for method, path in routes(tmp_path):
        if path == "/" or "{extension}" in path or path == "/v1/openapi.json":
            continue
        shown = re.sub(r"\{(visit|crossing|trip|stop|gate|zone|object)\}", "{id}", path).replace(
            "{asset}", "{id or VIN}"
        )
        assert shown in DOC, (method, path)
