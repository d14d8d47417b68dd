"""Problems: the one shape of every refusal, RFC 9457 ``application/problem+json``.

Whatever goes wrong anywhere becomes a Problem here, so a client needs one reader for all errors. What was
got and wanted is named; what broke inside is logged and not shown.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.ports import AwayError
from feeds.cursor import CursorError
from feeds.readmodel import EventsTrimmedError, ReadModelAwayError
from feeds.store.port import StoreAwayError

MEDIA_TYPE: Final = "application/problem+json"
_LOG = logging.getLogger("corridor.api")
_MAX_SHOWN: Final = 100
_HANDLED: Final[tuple[type[Exception], ...]] = (
    HTTPException,
    RequestValidationError,
    CursorError,
    EventsTrimmedError,
    ReadModelAwayError,
    StoreAwayError,
    AwayError,
    Exception,
)
_CODES: Final = {
    400: "bad_request",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_too_slow",
    409: "conflict",
    410: "gone",
    413: "too_large",
    415: "unsupported_media_type",
    422: "not_valid",
    500: "internal",
    503: "away",
}


class Problem(HTTPException):
    """A refusal. ``code`` is for programs and never changes; ``detail`` is for people.

    ``errors`` lists what is wrong field by field (keys field, got, want); ``more`` is merged into the body.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: str | None = None,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code or code_of(status)
        self.errors = errors
        self.more = more or {}

    def response(self, path: str) -> Response:
        """The response for a request of ``path``."""
        body: dict[str, Any] = {
            "type": f"urn:corridor:problem:{self.code}",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": self.detail,
            "instance": path,
            "code": self.code,
            **self.more,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return Response(orjson.dumps(body, default=str), self.status_code, self.headers, MEDIA_TYPE)


def code_of(status: int) -> str:
    """The general code of an HTTP status."""
    return _CODES.get(status, f"http_{status}")


def not_found(what: str, got: str) -> Problem:
    """The same answer for what does not exist and for what belongs to another tenant."""
    return Problem(404, f"no such {what}: got {shown(got)}")


def away(detail: str, retry_after: float) -> Problem:
    """Try again in ``retry_after`` seconds."""
    return Problem(503, detail, headers={"Retry-After": str(max(1, round(retry_after)))})


def shown(value: Any) -> str:
    """A value as an error message may show it: short, on one line."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n").replace("\r", "\\r")
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""
    for kind in _HANDLED:
        app.add_exception_handler(kind, _answer)


def problem_of(error: Exception) -> Problem:
    """The problem that ``error`` is to a client."""
    match error:
        case Problem():
            return error
        case HTTPException():
            return Problem(error.status_code, _plain(error), headers=error.headers)
        case RequestValidationError():
            return _not_valid(error)
        case CursorError():
            return Problem(400, str(error), "bad_cursor")
        case EventsTrimmedError():
            return Problem(410, str(error), "events_trimmed")
        case ReadModelAwayError() | StoreAwayError() | AwayError():
            return away(str(error) if isinstance(error, AwayError) else "storage is away", error.retry_after)
        case _:
            return Problem(500, "something broke here; it was logged")


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if problem.status_code == 503:
        _LOG.warning("request_put_off path=%s reason=%r", request.url.path, str(error))
    elif problem.status_code >= 500:
        _LOG.error("request_failed path=%s", request.url.path, exc_info=error)
    return problem.response(request.url.path)


def _plain(error: HTTPException) -> str:
    if error.status_code == 404:
        return "no such route"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"method not allowed: want {allowed}"
    return str(error.detail)


def _not_valid(error: RequestValidationError) -> Problem:
    errors = [_field(one) for one in error.errors()]
    first = errors[0]
    return Problem(422, f"{first['field']}: got {first['got']}, want {first['want']}", errors=errors)


def _field(one: Mapping[str, Any]) -> dict[str, str]:
    where = [str(part) for part in one["loc"]]
    if one["type"] == "json_invalid":
        return {"field": "body", "got": "bytes that are not JSON", "want": f"JSON ({one['ctx']['error']})"}
    if one["type"] == "missing":
        return {"field": ".".join(where), "got": "nothing", "want": "a value"}
    if one["type"] == "extra_forbidden":
        return {"field": ".".join(where), "got": shown(one["input"]), "want": "no such field"}
    want = one["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return {"field": ".".join(where), "got": shown(one["input"]), "want": want}
