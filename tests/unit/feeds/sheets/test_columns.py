"""Names of columns in several languages; what is missing or could be two things is refused."""

from __future__ import annotations

import pytest

from feeds.sheets import Field, Form, SheetError, Table, columns_of

WANTED = [Field.VIN, Field.CHASSIS]


def found(*header: str, **told: str) -> dict[str, str]:
    table = Table("f", Form.XLSX, "S", list(header), 1, [], [])
    columns = columns_of(table, WANTED, [Field.REFERENCE], {Field(k): v for k, v in told.items()})
    return {field.value: header[column] for field, column in columns.at.items()}


@pytest.mark.parametrize(
    ("vin", "chassis"),
    [
        ("VIN", "Chassis No."),
        ("Vehicle Identification Number", "CHASSIS_NUMBER"),
        ("车辆识别代号", "底盘号"),
        ("车辆识别代号(VIN)", "底盘号 / Chassis No."),
        ("车架号", "底盘号"),
        ("VIN码*", "车架号"),
        ("VIN (车架号)", "底盘号码"),
        ("Идентификационный номер (VIN)", "Номер шасси (рамы)"),
        ("ВИН", "№ шасси"),
        ("ເລກ VIN", "ເລກຖັງ"),
        ("ＶＩＮ", " chassis number "),
    ],
)
def test_names_are_known(vin: str, chassis: str) -> None:
    assert found("No.", vin, "Model", chassis) == {"vin": vin, "chassis": chassis}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            ("VIN", "colour"),
            r"header in S!row 1: got 'VIN', 'colour', want a column for chassis \(for example",
        ),
        (("车架号", "colour"), "want a column for chassis"),
        (("VIN", "车辆识别代号", "底盘号"), "got 2 columns for vin (A 'VIN', B '车辆识别代号'), want one"),
        (("VIN", "chassis", "底盘号"), "got 2 columns for chassis"),
        (("VIN / chassis", "chassis"), "header A 'VIN / chassis': got a name for chassis and vin"),
        (("a", "b"), "want a column for vin (for example VIN, 车辆识别代号, 车架号"),
    ],
)
def test_missing_and_ambiguous_columns_are_refused(header: tuple[str, ...], message: str) -> None:
    import re

    with pytest.raises(SheetError, match=message if "\\" in message else re.escape(message)):
        found(*header)


def test_a_column_may_be_told_by_name_or_letter() -> None:
    assert found("a", "Rahmen", vin="a", chassis="RAHMEN") == {"vin": "a", "chassis": "Rahmen"}
    assert found("VIN", "x", chassis="B")["chassis"] == "x"
    assert found("VIN", "车辆识别代号", "底盘号", vin="VIN")["vin"] == "VIN"
    with pytest.raises(SheetError, match="column for chassis: got 'Rahmen', want one of 'VIN', 'x'"):
        found("VIN", "x", chassis="Rahmen")


def test_a_column_that_is_passed_over_is_said() -> None:
    table = Table("f", Form.XLSX, "S", ["VIN", "chassis", "车架号"], 1, [], [])
    assert columns_of(table, WANTED).notes == ("column C '车架号' was not used",)
