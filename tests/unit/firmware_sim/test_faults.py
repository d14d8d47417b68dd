import itertools

from firmware_sim.faults import ClockDrift, CoverageHole, Faults, PowerCut
from firmware_sim.flash import Key

KEYS = [Key("b", seq) for seq in range(200)]


def test_a_hole_is_an_area_a_period_or_both() -> None:
    area = CoverageHole(lon=101.68, lat=21.19, radius_m=1_000)
    assert area.covers(5, 101.685, 21.19)
    assert not area.covers(5, 101.70, 21.19)
    period = CoverageHole(from_s=10, to_s=20)
    assert [period.covers(t, 0, 0) for t in (9, 10, 19, 20)] == [False, True, True, False]
    both = CoverageHole(10, 20, 101.68, 21.19, 1_000)
    assert not both.covers(5, 101.68, 21.19)


def test_sending_faults_change_order_and_number_but_lose_nothing() -> None:
    doubled = Faults(duplicate=0.3).order("d", KEYS)
    assert 220 < len(doubled) < 290
    assert set(doubled) == set(KEYS)
    mixed = Faults(reorder=0.3).order("d", KEYS)
    assert sorted(mixed) == KEYS
    assert 20 < sum(a.seq > b.seq for a, b in itertools.pairwise(mixed)) < 90
    assert Faults().order("d", KEYS) == KEYS
    assert Faults(reorder=1.0).order("d", KEYS[:1]) == KEYS[:1]


def test_a_clock_drifts_by_its_offset_and_rate() -> None:
    drift = Faults(drift=ClockDrift(offset_s=2.0, ppm=50.0))
    assert drift.clock_error_ms(0) == 2_000
    assert drift.clock_error_ms(86_400) == 2_000 + 4_320


def test_a_cut_is_found_once() -> None:
    faults = Faults(cuts=(PowerCut(100), PowerCut(500)))
    assert faults.cut_between(90, 100) == PowerCut(100)
    assert faults.cut_between(100, 110) is None
