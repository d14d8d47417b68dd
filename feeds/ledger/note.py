"""Signed notes of C2SP: text, signatures, and the keys that make and check them. Pure.

Ed25519 only (signature types 0x01 for a log and 0x04 for a cosignature): what every deployed implementation
understands. A verifier takes the keys that it trusts; lines of other keys are skipped, a bad line of a
trusted one refuses the whole note.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from feeds.ledger.errors import FormatError, ProofError

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MAX_SIGNATURES: Final = 100
MAX_NOTE_BYTES: Final = 1_000_000
_DASH: Final = "— "
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """One line: the key's name and 4-byte id, and what follows the id in the blob."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        """The line with its end."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.blob).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it; ``text`` ends with a line feed."""

    text: str
    signatures: tuple[Signature, ...]

    def format(self) -> str:
        """The note as a file."""
        return self.text + "\n" + "".join(one.line() for one in self.signatures)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and the name that goes with it; ``kind`` ED25519 or COSIGNATURE."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256 over name, line feed, type and key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """The verifier key in its text form."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises ProofError."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            raise ProofError(f"the signature of {self.name} does not hold") from None

    def signed(self, signature: Signature) -> bool:
        """Whether a line claims to be of this key."""
        return signature.name == self.name and signature.key_id == self.key_id


def parse_verifier(text: str) -> Verifier:
    """The key of a vkey text. Raises FormatError."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise FormatError(f"verifier key: got {text[:80]!r}, want <name>+<id>+<base64>")
    name, id_text, encoded = parts
    _check_name(name)
    data = unbase64(encoded, "verifier key")
    if not data or data[0] not in (ED25519, COSIGNATURE):
        raise FormatError(f"verifier key of {name}: got type {data[:1].hex() or 'none'}, want 01 or 04")
    if len(data) != 1 + _KEY_BYTES:
        raise FormatError(f"verifier key of {name}: got {len(data) - 1} bytes, want {_KEY_BYTES}")
    key = Verifier(name, data[1:], data[0])
    if id_text != key.key_id.hex():
        raise FormatError(f"verifier key of {name}: got id {id_text[:20]!r}, want {key.key_id.hex()}")
    return key


class Signer:
    """A secret key and its name. Never shown: its text form is ``secret()``."""

    __slots__ = ("_key", "_seed", "verifier")

    def __init__(self, name: str, seed: bytes, kind: int = ED25519) -> None:
        _check_name(name)
        if len(seed) != _KEY_BYTES:
            raise FormatError(f"signing key of {name}: got {len(seed)} bytes, want {_KEY_BYTES}")
        self._seed, self._key = seed, Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw(), kind)

    @property
    def name(self) -> str:
        """The key's name."""
        return self.verifier.name

    def __repr__(self) -> str:
        return f"Signer({self.name})"

    def secret(self) -> str:
        """The text form of the secret key, as Go's note package writes it."""
        encoded = base64.b64encode(bytes([self.verifier.kind]) + self._seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{encoded}"

    def sign_bytes(self, message: bytes) -> bytes:
        """The bare signature of 64 bytes."""
        return self._key.sign(message)

    def sign(self, text: str) -> Signature:
        """The signature line of a note's text."""
        return Signature(self.name, self.verifier.key_id, self._key.sign(_checked(text).encode()))

    def cosign(self, text: str, time_s: int) -> Signature:
        """The cosignature line of a checkpoint's text as of ``time_s`` (POSIX seconds)."""
        if self.verifier.kind != COSIGNATURE:
            raise FormatError(f"{self.name} can't cosign: its key is of type {self.verifier.kind}, want 4")
        blob = time_s.to_bytes(8, "big") + self._key.sign(cosigned(text, time_s))
        return Signature(self.name, self.verifier.key_id, blob)


def parse_signer(text: str) -> Signer:
    """The key of a secret's text form. Raises FormatError, which shows nothing of the secret."""
    parts = text.strip().split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
        raise FormatError("signing key: want PRIVATE+KEY+<name>+<id>+<base64>")
    name, id_text, encoded = parts[2:]
    data = unbase64(encoded, "signing key")
    if len(data) != 1 + _KEY_BYTES or data[0] not in (ED25519, COSIGNATURE):
        raise FormatError(f"signing key of {name}: got {len(data)} bytes, want a type 01 or 04 and 32 bytes")
    key = Signer(name, data[1:], data[0])
    if key.verifier.key_id.hex() != id_text:
        raise FormatError(f"signing key of {name}: its id does not belong to it")
    return key


def parse(data: str | bytes) -> Note:
    """The note in a file; nothing is verified. Raises FormatError."""
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > MAX_NOTE_BYTES:
        raise FormatError(f"note too long: got {len(raw)} bytes, want at most {MAX_NOTE_BYTES}")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"note is not UTF-8: at byte {error.start}") from None
    control = next((c for c in whole if c < " " and c != "\n"), None)
    if control is not None:
        raise FormatError(f"control character in a note: got {control!r}, want line feeds only")
    cut = whole.rfind("\n\n")
    if cut < 0:
        raise FormatError("note without signatures: want an empty line before them")
    text, lines = whole[: cut + 1], whole[cut + 2 :]
    if not lines.endswith("\n"):
        raise FormatError("note's last signature line does not end")
    rows = lines[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise FormatError(f"too many signatures: got {len(rows)}, want at most {MAX_SIGNATURES}")
    return Note(text, tuple(_signature(row) for row in rows))


def parse_lines(text: str) -> tuple[Signature, ...]:
    """Signature lines that stand alone, as a witness answers. Raises FormatError."""
    rows = text.split("\n")
    if rows[-1] != "":
        raise FormatError("the last signature line does not end")
    if len(rows) > MAX_SIGNATURES:
        raise FormatError(f"too many signatures: got {len(rows)}, want at most {MAX_SIGNATURES}")
    return tuple(_signature(row) for row in rows[:-1])


def verified(note: Note, keys: Sequence[Verifier]) -> list[Verifier]:
    """The keys of type ED25519 whose signature the note bears; at least one. Raises ProofError."""
    found = []
    for key in keys:
        line = next((one for one in note.signatures if key.signed(one)), None)
        if line is not None and key.kind == ED25519:
            if len(line.blob) != _SIGNATURE_BYTES:
                raise ProofError(f"the signature of {key.name} has {len(line.blob)} bytes, want 64")
            key.verify(note.text.encode(), line.blob)
            found.append(key)
    if not found:
        got = ", ".join(one.name for one in note.signatures) or "none"
        raise ProofError(f"no trusted signature: got {got}, want {', '.join(key.name for key in keys)}")
    return found


def cosigned(text: str, time_s: int) -> bytes:
    """The message of an Ed25519 cosignature."""
    if not 0 <= time_s < 1 << 63:
        raise FormatError(f"time of a cosignature: got {time_s}, want seconds below 2**63")
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def cosignature_time(note_text: str, signature: Signature, key: Verifier) -> int:
    """When (POSIX seconds) ``key`` cosigned the text. Raises ProofError."""
    if len(signature.blob) != 8 + _SIGNATURE_BYTES:
        raise ProofError(f"the cosignature of {key.name} has {len(signature.blob)} bytes, want 72")
    time_s = int.from_bytes(signature.blob[:8], "big")
    if time_s >= 1 << 63:
        raise ProofError(f"the cosignature of {key.name} has a time beyond 2**63")
    key.verify(cosigned(note_text, time_s), signature.blob[8:])
    return time_s


def _signature(row: str) -> Signature:
    parts = row.removeprefix(_DASH).split(" ")
    if not row.startswith(_DASH) or len(parts) != 2:
        raise FormatError(f"signature line: got {row[:80]!r}, want an em dash, a name and base64")
    name, encoded = parts
    _check_name(name)
    blob = unbase64(encoded, f"signature of {name}")
    if len(blob) < 5:
        raise FormatError(f"signature of {name}: got {len(blob)} bytes, want at least 5")
    return Signature(name, blob[:4], blob[4:])


def _check_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise FormatError(f"key name: got {name[:80]!r}, want no white space and no plus")


def _checked(text: str) -> str:
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise FormatError("a note's text ends with a line feed and has no other control characters")
    return text


def unbase64(text: str, what: str) -> bytes:
    """The bytes of canonical base64. Raises FormatError naming ``what``."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"{what}: got {text[:40]!r}, want base64") from None
    if base64.b64encode(data).decode() != text:
        raise FormatError(f"{what}: got base64 that is not canonical")
    return data
