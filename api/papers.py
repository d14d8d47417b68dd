"""The shapes of requests about filings, permits, decisions and bindings, checked before one is appended.

Instants are RFC 3339 outside and ms inside; fields are named as in commands, so that ``commanded`` is the
data of a command as it stands.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.schemas import Text, Vin, VinOverride
from api.times import Instant, parse_instant

LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


def _visible(text: str) -> str:
    if any(unicodedata.category(one) in _UNSEEN for one in text):
        raise ValueError("text without control characters, line ends and marks of direction")
    return text


Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
    AfterValidator(_visible),
]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Direction = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}>[A-Z]{2}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Kind = Literal["tractor", "semi_trailer", "rigid", "special", "passenger"]
Scheme = Literal["VIN", "VIS8", "OEM", "NONE"]
_UNSEEN: Final = frozenset(("Cc", "Cf", "Zl", "Zp"))
_EARLIEST: Final = parse_instant("2000-01-01T00:00:00Z")
_LATEST: Final = parse_instant("2100-01-01T00:00:00Z")


def _day(t_ms: int) -> int:
    if not _EARLIEST <= t_ms < _LATEST:
        raise ValueError("an instant from 2000 to 2099")
    return t_ms


Day = Annotated[Instant, AfterValidator(_day)]


class Request(BaseModel):
    """A body; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")

    def commanded(self, **more: Any) -> dict[str, Any]:
        """The data of a command: all fields, with ``more``; of a VIN taken all the same the reason too."""
        plain = self.model_dump()
        if plain.get("vin_override", "") is None:
            del plain["vin_override"]
        return plain | more


def _in_order(begin: int | None, end: int | None, name: str, least: str) -> None:
    if begin is not None and end is not None and end <= begin:
        raise ValueError(f"{name} after {least}: it ends before it begins")


class Document(Request):
    """A paper that goes with a filing."""

    kind: Code
    number: Text | None = None
    issued_ms: Annotated[Day | None, Field(alias="issued")] = None
    expires_ms: Annotated[Day | None, Field(alias="expires")] = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _expires_later(self) -> Document:
        _in_order(self.issued_ms, self.expires_ms, "expires", "issued")
        return self


Documents = Annotated[list[Document], Field(max_length=50)]
Data = Annotated[dict[Code, Annotated[str, Field(max_length=2000)]], Field(max_length=100)]


class FilingNew(Request):
    """An export filing: which vehicle, by whom, through which gate and when.

    ``kind`` null is that of the registered asset, ``regime`` null the one in force for gate and direction.
    """

    reference: Code
    vin_override: VinOverride = None
    vin: Vin
    chassis: Code
    kind: Kind | None = None
    exporter: Text
    consignee: Text | None = None
    gate: Code
    direction: Direction
    window_from_ms: Annotated[Day, Field(alias="window_from")]
    window_until_ms: Annotated[Day, Field(alias="window_until")]
    batch: Code | None = None
    regime: Code | None = None
    documents: Documents = []
    data: Data = {}

    @model_validator(mode="after")
    def _window(self) -> FilingNew:
        _in_order(self.window_from_ms, self.window_until_ms, "window_until", "window_from")
        return self


class FilingChange(Request):
    """What of a filing may change; only the fields given do. Vehicle and reference stay."""

    chassis: Code | None = None
    kind: Kind | None = None
    exporter: Text | None = None
    consignee: Text | None = None
    gate: Code | None = None
    direction: Direction | None = None
    window_from_ms: Annotated[Day | None, Field(alias="window_from")] = None
    window_until_ms: Annotated[Day | None, Field(alias="window_until")] = None
    batch: Code | None = None
    regime: Code | None = None
    documents: Documents | None = None
    data: Data | None = None

    @model_validator(mode="after")
    def _needed(self) -> FilingChange:
        for name in self.model_fields_set & _NEVER_NULL:
            if getattr(self, name) is None:
                shown = name.removesuffix("_ms")
                raise ValueError(f"a value for {shown}: leave the field out to keep what it is")
        _in_order(self.window_from_ms, self.window_until_ms, "window_until", "window_from")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields given."""
        return self.model_dump(exclude_unset=True)


_NEVER_NULL: Final = frozenset(
    ("chassis", "exporter", "gate", "direction", "window_from_ms", "window_until_ms", "documents", "data")
)


class PermitNew(Request):
    """An import permit with the technical data that it was granted for."""

    number: Code
    vin_override: VinOverride = None
    vin: Vin
    chassis: Code | None = None
    country: Country
    valid_from_ms: Annotated[Day, Field(alias="valid_from")]
    valid_until_ms: Annotated[Day, Field(alias="valid_until")]
    axle_limit_kg: Annotated[int, Field(ge=1, le=100_000)] | None = None
    axles: Annotated[int, Field(ge=1, le=30)] | None = None
    gross_limit_kg: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    emission_class: Code | None = None
    lighting: Code | None = None
    agent: Text | None = None
    accreditation: Text | None = None

    @model_validator(mode="after")
    def _validity(self) -> PermitNew:
        _in_order(self.valid_from_ms, self.valid_until_ms, "valid_until", "valid_from")
        return self


class Reason(Request):
    """Why."""

    reason: LongText


class OfficerDecision(Reason):
    """What an officer decided about a case, now unless ``at`` says otherwise."""

    decision: Literal["release", "inspect", "detain", "wait", "withdraw", "close"]
    at_ms: Annotated[Day | None, Field(alias="at")] = None


class Settlement(Reason):
    """An officer looked at the vehicle: these are its two codes."""

    vin: Vin
    chassis: Code | None = None


class AuthorityDecision(Request):
    """An authority's answer about a case; ``message`` is its own id of it, so that it counts once.

    ``request``: the id of the release that it answers, null when it answers none. ``authority`` may repeat
    whose it is.
    """

    authority: Code | None = None
    case: Code
    message: Annotated[Text, AfterValidator(_visible)]
    request: Code | None = None
    decision: Literal["release", "inspect", "detain", "wait", "withdraw"]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] | None = None
    at_ms: Annotated[Day | None, Field(alias="at")] = None


class ClaimNew(Request):
    """Somebody says that a vehicle has these two codes, from some time on. VIN left out: the asset's own."""

    source: Literal["maker", "registration", "filing", "officer"]
    vin_override: VinOverride = None
    vin: Vin | None = None
    chassis: Code | None = None
    scheme: Scheme | None = None
    from_ms: Annotated[Day | None, Field(alias="from")] = None
    to_ms: Annotated[Day | None, Field(alias="to")] = None
    evidence: LongText

    @model_validator(mode="after")
    def _period(self) -> ClaimNew:
        _in_order(self.from_ms, self.to_ms, "to", "from")
        return self


class CouplingNew(Request):
    """What carries an asset (its id or VIN), and since when."""

    carrier: Code
    how: Literal["coupled", "loaded"]
    from_ms: Annotated[Day | None, Field(alias="from")] = None
    evidence: LongText


class CouplingEnd(Request):
    """When a coupling ended; now when left out."""

    to_ms: Annotated[Day | None, Field(alias="to")] = None


class RegimeNew(Request):
    """A regime as TOML."""

    text: Annotated[str, Field(min_length=1, max_length=500_000)]
