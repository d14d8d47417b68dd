"""A regime: the rules by which cases at certain gates are cleared, as data.

A regime is a TOML text. ``parse`` checks it whole and tells every fault with its line; what it gives is
frozen, and its version is the hash of the text, so a case can keep the version it began with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from streams.clearance.rules import Datum, Deadline, Document, Message, PermitRule, ReleaseRule
from streams.clearance.schema import check, lines_of
from streams.clearance.words import BENCHMARK_MS, MINUTE_MS

__all__ = [
    "Datum",
    "Deadline",
    "Document",
    "Message",
    "PermitRule",
    "Regime",
    "RegimeBook",
    "RegimeError",
    "ReleaseRule",
    "parse",
    "version_of",
]

_MAX_BYTES: Final = 262_144


class RegimeError(ValueError):
    """A regime's text is not legal; ``faults`` are (line, text), the first ones in the message."""

    def __init__(self, name: str, faults: list[tuple[int, str]]) -> None:
        self.name, self.faults = name, tuple(faults)
        super().__init__("\n".join(f"{name}:{line}: {text}" for line, text in faults[:20]))


@dataclass(frozen=True, slots=True)
class Regime:
    """One version of one regime. ``exporters`` None: any. ``gates``: (gate, direction), may be empty.

    A regime without gates is used by filings that name it, until a site publishes it with its gates.
    """

    id: str
    name: str
    version: str
    valid_from_ms: int
    source: str
    confidence: str
    tolerance_ms: int
    benchmark_ms: int
    exporters: frozenset[str] | None
    gates: tuple[tuple[str, str], ...]
    documents: tuple[Document, ...]
    data: tuple[Datum, ...]
    deadlines: tuple[Deadline, ...]
    permit: PermitRule | None
    release: ReleaseRule
    messages: tuple[Message, ...]
    text: str = field(repr=False)

    @property
    def authority(self) -> str:
        """The name of the authority that is asked for releases."""
        return self.release.authority

    @property
    def authorities(self) -> tuple[str, ...]:
        """Who may answer; empty when only an officer releases."""
        return (self.release.authority,) if "authority" in self.release.by else ()

    def conditions(self, data: Mapping[str, Any]) -> list[str]:
        """The conditions that held for the automatic release of a CASE's data, as sentences."""
        return list(data.get("release_conditions") or ())

    def release_due_ms(self, now_ms: int) -> int:
        """By when a request of ``now_ms`` wants its answer."""
        return now_ms + self.release.timeout_ms

    def message(self, event: str) -> Message | None:
        """How the authority's system names this event; None when the regime has no code for it."""
        return next((one for one in self.messages if one.event == event), None)

    def eligible(self, exporter: str | None) -> bool:
        """Whether the exporter may file under this regime."""
        return self.exporters is None or exporter in self.exporters


def version_of(text: str) -> str:
    """The version of a regime: 24 hex digits of SHA-256 of its text."""
    return sha256(text.encode()).hexdigest()[:24]


def parse(text: str, name: str = "regime") -> Regime:
    """The regime of a TOML text; ``name`` is that of the file or the like, for faults.

    Raises RegimeError with every fault and its line.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > _MAX_BYTES:
        raise RegimeError(name, [(1, f"regime too large: got {size} bytes, want at most {_MAX_BYTES}")])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RegimeError(name, [(_line(str(error), text), f"not TOML: {error}")]) from None
    except RecursionError:
        raise RegimeError(name, [(1, "not a regime: values lie too deep in each other")]) from None
    faults = check(document, text) or _doubles(document, text)
    if faults:
        raise RegimeError(name, faults)
    return _regime(document, text)


def _line(error: str, text: str) -> int:
    _, found, rest = error.partition("at line ")
    return int(rest.split(",")[0]) if found else max(1, text.count("\n"))


def _doubles(document: Mapping[str, Any], text: str) -> list[tuple[int, str]]:
    """Rows of one table that name the same thing."""
    lines, faults = lines_of(text), []
    names = (("documents", ("kind",)), ("data", ("name",)), ("deadlines", ("rule",)))
    for table, keys in (*names, ("gates", ("gate", "direction")), ("messages", ("event", "system"))):
        seen: dict[tuple[Any, ...], int] = {}
        for number, row in enumerate(document.get(table, ())):
            held = tuple(row[key] for key in keys)
            line = lines.get((table, number), 1)
            if held in seen:
                said = " ".join(held)
                faults.append((line, f"{table}: got {said} twice, want it once; line {seen[held]} has it"))
            seen.setdefault(held, line)
    release = document["release"]
    if release["automatic"] and not release.get("conditions"):
        line = lines.get(("release", "automatic"), 1)
        faults.append((line, "release.automatic: got true without conditions, want release.conditions"))
    if not release["by"] and not release["automatic"]:
        faults.append((lines.get(("release", "by"), 1), "release.by: got nobody, want authority or officer"))
    return sorted(faults)


def _regime(held: Mapping[str, Any], text: str) -> Regime:
    exporters, permit, release = held["exporters"], held.get("permit"), held["release"]
    return Regime(
        id=held["id"],
        name=held["name"],
        version=version_of(text),
        valid_from_ms=round(held["valid_from"].timestamp() * 1000),
        source=held["source"],
        confidence=held["confidence"],
        tolerance_ms=held.get("tolerance_minutes", 720) * MINUTE_MS,
        benchmark_ms=held["benchmark_minutes"] * MINUTE_MS if "benchmark_minutes" in held else BENCHMARK_MS,
        exporters=None if exporters == "any" else frozenset(exporters),
        gates=tuple((one["gate"], one["direction"]) for one in held["gates"]),
        documents=tuple(_document(one) for one in held.get("documents", ())),
        data=tuple(
            Datum(one["name"], one["text"], one.get("element"), one.get("holds_from"), one["confidence"])
            for one in held.get("data", ())
        ),
        deadlines=tuple(_deadline(one) for one in held.get("deadlines", ())),
        permit=None if permit is None else _permit(permit),
        release=ReleaseRule(
            release["authority"],
            release["name"],
            tuple(release["by"]),
            release["timeout_minutes"] * MINUTE_MS,
            release["automatic"],
            tuple(release.get("conditions", ())),
            release["confidence"],
        ),
        messages=tuple(Message(**one) for one in held.get("messages", ())),
        text=text,
    )


def _document(one: Mapping[str, Any]) -> Document:
    kinds, holds = tuple(one.get("kinds", ())), one.get("holds_from", "filed")
    return Document(one["kind"], one["name"], one.get("code"), kinds, holds, one["confidence"])


def _deadline(one: Mapping[str, Any]) -> Deadline:
    return Deadline(
        one["rule"],
        one["needs"],
        one["lead_minutes"] * MINUTE_MS,
        one["before"],
        one.get("at_risk_minutes", 60) * MINUTE_MS,
        one["text"],
        one["confidence"],
    )


def _permit(one: Mapping[str, Any]) -> PermitRule:
    agents = one.get("agents", "any")
    return PermitRule(
        one["country"],
        one["name"],
        tuple(one.get("kinds", ())),
        one.get("holds_from", "filed"),
        tuple(one.get("must_state", ())),
        tuple(one.get("lighting", ())),
        tuple(one.get("emission_classes", ())),
        None if agents == "any" else tuple(agents),
        one["confidence"],
    )


class RegimeBook:
    """The versions of all regimes that are known; which is in force is by their validity."""

    def __init__(self) -> None:
        self._versions: dict[str, Regime] = {}
        self._places: dict[tuple[str, str], list[Regime]] = {}
        self._named: dict[str, list[Regime]] = {}

    def put(self, text: str, name: str = "regime") -> Regime:
        """Keep a version; the same text again changes nothing. Raises RegimeError."""
        held = self._versions.get(version_of(text))
        if held is not None:
            return held
        regime = parse(text, name)
        self._versions[regime.version] = regime
        for place in regime.gates:
            self._keep(self._places.setdefault(place, []), regime)
        self._keep(self._named.setdefault(regime.id, []), regime)
        return regime

    @staticmethod
    def _keep(regimes: list[Regime], regime: Regime) -> None:
        """Newest first; the id and then the version decide between those of one instant."""
        regimes.append(regime)
        regimes.sort(key=lambda one: (-one.valid_from_ms, one.id, one.version))

    def in_force(self, gate: str, direction: str, now_ms: int) -> Regime | None:
        """The regime of a gate and direction at ``now_ms``: the one that began last; None without any."""
        for regime in self._places.get((gate, direction), ()):
            if regime.valid_from_ms <= now_ms and self.named(regime.id, now_ms) is regime:
                return regime
        return None

    def named(self, id_: str, now_ms: int) -> Regime | None:
        """The version of regime ``id_`` in force at ``now_ms``."""
        found = (one for one in self._named.get(id_, ()) if one.valid_from_ms <= now_ms)
        return next(found, None)

    def by_version(self, version: str) -> Regime | None:
        """The regime of this version, whether in force or not."""
        return self._versions.get(version)

    def all(self) -> list[Regime]:
        """Every version, by id and validity."""
        return sorted(self._versions.values(), key=lambda one: (one.id, one.valid_from_ms, one.version))
