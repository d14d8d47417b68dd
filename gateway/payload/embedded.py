"""Raw NMEA and CAN inside a report, turned into samples beside those that the device decoded itself.

A value that the device decoded is never replaced. Samples are merged by instant and sorted; what one
side doesn't know is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.can import Frame, TransportState, decode_can
from gateway.errors import RefusedError
from gateway.payload.json import bytes_of
from gateway.payload.nmea import Fix, NmeaSession
from gateway.report import COLUMNS, Report
from streams.records import Form

Row = tuple[int, dict[str, Any]]

_COLUMNS: Final = frozenset(COLUMNS)
_FIX_COLUMNS: Final = ("fix", "lon", "lat", "alt_m", "speed_kmh", "heading_deg", "hdop", "sats")


def merge_nmea(report: Report, value: Any) -> None:
    """Add the fixes of the ``nmea`` key: text, bytes or a list of them; raises ``RefusedError``.

    Fixes without a date get the day of the report's last own sample, or are dropped without one.
    """
    data = b"\r\n".join(_sentences(item) for item in (value if type(value) is list else [value]))
    instants = _instants(report)
    reference_ms = instants[-1] if instants else None
    session = NmeaSession()
    fixes = session.feed(data, reference_ms or 0) + session.flush(reference_ms or 0)
    usable = [fix for fix in fixes if fix.timed or reference_ms is not None]
    report.dropped += session.dropped + len(fixes) - len(usable)
    merge_rows(report, [row_of(fix) for fix in usable])


def merge_can(report: Report, value: Any, state: TransportState | None = None) -> None:
    """Add the signals and facts of the ``can`` key: ``[[t, id, bytes], ...]``; raises ``RefusedError``."""
    if type(value) is not list:
        raise RefusedError("bad_field", f"bad can: got {type(value).__name__}, want a list of frames")
    frames = [_frame(item, report.form) for item in value]
    sound = [frame for frame in frames if frame is not None]
    found = decode_can(sound, state, _instants(report))
    report.dropped += found.dropped + found.standard + len(frames) - len(sound)
    report.facts += found.facts
    merge_rows(report, list(found.samples))


def row_of(fix: Fix) -> Row:
    """A fix as wire columns, null ones left out."""
    values = ((name, getattr(fix, name)) for name in _FIX_COLUMNS)
    return fix.t_ms, {name: value for name, value in values if value is not None}


def merge_rows(report: Report, rows: Sequence[Row]) -> None:
    """Put rows into the report's columns, by instant; ``t`` is ascending afterwards."""
    if not rows:
        return
    merged: list[dict[str, Any]] = []
    at_instant: dict[int, dict[str, Any]] = {}
    lists = report.columns | report.extras
    for at, t_ms in enumerate(report.columns["t"]):
        merged.append({name: values[at] for name, values in lists.items() if values[at] is not None})
        at_instant.setdefault(t_ms, merged[-1])
    for t_ms, values in rows:
        if t_ms not in at_instant:
            at_instant[t_ms] = {"t": t_ms}
            merged.append(at_instant[t_ms])
        own = at_instant[t_ms]
        own.update((name, value) for name, value in values.items() if name not in own)
    merged.sort(key=lambda row: int(row["t"]))
    for name in lists | dict.fromkeys(name for _, values in rows for name in values):
        kept = report.columns if name == "t" or name in _COLUMNS else report.extras
        kept[name] = [row.get(name) for row in merged]


def _instants(report: Report) -> list[int]:
    """The report's own instants, ascending; raises ``RefusedError`` when they are not whole numbers."""
    t = report.columns["t"]
    if not all(type(value) is int for value in t):
        raise RefusedError("bad_field", "bad t: want whole ms since 1970 beside raw nmea or can")
    return sorted(t)


def _sentences(item: Any) -> bytes:
    if type(item) is bytes:
        return item
    if type(item) is str:
        plain = bytes_of(item) if "," not in item else None
        return item.encode("utf-8") if plain is None else plain
    raise RefusedError("bad_field", f"bad nmea: got {type(item).__name__}, want text or bytes")


def _frame(item: Any, form: Form) -> Frame | None:
    """A frame, or None for data that no CAN frame carries; raises ``RefusedError`` for another shape."""
    if type(item) is not list or len(item) != 3:
        raise RefusedError("bad_field", "bad can: want frames of [t, id, bytes]")
    t_ms, id29, data = item
    if form is Form.JSON and type(data) is str:
        data = bytes_of(data)
    if type(t_ms) is not int or type(id29) is not int or type(data) is not bytes:
        raise RefusedError("bad_field", "bad can: want frames of [whole ms, id, bytes]")
    if not 0 <= id29 < 2**29 or not -(2**62) < t_ms < 2**62 or len(data) > 8:
        return None
    return t_ms, id29, data
