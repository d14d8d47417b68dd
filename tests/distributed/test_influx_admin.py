"""``corridor store create`` and ``check`` on a real InfluxDB, and the means that its tasks make."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable

import orjson
import pytest

from corridor.__main__ import main
from feeds.store.influx import admin
from feeds.store.influx.client import Client, Place
from feeds.store.influx.store import InfluxStore
from feeds.store.port import StoreError
from tests.distributed.servers import Influx
from tests.distributed.test_influx_errors import token_of
from tests.unit.feeds.store.frames import Report, at, frame

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def bucket() -> str:
    return f"a 'bucket' ${{x}} {uuid.uuid4().hex}"


@pytest.fixture
def run(
    influx: Influx, bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs ``corridor store`` with a word; gives its exit code and what it printed."""

    def run(action: str, **settings: str) -> tuple[int, str]:
        with monkeypatch.context() as patch:
            given = {"url": influx.url, "org": influx.org, "bucket": bucket, "token": influx.token}
            for name, value in given.items():
                patch.setenv(f"CORRIDOR_INFLUX_{name.upper()}", value)
            for name, value in settings.items():
                patch.setenv(f"CORRIDOR_{name.upper()}", value)
            code = main(["store", action])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def test_create_makes_what_is_missing_and_again_changes_nothing(run: Run) -> None:
    code, said = run("check")
    assert code == 1
    assert "corridor store create" in said
    code, said = run("create", store_retention_days="30")
    assert (code, said.count("made")) == (0, 4)
    code, said = run("create", store_retention_days="30")
    assert (code, said.count("is there"), said.count("made")) == (0, 5, 0)
    code, said = run("check", store_retention_days="30")
    assert (code, said.count("WRONG")) == (0, 0)


def test_retention_is_changed_to_what_is_set(run: Run) -> None:
    run("create", store_retention_days="30")
    code, said = run("check")
    assert (code, said.count("WRONG")) == (1, 1)
    assert "30 days" in said
    assert "kept 30 days, keeps for ever now" in run("create")[1]
    assert run("check")[0] == 0
    assert run("create", store_retention_days="0.01")[0] == 2


def test_a_token_that_may_not_and_a_server_that_is_not_there_are_told(
    run: Run, influx: Influx, bucket: str
) -> None:
    run("create")
    for action, code in (("check", 1), ("create", 2)):
        found, said = run(action, influx_token=token_of(influx, bucket, "read"))
        assert (found, "influx_token" in said) == (code, True)
        found, said = run(action, influx_url="http://127.0.0.1:1")
        assert (found, "does not answer" in said) == (code, True)


def test_a_token_for_one_bucket_is_told_what_it_may_not_see(run: Run, influx: Influx, bucket: str) -> None:
    run("create")
    code, said = run("check", influx_token=token_of(influx, bucket, "read", "write"))
    unseen = [line for line in said.splitlines() if line.startswith("?")]
    assert (code, len(unseen), said.count("WRONG")) == (0, 3, 0)
    assert all("not for this token to see" in line for line in unseen)


def test_fields_of_another_type_are_found(run: Run, influx: Influx, bucket: str) -> None:
    run("create")
    client = Client(Place(influx.url, influx.org, bucket), influx.token)
    client.write(b"samples,asset=x,device=x lon_e7=1.5,x_odd=7i,other=3i 1800000000000000000")
    client.close()
    code, said = run("check")
    assert code == 1
    assert "lon_e7 is float, want integer; x_odd is integer, want float" in said


def test_a_changed_task_is_put_right(run: Run, influx: Influx, bucket: str) -> None:
    run("create")
    client = Client(Place(influx.url, influx.org, bucket), influx.token)
    task = admin._found(client, "tasks", org=influx.org, name=f"{bucket}-mean-1m")
    assert task is not None
    admin._sent(client, "PATCH", f"tasks/{task['id']}", {"status": "inactive"})
    assert run("check")[0] == 1
    changed = task["flux"].replace("every: 5m", "every: 7m")
    admin._sent(client, "PATCH", f"tasks/{task['id']}", {"flux": changed})
    assert f"task {bucket}-mean-1m: changed" in run("create")[1]
    assert run("check")[0] == 0
    client.close()


@pytest.mark.parametrize("width", ["1m", "15m"])
def test_means_are_made_of_whole_minutes_of_each_asset(
    run: Run, influx: Influx, bucket: str, width: str
) -> None:
    run("create")
    width_ms = int(width.removesuffix("m")) * 60_000
    begin = (time.time_ns() // 10**6 // width_ms - 2) * width_ms  # the last window that is surely over
    client = Client(Place(influx.url, influx.org, bucket), influx.token)
    with InfluxStore(client) as store:
        slow = [at(begin + k * 1000, speed_ckmh=k * 100, sats=7) for k in range(60)]
        fast = [at(begin + k * 1000, speed_ckmh=9000) for k in range(30)]
        store.write(
            0, 1, [frame(Report("slow", slow), Report("fast", fast), Report("fast", fast[:5], seq=1))]
        )
        task = admin._found(client, "tasks", org=influx.org, name=f"{bucket}-mean-{width}")
        assert task is not None
        made = admin._sent(client, "POST", f"tasks/{task['id']}/runs", {})
        deadline = time.monotonic() + 60
        while made["status"] in ("scheduled", "started"):
            assert time.monotonic() < deadline
            with contextlib.suppress(StoreError):  # between running and done it is not found for a moment
                path = f"/api/v2/tasks/{task['id']}/runs/{made['id']}"
                made = orjson.loads(client.request("GET", path, {}))
        assert made["status"] == "success", made
    means = Client(Place(influx.url, influx.org, admin.means_bucket(bucket)), influx.token)
    text = f"SELECT speed_ckmh, sats FROM mean_{width} WHERE time > $start GROUP BY asset"
    found = {s.tags["asset"]: s.table({}).to_pylist() for s in means.query(text, {"start": 0})}
    means.close()
    assert found == {
        "slow": [{"time": begin * 1e6, "speed_ckmh": 2950.0, "sats": 7.0}],
        "fast": [{"time": begin * 1e6, "speed_ckmh": 9000.0, "sats": None}],
    }
