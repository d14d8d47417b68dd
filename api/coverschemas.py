"""The shapes of covers and what is told of them, in requests and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from api.clearanceschemas import Told
from api.papers import Code, Country, Day, LongText, Request
from api.schemas import Answer, Text, Vin

Minutes = Annotated[int, Field(ge=0, lt=1440)]


class ExcludedHours(Request):
    """Minutes of the local day in which nobody may drive; may go over midnight."""

    from_min: Minutes
    until_min: Minutes


class Conditions(Request):
    """What a policy demands beside countries and period. ``text``: what no machine checks."""

    excluded_hours: ExcludedHours | None = None
    route: Code | None = None
    utc_offset_min: dict[Country, Annotated[int, Field(gt=-1440, lt=1440)]] | None = None
    text: LongText | None = None


class CoverNew(Request):
    """A policy on a registered vehicle."""

    vin: Vin
    number: Text
    insurer: Text
    countries: Annotated[list[Country], Field(min_length=1, max_length=64)]
    from_ms: Annotated[Day, Field(alias="from")]
    until_ms: Annotated[Day, Field(alias="until")]
    use: Text | None = None
    deductible_zones: Annotated[list[Code], Field(max_length=64)] = Field(default_factory=list)
    conditions: Conditions | None = None

    @model_validator(mode="after")
    def _period(self) -> CoverNew:
        if self.from_ms >= self.until_ms:
            raise ValueError("until after from: it ends before it begins")
        return self

    def written(self, asset: str) -> dict[str, Any]:
        """The data of cover.write."""
        plain = self.model_dump(exclude={"vin"})
        return plain | {"asset": asset}


class CoverEnd(Request):
    """How a cover ends before its time; ``at`` null is now."""

    at_ms: Annotated[Day | None, Field(alias="at")] = None
    reason: Text


class Cover(Told):
    """A policy; ``state`` is written, running or ended."""

    asset: str
    number: str
    insurer: str
    countries: list[str]
    from_: Annotated[str, Field(alias="from")]
    until: str
    use: str | None
    deductible_zones: list[str]
    conditions: dict[str, Any]
    reason: str | None
    state: str


class Exposure(Told):
    """A cover and a stay in one of its countries: ``state`` is running or ended."""

    asset: str
    state: str
    cover: str
    number: str
    insurer: str
    country: str
    from_: Annotated[str, Field(alias="from")]
    until: str | None
    began: dict[str, Any]
    ended: dict[str, Any] | None
    driven: dict[str, Any]
    night: dict[str, Any]
    months: list[dict[str, Any]]
    deductible: list[dict[str, Any]] = Field(default_factory=list)
    assurance: dict[str, Any]


class Handover(Told):
    """The passage of a line as insurers and authorities cite it: ``state`` is passed or confirmed."""

    asset: str
    state: str
    crossing: str
    gate: str | None
    from_: Annotated[str, Field(alias="from")]
    to: str
    at: str
    giving: list[dict[str, Any]]
    taking: list[dict[str, Any]]
    uncovered: list[str]
    automatic_release: bool


class Finding(Told):
    """A gap, a breach or an incident: ``what`` it is, and its own fields."""

    asset: str
    what: str
    state: str


class CoversWritten(Answer):
    """What came of a file of covers."""

    rows: int
    written: list[dict[str, Any]]
    refused: list[dict[str, Any]]


class CoverReport(Answer):
    """The exposure and driving report of an asset and month."""

    asset: str
    formula: str
    month: str
    quality: dict[str, Any]
    exposures: list[dict[str, Any]] | None
    driving: dict[str, Any] | None
    driving_missing: list[str]
    incidents: dict[str, int]
    crossings: dict[str, int]
    breaches: dict[str, int]
    inputs: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
