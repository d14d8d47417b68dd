"""COSE_Sign1 (RFC 9052, tag 18) in the one form that the device protocol has.

Protected header: algorithm (1) and key id (4), nothing else; unprotected header empty; payload inside; 64
bytes of signature. Every length is written as short as it can be. So one signature goes with one sequence of
bytes: who can't sign can't make other bytes of a signed report, and so no conflict. Reading takes no memory
but copies of header, payload and signature.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

FIRST: Final = 0xD2
"""The first byte of every such message: tag 18."""
EDDSA: Final = -8
ES256: Final = -7
SIGNATURE_BYTES: Final = 64
"""Of both algorithms: R and S."""

_ALG, _KID = 1, 4
_MAX_KID: Final = 64
_MAX_PROTECTED: Final = 80
_UINT, _NEGATIVE, _BYTES, _MAP = 0, 1, 2, 5
_ARRAY_OF_4: Final = 0x84
_EMPTY_MAP: Final = 0xA0
_CONTEXT: Final = b"\x84\x6aSignature1"
_USUAL: Final = b"\xd2\x84\x56"  # and a protected header of 22 bytes: a key id of 16
_SIGNATURE: Final = b"\x58\x40"
_AROUND: Final = 95  # bytes around a payload of 256 to 65,535 bytes


class CoseError(ValueError):
    """Bytes that are no such message; says what was got and wanted."""


class Sign1(NamedTuple):
    """A message as it was read; its signature is not checked. ``protected``: the header's bytes."""

    alg: int
    kid: bytes
    protected: bytes
    payload: bytes
    signature: bytes


def read(message: bytes) -> Sign1:
    """The parts of ``message``. Raises CoseError."""
    size = len(message) - _AROUND
    if (
        255 < size < 65_536
        and message[:3] == _USUAL
        and message[25:29] == b"\xa0\x59" + size.to_bytes(2, "big")
        and message[-66:-64] == _SIGNATURE
    ):  # nearly all are so: the same as below in a fraction of the time
        protected = message[3:25]
        return Sign1(*_header(protected), protected, message[29:-66], message[-64:])
    if len(message) < 2 or message[0] != FIRST or message[1] != _ARRAY_OF_4:
        raise CoseError(f"got {message[:2].hex(' ') or 'nothing'} first, want d2 84 (COSE_Sign1)")
    protected, at = _bytes(message, 2, "protected header")
    alg, kid = _header(protected)
    if at >= len(message) or message[at] != _EMPTY_MAP:
        got = f"0x{message[at]:02x}" if at < len(message) else "nothing"
        raise CoseError(f"unprotected header: got {got}, want an empty map (0xa0)")
    payload, at = _bytes(message, at + 1, "payload")
    signature, at = _bytes(message, at, "signature")
    if len(signature) != SIGNATURE_BYTES:
        raise CoseError(f"signature: got {len(signature)} bytes, want {SIGNATURE_BYTES}")
    if at != len(message):
        raise CoseError(f"got {len(message) - at} bytes behind the message, want 0")
    return Sign1(alg, kid, protected, payload, signature)


def signed_bytes(protected: bytes, external_aad: bytes, payload: bytes) -> bytes:
    """What the signature is over: Sig_structure (RFC 9052 section 4.4)."""
    parts = (_CONTEXT, _head(_BYTES, len(protected)), protected)
    rest = (_head(_BYTES, len(external_aad)), external_aad, _head(_BYTES, len(payload)), payload)
    return b"".join((*parts, *rest))


def write(alg: int, kid: bytes, external_aad: bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The message of ``payload``. ``sign`` gives the 64 bytes of the signature over what it is given."""
    protected = _protected(alg, kid)
    signature = sign(signed_bytes(protected, external_aad, payload))
    return b"".join(
        (
            bytes((FIRST, _ARRAY_OF_4)),
            _head(_BYTES, len(protected)),
            protected,
            bytes((_EMPTY_MAP,)),
            _head(_BYTES, len(payload)),
            payload,
            _head(_BYTES, len(signature)),
            signature,
        )
    )


@lru_cache(1_024)
def _protected(alg: int, kid: bytes) -> bytes:
    return b"".join((b"\xa2\x01", _head(_NEGATIVE, -1 - alg), b"\x04", _head(_BYTES, len(kid)), kid))


@lru_cache(8_192)  # one a key; of at most _MAX_PROTECTED bytes each
def _header(protected: bytes) -> tuple[int, bytes]:
    if len(protected) > _MAX_PROTECTED:
        raise CoseError(f"protected header: got {len(protected)} bytes, want at most {_MAX_PROTECTED}")
    if protected[:1] != b"\xa2":
        got = protected[:1].hex() or "nothing"
        raise CoseError(f"protected header: got {got} first, want a map of algorithm (1) and key id (4)")
    alg: int | None = None
    kid: bytes | None = None
    at = 1
    for _ in range(2):
        major, label, at = _argument(protected, at, "protected header")
        if major == _UINT and label == _ALG and alg is None:
            major, number, at = _argument(protected, at, "algorithm")
            if major not in (_UINT, _NEGATIVE):
                raise CoseError("algorithm: want a whole number")
            alg = number if major == _UINT else -1 - number
        elif major == _UINT and label == _KID and kid is None:
            kid, at = _bytes(protected, at, "key id")
        else:
            raise CoseError(f"protected header: got label {label}, want 1 and 4, each once")
    if alg is None or not kid or len(kid) > _MAX_KID or at != len(protected):
        raise CoseError(
            f"protected header: want an algorithm, a key id of 1 to {_MAX_KID} bytes, nothing else"
        )
    return alg, kid


def _bytes(data: bytes, at: int, what: str) -> tuple[bytes, int]:
    """The byte string at ``at`` and where it ends."""
    major, size, at = _argument(data, at, what)
    if major != _BYTES:
        raise CoseError(f"{what}: want a byte string")
    if size > len(data) - at:
        raise CoseError(f"{what}: got {len(data) - at} bytes, want the {size} that it announces")
    return data[at : at + size], at + size


def _argument(data: bytes, at: int, what: str) -> tuple[int, int, int]:
    """Major type and argument of the item at ``at``, and where it goes on (RFC 8949 section 3)."""
    if at >= len(data):
        raise CoseError(f"{what}: got nothing")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        return major, info, at
    if info > 27:
        raise CoseError(f"{what}: got an indefinite or reserved length, want a definite one")
    size = 1 << info - 24
    if size > len(data) - at:
        raise CoseError(f"{what}: got {len(data) - at} bytes of a length, want {size}")
    number = int.from_bytes(data[at : at + size], "big")
    if number < 24 or (size > 1 and number < 1 << 4 * size):
        raise CoseError(f"{what}: got {number} in {size} bytes, want it as short as it can be")
    return major, number, at + size


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    for info, size in ((24, 1), (25, 2), (26, 4)):
        if number < 1 << 8 * size:
            return bytes((major << 5 | info,)) + number.to_bytes(size, "big")
    return bytes((major << 5 | 27,)) + number.to_bytes(8, "big")
