"""The load generator with signed reports: all signatures are made before the first report is published.

Every device has an Ed25519 key that follows from its name, so that the system can be told the public ones. A
round's signatures are 64 bytes a device; the reports themselves are filled in as they go out, as without.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.load import Bytes, Publisher, Template, device_name
from streams.signing import cose, keys

_KID = b"0" * 16
_NONE = b"\xa5" * 64


def key_of(device: str) -> Ed25519PrivateKey:
    """The private key of a device of the load generator."""
    return Ed25519PrivateKey.from_private_bytes(sha256(device.encode()).digest())


def enrolment(device: str) -> dict[str, Any]:
    """The data of the command that enrols it, from the beginning of time on."""
    key = key_of(device)
    alg, public = keys.public_of(key)
    proof = keys.encode(keys.make_proof(key, device, 0))
    return {
        "device": device,
        "key": {"alg": alg, "public": keys.encode(public), "proof": proof},
        "from_ms": 0,
    }


class SignedTemplate(Template):
    """A template inside of a COSE_Sign1; all devices' have the same length."""

    def __init__(self, boot: str) -> None:
        super().__init__(boot)
        inner = self.body
        self.body = cose.write(cose.EDDSA, _KID, b"", inner, lambda _: _NONE)
        moved = self.body.index(inner)
        self.inner = slice(moved, moved + len(inner))
        self.kid_at, self.signature_at = self.body.index(_KID), self.body.index(_NONE)
        self.protected = cose.read(self.body).protected
        self.seq_at, self.t_at = self.seq_at + moved, self.t_at + moved
        self.place_at = [at + moved for at in self.place_at]


class SignedPublisher(Publisher):
    """As Publisher; ``sign`` first."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._signatures = np.zeros((0, self.devices, 64), np.uint8)
        assert isinstance(self.template, SignedTemplate)
        self._signed: SignedTemplate = self.template
        self._body_at = self._id_at + 2
        self._keys = [key_of(device_name(number)) for number in range(self.devices)]
        self._kids = [keys.key_id(keys.public_of(key)[1]).encode() for key in self._keys]
        at = self._body_at + self._signed.kid_at
        self._packets[:, at : at + 16] = [list(kid) for kid in self._kids]

    def make_template(self, boot: str) -> Template:
        """See Publisher."""
        return SignedTemplate(boot)

    def sign(
        self, rounds: int, round_of: Callable[[int], tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]
    ) -> None:
        """Make the signatures of so many rounds of reports."""
        made = np.empty((rounds, self.devices, 64), np.uint8)
        ends = slice(self._body_at + self._signed.inner.start, self._body_at + self._signed.inner.stop)
        heads = []
        for number, kid in enumerate(self._kids):
            protected = self._signed.protected.replace(_KID, kid)
            topic = f"corridor/v1/{device_name(number)}/report".encode()
            over = cose.signed_bytes(protected, topic, bytes(ends.stop - ends.start))
            heads.append(over[: len(over) - (ends.stop - ends.start)])
        for seq in range(rounds):
            times, places = round_of(seq)
            rows = super().fill(seq, 0, times, places)[:, ends]
            for number, key in enumerate(self._keys):
                signature = key.sign(heads[number] + rows[number].tobytes())
                made[seq, number] = np.frombuffer(signature, np.uint8)
        self._signatures = made

    def fill(
        self, seq: int, first: int, t_ms: npt.NDArray[np.int64], places: npt.NDArray[np.float64]
    ) -> Bytes:
        """See Publisher."""
        rows = super().fill(seq, first, t_ms, places)
        at = self._body_at + self._signed.signature_at
        rows[:, at : at + 64] = self._signatures[seq, first : first + len(rows)]
        return rows
