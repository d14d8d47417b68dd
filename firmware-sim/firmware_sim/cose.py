"""COSE_Sign1 (RFC 9052, tag 18) as the unit speaks it: its reports out, the gateway's answers in.

The protected header holds the algorithm and the key id, nothing else is signed beside it; the topic is the
external data, so what is said on one topic can't be played on another. Bytes that are not such a message
are None when opened, never an error.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import cbor2

TAG = 18
FIRST_BYTE = b"\xd2"
ALG_IDS = {"EdDSA": -8, "ES256": -7}
_NAMES = {number: name for name, number in ALG_IDS.items()}
_ALG, _KID = 1, 4


class Signer(Protocol):
    """What signs: a key with its id."""

    @property
    def id(self) -> str: ...

    @property
    def alg(self) -> str: ...

    def sign(self, data: bytes) -> bytes: ...


class Opened(NamedTuple):
    """A message before its signature is checked: ``signed`` are the bytes that the signature is over."""

    alg: str
    kid: str
    payload: bytes
    signature: bytes
    signed: bytes


def sign1(key: Signer, external: str, payload: bytes) -> bytes:
    """The message around ``payload``; equal input gives equal bytes with an Ed25519 key."""
    protected = cbor2.dumps({_ALG: ALG_IDS[key.alg], _KID: key.id.encode()})
    signature = key.sign(_signed(protected, external, payload))
    return cbor2.dumps(cbor2.CBORTag(TAG, [protected, {}, payload, signature]))


def open1(message: bytes, external: str) -> Opened | None:
    """The parts of a message; None when it is not one that this unit understands."""
    try:
        tag = cbor2.loads(message)
        protected, _, payload, signature = tag.value
        header: dict[int, Any] = cbor2.loads(protected)
        alg, kid = _NAMES[header[_ALG]], header[_KID].decode("ascii")
        if tag.tag != TAG or type(payload) is not bytes or type(signature) is not bytes:
            return None
        return Opened(alg, kid, payload, signature, _signed(protected, external, payload))
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
        RecursionError,
        cbor2.CBORDecodeError,
    ):
        return None


def _signed(protected: bytes, external: str, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", protected, external.encode(), payload])
