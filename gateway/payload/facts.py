"""The facts of a report: what changes rarely (identity, fault code, seal, door, driver, overflow).

A fact is kept as it was sent, so it must be a JSON object once bytes are written as base64url; that is
checked here, so that nobody later meets a value that can't be stored.
"""

from __future__ import annotations

import base64
import math
import re
from typing import Any, Final

from gateway.errors import RefusedError

MAX_FACTS: Final = 1_000
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
_DEPTH: Final = 6
T_MIN_MS: Final = 631_152_000_000  # 1990-01-01
T_MAX_MS: Final = 4_102_444_800_000  # 2100-01-01


def read_facts(value: Any) -> list[dict[str, Any]]:
    """Check a list of ``{"t": ms, "kind": name, ...}``; raises ``RefusedError``."""
    if type(value) is not list:
        raise RefusedError("bad_field", f"bad facts: got {type(value).__name__}, want a list of maps")
    if len(value) > MAX_FACTS:
        raise RefusedError("bad_field", f"too many facts: got {len(value)}, want at most {MAX_FACTS}")
    return [_fact(fact) for fact in value]


def _fact(fact: Any) -> dict[str, Any]:
    if type(fact) is not dict:
        raise RefusedError("bad_field", f"bad fact: got {type(fact).__name__}, want a map")
    kind, t = fact.get("kind"), fact.get("t")
    if type(kind) is not str or not _KIND.fullmatch(kind):
        raise RefusedError("bad_field", "bad kind of a fact: want [a-z][a-z0-9_]{0,47}")
    if type(t) is not int:
        raise RefusedError("bad_field", f"bad t of a fact: got {type(t).__name__}, want ms since 1970")
    if not T_MIN_MS <= t <= T_MAX_MS:
        raise RefusedError(
            "impossible_value", f"impossible t of a fact: got {t}, want {T_MIN_MS} to {T_MAX_MS}"
        )
    result: dict[str, Any] = _plain(fact, _DEPTH)
    return result


def _plain(value: Any, depth: int) -> Any:
    """The value as plain JSON; raises ``RefusedError`` for what JSON can't hold."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int and -(2**63) <= value < 2**63:
        return value
    if kind is float and math.isfinite(value):
        return value
    if kind is bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
    if kind is list and depth:
        return [_plain(item, depth - 1) for item in value]
    if kind is dict and depth and all(type(key) is str for key in value):
        return {key: _plain(item, depth - 1) for key, item in value.items()}
    raise RefusedError(
        "bad_field",
        f"bad value in a fact: got {kind.__name__}, want finite numbers, text, bytes, lists and maps",
    )
