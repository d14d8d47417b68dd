"""Who the trucks are: invented VINs with right check digits, plates that no authority issues, fleets.

The VINs follow ISO 3779 in shape and the check digit rule of GB 16735 / 49 CFR 565; ``TEST`` stands in the
descriptor, so none of them belongs to a vehicle.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_VALUES = {
    **{str(d): d for d in range(10)},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_MAKERS = (("LZZ", "Sinotruk", "HOWO"), ("LFW", "FAW Jiefang", "J6"), ("LZG", "Shacman", "X3000"),
           ("LGG", "Dongfeng Liuzhou", "Chenglong"), ("LVB", "Foton", "Auman"))  # fmt: skip
_YEARS = "NPRST"


@dataclass(frozen=True, slots=True)
class Identity:
    """A truck and the unit in it, as they are registered."""

    device: str
    vin: str
    chassis: str
    plates: tuple[str, ...]
    kind: str
    maker: str
    name: str
    fleet: str

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "plates": list(self.plates)}


def check_digit(vin: str) -> str:
    """The character that belongs at position 9 of ``vin`` (17 characters; what stands there is ignored)."""
    total = sum(_VALUES[c] * w for c, w in zip(vin, _WEIGHTS, strict=True)) % 11
    return "X" if total == 10 else str(total)


def invent(seed: int, prefix: str, index: int, ahead: int) -> Identity:
    """The truck number ``index`` of the fleet of ``seed``; ``ahead`` is the way that it sets out on."""
    wmi, maker, model = _MAKERS[(seed + index * 3) % len(_MAKERS)]
    serial = (seed % 89) * 10_000 + index
    vin = f"{wmi}TEST{'ABCDEFGHJK'[index % 10]}0{_YEARS[index % len(_YEARS)]}N{serial:06d}"
    vin = vin[:8] + check_digit(vin) + vin[9:]
    lao = ahead < 0
    return Identity(
        device=f"{prefix}-{index:04d}",
        vin=vin,
        chassis=vin[9:],
        plates=(f"LA-SIM {index:04d}",) if lao else (f"云SIM-{index:04d}",),
        kind="tractor",
        maker=maker,
        name=f"{model} {index:02d}",
        fleet="Vientiane Haulage (simulated)" if lao else "Yunnan Border Logistics (simulated)",
    )
