"""What every store must tell of the quality of samples. Part of ``contract.StoreContract``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feeds.store.memory import MemoryStore
from feeds.store.port import Store
from gateway.payload.nmea import NmeaSession
from streams.engine.quality import STOPS, Flag
from tests.unit.feeds.store.frames import Report, Value, at, frame

ALL = (-(2**62), 2**62)
T0 = 1_795_330_800_000
DAY_MS = 86_400_000
NMEA = Path(__file__).parents[3] / "data" / "nmea" / "ublox-8.log"
PLACE = 0.001  # degree: some 100 m

Sample = Mapping[str, Value]


def flagged(store: Store, start_ms: int = ALL[0], end_ms: int = ALL[1]) -> dict[int, list[int]]:
    """The flags by instant, those of one instant sorted."""
    table = store.track("a", start_ms, end_ms, 10**6)
    found: dict[int, list[int]] = {}
    for t, flags in zip(table["t_ms"].to_pylist(), table["flags"].to_pylist(), strict=True):
        found[t] = sorted([*found.get(t, []), flags])
    return found


def drive(n: int, begin: int = 0, **values: Value) -> list[Sample]:
    """Eastwards at 36 km/h, a sample every 10 s."""
    return [at(T0 + k * 10_000, lon=101 + k * PLACE, **values) for k in range(begin, begin + n)]


def sent(samples: Sequence[Sample], size: int = 5, late_ms: int = 500, **report: Any) -> list[Report]:
    """Reports of ``size`` samples each, received soon after."""
    parts = [samples[k : k + size] for k in range(0, len(samples), size)]
    return [
        Report("a", p, seq=k, received_ms=int(p[-1]["t_ms"] or 0) + late_ms, **report)
        for k, p in enumerate(parts)
    ]


def nasty(seed: int, n: int = 120) -> list[Report]:
    """Jumps, frozen receivers, pauses, wrong clocks, odometers that differ, instants told twice."""
    random = np.random.default_rng(seed)
    samples: list[Sample] = []
    t, lon, odometer = T0, 101.0, 10**9
    for k in range(n):
        t += int(random.choice([0, 1, 700, 4_000, *[10] * 16])) * 1000
        moved = bool(random.random() < 0.6)
        lon += PLACE / 2 * moved
        odometer += 50_000 * moved + (3_000_000 if random.random() < 0.03 else 0)
        far = 0.5 if random.random() < 0.1 or n // 2 < k < n // 2 + 3 else 0.0
        samples.append(
            at(
                t,
                lon=lon + far,
                lat=21.0 if random.random() < 0.97 else 21.3,
                fix=int(random.choice([3, 3, 3, 3, 1])),
                wheel_ckmh=int(random.choice([0, 3_600, 9_000])) if random.random() < 0.7 else None,
                odometer_mm=odometer if random.random() < 0.4 else None,
            )
        )
    late = random.choice([500, 500, 500, -200_000], n).tolist()
    return [Report("a", [s], seq=k, received_ms=int(s["t_ms"] or 0) + late[k]) for k, s in enumerate(samples)]


class QualityContract:
    """Mixed into the contract of the store; fixtures ``store`` and ``done`` are those of it."""

    def test_each_sample_is_told_what_speaks_against_it(self, store: Store, done: Any) -> None:
        way = [dict(s) for s in drive(12)]
        way[2] |= {"fix": 1}
        way[3] |= {"hdop_c": 2_000}
        way[4] |= {"lon_e7": 0, "lat_e7": 0}
        way[6] |= {"lat_e7": 300_000_000}
        way[8] |= {"speed_ckmh": 3_600, "wheel_ckmh": 100}
        odd = [at(T0 + DAY_MS), at(T0 - 1024 * 7 * DAY_MS), at(1_000)]
        reports = [*sent(way, size=1), Report("a", odd, seq=99, received_ms=T0)]
        store.write(0, 1, [frame(*reports)])
        done(store)
        want = {int(s["t_ms"] or 0): [0] for s in way}
        for k, flag in {
            2: Flag.NO_FIX,
            3: Flag.POOR_HDOP,
            4: Flag.NULL_ISLAND,
            6: Flag.JUMP,
            8: Flag.SPEED,
        }.items():
            want[T0 + k * 10_000] = [int(flag)]
        want |= {T0 + DAY_MS: [Flag.CLOCK_AHEAD]}
        want |= {T0 - 1024 * 7 * DAY_MS: [Flag.CLOCK_BEHIND], 1_000: [Flag.CLOCK_BEHIND]}
        assert flagged(store) == want

    def test_a_place_that_stays_while_the_wheels_turn_is_frozen(self, store: Store, done: Any) -> None:
        moving = drive(3, wheel_ckmh=3_600)
        stuck = [{**s, "lon_e7": moving[-1]["lon_e7"]} for s in drive(4, begin=3, wheel_ckmh=3_600)]
        parked = [{**s, "lon_e7": moving[-1]["lon_e7"]} for s in drive(3, begin=7, wheel_ckmh=0)]
        store.write(0, 1, [frame(*sent([*moving, *stuck, *parked]))])
        done(store)
        assert list(flagged(store).values()) == [[0]] * 3 + [[Flag.FROZEN]] * 4 + [[0]] * 3

    def test_of_two_devices_at_one_instant_one_counts(self, store: Store, done: Any) -> None:
        one, two = drive(4), [{**s, "lat_e7": 212_000_000} for s in drive(4)]
        again = Report("a", one, seq=7, content="again", received_ms=T0 + 60_000)
        store.write(0, 1, [frame(*sent(two, device="unit-2", content="two"))])
        done(store)
        assert all(f == [0] for f in flagged(store).values())
        store.write(0, 2, [frame(*sent(one), again)])
        done(store)
        table = store.track("a", *ALL, 100)
        assert table.num_rows == 12
        for row in table.to_pylist():  # the smaller content counts, and twice the same is no conflict
            assert row["flags"] == (0 if row["lat_e7"] == one[0]["lat_e7"] else Flag.CONFLICT)

    def test_a_jump_in_what_a_receiver_wrote_is_found(self, store: Store, done: Any) -> None:
        fixes = NmeaSession().feed(NMEA.read_bytes(), T0)
        samples = [at(f.t_ms, f.lon, f.lat, fix=f.fix) for f in fixes if f.fix >= 2]
        assert len(samples) > 50
        wild = int(samples[30]["t_ms"] or 0)
        samples[30] = {**samples[30], "lat_e7": int(samples[30]["lat_e7"] or 0) + 200_000}
        store.write(0, 1, [frame(*sent(samples))])
        done(store)
        assert {t: f for t, f in flagged(store).items() if f != [0]} == {wild: [Flag.JUMP]}

    @pytest.mark.parametrize("seed", range(3))
    def test_flags_do_not_depend_on_the_order_of_writing(self, store: Store, done: Any, seed: int) -> None:
        reports = nasty(seed)
        late = [Report("a", r.samples, seq=r.seq, received_ms=r.received_ms + 900_000) for r in reports[::3]]
        shuffled = [*reports, *late]
        np.random.default_rng(seed).shuffle(shuffled)
        store.write(0, 1, [frame(*shuffled[:70])])
        done(store)
        store.write(0, 2, [frame(*shuffled[70:])])
        done(store)
        plain = MemoryStore()
        plain.write(0, 1, [frame(*reports)])
        assert flagged(store) == flagged(plain)
        assert sum(f != [0] for f in flagged(store).values()) > 10

    @pytest.mark.parametrize("seed", range(3))
    def test_a_period_has_the_flags_of_the_whole(self, store: Store, done: Any, seed: int) -> None:
        store.write(0, 1, [frame(*nasty(seed, 60))])
        done(store)
        whole = flagged(store)
        instants = sorted(whole)
        for start in instants[::3]:
            end = start + 600_000
            assert flagged(store, start, end) == {t: f for t, f in whole.items() if start <= t < end}

    def test_a_receiver_frozen_for_a_day_is_seen_from_any_hour(self, store: Store, done: Any) -> None:
        hours = [at(T0 + k * 600_000, lon=101 + min(k, 3) * 0.01, wheel_ckmh=5_000) for k in range(120)]
        # slow wheels do not move a frozen place by themselves: only the drive before tells
        crawl = [{**s, "wheel_ckmh": 10} if k > 6 else s for k, s in enumerate(hours)]
        store.write(0, 1, [frame(*sent(crawl))])
        done(store)
        assert flagged(store, T0 + 100 * 600_000) == {
            T0 + k * 600_000: [Flag.FROZEN] for k in range(100, 120)
        }

    def test_late_data_changes_what_was_told(self, store: Store, done: Any) -> None:
        near, far = drive(4), [{**s, "lat_e7": 300_000_000} for s in drive(2, begin=4)]
        store.write(0, 1, [frame(*sent([*near, *far], content="first"))])
        done(store)
        assert list(flagged(store).values()) == [[0]] * 4 + [[Flag.JUMP]] * 2
        earlier = [{**s, "lat_e7": 300_000_000} for s in drive(3, begin=-3)]
        store.write(0, 2, [frame(*sent(earlier, content="late"))])
        done(store)
        # three there, then two jumps to here, the third is believed
        assert list(flagged(store).values()) == [[0]] * 3 + [[Flag.JUMP]] * 2 + [[0]] * 2 + [[Flag.JUMP]] * 2

    def test_thinning_keeps_the_line_and_shows_some_of_the_rest(self, store: Store, done: Any) -> None:
        corner = [dict(s) for s in drive(1_000)]
        for k, s in enumerate(corner):
            east, north = min(k, 600) * 9_000, max(k - 600, 0) * 9_000
            s |= {"lon_e7": 1_010_000_000 + east, "lat_e7": 210_000_000 + north}
        for k in range(50, 1_000, 50):
            corner[k] |= {"lat_e7": 300_000_000}
        corner[601] |= {"hdop_c": 9_999}
        store.write(0, 1, [frame(*sent(corner, size=100))])
        done(store)
        table = store.track("a", *ALL, 40)
        assert 30 < table.num_rows <= 40
        kept = dict(zip(table["t_ms"].to_pylist(), table["flags"].to_pylist(), strict=True))
        assert {T0, T0 + 9_990_000} <= set(kept)
        line = [t for t, f in kept.items() if not f & STOPS]
        assert min(abs(t - (T0 + 6_000_000)) for t in line) <= 10_000
        others = sorted(t for t, f in kept.items() if f & STOPS)
        assert len(others) == 4
        assert np.diff(others).max() < 4_000_000

    def test_the_newest_sample_alone_is_not_judged(self, store: Store, done: Any) -> None:
        store.write(0, 1, [frame(Report("a", [at(T0, fix=1)], received_ms=T0))])
        done(store)
        assert flagged(store) == {T0: [Flag.NO_FIX]}
        assert store.latest(["a"])["flags"].to_pylist() == [0]
