"""Units that send shifted positions: what they say, and that the gateway makes the true places of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cbor2
import numpy as np
import pytest
from numpy.typing import NDArray

from firmware_sim import route
from firmware_sim.__main__ import main
from firmware_sim.datum import shifted
from firmware_sim.errors import ScenarioError
from firmware_sim.fleet import Fleet
from firmware_sim.scenario import Scenario, UnitOptions
from firmware_sim.scenario_file import load
from firmware_sim.wire import Form
from gateway.batch import Arrived, Buses, prepare
from gateway.recent import Recent
from gateway.registry import Fitted
from geofences import datum, geodesy
from streams.codec import decode_frame

START_S = 1_780_000_000
SHIFTED = ("gcj02", "bd09")


def over_the_gate(state: Path, unit: UnitOptions) -> list[bytes]:
    """The reports of a truck from 2 km before the line to 2 km behind it, without control at the gate."""
    scenario = dataclasses.replace(Scenario(name="gate", trucks=1), unit=unit)
    fleet = Fleet(scenario, state, START_S)
    world = fleet.world
    world.trucks.ahead[:], world.trucks.mode[:], world.trucks.hold[:] = 1, 0, 0
    world.trucks.rest_at_m[:] = np.inf
    world.trucks.stage[:] = 2  # both controls are behind it
    world.trucks.p_m[:] = world.route.line_m - 2_000
    for _ in range(1_500):
        fleet.step()
    assert world.pos_m[0] > world.route.line_m + 2_000
    flash = fleet.units[0].sender.flash
    return [flash.read(key) for key in flash.keys()]  # noqa: SIM118 - not a dict


def decoded(raws: list[bytes], registered: str = "wgs84") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    fitted = Fitted("asset_d", "demo", 0, registered)
    batch = prepare([Arrived("d", fitted, raw, 0) for raw in raws], Recent(), Buses(), 0)
    assert batch.rejected == []
    samples = decode_frame(batch.records[0].body).samples
    lon, lat = (samples.column(n).drop_null().to_numpy() * 1e-7 for n in ("lon_e7", "lat_e7"))
    return lon, lat


@pytest.mark.parametrize("name", SHIFTED)
@pytest.mark.parametrize("gnss", ["columns", "nmea"])
def test_a_truck_over_the_gate_is_where_it_truly_is(tmp_path: Path, name: str, gnss: str) -> None:
    unit = UnitOptions(form=Form.CBOR, gnss=gnss, can="none", cadence_s=2)
    true = decoded(over_the_gate(tmp_path / "true", unit))
    raws = over_the_gate(tmp_path / "shifted", dataclasses.replace(unit, datum=name))
    found = decoded(raws)
    assert len(found[0]) == len(true[0]) > 300
    inside = datum.in_china(*true)
    assert inside[0]
    assert not inside[-1]
    assert geodesy.distance_mm(*true, *found).max() < 1_000
    # and without a conversion it would be somewhere else
    declared = [cbor2.dumps(cbor2.loads(raw) | {"datum": "wgs84"}) for raw in raws]
    assert geodesy.distance_mm(*true, *decoded(declared))[inside].min() > 300_000


def test_a_unit_says_its_datum_and_a_scenario_file_gives_it(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('trucks = 2\n[[truck]]\ntrucks = [1]\ndatum = "gcj02"\n')
    fleet = Fleet(load(path), tmp_path / "state", START_S)
    for _ in range(120):
        fleet.step()
    said = []
    for unit in fleet.units:
        flash = unit.sender.flash
        said.append({cbor2.loads(flash.read(key)).get("datum") for key in flash.keys()})  # noqa: SIM118
    assert said == [{None}, {"gcj02"}]
    path.write_text('[unit]\ndatum = "nad27"\n')
    with pytest.raises(ScenarioError, match=r"unit\.datum: got 'nad27', want wgs84 or gcj02 or bd09"):
        load(path)


def test_a_plain_receivers_datum_is_listed_for_its_registration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.toml"
    path.write_text('trucks = 2\n[[truck]]\ntrucks = [1]\nform = "nmea"\ndatum = "bd09"\n')
    assert main(["list", str(path)]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [truck.get("datum") for truck in listed] == [None, "bd09"]


@pytest.mark.parametrize("name", SHIFTED)
def test_simulator_and_gateway_know_the_same_formula(name: str) -> None:
    way = route.build()
    inside = datum.in_china(way.lon, way.lat)
    lon, lat = way.lon[inside][::50], way.lat[inside][::50]
    ours, theirs = shifted(lon, lat, name), datum.from_wgs84(lon, lat, name)
    assert geodesy.distance_mm(*ours, *theirs).max() == 0
