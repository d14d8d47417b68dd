"""A report's groups: what of it can be given out by itself, each as bytes. Pure.

``whole`` is what the device published, ``head`` who sent it, when and how it was received (CBOR), ``place``
the positions, ``coarse`` where the vehicle was to 0.1 degree and 10 minutes, ``signals`` what the CAN bus
said (CBOR: names of columns, packed rows, [row, name, value] of signals without a column), ``facts`` the
facts whose words are known and ``driver`` all others (CBOR lists; ``feeds.ledger.facts``). Rows are
little-endian; the least number of a type, or NaN, stands for "not measured". Groups without content are left
out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import cbor2
import numpy as np
import numpy.typing as npt
import orjson

from feeds.ledger.errors import FormatError
from feeds.ledger.facts import split
from streams.records import SIGNALS

HEAD: Final = "head"
PLACE_GROUP: Final = "place"
COARSE_GROUP: Final = "coarse"
SIGNALS_GROUP: Final = "signals"
DRIVER: Final = "driver"
FACTS: Final = "facts"

PLACE: Final = np.dtype(
    [
        ("t_ms", "<i8"),
        ("lon_e7", "<i4"),
        ("lat_e7", "<i4"),
        ("alt_mm", "<i4"),
        ("speed_ckmh", "<i4"),
        ("heading_cdeg", "<i4"),
        ("hdop_c", "<i4"),
        ("sats", "<i2"),
        ("fix", "<i1"),
    ]
)
"""One row a sample of the group ``place``."""
COARSE: Final = np.dtype([("t_ms", "<i8"), ("lon_e7", "<i4"), ("lat_e7", "<i4")])
"""One row a run of equal places of the group ``coarse``."""
BUS: Final = np.dtype(
    [("t_ms", "<i8"), ("odometer_mm", "<i8"), ("wheel_ckmh", "<i4"), *((name, "<f8") for name in SIGNALS)]
)
"""One row a sample of the group ``signals``, which packs those columns that its frame has."""


def read_signals(content: bytes) -> tuple[npt.NDArray[Any], list[tuple[int, str, float]]]:
    """The rows (BUS) and further signals of a ``signals`` group. Raises FormatError."""
    try:
        names, rows, extras = cbor2.loads(content)
        dtype = np.dtype([(name, BUS[name]) for name in names])
        packed = np.frombuffer(rows, dtype)
        whole = np.empty(len(packed), BUS)
        for name in BUS.names or ():
            whole[name] = packed[name] if name in names else null_of(BUS[name])
        return whole, [(row, name, value) for row, name, value in extras]
    except (ValueError, TypeError, KeyError, cbor2.CBORError) as error:
        raise FormatError(f"signals of a report: {error}") from None


@lru_cache(64)
def null_of(dtype: np.dtype[Any]) -> float | int:
    """What stands for "not measured"."""
    return float("nan") if dtype.kind == "f" else int(np.iinfo(dtype).min)


def facts_groups(text: str) -> dict[str, bytes]:
    """The groups that the facts of a report (JSON) make. Raises FormatError."""
    try:
        facts = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"facts of a report: {error}") from None
    known, others = split(facts)
    parts = ((DRIVER, others), (FACTS, known))
    return {name: cbor2.dumps(part, canonical=True) for name, part in parts if part}
