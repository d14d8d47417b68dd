"""The officers' page: what was told, what waits, and a form to decide. Made on the server, no script."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from authority_sim.rules import DECISIONS, Authority

if TYPE_CHECKING:
    from authority_sim.window import Window

_ROWS: Final = 50
_DECIDED: Final = ("at", "message", "request", "decision", "reason")
_STYLE: Final = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #ccc;vertical-align:top}h2{margin-top:2.5rem}code{font-size:.85em}"
    "form{display:flex;gap:.4rem;flex-wrap:wrap}"
)


def render(window: Window) -> str:
    """The page as HTML."""
    parts = "".join(_authority(window, one) for one in window.rules.authorities.values())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Single window</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{_STYLE}</style></head><body><h1>Single window (reference)</h1>"
        f"<p>A simulator: nothing here is decided by an authority.</p>{parts}</body></html>"
    )


def _authority(window: Window, authority: Authority) -> str:
    waiting = window.waiting(authority.name)
    messages = window.database.messages(authority.name)[-_ROWS:][::-1]
    decided = window.decisions(authority.name, 0, 100_000)[-_ROWS:][::-1]
    title = escape(authority.title or authority.name)
    return (
        f"<h2>{title} <code>{escape(authority.name)}</code></h2>"
        f"<h3>Wait for a decision: {len(waiting)}</h3>"
        + _table(
            ("asked", "reference", "VIN", "request", "decide"),
            [
                [
                    _cell(_instant(one["asked_ms"])),
                    _cell(one["reference"]),
                    _cell(one["vin"]),
                    _cell(one["id"]) + (" (corrected)" if one["corrected"] else ""),
                    _form(authority.name, one["id"]),
                ]
                for one in waiting
            ],
        )
        + "<h3>Decided</h3>"
        + _table(
            _DECIDED,
            [
                [_cell(one[name]) for name in ("at", "message", "request", "decision", "reason")]
                for one in decided
            ],
        )
        + "<h3>Told</h3>"
        + _table(
            ("received", "purpose", "code", "reference", "VIN", "message", "came"),
            [
                [
                    _cell(_instant(one["received_ms"])),
                    _cell(one["purpose"]),
                    _cell(_code(one["body"])),
                    *(_cell(one[name]) for name in ("reference", "vin", "id", "came")),
                ]
                for one in messages
            ],
        )
    )


def _form(name: str, request: str) -> str:
    options = "".join(f"<option>{one}</option>" for one in DECISIONS)
    return (
        f'<form method="post" action="/{escape(name, quote=True)}/decide">'
        f'<input type="hidden" name="request" value="{escape(request, quote=True)}">'
        f'<select name="decision" aria-label="decision">{options}</select>'
        '<input name="reason" placeholder="reason" aria-label="reason"><button>decide</button></form>'
    )


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    if not rows:
        return "<p>none</p>"
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return escape("" if value is None else str(value))


def _code(body: dict[str, Any]) -> str:
    declaration = body.get("Declaration")
    typed = declaration.get("TypeCode") if isinstance(declaration, dict) else None
    status = body.get("Status")
    coded = status.get("Code") if isinstance(status, dict) else None
    return str(body.get("MessageType") or typed or (f"status {coded}" if coded else ""))


def _instant(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="seconds")
