"""What one leaf of the ledger says, and the commitments in it. Pure.

An entry is public-safe: where its record is in the log, and two commitments. A *group* is a named part of a
record's content, a report's bytes as a whole too. Of each group there is a commitment, the hash of a random
salt and the content; all of them together make the entry's second hash. So some groups can be given out with
their salts, of others only the commitment, and whoever holds the entry can check both.

    version u8 = 1 | kind u8 | partition u16 | log position u64 | number u64 | whole 32 | groups 32

84 bytes; numbers are big-endian. ``number`` is a report's row in its frame, an event's number in its
partition.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final

from feeds.ledger.errors import FormatError, ProofError

SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
WHOLE: Final = "whole"
"""The group that is all of a record: a report's bytes as published, an event as JSON."""
_HEAD: Final = struct.Struct(">BBHQQ")
ENTRY_BYTES: Final = _HEAD.size + 64
VERSION: Final = 1
"""What an entry begins with."""
_COMMIT: Final = b"\x02"
_GROUPS: Final = b"\x03"


class EntryKind(IntEnum):
    """What the record is."""

    REPORT = 1
    EVENT = 2
    END = 3  # a log ends here: the record names the one that follows


_KINDS: Final = frozenset(int(kind) for kind in EntryKind)


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf, decoded."""

    kind: EntryKind
    partition: int
    position: int
    number: int
    whole: bytes
    groups: bytes

    def encode(self) -> bytes:
        """The bytes that are hashed into the tree."""
        head = _HEAD.pack(VERSION, self.kind, self.partition, self.position, self.number)
        return head + self.whole + self.groups


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry and the salts that open it: SALT_BYTES each, in the order of ``groups``' names sorted."""

    entry: bytes
    salts: bytes


def commitment(name: str, salt: bytes, content: bytes) -> bytes:
    """The hash that commits to a group's content without telling it."""
    label = name.encode()
    return sha256(_COMMIT + bytes([len(label)]) + label + salt + content).digest()


def groups_hash(commitments: Mapping[str, bytes]) -> bytes:
    """The hash over the commitments of all groups, by name."""
    parts = [_GROUPS]
    for name in sorted(commitments):
        label = name.encode()
        parts += [bytes([len(label)]), label, commitments[name]]
    return sha256(b"".join(parts)).digest()


def commitments(
    name: str, opened: Iterable[tuple[bytes | None, bytes | None, bytes | None]]
) -> list[bytes | None]:
    """Of each record the commitment of one group. ``opened``: (salt, content, commitment), of which salt and
    content are there, or the commitment is, or nothing."""
    prefix = _COMMIT + _label(name)
    return [
        hidden if content is None or salt is None else sha256(prefix + salt + content).digest()
        for salt, content, hidden in opened
    ]


def groups_hashes(made: Mapping[str, Sequence[bytes | None]]) -> list[bytes]:
    """As ``groups_hash`` of each record; ``made``: by name the commitments of all records, None: has none."""
    labelled = [
        [label + one if one else b"" for one in made[name]]
        for name in sorted(made)
        for label in (_label(name),)
    ]
    return [sha256(_GROUPS + b"".join(one)).digest() for one in zip(*labelled, strict=True)]


@lru_cache(256)
def _label(name: str) -> bytes:
    label = name.encode()
    return bytes([len(label)]) + label


@lru_cache(256)
def _plan(names: tuple[str, ...]) -> list[tuple[str, bytes | None, bytes, int]]:
    """Of each group by name: its label (None: the record as a whole), what is hashed first, where its salt
    begins."""
    return [
        (name, None if name == WHOLE else _label(name), _COMMIT + _label(name), at * SALT_BYTES)
        for at, name in enumerate(sorted(names))
    ]


def seal(
    kind: EntryKind, partition: int, position: int, number: int, groups: Mapping[str, bytes], salts: bytes
) -> Sealed:
    """The entry of a record. ``salts``: random, SALT_BYTES for each of ``groups`` (WHOLE is one of them)."""
    if len(salts) != SALT_BYTES * len(groups):
        raise ValueError(f"salts: got {len(salts)} bytes, want {SALT_BYTES * len(groups)}")
    whole, parts = b"", [_GROUPS]
    for name, label, prefix, at in _plan(tuple(groups)):
        made = sha256(prefix + salts[at : at + SALT_BYTES] + groups[name]).digest()
        if label is None:
            whole = made
        else:
            parts += (label, made)
    place = _HEAD.pack(VERSION, kind, partition, position, number)
    return Sealed(place + whole + sha256(b"".join(parts)).digest(), salts)


def salts_of(names: Sequence[str], salts: bytes) -> dict[str, bytes]:
    """The salt of each group, of ``salts`` as sealed."""
    return {name: salts[at * SALT_BYTES : (at + 1) * SALT_BYTES] for at, name in enumerate(sorted(names))}


def decode(data: bytes) -> Entry:
    """The entry in a leaf. Raises FormatError."""
    if len(data) != ENTRY_BYTES:
        raise FormatError(f"entry: got {len(data)} bytes, want {ENTRY_BYTES}")
    version, kind, partition, position, number = _HEAD.unpack_from(data)
    if version != VERSION or kind not in _KINDS:
        raise FormatError(f"entry: got version {version} kind {kind}, want {VERSION} and 1 to 3")
    at = _HEAD.size
    return Entry(EntryKind(kind), partition, position, number, data[at : at + 32], data[at + 32 :])


@dataclass(frozen=True, slots=True)
class Opening:
    """What is given out: (salt, content) of ``shown`` groups, the commitment of ``hidden`` ones."""

    shown: Mapping[str, tuple[bytes, bytes]]
    hidden: Mapping[str, bytes]


def check_opening(entry: Entry, opening: Opening) -> None:
    """Raises ProofError naming the first group whose content is not what the entry commits to.

    Salts have SALT_BYTES: else bytes could move between salt and content.
    """
    for name, (salt, _) in opening.shown.items():
        if len(salt) != SALT_BYTES:
            raise ProofError(f"salt of group {name}: got {len(salt)} bytes, want {SALT_BYTES}")
    for name, one in opening.hidden.items():
        if len(one) != _HASH_BYTES:
            raise ProofError(f"commitment of group {name}: got {len(one)} bytes, want {_HASH_BYTES}")
    made = {name: commitment(name, salt, content) for name, (salt, content) in opening.shown.items()}
    both = made.keys() & opening.hidden.keys()
    if both:
        raise ProofError(f"groups both shown and hidden: {', '.join(sorted(both))}")
    everything = made | dict(opening.hidden)
    whole = everything.pop(WHOLE, None)
    if whole is None:
        raise ProofError("the record as a whole is neither shown nor hidden")
    if whole != entry.whole:
        raise ProofError("the record as a whole is not what the entry commits to")
    if groups_hash(everything) != entry.groups:
        shown = ", ".join(sorted(name for name in made if name != WHOLE)) or "none"
        raise ProofError(f"the groups are not what the entry commits to (shown: {shown})")
