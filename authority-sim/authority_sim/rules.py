"""How the single window behaves: its authorities, their rules, faults, and decisions by script; out of TOML.

All has a default, so ``[[authority]]`` with a name and a key is enough.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

DECISIONS: Final = ("release", "inspect", "detain", "wait", "withdraw")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,47}")


class RulesError(ValueError):
    """The rules can't be used; the message names what, got and want."""


@dataclass(slots=True)
class Faults:
    """What goes wrong; 0 is never. ``every``: of so many requests the last one; may change while it runs.

    ``away``: 503 to all. ``errors_first``: so many 500s at first. ``error_every``: 500. ``busy_every``: 429
    and Retry-After. ``lost_every``: done, but not answered. ``hang_every``: done, answered after ``hang_s``.
    ``twice``: each decision is told twice. ``forged``: pushed with a wrong signature. ``half``: files of
    decisions are written in two pieces, under their last name.
    """

    away: bool = False
    errors_first: int = 0
    error_every: int = 0
    busy_every: int = 0
    retry_after_s: int = 1
    lost_every: int = 0
    hang_every: int = 0
    hang_s: float = 5.0
    twice: bool = False
    forged: bool = False
    half: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A decision that is known beforehand: for a ``vin``, a ``reference`` or a ``case``."""

    decision: str
    vin: str | None = None
    reference: str | None = None
    case: str | None = None
    reason: str = ""
    after_s: float = 0.0
    then: str | None = None
    then_after_s: float = 0.0

    def fits(self, message: Mapping[str, Any]) -> bool:
        """Whether it is about the case of this message."""
        told = message.get("Corridor") or {}
        named = {"vin": told.get("VIN"), "reference": told.get("Reference"), "case": told.get("Case")}
        wanted = {name: getattr(self, name) for name in named if getattr(self, name) is not None}
        return bool(wanted) and all(named[name] == value for name, value in wanted.items())


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority. ``auto``: the decision of what no script knows; None: an officer decides.

    ``inspect_every``: of so many requests the last one is inspected. ``decide_after_s``: until a decision by
    rule is made. ``latency_ms``: before any answer. ``push``: where decisions are posted, signed with
    ``secret`` (whsec_...). ``folder``: the folder of file exchange. ``must_lodge``: other messages only about
    what was lodged here. ``on_correction``: the decision that a correction of what was released brings.
    """

    name: str
    key: str
    title: str = ""
    auto: str | None = "release"
    inspect_every: int = 0
    decide_after_s: float = 0.0
    latency_ms: int = 0
    must_lodge: bool = False
    on_correction: str | None = None
    push: str | None = None
    secret: str | None = None
    folder: str | None = None
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True, slots=True)
class Rules:
    """All authorities by name, and the script. ``officer_password``: of the officers' page, None: open."""

    authorities: Mapping[str, Authority]
    script: tuple[Script, ...] = ()
    officer_password: str | None = None


def parse(text: str) -> Rules:
    """The rules in TOML. Raises RulesError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"rules are not TOML: {error}") from None
    unknown = sorted(set(document) - {"authority", "script", "officer_password"})
    if unknown:
        raise RulesError(f"rules: got {', '.join(unknown)}, want authority, script, officer_password")
    authorities: dict[str, Authority] = {}
    for table in document.get("authority", []):
        one = _authority(table)
        if one.name in authorities:
            raise RulesError(f"rules: got authority {one.name} twice, want each name once")
        authorities[one.name] = one
    if not authorities:
        raise RulesError("rules: got no authority, want tables [[authority]]")
    script = tuple(_script(table) for table in document.get("script", []))
    return Rules(authorities, script, document.get("officer_password"))


def load(path: Path) -> Rules:
    """The rules of a file. Raises RulesError."""
    try:
        return parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"rules not readable: {path}: {error}") from None


def _authority(table: Any) -> Authority:
    given = _members(table, Authority, "authority")
    name, key = given.get("name"), given.get("key")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RulesError(f"authority name: got {name!r}, want a-z, 0-9 and -, at most 48")
    if not isinstance(key, str) or not key:
        raise RulesError(f"authority {name}: key: got {key!r}, want text")
    auto = given.get("auto", "release")
    given["auto"] = None if auto == "officer" else auto
    for member in ("auto", "on_correction"):
        if given.get(member) not in (None, *DECISIONS):
            want = ", ".join(DECISIONS) + (" or officer" if member == "auto" else "")
            raise RulesError(f"authority {name}: {member}: got {given[member]!r}, want {want}")
    if (given.get("push") is None) != (given.get("secret") is None):
        raise RulesError(f"authority {name}: push and secret: got one of them, want both or neither")
    given["faults"] = Faults(**_members(given.get("faults", {}), Faults, f"authority {name}: faults"))
    return Authority(**given)


def _script(table: Any) -> Script:
    given = _members(table, Script, "script")
    for member in ("decision", "then"):
        if given.get(member, "release" if member == "then" else None) not in DECISIONS:
            raise RulesError(f"script: {member}: got {given.get(member)!r}, want {', '.join(DECISIONS)}")
    if not any(given.get(name) for name in ("vin", "reference", "case")):
        raise RulesError("script: got no vin, reference or case, want one of them")
    return Script(**given)


def _members(table: Any, of: type, where: str) -> dict[str, Any]:
    known = {one.name for one in fields(of)}
    if not isinstance(table, dict):
        raise RulesError(f"{where}: got {type(table).__name__}, want a table")
    unknown = sorted(set(table) - known)
    if unknown:
        raise RulesError(f"{where}: got {', '.join(unknown)}, want of {', '.join(sorted(known))}")
    return dict(table)
