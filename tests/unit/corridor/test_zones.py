"""``corridor zones``: files checked without a system; zones imported, listed, retired through the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

import corridor.cli.zones
from api.app import create_app
from api.ports import DryRunChange, DryRunResult
from corridor.__main__ import main
from corridor.client import ClientError
from tests.unit.api.test_zones import BOWTIE, SQUARE, ZoneEngine, feature
from tests.unit.api.world import KEY, make


class InProcess:
    """The methods of corridor.client.Client over an app in this process."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://corridor.test", headers=headers
        )
        self._runner = runner

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any, timeout_s: float = 60.0) -> Any:
        return self._ask("POST", path, body)

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path, None)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = self._runner.run(self._client.request(method, path, json=body))
        if answer.status_code >= 400:
            raise ClientError(answer.json()["detail"], answer.status_code)
        return answer.json()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneEngine]:
    """The engine behind a running system that the verbs find."""
    world, made = make(tmp_path), ZoneEngine()
    before = {"zone": "z0", "enter": {"estimate_ms": 0}}
    gone = DryRunChange("visit", None, "asset_1", (), before, None)
    ports = replace(
        world.ports,
        commands=made,
        zone_book=lambda: made.book,
        dry_run=lambda *_: DryRunResult((), (gone,), (), 2, 300),
        registry=CollectorRegistry(auto_describe=True),
    )
    with asyncio.Runner() as runner:
        client = InProcess(create_app(ports), runner)
        monkeypatch.setattr(corridor.cli.zones, "_client", lambda _: client)
        yield made
    world.close()


def file(folder: Path, *features: dict[str, Any], name: str = "yards.geojson") -> str:
    path = folder / name
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def test_check_says_what_is_wrong_and_writes_the_repaired_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, feature("a", BOWTIE), feature("b", []), feature("c"))
    assert main(["zones", "check", path, "--out", str(tmp_path / "good.geojson")]) == 1
    said = capsys.readouterr()
    assert said.out == "2 zones, 1 refused, 1 repaired, 0 warnings\n"
    assert "yards.geojson: repaired: feature 0 (a): ring 0 after position 0: self-intersection" in said.err
    assert "yards.geojson: error: feature 1 (b): ring 0 is too short" in said.err
    assert main(["zones", "check", str(tmp_path / "good.geojson")]) == 0
    assert capsys.readouterr().out == "2 zones, 0 refused, 0 repaired, 0 warnings\n"


def test_an_id_in_two_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = file(tmp_path, feature("a")), file(tmp_path, feature("a"), name="more.geojson")
    assert main(["zones", "check", one, two]) == 1
    assert "more.geojson: error: id 'a' is in another of the files already" in capsys.readouterr().err


def test_import_publishes_in_parts_with_one_instant(
    tmp_path: Path, engine: ZoneEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, *(feature(f"z{n}") for n in range(1_200)))
    words = ["--kind", "yard", "--grace", "60", "--min-dwell", "5", "--valid-from", "2026-01-01T00:00:00Z"]
    assert main(["zones", "import", path, *words]) == 0
    assert "1200 zones published, valid from 2026-01-01T00:00:00Z" in capsys.readouterr().out
    assert [len(c["data"]["zones"]) for c in engine.submitted] == [1_000, 200]
    assert len({c["data"]["valid_from_ms"] for c in engine.submitted}) == 1
    assert engine.submitted[0]["data"]["zones"][0]["properties"]["grace_s"] == 60


def test_import_of_many_leaves_time_for_all_parts(tmp_path: Path, engine: ZoneEngine) -> None:
    path = file(tmp_path, *(feature(f"z{n}") for n in range(1_001)))
    assert main(["zones", "import", path]) == 0
    assert len({c["data"]["valid_from_ms"] for c in engine.submitted}) == 1


def test_a_file_with_an_error_is_not_imported_at_all(
    tmp_path: Path, engine: ZoneEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zones", "import", file(tmp_path, feature("a"), feature("b", []))]) == 1
    assert engine.submitted == []
    assert "nothing imported: 1 refused" in capsys.readouterr().err


def test_a_repaired_zone_is_imported(tmp_path: Path, engine: ZoneEngine) -> None:
    assert main(["zones", "import", file(tmp_path, feature("a", SQUARE[:-1]))]) == 0
    assert len(engine.submitted) == 1


def test_a_dry_run_tells_and_publishes_nothing(
    tmp_path: Path, engine: ZoneEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zones", "import", file(tmp_path, feature("z0")), "--dry-run", "--days", "3"]) == 0
    assert engine.submitted == []
    assert capsys.readouterr().out == (
        "- visit z0 of asset_1 at 1970-01-01T00:00:00.000Z\n"
        "over 3 days: 0 added, 1 removed, 0 moved; 2 assets, 300 samples\n"
    )


def test_what_is_exported_is_imported_without_a_change(
    tmp_path: Path, engine: ZoneEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zones", "import", file(tmp_path, feature("a"), feature("b"))]) == 0
    capsys.readouterr()
    assert main(["zones", "export"]) == 0
    out = tmp_path / "out.geojson"
    out.write_text(capsys.readouterr().out)
    before = engine.book.dump()
    assert main(["zones", "import", str(out)]) == 0
    assert len(engine.submitted[-1]["data"]["zones"]) == 4
    assert engine.book.dump() == before


def test_list_and_show(tmp_path: Path, engine: ZoneEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zones", "import", file(tmp_path, feature("a"))]) == 0
    capsys.readouterr()
    assert main(["zones", "list", "--kind", "yard"]) == 0
    said = capsys.readouterr()
    assert [line.split()[:2] for line in said.out.splitlines()] == [["a", "yard"]]
    assert said.err == "1 zones\n"
    assert main(["zones", "show", "a"]) == 0
    assert json.loads(capsys.readouterr().out)["versions"][0]["retired"] is False


def test_retire_goes_on_after_one_that_is_refused(
    tmp_path: Path, engine: ZoneEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zones", "import", file(tmp_path, feature("a"))]) == 0
    capsys.readouterr()
    assert main(["zones", "retire", "nowhere", "la", "a"]) == 1
    said = capsys.readouterr()
    assert said.out == "a: retired\n"
    assert said.err.splitlines() == [
        "nowhere: no such zone: got nowhere",
        "la: zone la: countries can't be retired",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["zones", "check", "no-such-file"], "no-such-file: No such file"),
        (["zones", "list"], "no system runs on the data folder"),
        (["zones", "check", "{file}", "--grace", "-1"], "--grace, --min-dwell: want whole seconds"),
    ],
)
def test_what_can_not_be_done_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = file(tmp_path, feature("a"))
    assert main([word.format(file=path) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said
