"""The demo's time: it begins in the past, runs faster, goes on over restarts, is one for a process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from corridor import democlock
from firmware_sim.clock import SimClock


def test_it_begins_in_the_past_and_catches_up(tmp_path: Path) -> None:
    clock = democlock.start(tmp_path / "none.json", 7_200, 60)
    assert abs(clock.wall_s - clock.sim_s - 7_200) < 1e-6
    assert clock.at(clock.wall_s + 10) == clock.sim_s + 600
    assert clock.at(clock.wall_s + 9_999) == clock.wall_s + 9_999  # never in the future


def test_at_real_speed_it_is_the_real_time(tmp_path: Path) -> None:
    clock = democlock.start(tmp_path / "none.json", 7_200, 1)
    assert clock.sim_s == clock.wall_s


def test_it_goes_on_where_the_trucks_are(tmp_path: Path) -> None:
    state = tmp_path / "fleet.json"
    state.write_text(json.dumps({"t_s": 1_700_000_000}))
    assert democlock.start(state, 7_200, 60).sim_s == 1_700_000_000
    state.write_text(json.dumps({"t_s": 9e12}))
    assert democlock.start(state, 7_200, 60).sim_s <= time.time()
    for broken in ("{", "[]", '{"t_s": "soon"}'):
        state.write_text(broken)
        clock = democlock.start(state, 7_200, 60)
        assert clock.wall_s - clock.sim_s == 7_200


def test_a_process_that_takes_it_has_no_other_time() -> None:
    plain = democlock.plain(SimClock(1_700_000_000.0, time.time(), 100.0))
    program = (
        "import json, sys, time; from corridor import democlock; democlock.install(json.loads(sys.argv[1]));"
        "print(time.time(), time.time_ns(), time.monotonic())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(plain)], capture_output=True, text=True, check=True
    )
    now_s, now_ns, _ = (float(word) for word in done.stdout.split())
    assert 1_700_000_000 <= now_s < 1_700_000_000 + 100 * 60
    assert abs(now_ns / 1e9 - now_s) < 100
