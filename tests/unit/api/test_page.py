"""The page's files: headers, revalidation, nothing outside the folder; and a word when it is not built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.unit.api.world import make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text("<!doctype html>the page")
    (page / "worker.mjs").write_text("export {}")
    (page / "basemap.geojson").write_text("{}")
    (tmp_path / "secret.txt").write_text("not for anyone")
    (page / "way-out.txt").symlink_to(tmp_path / "secret.txt")
    return page


@pytest.fixture
async def browser(folder: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    world = make(tmp_path, folder)
    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://corridor.test") as opened:
        yield opened
    world.close()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/worker.mjs", "text/javascript; charset=utf-8"),
        ("/basemap.geojson", "application/geo+json"),
    ],
)
async def test_file_is_served_without_a_key_under_the_policy(
    browser: httpx.AsyncClient, path: str, media_type: str
) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "worker-src 'self' blob:" in policy
    assert "connect-src 'self'" in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_unchanged_file_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/worker.mjs")
    assert first.headers["cache-control"] == "no-cache"
    again = await browser.get("/worker.mjs", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/..%5csecret.txt",
        "/way-out.txt",
        "/%00",
        "/missing.js",
    ],
)
async def test_nothing_outside_the_folder_is_served(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "not for anyone" not in answer.text


async def test_wrong_path_of_the_api_is_the_apis_to_refuse(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/v1/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_page_that_is_not_built_says_how(tmp_path: Path) -> None:
    world = make(tmp_path, tmp_path / "no such folder")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url="http://x") as browser:
        answer = await browser.get("/")
    world.close()
    assert answer.status_code == 503
    assert "<code>make install</code>" in answer.text
