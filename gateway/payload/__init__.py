"""A report's bytes, decoded: the form shows in the first byte, the content is the same map in each form.

``decode`` is pure and total: for any bytes it returns a ``Report`` or raises ``RefusedError``. Adding a
form is one module with a ``read(payload) -> dict`` and one branch here (docs/payload-formats.md).
"""

from __future__ import annotations

from typing import Final

from gateway.can import TransportState
from gateway.errors import RefusedError
from gateway.payload import cbor, json
from gateway.payload.envelope import identity_of, read_envelope
from gateway.report import Report
from streams.records import Form

MAX_BYTES: Final = 65_536

_COSE_SIGN1: Final = 0xD2
_BRACE: Final = 0x7B


def decode(payload: bytes, bus: TransportState | None = None, datum: str = "wgs84") -> Report:
    """Decode one report as published (design section 5), of a signed one what its signature is over.

    Checks the envelope and the types and lengths of the lists; single values are left to the frame's
    column checks. ``bus``, one per device, lets CAN transfers span reports; it changes nothing else but
    which sender of a signal counts. ``datum`` is that of a report that declares none. Raises
    ``RefusedError``: ``too_large``, ``not_readable``, ``not_supported``, ``bad_field``,
    ``too_many_samples``, ``unequal_columns``, ``impossible_value``.
    """
    if len(payload) > MAX_BYTES:
        raise RefusedError(
            "too_large", f"report too large: got {len(payload)} bytes, want at most {MAX_BYTES}"
        )
    if not payload:
        raise RefusedError("not_readable", "report empty: got 0 bytes, want a CBOR map or a JSON object")
    first = payload[0]
    if first == _BRACE:
        return read_envelope(json.read(payload), Form.JSON, bus, datum)
    if first == _COSE_SIGN1:
        raise RefusedError(
            "not_supported", "a signed report inside: got COSE_Sign1 (0xd2), want a CBOR map or a JSON object"
        )
    return read_envelope(cbor.read(payload), Form.CBOR, bus, datum)


def identify(payload: bytes) -> tuple[str | None, int | None]:
    """``boot`` and ``seq`` of a report of any size, so that it can be refused by name; None where illegal.

    Costs as much as reading all of it, and checks nothing else.
    """
    if not payload:
        return None, None
    try:
        return identity_of(json.read(payload) if payload[:1] == b"{" else cbor.read(payload))
    except RefusedError:
        return None, None
