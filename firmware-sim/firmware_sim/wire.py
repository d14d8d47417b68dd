"""A report as bytes: the map of the device protocol, as CBOR or as JSON.

The keys come in a fixed order and floats are written as they are, so equal content gives equal bytes. In
JSON, bytes are base64url without padding. A signature (COSE) goes around ``encode``'s CBOR, nowhere else.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import cbor2

MAX_BYTES = 65_536
MAX_SAMPLES = 1_000
TOPIC = "corridor/v1/{}/{}"


class Form(StrEnum):
    """How a unit speaks: reports as CBOR or JSON, or the plain receiver's raw NMEA lines."""

    CBOR = "cbor"
    JSON = "json"
    NMEA = "nmea"


@dataclass(slots=True)
class Content:
    """What a report says besides its place in the chain: columns of equal length, and what stands beside."""

    columns: Mapping[str, Sequence[int | float | None]]
    facts: list[dict[str, Any]] = field(default_factory=list)
    nmea: list[str] = field(default_factory=list)
    can: Sequence[tuple[int, int, bytes]] = ()
    datum: str = "wgs84"


def encode(form: Form, boot: str, boot_n: int, seq: int, prev: bytes | None, content: Content) -> bytes:
    """The report's bytes; ``prev`` is the SHA-256 of the previous report's bytes, None for the first."""
    report: dict[str, Any] = {"v": 1, "boot": boot, "boot_n": boot_n, "seq": seq}
    if prev is not None:
        report["prev"] = prev
    if content.datum != "wgs84":
        report["datum"] = content.datum
    report.update(content.columns)
    if content.nmea:
        report["nmea"] = "".join(f"{line}\r\n" for line in content.nmea)
    if content.can:
        report["can"] = [list(frame) for frame in content.can]
    if content.facts:
        report["facts"] = content.facts
    if form is Form.JSON:
        return json.dumps(report, default=_plain, separators=(",", ":")).encode()
    return cbor2.dumps(report)


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
    raise TypeError(f"a report holds no {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Ack:
    """What the gateway answered about one boot's reports: ranges of seq, both ends included."""

    boot: str
    durable: tuple[tuple[int, int], ...]
    refused: tuple[tuple[int, str], ...]
    later: tuple[tuple[int, int, float, str], ...]


def decode_ack(payload: bytes) -> Ack | None:
    """The answer in ``payload``, CBOR or JSON; None when it is not one (a unit ignores that)."""
    try:
        got = json.loads(payload) if payload[:1] == b"{" else cbor2.loads(payload)
        return Ack(
            str(got["boot"]),
            tuple((int(a), int(b)) for a, b in got.get("durable", ())),
            tuple((int(seq), str(reason)) for seq, reason in got.get("refused", ())),
            tuple((int(a), int(b), float(s), str(r)) for a, b, s, r in got.get("later", ())),
        )
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
