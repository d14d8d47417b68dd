"""The description of the HTTP API names every route, and no code that no refusal has."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.api.test_tenants import routes

ROOT = Path(__file__).parents[3]
DOC = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
_BY_ID = (
    r"\{(visit|crossing|trip|stop|gate|zone|object|case|permit|conflict|coupling|release|cover|handover)\}"
)
_BY_MORE = {
    "asset": "id or VIN",
    "filing": "id or reference",
    "batch": "id or number",
    "regime": "id or version",
    "vin": "VIN",
}


def test_every_route_is_described(tmp_path: Path) -> None:
    for method, path in routes(tmp_path):
        if path == "/" or "{extension}" in path or path == "/v1/openapi.json":
            continue
        shown = re.sub(_BY_ID, "{id}", path)
        for name, text in _BY_MORE.items():
            shown = shown.replace(f"{{{name}}}", f"{{{text}}}")
        assert shown in DOC, (method, path)
