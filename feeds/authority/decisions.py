"""Decisions of an authority: read from what it sent, checked, and made a command that is decided once.

A decision comes polled, in a folder, or pushed; the form is the same. The command's id is computed from the
authority and its message id, so the same answer twice is one command twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from feeds.authority.port import Decision

WORDS: Final = ("release", "inspect", "detain", "wait", "withdraw")
ROLE: Final = "authority"
_TEXT: Final = 200
_REASON: Final = 2_000
_KNOWN: Final = frozenset({"message", "case", "request", "decision", "reason", "at", "authority"})


class DecisionError(ValueError):
    """What was sent is no decision; the message names member, got and want."""


def decision_of(value: Any, authority: str) -> Decision:
    """The decision in JSON values: ``{message, case, request, decision, reason, at}``. Raises DecisionError.

    ``request`` and ``reason`` may be absent; ``at`` is RFC 3339 with an offset. ``authority``, if it is
    there, must be this one.
    """
    if not isinstance(value, Mapping):
        raise DecisionError(f"decision: got {type(value).__name__}, want an object")
    unknown = sorted(str(name) for name in set(value) - _KNOWN)
    if unknown:
        raise DecisionError(
            f"decision: got {', '.join(unknown)[:_TEXT]}, want of {', '.join(sorted(_KNOWN))}"
        )
    named = value.get("authority", authority)
    if named != authority:
        raise DecisionError(f"authority: got {str(named)[:_TEXT]}, want {authority}")
    word = value.get("decision")
    if word not in WORDS:
        raise DecisionError(f"decision: got {str(word)[:_TEXT]!r}, want of {', '.join(WORDS)}")
    request = value.get("request")
    return Decision(
        message=_text(value, "message"),
        case=_text(value, "case"),
        request=None if request is None else _text(value, "request"),
        decision=word,
        reason=_reason(value.get("reason")),
        at_ms=_instant(value.get("at")),
    )


def command_of(decision: Decision, authority: str, tenant: str, asset: str) -> dict[str, Any]:
    """The command that brings the decision into the log."""
    digest = sha256(f"{authority}\x1f{decision.message}".encode()).hexdigest()[:24]
    return {
        "id": f"decision_{digest}",
        "command": "authority.decide",
        "tenant": tenant,
        "by": authority,
        "role": ROLE,
        "data": {
            "asset": asset,
            "case": decision.case,
            "authority": authority,
            "message": decision.message,
            "request": decision.request,
            "decision": decision.decision,
            "reason": decision.reason,
            "at_ms": decision.at_ms,
        },
    }


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text.strip() or len(text) > _TEXT or not text.isprintable():
        raise DecisionError(f"{name}: got {str(text)[:60]!r}, want text of 1 to {_TEXT} characters")
    return text


def _reason(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _REASON:
        raise DecisionError(f"reason: got {str(value)[:60]!r}, want text of at most {_REASON} characters")
    return value


def _instant(value: Any) -> int:
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError
        at_ms = round(at.timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        raise DecisionError(f"at: got {str(value)[:60]!r}, want RFC 3339 with an offset") from None
    if not 0 <= at_ms < 2**47:
        raise DecisionError(f"at: got {value}, want an instant since 1970")
    return at_ms
