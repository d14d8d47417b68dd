"""The OpenAPI document: what FastAPI finds, with every refusal declared as a problem."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from api.errors import MEDIA_TYPE
from api.schemas import Problem

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Problem, "description": "A cursor or header that can't be used."},
    401: {"model": Problem, "description": "No key, or one that is not known."},
    403: {"model": Problem, "description": "The key's role may not do this."},
    404: {"model": Problem, "description": "No such thing for this tenant."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {"model": Problem, "description": "Something in the request is not valid."},
    503: {"model": Problem, "description": "Not now; see Retry-After."},
}
"""What any route of /v1 may answer besides its own."""


def install(app: FastAPI) -> None:
    """Let ``app.openapi()`` give the document, made once."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        made = plain()
        for path in made["paths"].values():
            for operation in path.values():
                for status, response in operation["responses"].items():
                    if status.isdigit() and int(status) >= 400:
                        _as_problem(response)
        return made

    app.openapi = document  # type: ignore[method-assign]


def _as_problem(response: dict[str, Any]) -> None:
    content = response.setdefault("content", {})
    schema = next(iter(content.values()), {"schema": {"$ref": "#/components/schemas/Problem"}})
    response["content"] = {MEDIA_TYPE: schema}
