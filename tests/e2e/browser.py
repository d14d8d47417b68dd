"""Chromium without a screen, and what a person would look for on the live page, as facts.

``launch`` starts Debian's chromium with WebGL in software; ``watch`` opens a page and reports what was seen.
Both work against any server that serves the page, the fake one of this folder or a running Corridor.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL_SCHEMES = ("data", "blob", "about")


def chromium() -> str | None:
    """The path of an installed chromium, None when there is none."""
    given = os.environ.get("CORRIDOR_CHROMIUM")
    return (
        given or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )


@contextmanager
def launch() -> Iterator[Browser]:
    """A browser while the context lasts. Raises RuntimeError when none is installed."""
    path = chromium()
    if path is None:
        raise RuntimeError("no browser: got no chromium on PATH, want Debian's package chromium")
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page and everything that went wrong or left the host since it was opened."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def trucks(self) -> dict[str, tuple[float, float]]:
        """Where each truck is drawn now."""
        found = self.page.evaluate("window.corridor.trucks().map(t => [t.asset, t.lon, t.lat])")
        return {asset: (lon, lat) for asset, lon, lat in found}

    def events(self) -> list[tuple[str, int]]:
        """Id and revision of the events shown, newest first."""
        found = self.page.evaluate("window.corridor.events().map(e => [e.id, e.revision])")
        return [(str(event), int(revision)) for event, revision in found]

    def status(self) -> str:
        """The live connection: connecting, live, waiting or refused."""
        return str(self.page.evaluate("window.corridor.status()"))

    def until(self, condition: str, timeout_s: float = 20) -> None:
        """Wait for a JavaScript expression to be true; the page's policy forbids it to poll by itself."""
        deadline = time.monotonic() + timeout_s
        while not self.page.evaluate(condition):
            if time.monotonic() > deadline:
                raise TimeoutError(f"page not as wanted: got no truth in {timeout_s} s, want {condition}")
            self.page.wait_for_timeout(50)

    def settle(self) -> None:
        """Wait until the map stands still and is drawn."""
        self.page.evaluate("window.corridor.settled()")


@contextmanager
def visiting(
    browser: Browser,
    url: str,
    key: str,
    *,
    size: tuple[int, int] = (1440, 900),
    scheme: str = "light",
    **context: Any,
) -> Iterator[Visit]:
    """The page logged in by its address; waits until it is live."""
    host = urlsplit(url).netloc
    opened = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        **context,
    )
    try:
        visit = Visit(opened.new_page())

        def request(address: str) -> None:
            parts = urlsplit(address)
            if parts.scheme not in LOCAL_SCHEMES and parts.netloc != host:
                visit.foreign.append(address)

        visit.page.on("request", lambda made: request(made.url))
        visit.page.on("websocket", lambda made: request(made.url))
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.on(
            "console", lambda said: visit.errors.append(said.text) if said.type == "error" else None
        )
        visit.page.goto(f"{url}/#key={key}")
        visit.until("window.corridor && window.corridor.status() === 'live'", 60)
        yield visit
    finally:
        opened.close()


@dataclass
class Facts:
    """What ``watch`` saw."""

    trucks: int
    moved: int
    events: int
    foreign: list[str]
    errors: list[str]


def watch(
    browser: Browser, url: str, key: str, picture: Path | None = None, patience_s: float = 60, least: int = 1
) -> Facts:
    """Open the page, wait for ``least`` trucks to move and an event to arrive, take a picture; tell what was
    seen."""
    with visiting(browser, url, key) as visit:
        visit.until("window.corridor.trucks().length > 0", patience_s)
        before = visit.trucks()
        seen = set(visit.events())
        deadline = time.monotonic() + patience_s
        moved = fresh = 0
        while time.monotonic() < deadline and not (moved >= least and fresh):
            visit.page.wait_for_timeout(250)
            after = visit.trucks()
            before = after | before  # a truck that was not there yet
            moved = sum(after[asset] != place for asset, place in before.items())
            fresh = len(set(visit.events()) - seen)
        visit.settle()
        if picture is not None:
            picture.parent.mkdir(parents=True, exist_ok=True)
            visit.page.screenshot(path=picture)
        return Facts(len(after), moved, fresh, visit.foreign, visit.errors)
