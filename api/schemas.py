"""The shapes of requests, checked, and of answers, for the OpenAPI document.

Answers are built from columns and rows without passing through these models: they describe, the tests
compare.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from api.times import Instant
from streams.identity import vin

Item = TypeVar("Item")
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
DeviceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


def _vin(text: str, info: ValidationInfo) -> str:
    """Checked; the reason of an officer, or for an override, takes a check digit that fails."""
    before = info.data or {}
    return vin.parse(text, before.get("vin_override") or before.get("reason")).text


def _mm(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 100:
        raise ValueError("metres above 0 and below 100")
    return round(value * 1000)


Vin = Annotated[
    str, AfterValidator(_vin), Field(max_length=64, description="17 characters, check digit included.")
]
VinOverride = Annotated[
    Text | None,
    Field(description="Why a VIN is taken whose check digit fails though it must hold. Stands before it."),
]


class AssetKind(StrEnum):
    """What a vehicle is."""

    TRACTOR = "tractor"
    SEMI_TRAILER = "semi_trailer"
    RIGID = "rigid"
    SPECIAL = "special"
    PASSENGER = "passenger"


class Datum(StrEnum):
    """What a device's positions refer to; the gateway makes WGS84 of them."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Held(_Request):
    from_ms: Annotated[Instant | None, Field(alias="from")] = None
    to_ms: Annotated[Instant | None, Field(alias="to")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ms is not None and self.to_ms is not None and self.to_ms <= self.from_ms:
            raise ValueError("to after from: it ends before it begins")
        return self


class Plate(_Held):
    """A number plate of a country, and when the vehicle carries it."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    plate: Text


class CustomsCode(_Held):
    """A code under which customs knows the vehicle, and when it holds."""

    code: Text


Metres = Annotated[int, BeforeValidator(_mm), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]


class Technical(_Request):
    """What a vehicle is built like."""

    axles: Annotated[int, Field(ge=1, le=30)] | None = None
    axle_load_kg: Annotated[int, Field(ge=1, le=100_000)] | None = None
    gross_mass_kg: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    lighting: Text | None = None
    emission_class: Text | None = None
    fuel: Text | None = None
    length_mm: Annotated[Metres | None, Field(alias="length_m")] = None
    width_mm: Annotated[Metres | None, Field(alias="width_m")] = None
    height_mm: Annotated[Metres | None, Field(alias="height_m")] = None


class AssetChange(_Request):
    """What of an asset may change; only the fields given do."""

    chassis: Text | None = None
    chassis_scheme: Literal["VIN", "VIS8", "OEM", "NONE"] | None = None
    chassis_on_bus: Annotated[
        bool | None, Field(description="Whether this maker tells the chassis number on the bus.")
    ] = None
    plates: Annotated[list[Text | Plate], Field(max_length=10)] = []
    customs_codes: Annotated[list[CustomsCode], Field(max_length=10)] = []
    kind: AssetKind | None = None
    maker: Text | None = None
    model: Text | None = None
    exporter: Text | None = None
    technical: Technical | None = None
    name: Text | None = None
    fleet: Text | None = None

    def changes(self) -> dict[str, Any]:
        """The fields given, as data of a command."""
        return self.model_dump(mode="json", exclude_unset=True)


class AssetNew(AssetChange):
    """An asset to register."""

    vin_override: VinOverride = None
    vin: Vin

    def commanded(self) -> dict[str, Any]:
        """All fields as data of a command; of those that few have, the ones given."""
        plain = self.model_dump(mode="json")
        return {name: value for name, value in plain.items() if value or name not in _SELDOM}


_SELDOM: Final = frozenset(
    ("chassis_scheme", "chassis_on_bus", "vin_override", "customs_codes", "model", "exporter", "technical")
)


class DeviceNew(_Request):
    """A device to fit to an asset (its id or VIN), since now unless ``from`` says otherwise.

    ``datum`` counts for reports that declare none. Fitting it again to the same asset changes it.
    """

    device: DeviceName
    asset: Text
    from_: Annotated[Instant | None, Field(alias="from")] = None
    datum: Datum = Datum.WGS84


class Problem(BaseModel):
    """RFC 9457. ``errors`` is there when single fields were wrong."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[dict[str, Any]] | None = None


class Answer(BaseModel):
    """An answer that may say more than is declared."""

    model_config = ConfigDict(extra="allow")


class Page(Answer, Generic[Item]):
    """One page of a list; ask again with ``after`` = ``next`` until that is null."""

    items: list[Item]
    next: str | None


class _Object(Answer):
    id: str
    revision: int
    change: str
    t: str
    recorded: str


class Asset(_Object):
    """A vehicle."""

    vin: str
    chassis: str | None
    plates: list[Any]
    kind: str | None
    maker: str | None
    name: str | None
    fleet: str | None
    chassis_scheme: str | None = None
    chassis_on_bus: bool | None = None
    vin_override: str | None = None
    customs_codes: list[dict[str, Any]] | None = None
    model: str | None = None
    exporter: str | None = None
    technical: dict[str, Any] | None = None


class DeviceKey(Answer):
    """A key of a device: ``public`` in base64url. It holds from ``from`` until ``revoked``, when received."""

    id: str
    alg: str
    public: str
    from_: Annotated[str, Field(alias="from")]
    revoked: str | None


class Device(_Object):
    """A telematics unit and the asset that it is fitted to; ``to`` is set once it was taken off."""

    device: str
    asset: str | None
    from_: Annotated[str, Field(alias="from")]
    to: str | None
    datum: Datum = Datum.WGS84
    keys: list[DeviceKey] = []


class Silence(Answer):
    """No samples between two instants; ``explained``: the device says that it had no coverage then."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    explained: bool


class ChainState(Answer):
    """Whether each report names the hash of the one before, and the numbers where it does not."""

    holds: bool
    breaks: list[int]
    broken: int
    contested: list[tuple[int, int]]
    unlinked: list[tuple[int, int]]
    first: str


class Overlap(Answer):
    """A time that another start of the device tells of too."""

    boot: str
    from_: Annotated[str, Field(alias="from")]
    to: str


class Completeness(Answer):
    """What came of one start of a device. Ranges are [first, last] of its report numbers."""

    log: int
    device: str
    boot: str
    boot_n: int | None
    received: list[tuple[int, int]]
    missing: list[tuple[int, int]]
    uncounted: int
    doubled: int
    conflicts: int
    chain: ChainState
    tail: str
    twins: list[str]
    overlaps: list[Overlap]
    overflow: list[dict[str, Any]]
    silences: list[Silence]


class Bracket(Answer):
    """An instant with its bounds: not before ``earliest``, not after ``latest``."""

    earliest: str | None
    latest: str
    estimate: str
    lon: float
    lat: float


class Visit(_Object):
    """An asset inside a zone."""

    asset: str
    zone: str
    zone_name: str
    zone_kind: str
    gate: str | None
    country: str | None
    state: str
    how: str
    enter: Bracket
    leave: Bracket | None
    dwell_s: float | None
    confidence: float | None = None


class Crossing(_Object):
    """One passage through a gate; `off_gate` is a border crossed away from any, without gate."""

    asset: str
    gate: str | None
    gate_name: str | None
    direction: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    state: str
    stages: dict[str, Bracket | None]
    dwell_s: dict[str, float | None] | None = None
    confidence: float | None = None
    duration_s: float | None


class Trip(_Object):
    """From setting off to standing still."""

    asset: str
    state: str
    start: Any
    end: Any
    distance_m: float | None
    odometer_m: float | None
    difference_m: float | None = None
    countries: dict[str, dict[str, float]] | None = None


class Stop(_Object):
    """An asset that stands still."""

    asset: str
    state: str
    start: str
    end: str | None
    duration_s: float | None
    lon: float
    lat: float
    open_beginning: bool


class Quality(Answer):
    """Grades of an asset's signals over a period, each with the spans and numbers behind it."""

    asset: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    samples: int
    positions: int
    believed: int
    believed_share: float | None
    flags: dict[str, int]
    jamming: dict[str, Any]
    spoofing: dict[str, Any]
    frozen: dict[str, Any]
    clock: dict[str, Any]
    datum: dict[str, Any]


class EventLine(BaseModel):
    """One line of the event feed: a revision of an object, whole."""

    cursor: str
    kind: str
    id: str
    revision: int
    change: str
    asset: str
    t: str
    recorded: str
    object: dict[str, Any]


class Revision(BaseModel):
    """One revision of an object, whole; ``position`` is the log record that caused it."""

    revision: int
    change: str
    t: str
    recorded: str
    position: int
    why: dict[str, Any] | None
    object: dict[str, Any]


class FeatureCollection(Answer):
    """GeoJSON, RFC 7946."""

    type: str
    features: list[dict[str, Any]]


class Zone(Answer):
    """A GeoJSON feature; ``versions`` holds all that the zone was and will be."""

    type: str
    id: str
    geometry: dict[str, Any]
    properties: dict[str, Any]
    versions: list[dict[str, Any]]


class ZonesPublished(BaseModel):
    """Which versions were published."""

    zones: list[dict[str, str]]
    valid_from: str


class ZoneFinding(BaseModel):
    """What was refused (error), repaired, or looks odd (warning)."""

    severity: str
    feature: int | None
    ring: int | None
    position: int | None
    message: str


class ZoneCheck(BaseModel):
    """The zones that are sound or were repaired, as features, and what there is to say."""

    zones: list[dict[str, Any]]
    findings: list[ZoneFinding]


class ZoneChange(BaseModel):
    """A visit or crossing that would be otherwise; ``before`` null if added, ``after`` null if removed."""

    kind: str
    id: str | None
    asset: str
    what: list[str]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ZoneDryRun(BaseModel):
    """What an edit of zones would change, and in how much it was looked for."""

    added: list[ZoneChange]
    removed: list[ZoneChange]
    moved: list[ZoneChange]
    assets: int
    samples: int


class DeadLetter(Answer):
    """A refused report."""

    id: int
    received: str
    device: str
    topic: str
    reason: str
    detail: str
    boot: str | None
    seq: int | None
    payload: str
    payload_bytes: int


class Whoami(BaseModel):
    """The key's holder."""

    name: str
    tenant: str
    role: str
    gates: list[str] = []
    authority: str | None = None
    officer: bool = False


class ImportRefusal(BaseModel):
    """What is wrong in one place of an imported file; the header is row 1."""

    row: int
    column: str
    got: str
    want: str
    address: str | None = None


class ImportReport(BaseModel):
    """What became of an imported file."""

    rows: int
    registered: int
    refused: list[ImportRefusal]
