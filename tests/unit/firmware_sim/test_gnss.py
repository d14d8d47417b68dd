from typing import Any

import numpy as np
import pynmea2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import gnss, route
from firmware_sim.kinematics import GateTimes, World, place_trucks

ROAD = route.build()


def world(count: int) -> World:
    trucks = place_trucks(ROAD, 5, count, share_there=0.5, share_near=0, near_km=1)
    return World(ROAD, 5, trucks, 1_780_000_000, GateTimes())


def test_a_cold_start_goes_from_no_fix_over_time_and_2d_to_3d() -> None:
    sim, rows = world(1), np.arange(1)
    modes = []
    for second in range(70):
        sim.step()
        columns, _ = gnss.fixes(sim, rows, np.array([float(second)]))
        modes.append(int(columns["fix"][0]))
        assert np.isnan(columns["lon"][0]) == (modes[-1] < 2)
        assert np.isnan(columns["alt_m"][0]) == (modes[-1] < 3)
    assert modes == sorted(modes)
    assert set(modes) == {0, 1, 2, 3}
    assert 28 <= modes.count(0) <= 42


def test_fixes_lie_metres_off_the_truth_and_bad_ones_say_so() -> None:
    sim, rows = world(400), np.arange(400)
    errors, hdops, none = [], [], 0
    for _ in range(60):
        for _ in range(15):
            sim.step()
        columns, _ = gnss.fixes(sim, rows, np.full(400, 1e4))
        lon, lat, _, _ = sim.where(rows)
        east, north = route.metres_per_degree(lat)
        error = np.hypot((columns["lon"] - lon) * east, (columns["lat"] - lat) * north)
        none += int(np.isnan(error).sum())
        errors.append(error[~np.isnan(error)])
        hdops.append(columns["hdop"][~np.isnan(error)])
    error, hdop = np.concatenate(errors), np.concatenate(hdops)
    assert 0.5 < np.median(error) < 4
    assert error[hdop < 2].max() < 12
    assert error[hdop > 5].max() > 40
    assert 0 < none < 0.02 * 400 * 60
    assert 0 < (hdop > 5).sum() < 0.02 * 400 * 60


FIX: dict[str, Any] = {
    "lon": 101.6877196, "lat": 21.1907876, "alt_m": 850.4, "speed_kmh": 42.5, "heading_deg": 245.1,
    "hdop": 0.9, "sats": 11, "fix": 3,
}  # fmt: skip


def test_sentences_say_to_pynmea2_what_the_columns_say() -> None:
    rmc, gga, gsa, vtg = (pynmea2.parse(line, check=True) for line in gnss.sentences(1_780_000_000_250, FIX))
    assert rmc.is_valid
    assert rmc.datetime.isoformat() == "2026-05-28T20:26:40.250000+00:00"
    for sentence in (rmc, gga):
        assert sentence.longitude == pytest.approx(FIX["lon"], abs=1e-7)
        assert sentence.latitude == pytest.approx(FIX["lat"], abs=1e-7)
    assert float(rmc.spd_over_grnd) * 1.852 == pytest.approx(42.5, abs=0.02)
    assert (gga.altitude, int(gga.num_sats), float(gga.horizontal_dil)) == (850.4, 11, 0.9)
    assert (gsa.mode_fix_type, float(gsa.hdop)) == ("3", 0.9)
    assert vtg.spd_over_grnd_kmph == 42.5
    assert float(vtg.true_track) == 245.1


@pytest.mark.parametrize("mode", [0, 1])
def test_without_a_fix_there_is_no_position_and_with_none_no_time(mode: int) -> None:
    fix = dict.fromkeys(FIX) | {"fix": mode, "sats": 2}
    rmc, gga, gsa, _ = (pynmea2.parse(line, check=True) for line in gnss.sentences(1_780_000_000_000, fix))
    assert not rmc.is_valid
    assert (rmc.lon, gga.lat, gsa.mode_fix_type) == ("", "", "1")
    assert (rmc.timestamp is not None) == (mode == 1)


@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_any_position_survives_the_way_through_a_sentence(lon: float, lat: float) -> None:
    lines = gnss.sentences(1_780_000_000_000, FIX | {"lon": lon, "lat": lat})
    rmc = pynmea2.parse(lines[0], check=True)
    assert rmc.longitude == pytest.approx(lon, abs=1e-6)
    assert rmc.latitude == pytest.approx(lat, abs=1e-6)
    assert "60.00000" not in lines[0]


def test_checksum_of_a_published_sentence() -> None:
    assert gnss.checksum("GPGLL,5300.97914,N,00259.98174,E,125926,A") == "28"
