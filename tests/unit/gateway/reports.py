"""Reports for the tests of this folder."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from gateway.frame import Admitted
from gateway.payload import decode

T0 = 1_795_330_000_000


def payload(seq: int = 0, boot: str = "b1", **columns: Any) -> bytes:
    """A JSON report; without columns, of two samples with a position."""
    default = {"t": [T0, T0 + 1_000], "lon": [101.68, 101.69], "lat": [21.18, 21.19]}
    return orjson.dumps({"v": 1, "boot": boot, "boot_n": 1, "seq": seq} | (columns or default))


def admitted(raw: bytes, device: str = "d", received_ms: int = T0) -> Admitted:
    """That report, let in."""
    return Admitted(device, f"asset_{device}", "demo", received_ms, sha256(raw).digest(), raw, decode(raw))
