"""JSON answers of values that are plain already: serialised once, validated by the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` as application/json."""
    return Response(orjson.dumps(value), status, dict(headers or {}), "application/json")
