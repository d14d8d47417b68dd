"""A cover as a command writes it: checked, and brought into the one form that the rules read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

DAY_MIN: Final = 1_440
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_MOST: Final = 64
_LAST_MS: Final = 4_102_444_800_000
_NAMES: Final = frozenset(
    {
        *("asset", "number", "insurer", "countries", "from_ms", "until_ms", "use", "conditions"),
        "deductible_zones",
    }
)
_CONDITIONS: Final = frozenset({"excluded_hours", "route", "utc_offset_min", "text"})


class CoverError(ValueError):
    """A cover that can't be written; the message says what was got and wanted."""


def written(data: Mapping[str, Any]) -> dict[str, Any]:
    """The policy in ``data``, with all its fields. Raises CoverError.

    ``countries``: ISO 3166-1 alpha-2, sorted; ``from_ms`` <= t < ``until_ms``; ``conditions``:
    ``excluded_hours`` (minutes of the local day in which nobody may drive, may go over midnight), ``route``
    (a zone that trips keep to), ``utc_offset_min`` (local time by country where the table's does not hold),
    ``text`` (what no machine checks).
    """
    _known(data, _NAMES, "cover")
    countries = data.get("countries")
    if not isinstance(countries, list) or not 0 < len(countries) <= _MOST:
        raise CoverError(f"countries: got {countries!r}, want a list of 1 to {_MOST}")
    for one in countries:
        _country(one)
    begin, end = data.get("from_ms"), data.get("until_ms")
    if type(begin) is not int or type(end) is not int or not 0 <= begin < end <= _LAST_MS:
        raise CoverError(f"period: got {begin!r} to {end!r}, want an instant before another, both till 2099")
    zones = data.get("deductible_zones") or []
    if not isinstance(zones, list) or len(zones) > _MOST or any(not isinstance(one, str) for one in zones):
        raise CoverError(f"deductible_zones: got {zones!r}, want at most {_MOST} ids of zones")
    return {
        "number": _text(data, "number"),
        "insurer": _text(data, "insurer"),
        "countries": sorted(set(countries)),
        "from_ms": begin,
        "until_ms": end,
        "use": data.get("use") if data.get("use") is None else _text(data, "use"),
        "deductible_zones": sorted(set(zones)),
        "conditions": _conditions(data.get("conditions") or {}),
    }


def holds(cover: Mapping[str, Any], t_ms: int) -> bool:
    """Whether a cover runs at an instant."""
    return bool(cover["from_ms"] <= t_ms < cover["until_ms"])


def insures(cover: Mapping[str, Any], country: str, t_ms: int) -> bool:
    """Whether a cover holds in a country at an instant."""
    return country in cover["countries"] and holds(cover, t_ms)


def _conditions(got: Any) -> dict[str, Any]:
    if not isinstance(got, dict):
        raise CoverError(f"conditions: got {got!r}, want an object")
    _known(got, _CONDITIONS, "conditions")
    hours, offsets, route, text = (got.get(n) for n in ("excluded_hours", "utc_offset_min", "route", "text"))
    if hours is not None:
        if not isinstance(hours, dict) or set(hours) != {"from_min", "until_min"}:
            raise CoverError(f"excluded_hours: got {hours!r}, want from_min and until_min")
        for name, value in hours.items():
            if type(value) is not int or not 0 <= value < DAY_MIN:
                raise CoverError(f"{name}: got {value!r}, want minutes of a day, 0 to {DAY_MIN - 1}")
        if hours["from_min"] == hours["until_min"]:
            raise CoverError(f"excluded_hours: got no time at all, from and until {hours['from_min']}")
    if offsets is not None:
        if not isinstance(offsets, dict):
            raise CoverError(f"utc_offset_min: got {offsets!r}, want minutes by country")
        for country, value in offsets.items():
            _country(country)
            if type(value) is not int or not -DAY_MIN < value < DAY_MIN:
                raise CoverError(f"utc_offset_min of {country}: got {value!r}, want minutes")
    if route is not None and (not isinstance(route, str) or not route):
        raise CoverError(f"route: got {route!r}, want the id of a zone")
    if text is not None and (not isinstance(text, str) or len(text) > 2_000):
        raise CoverError("text of conditions: want at most 2000 characters")
    return {"excluded_hours": hours, "route": route, "utc_offset_min": offsets or {}, "text": text}


def _known(got: Mapping[str, Any], want: frozenset[str], what: str) -> None:
    more = sorted(set(got) - want)
    if more:
        raise CoverError(f"{what}: got unknown {', '.join(more)}, want {', '.join(sorted(want))}")


def _country(got: Any) -> None:
    if not isinstance(got, str) or not _COUNTRY.fullmatch(got):
        raise CoverError(f"country: got {got!r}, want two capital letters (ISO 3166-1)")


def _text(data: Mapping[str, Any], name: str) -> str:
    got = data.get(name)
    if not isinstance(got, str) or not got.strip() or len(got) > 200:
        raise CoverError(f"{name}: got {got!r}, want 1 to 200 characters")
    return got.strip()
