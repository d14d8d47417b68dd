"""A browser for a module, and the built page opened against a fake server of a test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import Visit, chromium, launch, visiting
from tests.e2e.fake_api import DIST, KEY, FakeApi, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not os.environ.get("CI"):
        if chromium() is None:
            pytest.skip("no chromium on PATH: install Debian's package chromium")
        if not (DIST / "index.html").exists():
            pytest.skip("the page is not built: run `npm ci && npm run build` in web/")
    with launch() as launched:
        yield launched


@pytest.fixture
def fake() -> FakeApi:
    return FakeApi()


@pytest.fixture
def url(fake: FakeApi) -> Iterator[str]:
    with serving(fake) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    with visiting(browser, url, KEY) as opened:
        yield opened
        assert opened.foreign == []
