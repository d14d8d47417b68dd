"""The demo's twelve exporters through the real system: each case comes to what the legend promises."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from corridor.client import Client, ClientError
from corridor.demofilings import STORIES, TRAILER
from corridor.folder import Folder

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]
PATIENCE_S = 540.0


@contextmanager
def demo(folder: Path, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running demo with few other trucks; what it prints goes to the file ``said``."""
    words = ["demo", "--no-browser", "--http-port", "0", "--trucks", "1", "--data-dir", str(folder)]
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "corridor", *words], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def cases_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The cases by reference; none as long as the system does not answer."""
    local = Folder(folder).local()
    if local is None:
        return {}
    try:
        return {case["reference"]: case for case in Client(local).get("/v1/cases?limit=100")["items"]}
    except ClientError:
        return {}


def settled(cases: dict[str, dict[str, Any]]) -> bool:
    """Whether every case is where the legend says."""
    return all(cases.get(story.reference, {}).get("state") == story.state for story in STORIES) and all(
        cases[story.reference]["stage"] in ("arrived", "cleared") for story in STORIES
    )


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "corridor", *words, "--data-dir", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_of_the_twelve_ends_as_the_legend_promises(tmp_path: Path) -> None:
    folder, said = tmp_path / "demo", tmp_path / "said.txt"
    with demo(folder, said) as process:
        deadline, cases = time.monotonic() + PATIENCE_S, cases_of(folder)
        while not settled(cases):
            assert process.poll() is None, said.read_text()[-3000:]
            states = {name: (case["state"], case["stage"], case["reasons"]) for name, case in cases.items()}
            assert time.monotonic() < deadline, json.dumps(states, indent=1)
            time.sleep(0.5)
            cases = cases_of(folder)
        local = Folder(folder).local()
        assert local is not None
        client = Client(local)

        told = said.read_text()
        assert "paper_refused" not in told
        assert "Traceback" not in told
        for story in STORIES:
            case = cases[story.reference]
            assert re.search(rf"{story.reference} .*{story.title}.* {story.state} ", told)
            if story.code is not None:
                assert story.code in {reason["code"] for reason in case["reasons"]}, case["reasons"]
            if story.state == "cleared":
                assert (case["release_rule"], case["within_benchmark"]) == ("authority", True)
                assert [step["stage"] for step in case["steps"]][-2:] == ["released", "cleared"]

        # who is in conflict with what
        slip, one, other = (cases[f"DEMO-{n:02}"] for n in (3, 4, 5))
        conflicts = {c["asset"]: c for c in client.get("/v1/conflicts")["items"] if c["state"] == "open"}
        assert conflicts[slip["asset"]]["what"] == "vin"
        assert (conflicts[slip["asset"]]["cause"], conflicts[slip["asset"]]["position"]) == ("slip", 17)
        assert conflicts[one["asset"]]["cause"] == conflicts[other["asset"]]["cause"] == "swapped_pair"
        assert conflicts[one["asset"]]["other"] == other["asset"]

        # carried, late, permitted on the road, together
        carried = cases["DEMO-10"]
        tractor = client.get("/v1/assets/LZGTESTK6RN700010")["id"]
        assert (carried["vin"], carried["by"]["asset"]) == (TRAILER["vin"], tractor)
        deadlines = {d["rule"]: d["state"] for d in cases["DEMO-09"]["deadlines"]}
        assert deadlines["filed-before-arrival"] == "missed"
        assert {d["rule"]: d["state"] for d in cases["DEMO-01"]["deadlines"]} == {
            "filed-before-arrival": "met",
            "permit-before-arrival": "met",
        }
        waited = client.get(f"/v1/cases/{cases['DEMO-02']['id']}/explain")
        assert "held" in {revision["state"] for revision in waited["revisions"]}
        batch = client.get("/v1/batches/DEMO-BATCH-1")
        assert (batch["complete"], len(batch["cases"])) == (True, 2)

        # the three commands
        explained = run(folder, "case", "explain", cases["DEMO-01"]["id"])
        for words in ("Filed at", "bound to each other", "Crossed the line", "Released", "Cleared"):
            assert words in explained, explained
        page = tmp_path / "report.html"
        assert "12 cases lodged" in run(
            folder, "case", "report", "--gate", "mohan-boten", "--html", str(page)
        )
        assert "swapped_pair" in page.read_text("utf-8")
        traced = run(folder, "trace", "LZZTESTA7RN700001")
        for words in ("Maker's production record", "Filed", "Import permit", "At gate", "Release granted"):
            assert words in traced, traced
        assert "nothing here shows" not in traced
        followed = run(folder, "trace", TRAILER["vin"])
        assert "with its carrier" in followed
        assert "nothing here shows" not in followed
        assert "system up: not measured" not in run(folder, "case", "report", "--gate", "mohan-boten")

        # an officer who has looked at the vehicle lets its case go on
        looked = {"vin": slip["vin"], "chassis": slip["chassis"], "reason": "the plate on the frame was read"}
        verified = client.post(f"/v1/cases/{slip['id']}/settle", looked)
        assert (verified["state"], verified["stage"], verified["reasons"]) == ("arrived", "arrived", [])

    # the same command goes on: nothing is lodged twice, and what was cleared stays so
    with demo(folder, said) as process:
        deadline, again = time.monotonic() + 120, cases_of(folder)
        while len(again) < 12:
            assert process.poll() is None, said.read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.5)
            again = cases_of(folder)
        assert {name: case["state"] for name, case in again.items()} == {
            **{story.reference: story.state for story in STORIES},
            "DEMO-03": "arrived",
        }
