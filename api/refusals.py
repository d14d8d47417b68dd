"""What the engine refuses, as a problem: its status, and the field of the request that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.errors import Problem, shown

_STATUS: Final = {
    "unknown": 404,
    "duplicate": 409,
    "taken": 409,
    "filed_elsewhere": 409,
    "ended": 409,
    "fitted": 409,
    "not_fitted": 409,
    "too_many_keys": 409,
    "wrong_authority": 403,
}
"""All others are 422."""
_FIELDS: Final = {
    "duplicate": ("reference", "number", "batch", "message"),
    "filed_elsewhere": ("vin",),
    "bad_vin": ("vin",),
    "bad_chassis": ("chassis",),
    "bad_gate": ("gate",),
    "bad_direction": ("direction",),
    "bad_window": ("window_until_ms", "valid_until_ms", "to_ms"),
    "too_old": ("window_until_ms", "from_ms", "at_ms"),
    "no_regime": ("regime",),
    "not_eligible": ("exporter",),
    "wrong_authority": ("authority",),
    "bad_source": ("source",),
    "bad_key": ("proof",),
}


def field_of(code: str, data: Mapping[str, Any]) -> str | None:
    """The field that a refusal is about, as requests name it; None when it is about none."""
    name = _held(code, data)
    return None if name is None else name.removesuffix("_ms")


def got_of(code: str, data: Mapping[str, Any]) -> Any:
    """What that field held."""
    name = _held(code, data)
    return None if name is None else data.get(name)


def refusal(code: str, detail: str, data: Mapping[str, Any]) -> Problem:
    """The problem of a command with ``data`` that was refused."""
    changes = data.get("changes")
    named = data | changes if isinstance(changes, dict) and isinstance(data, dict) else data
    field = field_of(code, named)
    errors = []
    if field is not None:
        errors = [{"field": f"body.{field}", "got": shown(got_of(code, named)), "want": detail}]
    return Problem(_STATUS.get(code, 422), detail, code, errors=errors)


def _held(code: str, data: Mapping[str, Any]) -> str | None:
    names = _FIELDS.get(code, ())
    return next((name for name in names if name in data), names[0] if names else None)
