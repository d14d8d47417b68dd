import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest

from firmware_sim.errors import StateError
from firmware_sim.faults import Faults, PowerCut
from firmware_sim.fleet import Fleet, identities
from firmware_sim.identity import check_digit
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load

START_S = 1_780_000_000


def fleet(state: Path, scenario: Scenario | None = None) -> Fleet:
    return Fleet(scenario or load("demo", trucks=14), state, START_S)


def drive(trucks: Fleet, seconds: int) -> Fleet:
    for _ in range(seconds):
        trucks.step()
    return trucks


def contents(trucks: Fleet) -> list[bytes]:
    found = [unit.sender.flash.path.read_bytes() for unit in trucks.units]
    return found + [line for unit in trucks.units for line in unit.sender.lines]


def reports(trucks: Fleet, index: int) -> list[bytes]:
    flash = trucks.units[index].sender.flash
    return [flash.read(key) for key in flash.keys()]  # noqa: SIM118 - not a dict


def maps(trucks: Fleet, index: int) -> list[dict[str, Any]]:
    return [cbor2.loads(report) for report in reports(trucks, index)]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    one, two = (drive(fleet(tmp_path / name), 150) for name in ("one", "two"))
    assert contents(one) == contents(two)
    other = drive(fleet(tmp_path / "other", load("demo", trucks=14, seed=8)), 150)
    for index in range(13):  # every truck with a memory
        assert not set(reports(one, index)) & set(reports(other, index))


def test_reports_form_a_chain_and_their_samples_go_on_in_time(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path), 200)
    before: bytes | None = None
    times: list[int] = []
    for seq, report in enumerate(reports(trucks, 2)):
        got = cbor2.loads(report)
        assert (got["v"], got["seq"], got["boot_n"]) == (1, seq, 1)
        assert got.get("prev") == before
        before = hashlib.sha256(report).digest()
        lists = [values for name, values in got.items() if isinstance(values, list) and name != "facts"]
        assert {len(values) for values in lists} == {5}
        times += got["t"]
    assert times == list(range(times[0], times[0] + 10_000 * len(times), 10_000))


def test_units_speak_in_their_own_forms(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path), 120)
    assert reports(trucks, 4)[0][:1] == b"{"
    columns, frames, sentences = maps(trucks, 1)[1], maps(trucks, 5)[1], maps(trucks, 9)[1]
    assert "engine_rpm" in columns
    assert "can" not in columns
    assert len(frames["can"]) == 50
    assert "engine_rpm" not in frames
    assert sentences["nmea"].count("$GPRMC") == 5
    assert "lon" not in sentences
    lines = trucks.units[13].sender.lines
    assert lines
    assert all(line.startswith(b"$GPRMC,") and line.endswith(b"\r\n") for line in lines)
    assert len(trucks.units[13].sender.flash) == 0


def test_the_vin_stands_on_every_bus(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path), 120)
    fact = maps(trucks, 1)[0]["facts"][0]
    assert (fact["kind"], fact["vin"]) == ("identity", trucks.who[1].vin)
    announced = [frame for frame in maps(trucks, 5)[0]["can"] if frame[1] == 0x18ECFF00]
    assert announced[0][2] == bytes.fromhex("20120003FFECFE00")


def test_a_recorded_bus_runs_along_with_the_simulated_receiver(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path), 400)
    frames = [frame for report in maps(trucks, 0) for frame in report["can"]]
    assert len(frames) > 1_815  # more than once around
    assert [t for t, _, _ in frames] == sorted(t for t, _, _ in frames)
    assert any(data == bytes.fromhex("201C0004FFECFE00") for _, _, data in frames)  # its own VIN's transfer


def test_a_fleet_that_was_stopped_goes_on_and_measures_nothing_twice(tmp_path: Path) -> None:
    whole = drive(fleet(tmp_path / "whole"), 300)
    part = drive(fleet(tmp_path / "part"), 140)
    part.save()
    drive(part, 60)  # killed before it saved again
    again = fleet(tmp_path / "part")
    assert again.t_s == START_S + 140
    drive(again, 160)
    assert again.world.trucks.to_json() == whole.world.trucks.to_json()
    times = [t for report in maps(again, 0) for t in report["t"]]
    assert times == sorted(set(times))
    assert [report["boot_n"] for report in maps(again, 0)] == sorted(r["boot_n"] for r in maps(again, 0))
    assert maps(again, 0)[-1]["boot_n"] == 2


def test_a_power_cut_costs_the_unstored_samples_and_begins_a_boot(tmp_path: Path) -> None:
    cut = (frozenset({0}), Faults(cuts=(PowerCut(105, 60),)))
    scenario = dataclasses.replace(load("demo", trucks=3), faults=(cut,))
    trucks = drive(fleet(tmp_path, scenario), 300)
    got = maps(trucks, 0)
    assert [(report["boot_n"], report["seq"]) for report in got] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    times = [t // 1000 - START_S for report in got for t in report["t"]]
    assert not [t for t in times if 105 <= t < 165]
    assert got[2]["prev"] == hashlib.sha256(reports(trucks, 0)[1]).digest()
    assert got[2]["fix"][0] == 0  # a cold start


def test_a_truck_without_network_says_afterwards_from_when_to_when(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('trucks = 1\n[[fault]]\nkind = "coverage"\nfrom_s = 60\nto_s = 130\n')
    trucks = fleet(tmp_path, load(path))
    online = []
    for _ in range(200):
        trucks.step()
        online.append(trucks.units[0].sender.online)
    assert not any(online[60:129])
    assert all(online[130:])
    facts = [fact for report in maps(trucks, 0) for fact in report.get("facts", [])]
    (hole,) = [fact for fact in facts if fact["kind"] == "no_coverage"]
    assert (hole["from"], hole["to"]) == ((START_S + 60) * 1000, (START_S + 130) * 1000)


def test_a_full_memory_drops_the_oldest_and_says_so(tmp_path: Path) -> None:
    scenario = dataclasses.replace(load("demo", trucks=1), flash_bytes=70_000)
    trucks = drive(fleet(tmp_path, scenario), 600)
    facts = [fact for report in maps(trucks, 0) for fact in report.get("facts", [])]
    lost = [fact for fact in facts if fact["kind"] == "overflow"]
    assert lost
    assert all(fact["reports"] >= 1 for fact in lost)
    assert maps(trucks, 0)[0]["seq"] > 0


def test_the_state_of_another_fleet_is_refused(tmp_path: Path) -> None:
    fleet(tmp_path).save()
    with pytest.raises(StateError, match=r"state of another fleet: got count 14 .* want 15"):
        fleet(tmp_path, load("demo", trucks=15))


def test_the_list_of_trucks_is_the_fleets_own(tmp_path: Path) -> None:
    scenario = load("demo", trucks=14)
    assert identities(scenario) == fleet(tmp_path, scenario).who


def test_vehicles_of_a_scenario_are_who_and_where_it_says(tmp_path: Path) -> None:
    scenario = load("clearance")
    who = identities(scenario)
    assert [(w.vin, w.chassis) for w in who] == [(v.vin, v.chassis) for v in scenario.vehicles.values()]
    assert all(check_digit(w.vin) == w.vin[8] for w in who)
    assert len({w.fleet for w in who}) == 12
    trucks = fleet(tmp_path, scenario)
    km = (trucks.world.route.exit_m - trucks.world.trucks.p_m) / 1000
    assert [round(at) for at in km.tolist()] == [v.start_km for v in scenario.vehicles.values()]


def test_the_twelve_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path, load("clearance")), 1_900)
    facts = {i: [f for r in maps(trucks, i) for f in r.get("facts", [])] for i in range(12)}
    read = {i: [f["vin"] for f in facts[i] if f["kind"] == "identity"] for i in range(12)}
    wrong = [i for i in range(12) if read[i] and read[i] != [trucks.who[i].vin]]
    assert wrong == [2]
    seals = {i: [f["state"] for f in facts[i] if f["kind"] == "seal"] for i in range(12)}
    assert {i for i in seals if seals[i] != ["locked"]} == {7}
    assert seals[7] == ["locked", "broken"]
    heavy = {i for i in range(12) for r in maps(trucks, i) for kg in r.get("axle_load_kg", []) if kg > 10_000}
    assert heavy == {6}


@pytest.mark.timeout(100)
def test_the_clean_ones_cross_within_two_hours_and_the_others_stay_at_the_exit_port(tmp_path: Path) -> None:
    trucks = fleet(tmp_path, load("clearance"))
    road = trucks.world.route
    for _ in range(8_000):
        trucks.world.step()
    gone = np.flatnonzero(trucks.world.pos_m > road.entry_m + 1_000).tolist()
    assert gone == [0, 1, 8, 9, 10, 11]
    stay = trucks.world.pos_m[[2, 3, 4, 5, 6, 7]]
    assert (np.abs(stay - road.exit_m) < 60).all()
