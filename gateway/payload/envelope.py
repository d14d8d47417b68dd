"""The map that every form of report carries: envelope, columns, facts and embedded raw data.

The loop over the keys is the gateway's hot path: it looks at each list's type and length and leaves its
values to numpy, later. Everything rare (facts, embedded NMEA and CAN) is handled beside it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gateway.can import TransportState
from gateway.errors import RefusedError
from gateway.payload.embedded import merge_can, merge_nmea
from gateway.payload.facts import read_facts
from gateway.payload.json import bytes_of
from gateway.report import COLUMNS, Report
from geofences.datum import DATUMS
from streams.records import Form

MAX_SAMPLES: Final = 1_000
MAX_EXTRAS: Final = 64
MAX_SEQ: Final = 2**53 - 1  # what every JSON parser holds exactly; and the next one is a counter as well

_BOOT: Final = re.compile(r"[!-~]{1,64}", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
_COLUMNS: Final = frozenset(("t", *COLUMNS))
_OTHER: Final = frozenset(("v", "boot", "boot_n", "seq", "prev", "datum", "nmea", "can", "facts"))


def read_envelope(
    got: dict[str, Any], form: Form, bus: TransportState | None = None, datum: str = "wgs84"
) -> Report:
    """Check a decoded map by design section 5 and give the report; raises ``RefusedError``.

    A refusal names ``boot`` and ``seq`` once both are legal, so that the device can be answered. ``bus``
    is what the device's CAN bus left open in the report before, ``datum`` what the device is registered with.
    """
    boot, seq = identity_of(got)
    if boot is None or seq is None:
        field, want = (
            ("boot", "1 to 64 printable characters") if boot is None else ("seq", "a counter from 0")
        )
        raise RefusedError("bad_field", f"bad {field}: got {shown(got.get(field))}, want {want}")
    try:
        return _read(got, form, boot, seq, bus, datum)
    except RefusedError as error:
        error.boot, error.seq = boot, seq
        raise


def identity_of(got: dict[str, Any]) -> tuple[str | None, int | None]:
    """The report's ``boot`` and ``seq``, each None when it is not legal."""
    return _text(got.get("boot"), _BOOT), _whole(got.get("seq"), 0, MAX_SEQ)


def _read(
    got: dict[str, Any], form: Form, boot: str, seq: int, bus: TransportState | None, datum: str
) -> Report:
    if _whole(got.get("v"), 1, 1) is None:
        raise RefusedError("bad_field", f"bad v: got {shown(got.get('v'))}, want 1")
    boot_n = got.get("boot_n")
    if boot_n is not None and _whole(boot_n, 0, 2**31 - 1) is None:
        raise RefusedError("bad_field", f"bad boot_n: got {shown(boot_n)}, want a counter from 0")
    columns, extras = _columns(got)
    report = Report(
        boot,
        boot_n,
        seq,
        _prev(got.get("prev"), form),
        _datum(got["datum"]) if "datum" in got else datum,
        form,
        columns,
        extras,
    )
    if got.keys() & {"facts", "nmea", "can"}:
        _read_rare(got, report, bus)
    return report


def _columns(got: dict[str, Any]) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    t = got.get("t", [])
    if type(t) is not list:
        raise RefusedError("bad_field", f"bad t: got {shown(t)}, want a list of instants")
    length = len(t)
    if length > MAX_SAMPLES:
        raise RefusedError("too_many_samples", f"too many samples: got {length}, want at most {MAX_SAMPLES}")
    columns: dict[str, list[Any]] = {"t": t}
    extras: dict[str, list[Any]] = {}
    for name, values in got.items():
        if name in _COLUMNS:
            columns[name] = values
        elif name in _OTHER:
            continue
        elif _text(name, _NAME) is None:
            raise RefusedError("bad_field", f"bad name: got {shown(name)}, want [a-z][a-z0-9_]{{0,47}}")
        else:
            extras[name] = values
        if type(values) is not list:
            raise RefusedError("bad_field", f"bad {name}: got {shown(values)}, want a list of numbers")
        if len(values) != length:
            raise RefusedError(
                "unequal_columns",
                f"unequal columns: got {len(values)} values of {name}, want {length} as in t",
            )
    if len(extras) > MAX_EXTRAS:
        raise RefusedError(
            "bad_field", f"too many unknown signals: got {len(extras)}, want at most {MAX_EXTRAS}"
        )
    return columns, extras


def _read_rare(got: dict[str, Any], report: Report, bus: TransportState | None) -> None:
    if got.get("facts") is not None:
        report.facts = read_facts(got["facts"])
    if got.get("nmea") is not None:
        merge_nmea(report, got["nmea"])
    if got.get("can") is not None:
        merge_can(report, got["can"], bus)
    samples = len(report.columns["t"])
    if samples > MAX_SAMPLES:
        raise RefusedError(
            "too_many_samples",
            f"too many samples with the embedded ones: got {samples}, want at most {MAX_SAMPLES}",
        )


def _prev(value: Any, form: Form) -> bytes | None:
    if value is None:
        return None
    found = bytes_of(value) if form is Form.JSON and type(value) is str else value
    if type(found) is not bytes or len(found) != 32:
        raise RefusedError("bad_field", f"bad prev: got {shown(value)}, want 32 bytes of SHA-256")
    return found


def _datum(value: Any) -> str:
    if type(value) is str and value in DATUMS:
        return value
    raise RefusedError("bad_field", f"bad datum: got {shown(value)}, want wgs84, gcj02 or bd09")


def _text(value: Any, pattern: re.Pattern[str]) -> str | None:
    return value if type(value) is str and pattern.fullmatch(value) else None


def _whole(value: Any, low: int, high: int) -> int | None:
    return value if type(value) is int and low <= value <= high else None


def shown(value: Any) -> str:
    """A value as a refusal shows it: short, on one line, whatever the device sent."""
    if value is None:
        return "nothing"
    if type(value) in (int, float, bool):
        return str(value) if type(value) is not int or abs(value) < 2**80 else "a huge number"
    if type(value) is str:
        return ascii(value[:40]) + ("..." if len(value) > 40 else "")
    if type(value) in (bytes, list, dict):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__
