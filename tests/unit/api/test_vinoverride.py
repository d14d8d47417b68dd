"""A VIN whose check digit fails: refused, unless a person says why it is taken; the reason is kept."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from api.papers import ClaimNew, FilingNew, PermitNew, Settlement
from api.schemas import AssetNew

WRONG, RIGHT = "LZZTESTA5PN000001", "LZZTESTA6PN000001"
WHY = "read off the frame"
TIMES = ("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z")
FILING: dict[str, Any] = {
    "reference": "F1",
    "chassis": "X 1",
    "exporter": "e",
    "gate": "g",
    "direction": "CN>LA",
    "window_from": TIMES[0],
    "window_until": TIMES[1],
}
PERMIT: dict[str, Any] = {"number": "P1", "country": "LA", "valid_from": TIMES[0], "valid_until": TIMES[1]}
CLAIM: dict[str, Any] = {"source": "maker", "evidence": "line 3"}


@pytest.mark.parametrize(
    ("shape", "given"), [(AssetNew, {}), (FilingNew, FILING), (PermitNew, PERMIT), (ClaimNew, CLAIM)]
)
def test_reason_takes_it_and_goes_with_the_command(shape: Any, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="position 9: got 5, want 6") as caught:
        shape.model_validate(given | {"vin": WRONG})
    assert caught.value.errors()[0]["loc"] == ("vin",)
    taken = shape.model_validate(given | {"vin": WRONG, "vin_override": WHY}).commanded()
    assert (taken["vin"], taken["vin_override"]) == (WRONG, WHY)
    assert "vin_override" not in shape.model_validate(given | {"vin": RIGHT}).commanded()


@pytest.mark.parametrize("why", ["", "   "])
def test_reason_must_be_one(why: str) -> None:
    with pytest.raises(ValidationError, match="vin_override"):
        AssetNew.model_validate({"vin": WRONG, "vin_override": why})


@pytest.mark.parametrize("vin", ["1M8GDM9AXKPO42788", "1M8GDM9AXKP04278"])
def test_reason_excuses_no_wrong_form(vin: str) -> None:
    with pytest.raises(ValidationError, match="vin"):
        AssetNew.model_validate({"vin": vin, "vin_override": WHY})


def test_officer_settles_what_stands_on_the_vehicle() -> None:
    assert Settlement.model_validate({"vin": WRONG, "chassis": "X 1", "reason": WHY}).vin == WRONG
    with pytest.raises(ValidationError, match="got 16 characters"):
        Settlement.model_validate({"vin": WRONG[:16], "chassis": "X 1", "reason": WHY})


def test_chassis_on_bus_is_registered_where_given() -> None:
    assert (
        AssetNew.model_validate({"vin": RIGHT, "chassis_on_bus": True}).commanded()["chassis_on_bus"] is True
    )
    assert "chassis_on_bus" not in AssetNew.model_validate({"vin": RIGHT}).commanded()
