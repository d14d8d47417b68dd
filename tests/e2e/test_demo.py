"""``corridor demo`` as a person meets it: one command, the printed address in a browser, trucks that move.

With ``PICTURE=1`` it also takes the picture of the README, for which fonts with Chinese characters must be
installed (Debian's fonts-noto-cjk).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import chromium, launch, visiting, watch

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "pictures" / "live-map.png"
pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]
_PAGE = re.compile(r"^  page +(http://127\.0\.0\.1:\d+)/#key=(\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not os.environ.get("CI"):
        if chromium() is None:
            pytest.skip("no chromium on PATH: install Debian's package chromium")
        if not (ROOT / "api" / "web" / "dist" / "index.html").exists():
            pytest.skip("the page is not built: run `make page`")
    with launch() as launched:
        yield launched


@contextmanager
def demo(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """A running demo, the address of its page and the key that its browser logs in with."""
    command = [sys.executable, "-m", "corridor", "demo", "--no-browser", "--http-port", "0"]
    said = folder.parent / "demo.log"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder), *words], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 60
        while (found := _PAGE.search(said.read_text())) is None:
            assert process.poll() is None, said.read_text()[-2000:]
            assert time.monotonic() < deadline, said.read_text()[-2000:]
            time.sleep(0.1)
        yield process, found[1], found[2]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_one_command_shows_trucks_that_move_and_events_and_goes_on_when_started_again(
    browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    with demo(folder, "--duration", "600") as (process, url, key):
        facts = watch(browser, url, key, patience_s=90, least=10)
        assert (facts.foreign, facts.errors) == ([], [])
        assert facts.moved >= 10
        assert facts.events >= 1
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
    begun = time.monotonic()
    with demo(folder, "--duration", "1") as (process, _, _):
        started_s = time.monotonic() - begun
        assert process.wait(40) == 0
    assert started_s < 30
    said = (tmp_path / "demo.log").read_text()
    assert "admin key" not in said
    assert "Traceback" not in said
    assert " INFO " not in said


@pytest.mark.skipif(not os.environ.get("PICTURE"), reason="takes the README's picture: PICTURE=1")
def test_the_picture_of_the_readme(browser: Browser, tmp_path: Path) -> None:
    with (
        demo(tmp_path / "demo", "--duration", "600", "--trucks", "90") as (_, url, key),
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client,
        visiting(browser, url, key) as visit,
    ):
        visit.page.locator("button.gate").first.click()
        deadline = time.monotonic() + 180
        while not lively(client):
            assert time.monotonic() < deadline
            visit.page.wait_for_timeout(500)
        visit.settle()
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        visit.page.screenshot(path=PICTURE)
        assert visit.foreign == []


def lively(client: httpx.Client) -> bool:
    """Trucks on both ways in the gate, and some that have passed it."""
    queue = client.get("/v1/gates/mohan-boten").json()["queue"].values()
    passed = client.get("/v1/crossings", params={"state": "completed"}).json()["items"]
    return min(queue) >= 1 and sum(queue) >= 4 and len(passed) >= 3
