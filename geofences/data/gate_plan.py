"""The gates as planned by hand: which roads, which codes. `build_data` turns this into outlines.

Positions are of towns and one bridge, from OpenStreetMap; nobody surveyed the control areas. A port is
drawn as a strip along the straight way from the border to the town and says so (``plausible``).
UN/LOCODE entries are those of release 2024; Pogranichny has none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a gate: ``from_m`` to ``to_m`` are the port's ends along the way, from the border."""

    country: str
    name: str
    town: Place
    from_m: float
    to_m: float
    offices: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One gate: ``middle``, when given, is a place of the road near the border (a bridge)."""

    id: str
    name: str
    a: Side
    b: Side
    middle: Place | None = None
    half_width_m: float = 200.0
    approach_m: float = 6_000.0


PLANS = (
    Plan(
        "mohan-boten",
        "Mohan – Boten",
        Side("CN", "Mohan", (101.6877196, 21.1907876), 130, 900, (("CNMHN", None),)),
        Side("LA", "Boten", (101.6725976, 21.1841821), 430, 1_150, (("LABTN", None),)),
    ),
    Plan(
        "manzhouli-zabaikalsk",
        "Manzhouli – Zabaikalsk",
        Side("CN", "Manzhouli", (117.4464324, 49.5914042), 150, 900, (("CNMLX", None),)),
        Side("RU", "Zabaikalsk", (117.32557, 49.6513), 150, 900, (("RUZBK", "listed for rail only"),)),
    ),
    Plan(
        "suifenhe-pogranichny",
        "Suifenhe – Pogranichny",
        Side("CN", "Suifenhe", (131.1556208, 44.3946516), 150, 900, (("CNSFH", None),)),
        Side("RU", "Pogranichny", (131.3778, 44.4097), 150, 900, (("RUGRK", "Grodekovo, rail station"),)),
    ),
    Plan(
        "heihe-blagoveshchensk",
        "Heihe – Blagoveshchensk bridge",
        Side("CN", "Heihe", (127.4946896, 50.2322239), 650, 1_400, (("CNHEK", None),)),
        Side(
            "RU",
            "Blagoveshchensk",
            (127.5337378, 50.2600417),
            650,
            1_400,
            (("RUBLG", None), ("RUBQS", "second code of the city")),
        ),
        middle=(127.60046, 50.2011),
        approach_m=5_000.0,
    ),
    Plan(
        "khorgos",
        "Khorgos – Nur Zholy",
        Side("CN", "Khorgos", (80.4029952, 44.2118646), 130, 900, (("CNHRS", None),)),
        Side("KZ", "Nur Zholy", (80.384232, 44.22364), 130, 900, (("KZHOR", None),)),
    ),
)

TOWNS = (
    ("Manzhouli", "CN", 117.4464324, 49.5914042),
    ("Zabaikalsk", "RU", 117.32557, 49.6513),
    ("Suifenhe", "CN", 131.1556208, 44.3946516),
    ("Pogranichny", "RU", 131.3778, 44.4097),
    ("Heihe", "CN", 127.4946896, 50.2322239),
    ("Blagoveshchensk", "RU", 127.5337378, 50.2600417),
    ("Khorgos", "CN", 80.4121400, 44.2165221),
    ("Nur Zholy", "KZ", 80.384232, 44.22364),
    ("Ruili", "CN", 97.8553641, 24.0204435),
    ("Muse", "MM", 97.9012716, 23.9978074),
    ("Wanding", "CN", 98.0723547, 24.0821247),
    ("Hekou", "CN", 103.9594676, 22.5108045),
    ("Lao Cai", "VN", 103.96562, 22.5003944),
    ("Erenhot", "CN", 111.943519, 43.6407813),
    ("Zamyn-Uud", "MN", 111.9049227, 43.7180017),
)
