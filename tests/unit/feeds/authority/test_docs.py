"""The page for integrators shows messages as the code makes them, settings that load, and every code."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from authority_sim.rules import parse as parse_rules
from authority_sim.window import PURPOSES
from feeds.authority.codes import DECISION_24, STATUS_24
from feeds.authority.connectors import Connector, load
from feeds.authority.decisions import WORDS, decision_of
from feeds.authority.effects import effects
from feeds.authority.messages import Facts, render
from feeds.authority.port import Purpose
from feeds.authority.routes import routes_of
from tests.unit.feeds.authority.test_messages import AT_ENTRY, AT_EXIT, facts, manifest
from tests.unit.feeds.authority.world import ENTRY, EXIT, PILOT, RELEASE, case_data, filing_data, story

PAGE = (Path(__file__).parents[4] / "docs" / "authorities.md").read_text("utf-8")
_FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for found, text in _FENCE.findall(PAGE) if found == language]


def examples() -> list[dict[str, Any]]:
    """A lodging, an arrival, a departure, a request, as the story of the tests has them; and a manifest."""
    made: dict[tuple[str, str], dict[str, Any]] = {}
    before: dict[str, dict[str, Any]] = {}
    connectors: dict[str, Connector] = {ENTRY: AT_ENTRY, EXIT: AT_EXIT}
    for one in story():
        for effect in effects(one, before.get(one.id), routes_of(PILOT)):
            known: Facts = facts(
                filing=filing_data(),
                case=one.data if "steps" in one.data else case_data(),
                release=one.data if one.id == RELEASE else {},
            )
            body = render(effect, known, connectors[effect.authority]).body
            made[effect.authority, effect.what] = dict(body)
            body["Corridor"]["RegimeVersion"] = "0" * 24  # an edit of the pilot's text is no edit here
        before[one.id] = one.data
    picked = [(ENTRY, "lodge"), (ENTRY, "approaching"), (EXIT, "crossed"), (ENTRY, "request")]
    last = dict(render(manifest(), facts(), AT_EXIT).body)
    last["Corridor"]["RegimeVersion"] = "0" * 24
    return [*(made[key] for key in picked), last]


def test_the_messages_shown_are_those_that_are_made() -> None:
    shown = [json.loads(text) for text in blocks("json")]
    assert [one for one in shown if "MessageID" in one] == examples()


def test_the_decision_shown_is_taken() -> None:
    (decision,) = (one for one in map(json.loads, blocks("json")) if "decision" in one)
    assert decision_of(decision, ENTRY).request == RELEASE


def test_the_settings_shown_load(tmp_path: Path) -> None:
    authorities, rules = blocks("toml")
    (tmp_path / "boten.key").write_text("a-key")
    (tmp_path / "boten.secret").write_text("whsec_" + b64encode(b"s" * 32).decode())
    (tmp_path / "authorities.toml").write_text(authorities)
    assert [one.authority for one in load(tmp_path / "authorities.toml")] == [ENTRY, EXIT]
    assert set(parse_rules(rules).authorities) == {ENTRY, EXIT}


def test_every_purpose_decision_and_status_is_described() -> None:
    assert set(PURPOSES) == {purpose.value for purpose in Purpose}
    for word in (*PURPOSES, *WORDS):
        assert f"`{word}`" in PAGE, word
    for code in {*STATUS_24.values(), *filter(None, DECISION_24.values())}:
        assert re.search(rf"\b{code}\b", PAGE), code
