"""Trust policies of C2SP tlog-policy: which logs, which witnesses, and how many of them are enough. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from feeds.ledger.errors import FormatError
from feeds.ledger.note import COSIGNATURE, ED25519, Verifier, parse_verifier

_NONE: Final = "none"
_ALLOWED: Final = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Log:
    """A log that is accepted."""

    key: Verifier
    url: str | None


@dataclass(frozen=True, slots=True)
class WitnessOf:
    """A witness by its local name; ``url``: what paths of the witness protocol begin with."""

    name: str
    key: Verifier
    url: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """At least ``least`` of ``members``, which are names of witnesses and groups."""

    name: str
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy; ``quorum`` is a name, or none."""

    logs: tuple[Log, ...]
    witnesses: tuple[WitnessOf, ...]
    groups: tuple[Group, ...]
    quorum: str

    def met(self, keys: Collection[str]) -> bool:
        """Whether cosignatures of witnesses with these key names are enough."""
        done = {one.name for one in self.witnesses if one.key.name in keys}
        for group in self.groups:  # members stand before their groups
            if sum(member in done for member in group.members) >= group.least:
                done.add(group.name)
        return self.quorum == _NONE or self.quorum in done


def parse_policy(data: bytes) -> Policy:
    """The policy of a file. Raises FormatError naming the line."""
    if not _ALLOWED.fullmatch(data):
        raise FormatError("policy: got control characters, want tabs and line feeds only")
    reading = _Reading()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.line(words)
        except FormatError as error:
            raise FormatError(f"policy line {number}: {error}") from None
    if reading.quorum is None:
        raise FormatError("policy: got no quorum, want one line quorum <name> or quorum none")
    return Policy(
        tuple(reading.logs), tuple(reading.witnesses.values()), tuple(reading.groups.values()), reading.quorum
    )


class _Reading:
    """What the lines so far said."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: dict[str, WitnessOf] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._public: set[bytes] = set()
        self._members: set[str] = set()

    def line(self, words: list[str]) -> None:
        match words:
            case ["log", key] | ["log", key, _]:
                self.logs.append(Log(self._key(key, ED25519), words[2] if len(words) > 2 else None))
            case ["witness", name, key] | ["witness", name, key, _]:
                self._free(name)
                url = words[3] if len(words) > 3 else None
                self.witnesses[name] = WitnessOf(name, self._key(key, COSIGNATURE), url)
            case ["group", name, least, *members] if members:
                self._free(name)
                self.groups[name] = Group(name, self._least(least, members), tuple(members))
            case ["quorum", name]:
                if self.quorum is not None:
                    raise FormatError("got a second quorum, want one")
                if name != _NONE:
                    self._known(name)
                self.quorum = name
            case _:
                raise FormatError(f"got {' '.join(words)[:80]!r}, want log, witness, group or quorum")

    def _key(self, text: str, kind: int) -> Verifier:
        key = parse_verifier(text)
        if key.kind != kind:
            raise FormatError(f"key of {key.name}: got type {key.kind}, want {kind}")
        if key.public in self._public:
            raise FormatError(f"key of {key.name}: got a key that is there already, want each once")
        self._public.add(key.public)
        return key

    def _free(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise FormatError(f"name: got {name}, want one that is not taken")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise FormatError(f"name: got {name}, want a witness or group of a line before")

    def _least(self, text: str, members: list[str]) -> int:
        for name in members:
            self._known(name)
            if name in self._members:
                raise FormatError(f"member: got {name} again, want it in one group at most")
            self._members.add(name)
        if text in ("any", "all"):
            return 1 if text == "any" else len(members)
        if not (text.isascii() and text.isdigit()) or len(text) > 6 or not 1 <= int(text) <= len(members):
            raise FormatError(f"group: got {text[:20]!r}, want any, all or 1 to {len(members)}")
        return int(text)
