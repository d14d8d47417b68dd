"""The names under which people keep columns, in English, Chinese, Lao and Russian.

A name is compared without case, spaces and marks. ``STRONG`` names mean one thing only; ``WEAK`` ones stand
for it when no strong one does: the Chinese word for frame number is mostly the VIN, beside a VIN the chassis.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

_MARKS: Final = re.compile(r"[^\w]|_", re.UNICODE)
_PARTS: Final = re.compile(r"[/\\|\n()（）\[\]【】,，;；:：]+")


class Field(StrEnum):
    """A column that is looked for."""

    VIN = "vin"
    CHASSIS = "chassis"
    SCHEME = "scheme"
    REFERENCE = "reference"
    KIND = "kind"
    MAKER = "maker"
    MODEL = "model"
    EXPORTER = "exporter"
    CONSIGNEE = "consignee"
    GATE = "gate"
    DIRECTION = "direction"
    WINDOW_FROM = "window_from"
    WINDOW_UNTIL = "window_until"
    BATCH = "batch"
    REGIME = "regime"


STRONG: Final[dict[Field, tuple[str, ...]]] = {
    Field.VIN: (
        *("vin", "vin code", "vin number"),
        *("vin no", "vehicle identification number", "vehicle id number"),
        *("车辆识别代号", "车辆识别代码", "车辆识别号", "车辆识别号码", "识别代号"),
        *("vin码", "vin号", "vin代码"),
        *("车辆识别代号vin", "車輛識別代號", "車輛識別號碼"),
        *("вин", "вин код", "vin код", "vin номер", "номер vin", "идентификационный номер"),
        *("идентификационный номер тс", "идентификационный номер vin"),
        *("идентификационный номер транспортного средства",),
        *("ເລກ vin", "ໝາຍເລກ vin", "ເລກວີໄອເອັນ"),
    ),
    Field.CHASSIS: (
        *("chassis", "chassis number", "chassis no", "chassis num", "chassis id", "chassis code"),
        *("底盘号", "底盘号码", "底盘编号", "底盘代码", "底盘序列号", "底盤號", "底盤號碼"),
        *("шасси", "номер шасси", "шасси номер", "№ шасси"),
        *("номер шасси рамы", "номер рамы", "шасси рама"),
        *("ເລກຖັງ", "ເລກຕົວຖັງ", "ໝາຍເລກຕົວຖັງ", "ໝາຍເລກຖັງ", "ເລກຄັດຊີ"),
    ),
    Field.SCHEME: ("chassis scheme", "scheme", "底盘号类型"),
    Field.REFERENCE: (
        *("reference", "declaration reference", "declaration"),
        *("declaration number", "declaration no"),
        *("declaration id", "filing", "filing reference", "filing no", "filing number"),
        *("报关单号", "报关单编号", "备案号", "申报编号", "申报单号", "关单号"),
        *("номер декларации", "декларация", "дт", "номер дт", "ເລກໃບແຈ້ງ", "ເລກທີໃບແຈ້ງ"),
    ),
    Field.KIND: (
        *("kind", "vehicle kind", "vehicle type", "车辆类型", "车辆种类"),
        *("тип тс", "тип", "вид тс", "ປະເພດລົດ"),
    ),
    Field.MAKER: (
        *("maker", "make", "manufacturer", "brand", "品牌"),
        *("制造商", "生产企业", "марка", "изготовитель", "ຍີ່ຫໍ້"),
    ),
    Field.MODEL: ("model", "vehicle model", "型号", "车型", "车辆型号", "модель", "ລຸ້ນ"),
    Field.EXPORTER: (
        *("exporter", "shipper", "出口商", "发货人", "出口企业"),
        *("экспортер", "экспортёр", "отправитель", "ຜູ້ສົ່ງອອກ"),
    ),
    Field.CONSIGNEE: (
        *("consignee", "importer", "收货人", "进口商"),
        *("получатель", "грузополучатель", "ຜູ້ຮັບ", "ຜູ້ນຳເຂົ້າ"),
    ),
    Field.GATE: ("gate", "border gate", "crossing", "口岸", "出境口岸", "пункт пропуска", "ດ່ານ"),
    Field.DIRECTION: ("direction", "方向", "направление", "ທິດທາງ"),
    Field.WINDOW_FROM: (
        *("window from", "planned from", "from", "计划开始时间", "计划出境时间", "окно с", "с", "ແຕ່ເວລາ"),
    ),
    Field.WINDOW_UNTIL: (
        *("window until", "planned until", "until", "计划结束时间"),
        *("окно до", "до", "ຮອດເວລາ"),
    ),
    Field.BATCH: (
        *("batch", "batch no", "batch number", "transport batch", "批次号"),
        *("货物运输批次号", "运输批次号", "партия", "номер партии"),
    ),
    Field.REGIME: ("regime", "监管方案", "режим"),
}  # fmt: skip

WEAK: Final[dict[Field, tuple[str, ...]]] = {
    Field.VIN: ("车架号", "车架号码", "大架号", "車架號", "车架编号"),
    Field.CHASSIS: (
        "frame",
        "frame number",
        "frame no",
        "рама",
        "车架号",
        "车架号码",
        "大架号",
        "車架號",
        "车架编号",
    ),
    Field.REFERENCE: ("编号", "номер"),
}


def plain(name: str) -> str:
    """A header's name as it is compared."""
    text = unicodedata.normalize("NFKC", name).replace("№", "no").casefold()
    return _MARKS.sub("", "".join(text.split()))


def _index(names: dict[Field, tuple[str, ...]]) -> dict[str, list[Field]]:
    index: dict[str, list[Field]] = {}
    for field, listed in names.items():
        for name in listed:
            held = index.setdefault(plain(name), [])
            if field not in held:
                held.append(field)
    return index


_STRONG: Final = _index(STRONG)
_WEAK: Final = _index(WEAK)


def meanings(header: str) -> tuple[set[Field], set[Field]]:
    """(what a column's name surely means, what it may mean); parts between slashes and brackets count too."""
    whole = plain(header)
    if whole in _STRONG or whole in _WEAK:
        return set(_STRONG.get(whole, ())), set(_WEAK.get(whole, ()))
    strong: set[Field] = set()
    weak: set[Field] = set()
    for part in _PARTS.split(header):
        strong.update(_STRONG.get(plain(part), ()))
        weak.update(_WEAK.get(plain(part), ()))
    return strong, weak
