"""What the API checks of a filing before it becomes a command, field by field."""

from __future__ import annotations

from typing import Any

from api.errors import Problem, shown
from api.papers import FilingNew
from api.scope import Scope
from api.times import format_instant
from geofences.zone import Gate
from streams.events import Kind, object_id


def lodged(tenant: str, new: FilingNew) -> dict[str, Any]:
    """The data of a filing.lodge command."""
    return new.commanded(asset=object_id(Kind.ASSET, tenant, new.vin))


def ways(gate: Gate) -> tuple[str, str]:
    """The two directions of a gate."""
    return f"{gate.a_country}>{gate.b_country}", f"{gate.b_country}>{gate.a_country}"


def refuse_place(scope: Scope, gate: str, direction: str) -> None:
    """Raises Problem 422 for a gate that is not there or a direction that it has not."""
    known = {one.id: one for one in scope.gates}
    if gate not in known:
        raise field_problem("gate", gate, f"one of {', '.join(sorted(known))}", "bad_gate")
    want = ways(known[gate])
    if direction not in want:
        raise field_problem("direction", direction, f"{' or '.join(want)} at {gate}", "bad_direction")


def refuse_window(begin: int | None, end: int | None) -> None:
    """Raises Problem 422 for a window that ends before it begins."""
    if begin is not None and end is not None and end <= begin:
        want = f"an instant after window_from {format_instant(begin)}"
        raise field_problem("window_until", format_instant(end), want, "bad_window")


def field_problem(field: str, got: str, want: str, code: str) -> Problem:
    """A problem with one field of the body."""
    error = {"field": f"body.{field}", "got": shown(got), "want": want}
    return Problem(422, f"body.{field}: got {shown(got)}, want {want}", code, errors=[error])
