"""The documents say what the code does: links, make targets, verbs and flags, settings, examples."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from corridor.__main__ import _VERBS
from corridor.settings import _FOR_TESTS, CONFIG_VARIABLE, SECRETS, Settings
from firmware_sim.__main__ import _parser as simulator_parser
from gateway.acks import AckBook
from gateway.admission import MAX_BYTES
from gateway.columns import SPECS
from gateway.payload import decode
from gateway.payload.envelope import MAX_SAMPLES
from geofences.geojson import read_zones
from streams.records import Form

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", "node_modules", "dist", "build", ".git", ".hypothesis", ".pytest_cache", "corridor-data"}
DOCS = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED.intersection(path.relative_to(ROOT).parts))
DEVICE_PROTOCOL = ROOT / "docs" / "device-protocol.md"

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(r"(?<![\w./-])(?:\.venv/bin/)?corridor ([a-z]+(?:-[a-z]+)*)\b([^`\n]*)")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_TARGET = re.compile(r"(?<![\w./-])make ([a-z]+)\b([^`\n]*)")
_VARIABLE = re.compile(r"\bCORRIDOR_[A-Z_]+\b")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> Iterator[str]:
    """The fenced blocks of one language."""
    for found, text in _FENCE.findall(path.read_text("utf-8")):
        if found == language:
            yield text


def commands(path: Path) -> list[str]:
    """What is written as code: inline, and the shell blocks."""
    text = path.read_text("utf-8")
    return [*re.findall(r"`([^`\n]+)`", _FENCE.sub("", text)), *blocks(path, "sh")]


def targets() -> set[str]:
    """The targets of the Makefile that have a name of letters."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def _targets(path: Path) -> list[tuple[str, str]]:
    """The make targets that are named as code, with what follows them."""
    return [found for command in commands(path) for found in _TARGET.findall(command)]


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as code hosts make them."""
    text = _FENCE.sub("", path.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def _flags(verb: argparse.ArgumentParser) -> set[str]:
    """The flags of a verb and of its actions."""
    found = set(verb._option_string_actions)
    for action in verb._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {flag for inner in action.choices.values() for flag in inner._option_string_actions}
    return found


def flags_by_verb() -> dict[str, set[str]]:
    """The verbs of ``corridor`` with the flags of each."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers()
    for verb in _VERBS:
        import_module(f"corridor.cli.{verb.replace('-', '_')}").add_to(verbs)
    found = {name: _flags(verb) for name, verb in verbs.choices.items()}
    for action in simulator_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            found["sim"] |= {flag for sub in action.choices.values() for flag in sub._option_string_actions}
    return found


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", path.read_text("utf-8"))):
        if link.startswith(("http:", "https:")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{name_of(path)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(path)}: {link}"


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_make_targets_exist(path: Path) -> None:
    assert {target for target, _ in _targets(path)} <= targets()


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_source_files_that_are_named_exist(path: Path) -> None:
    for span in commands(path):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)+\.(py|sh|toml|dbc|ts)", span):
            places = (ROOT / span, path.parent / span, ROOT / "firmware-sim" / span)
            assert any(place.exists() for place in places), f"{name_of(path)}: {span}"


def test_every_make_target_is_in_contributing() -> None:
    assert {target for target, _ in _targets(ROOT / "CONTRIBUTING.md")} == targets()


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_commands_have_the_verbs_and_flags_that_are_named(path: Path) -> None:
    known = flags_by_verb()
    for verb, rest in (found for command in commands(path) for found in _COMMAND.findall(command)):
        assert verb in known, f"corridor {verb}"
        assert set(_FLAG.findall(rest)) <= known[verb], f"corridor {verb}{rest}"
    for target, rest in _targets(path):
        if target in ("demo", "up"):
            assert set(_FLAG.findall(rest)) <= known[target], f"make {target}{rest}"


def test_a_flag_that_is_named_alone_is_one_of_some_verb() -> None:
    known = set[str]().union(*flags_by_verb().values())
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "corridor").rglob("*.md")):
        for span in commands(path):
            if span.startswith("--"):
                assert span.split()[0] in known, f"{name_of(path)}: {span}"


def test_the_flags_of_the_demo_are_all_in_the_quick_start() -> None:
    text = (ROOT / "docs" / "quick-start.md").read_text("utf-8")
    missing = {flag for flag in flags_by_verb()["demo"] if flag.startswith("--") and f"`{flag}" not in text}
    assert missing <= {"--help", "--config"}


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_variables_are_settings(path: Path) -> None:
    known = {f"CORRIDOR_{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
    known |= {f"CORRIDOR_{name.upper()}_FILE" for name in SECRETS}
    named = set(_VARIABLE.findall(path.read_text("utf-8"))) - {"CORRIDOR_"}
    assert {name for name in named if not name.startswith(_FOR_TESTS)} <= known


def test_the_settings_file_of_the_quick_start_is_good() -> None:
    (text,) = blocks(ROOT / "docs" / "quick-start.md", "toml")
    assert Settings(**tomllib.loads(text)).mqtt_url == "mqtts://broker.example:8883"


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_python_and_json_blocks_are_well_formed(path: Path) -> None:
    for text in blocks(path, "python"):
        compile(text, name_of(path), "exec")
    for text in blocks(path, "json"):
        for value in [text] if text.startswith("{\n") or "\n " in text else text.splitlines():
            json.loads(value)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_shell_blocks_are_well_formed(path: Path) -> None:
    for text in blocks(path, "sh"):
        done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
        assert not done.returncode, done.stderr


def test_the_report_of_the_readme_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = blocks(ROOT / "README.md", "python")
    making = text[: text.index("async def main")].replace("import aiomqtt\n", "")
    exec(f"{making}\nprint(json.dumps(report))", {})
    report = decode(capsys.readouterr().out.encode())
    assert len(report.columns["t"]) == 8


def test_the_report_of_the_device_protocol_is_taken() -> None:
    report = decode(next(blocks(DEVICE_PROTOCOL, "json")).encode())
    assert (report.boot, report.seq, len(report.columns["t"])) == ("k3xq", 0, 2)
    assert report.facts[0]["kind"] == "driver"


def test_the_answer_of_the_device_protocol_is_the_gateways() -> None:
    _, text = blocks(DEVICE_PROTOCOL, "json")
    acks, boot = AckBook(max_reports=1_000), "k3xq"
    for seq in (*range(15), 16):
        acks.durable("d", Form.JSON, boot, seq, 0.0)
    acks.refused("d", Form.JSON, boot, 15, "impossible_value", 0.0)
    for seq in range(17, 21):
        acks.later("d", Form.JSON, boot, seq, "rate", 10, 0.0)
    (answer,) = acks.due(2.0)
    assert json.loads(answer.payload) == json.loads(text)


def test_the_device_protocol_names_every_column_and_limit() -> None:
    text = DEVICE_PROTOCOL.read_text("utf-8")
    assert {spec.wire for spec in SPECS} <= set(re.findall(r"`([a-z_]+)`", text))
    assert f"{MAX_BYTES:,} bytes" in text
    assert f"{MAX_SAMPLES:,} samples" in text


def test_the_zone_of_the_zones_page_loads() -> None:
    (zone,) = read_zones(next(blocks(ROOT / "docs" / "zones.md", "json")))
    assert (zone.id, zone.grace_s, zone.min_dwell_s) == ("yard-mengla", 300, 60)


def test_benchmarks_are_those_that_run() -> None:
    from bench.__main__ import NAMES, SERVED

    text = (ROOT / "bench" / "README.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]*\|$", text, re.MULTILINE)) == {*NAMES, *SERVED}


def test_packages_have_a_page() -> None:
    for package in (
        "corridor",
        "gateway",
        "streams",
        "geofences",
        "feeds/store",
        "api",
        "firmware-sim",
        "authority-sim",
        "bench",
    ):
        assert (ROOT / package / "README.md").is_file(), package
