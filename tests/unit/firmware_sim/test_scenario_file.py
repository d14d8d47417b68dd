from pathlib import Path

import pytest

from firmware_sim.errors import ScenarioError
from firmware_sim.faults import ClockDrift
from firmware_sim.scenario_file import load
from firmware_sim.wire import Form


@pytest.mark.parametrize("name", ["demo", "clearance", "load", "attacks"])
def test_the_shipped_scenarios_are_good(name: str) -> None:
    assert load(name).name == name
    assert load(name, trucks=8, seed=99).trucks == 8
    assert load(name, seed=99).seed == 99


def test_a_folder_of_the_same_name_does_not_hide_a_shipped_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("demo").name == "demo"


def test_options_and_faults_of_single_trucks(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        """
        trucks = 4
        [unit]
        cadence_s = 2
        [[truck]]
        trucks = [1]
        form = "json"
        [[fault]]
        kind = "clock_drift"
        trucks = [2]
        ppm = 5
        [[fault]]
        kind = "duplicate"
        probability = 0.5
        """
    )
    scenario = load(path)
    assert [scenario.options(i).form for i in range(3)] == [Form.CBOR, Form.JSON, Form.CBOR]
    assert {scenario.options(i).cadence_s for i in range(4)} == {2}
    assert scenario.faults_of(2).drift == ClockDrift(ppm=5)
    assert scenario.faults_of(0).drift == ClockDrift()
    assert scenario.faults_of(0).duplicate == 0.5


def test_a_share_of_those_that_can_signs() -> None:
    plain, half = load("demo"), load("demo", sign_share=0.5)
    signs = [i for i in range(40) if half.options(i).sign == "EdDSA"]
    assert not [i for i in range(40) if plain.options(i).sign != "none"]
    assert 15 <= len(signs) <= 20
    assert {half.options(i).form for i in signs} == {Form.CBOR}
    assert [load("attacks", sign_share=1.0).options(i).sign for i in (0, 1, 7)] == ["EdDSA", "ES256", "EdDSA"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("trucks = ", "s.toml: not TOML: got"),
        ("trucks = 0", "s.toml: trucks: got 0, want a whole number from 1 to 100000"),
        ("trucks = true", "s.toml: trucks: got True, want a whole number"),
        ("truks = 5", "s.toml: truks: unknown key, want one of"),
        ("unit = 5", "s.toml: unit: got 5, want a table"),
        ("sign_share = 2", "s.toml: sign_share: got 2, want a number from 0 to 1"),
        ("one_way = 1", "s.toml: one_way: got 1, want true or false"),
        ("[[vehicle]]", "s.toml: vehicle[0].truck: got nothing, want a truck number, each once"),
        ("[[vehicle]]\ntruck = 0\n[[vehicle]]\ntruck = 0", "s.toml: vehicle[1].truck: got 0 again"),
        ("[[vehicle]]\ntruck = 0\nvin = 5", "s.toml: vehicle[0].vin: got 5, want text"),
        ("[[vehicle]]\ntruck = 0\nplates = []", "s.toml: vehicle[0].plates: got [], want a list of texts"),
        ("[[vehicle]]\ntruck = 0\nweight = 5", "s.toml: vehicle[0].weight: unknown key, want one of"),
        (
            '[[fault]]\nkind = "vin_on_bus"',
            "s.toml: fault[0].vin: got nothing, want the VIN that the bus has",
        ),
        (
            '[[fault]]\nkind = "vin_on_bus"\nvin = "SHORT"',
            "s.toml: fault[0].vin: got 'SHORT', want 8 to 17 ASCII characters without *",
        ),
        (
            '[[fault]]\nkind = "vin_on_bus"\nvin = "LZGTESTC8RN700008"\njunk = "xy"',
            "s.toml: fault[0].junk: got 'xy', want bytes as hexadecimal digits",
        ),
        ('[[fault]]\nkind = "replaced_ecu"', "s.toml: fault[0].serial: got nothing, want the other unit's"),
        (
            '[[fault]]\nkind = "seal"\nstate = "gone"',
            "s.toml: fault[0].state: got 'gone', want locked or open or broken or tampered or replaced",
        ),
        ('[unit]\nform = "xml"', "s.toml: unit.form: got 'xml', want cbor or json or nmea"),
        ('[unit]\nsign = "RS256"', "s.toml: unit.sign: got 'RS256', want none or EdDSA or ES256"),
        (
            '[unit]\nsign = "ES256"\nform = "json"',
            "s.toml: unit.sign: got ES256 with form json, want form cbor",
        ),
        ("[unit]\ncolour = 1", "s.toml: unit.colour: unknown key"),
        ("[gate]\nexit_min = [9, 5]", "s.toml: gate.exit_min: got [9, 5], want [shortest, longest] minutes"),
        ("[[fault]]", "s.toml: fault[0].kind: got nothing, want one of clock_drift, coverage"),
        ('[[fault]]\nkind = "coverage"', "s.toml: fault[0].to_s: got nothing, want to_s, or an area"),
        ('[[fault]]\nkind = "coverage"\nlon = 1', "s.toml: fault[0].radius_m: got part of an area"),
        ('[[fault]]\nkind = "power_cut"', "s.toml: fault[0].at_s: got nothing, want a list of seconds"),
        (
            '[[fault]]\nkind = "reorder"\nprobability = 3',
            "fault[0].probability: got 3, want a number from 0 to 1",
        ),
        ('prefix = "a b"', "s.toml: prefix: got 'a b', want up to 40 letters"),
        ("[[attack]]", "s.toml: attack[0].kind: got nothing, want it told"),
        (
            '[[attack]]\nkind = "magic"',
            "s.toml: attack[0].kind: got 'magic', want cloned_device or stolen_key",
        ),
        (
            'trucks = 2\n[[attack]]\nkind = "stolen_key"\nof = 2',
            "s.toml: attack[0].of: got 2, want a whole number from 0 to 1",
        ),
        (
            '[[attack]]\nkind = "cloned_device"\nof = 2\non = 2\nat_s = 5',
            "s.toml: attack[0].on: got the same truck, want another truck",
        ),
        (
            '[[attack]]\nkind = "rolled_back_flash"\nof = 2\nat_s = 5\nback_s = 5',
            "s.toml: attack[0].back_s: got 5, want less than at_s (5)",
        ),
        (
            '[[attack]]\nkind = "edited_buffer"\nof = 2\nat_s = 5\non = 1',
            "s.toml: attack[0].on: unknown key, want one of at_s, kind, of",
        ),
        ('[[truck]]\nform = "json"', "s.toml: truck[0].trucks: got nothing, want a list of truck numbers"),
        (
            '[[truck]]\ntrucks = [0]\ncan_log = "no.log"',
            "truck[0].can_log: got 'no.log', want a candump file",
        ),
        ("fault = 3", "s.toml: fault: got 3, want [[fault]] tables"),
        ("[[fault]]\nkind = {}", "s.toml: fault[0].kind: got {}, want one of"),
    ],
)
def test_a_wrong_key_is_one_line_with_got_and_want(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_binary_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="scenario not readable: got No such file"):
        load(tmp_path / "nothing.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match=r"b\.toml: not UTF-8"):
        load(tmp_path / "b.toml")
