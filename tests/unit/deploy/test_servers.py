"""``make servers``: nothing is got twice, what is given is left alone, what is missing is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MAKE = Path(__file__).parents[3] / "deploy" / "servers" / "make.py"
_MVN = """\
#!/bin/sh
echo run >> "{runs}"
for word in "$@"; do case $word in -DoutputDirectory=*) into=${{word#*=}};; esac; done
mkdir -p "$into" && touch "$into/kafka.jar"
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with a Java that is never run, and a Maven that notes each run and makes one jar."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("java", "#!/bin/sh\nexit 1\n"), ("mvn", _MVN.format(runs=tmp_path / "runs"))):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def start(tmp_path: Path, *words: str, path: str, **more: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CORRIDOR_")}
    environment |= {"CORRIDOR_SERVERS": str(tmp_path / "cache"), "PATH": path} | more
    return subprocess.Popen(
        [sys.executable, str(MAKE), *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_it_is_got_once_by_two_that_run_at_once_and_kept(tmp_path: Path, tools: Path) -> None:
    path = f"{tools}:/usr/bin:/bin"
    both = [start(tmp_path, "kafka", path=path) for _ in range(2)]
    said = sorted(ended(one) for one in both)
    assert [code for code, _ in said] == [0, 0]
    assert sorted(line for _, text in said for line in text.splitlines() if " at " in line) == [
        f"kafka: kept at {tmp_path}/cache/kafka",
        f"kafka: made at {tmp_path}/cache/kafka",
    ]
    assert ended(start(tmp_path, "kafka", path=path)) == (0, f"kafka: kept at {tmp_path}/cache/kafka\n")
    assert (tmp_path / "runs").read_text() == "run\n"
    assert (tmp_path / "cache" / "kafka" / "lib" / "kafka.jar").exists()


def test_what_fails_shows_the_end_of_its_log_and_leaves_nothing(tmp_path: Path, tools: Path) -> None:
    (tools / "mvn").write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\necho no such artifact\nexit 3\n")
    code, said = ended(start(tmp_path, "kafka", path=f"{tools}:/usr/bin:/bin"))
    assert code == 2
    assert "kafka: mvn ended with 3 after 0 s" in said
    assert "no such artifact" in said
    assert (tmp_path / "runs").read_text() == "run\nrun\n", "the network may have failed: once more"
    assert not (tmp_path / "cache" / "kafka").exists()


def test_every_tool_that_is_missing_is_named(tmp_path: Path) -> None:
    code, said = ended(start(tmp_path, "kafka", "tlog", "influxd", path=str(tmp_path / "nothing")))
    assert code == 2
    assert said.splitlines() == [
        "kafka: java is not on PATH: install Java 17 or newer, or set CORRIDOR_TEST_KAFKA=host:port",
        "tlog: go is not on PATH: install Go 1.24 or newer, or set CORRIDOR_TEST_TLOG=folder",
        "influxd: go is not on PATH: install Go 1.25.10 or newer, "
        "or set CORRIDOR_TEST_INFLUX_URL=http://host:port",
    ]


def test_servers_that_are_given_need_nothing(tmp_path: Path) -> None:
    given = {
        "CORRIDOR_TEST_KAFKA": "k:9092",
        "CORRIDOR_TEST_MOSQUITTO": "mqtt://m:1883",
        "CORRIDOR_TEST_TLOG": "/opt/tlog",
        "CORRIDOR_TEST_INFLUX_URL": "http://i:8086",
    }
    code, said = ended(start(tmp_path, path=str(tmp_path / "nothing"), **given))
    assert code == 0
    assert said.splitlines() == [
        "kafka: given at k:9092",
        "mosquitto: given at mqtt://m:1883",
        "tlog: given at /opt/tlog",
        "influxd: given at http://i:8086",
    ]


def test_an_unknown_server_is_refused(tmp_path: Path) -> None:
    code, said = ended(start(tmp_path, "redis", path=os.defpath))
    assert (code, said) == (2, "unknown server 'redis': want kafka, mosquitto, tlog, influxd\n")
