"""A regime's text: what it may say, and how each fault is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.clearance.regime import Regime, RegimeBook, RegimeError, parse, version_of
from streams.clearance.words import BENCHMARK_MS
from streams.regimes import shipped

TEXT = """\
id = "here"
name = "Here"
source = "a test"
confidence = "C"
valid_from = 2026-01-01T00:00:00+08:00
exporters = "any"

[[gates]]
gate = "mohan-boten"
direction = "CN>LA"

[[deadlines]]
rule = "hour"
needs = "filing"
lead_minutes = 60
before = "exit_port"
text = "An hour before."
confidence = "C"

[release]
authority = "office"
name = "the office"
by = ["authority"]
timeout_minutes = 30
automatic = false
confidence = "C"
"""


def faults(text: str) -> list[tuple[int, str]]:
    """The faults of a text."""
    with pytest.raises(RegimeError) as caught:
        parse(text, "here.toml")
    assert str(caught.value).startswith("here.toml:")
    return list(caught.value.faults)


def test_a_regime_is_read_whole() -> None:
    regime = parse(TEXT)
    assert (regime.id, regime.gates, regime.authority) == ("here", (("mohan-boten", "CN>LA"),), "office")
    assert regime.valid_from_ms == 1_767_196_800_000
    assert regime.benchmark_ms == BENCHMARK_MS == 10_080_000
    assert regime.deadlines[0].lead_ms == 3_600_000
    assert regime.release_due_ms(5) == 5 + 1_800_000
    assert regime.text == TEXT
    assert regime.eligible("anyone")


def test_the_version_is_that_of_the_text() -> None:
    assert parse(TEXT).version == version_of(TEXT)
    assert len(version_of(TEXT)) == 24
    assert version_of(TEXT + " ") != version_of(TEXT)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('id = "here"', 'idd = "here"', 1, "unknown key: got idd, want id or another legal key"),
        ("lead_minutes", "lead_minute", 15, "got deadlines.lead_minute, want deadlines.lead_minutes"),
        ("lead_minutes = 60", "lead_minutes = -1", 15, "deadlines.lead_minutes: got -1, want minutes"),
        ("lead_minutes = 60", "lead_minutes = 1.5", 15, "deadlines.lead_minutes: got 1.5, want minutes"),
        ("lead_minutes = 60", "lead_minutes = true", 15, "deadlines.lead_minutes: got True, want minutes"),
        ('before = "exit_port"', 'before = "the port"', 16, "got 'the port', want one of exit_port"),
        (
            'direction = "CN>LA"',
            'direction = "CN-LA"',
            10,
            "gates.direction: got 'CN-LA', want two countries",
        ),
        ('direction = "CN>LA"', "", 8, "missing key: got no gates.direction"),
        ("+08:00", "", 5, "want an instant with its offset"),
        ('confidence = "C"\nvalid', 'confidence = "D"\nvalid', 4, "got 'D', want one of A, B, C"),
        ("automatic = false", 'automatic = "no"', 25, "got 'no', want true or false"),
        ("automatic = false", "automatic = true", 25, "got true without conditions"),
        ('by = ["authority"]', "by = []", 23, "got nobody, want authority or officer"),
        ('by = ["authority"]', 'by = ["minister"]', 23, "want a list out of authority, officer"),
        ('needs = "filing"', 'needs = "visa"', 14, 'want "filing", "permit" or "document:<kind>"'),
        ("[release]", "[releases]", 20, "unknown key: got releases, want release"),
        ("[release]", "[[release]]", 20, "release: got"),
        ('exporters = "any"', "exporters = [1]", 6, 'want "any" or a list of texts'),
        ('name = "the office"', "name =", 22, "not TOML"),
    ],
)
def test_each_fault_is_told_with_its_line(old: str, new: str, line: int, said: str) -> None:
    assert old in TEXT
    told = faults(TEXT.replace(old, new, 1))
    assert any(at == line and said in text for at, text in told), told


def test_every_fault_is_told_at_once() -> None:
    text = TEXT.replace('id = "here"', "id = 1").replace("lead_minutes = 60", "lead_minutes = -1")
    assert [line for line, _ in faults(text)] == [1, 15]


def test_a_row_that_says_the_same_twice_is_refused() -> None:
    again = TEXT + '\n[[gates]]\ngate = "mohan-boten"\ndirection = "CN>LA"\n'
    [(line, text)] = faults(again)
    assert line == 28
    assert "mohan-boten CN>LA twice" in text
    assert "line 8" in text


def test_lines_are_right_below_a_text_of_many_lines() -> None:
    text = TEXT.replace('source = "a test"', 'source = """a\n[release]\nid = 5\ntest"""').replace("60", "-1")
    assert [line for line, _ in faults(text)] == [18]


def test_a_text_that_is_too_large_or_no_text_is_refused() -> None:
    assert "want at most" in faults(TEXT + "#" * 300_000)[0][1]
    assert "not TOML" in faults("\x00")[0][1]
    assert "too deep" in faults("a = " + "[" * 50_000)[0][1]
    assert len(faults("")) >= 6


def test_gates_may_be_none() -> None:
    begin = TEXT.index("[[gates]]")
    text = TEXT[:begin] + "gates = []\n\n" + TEXT[TEXT.index("[[deadlines]]") :]
    assert parse(text).gates == ()


def later(text: str, day: int) -> str:
    """The text, valid from a day in January 2026."""
    return text.replace("2026-01-01", f"2026-01-{day:02}")


def at(day: int) -> int:
    """Noon of a day in January 2026 at +08:00."""
    return 1_767_196_800_000 + (day - 1) * 86_400_000 + 43_200_000


def test_the_version_in_force_is_the_one_that_began_last() -> None:
    book = RegimeBook()
    first, second = book.put(TEXT), book.put(later(TEXT, 10))
    assert book.in_force("mohan-boten", "CN>LA", at(5)) is first
    assert book.in_force("mohan-boten", "CN>LA", at(10)) is second
    assert book.in_force("mohan-boten", "LA>CN", at(10)) is None
    assert book.in_force("mohan-boten", "CN>LA", 0) is None
    assert book.by_version(first.version) is first
    assert book.put(TEXT) is first
    assert book.named("here", at(5)) is first


def test_a_gate_that_a_later_version_leaves_out_is_no_longer_ruled() -> None:
    book = RegimeBook()
    book.put(TEXT)
    book.put(later(TEXT, 10).replace("CN>LA", "LA>CN"))
    assert book.in_force("mohan-boten", "CN>LA", at(11)) is None


def test_the_order_of_putting_makes_no_difference() -> None:
    texts = [TEXT, later(TEXT, 10), TEXT.replace('"here"', '"there"'), later(TEXT, 5)]
    one, other = RegimeBook(), RegimeBook()
    for text in texts:
        one.put(text)
    for text in reversed(texts):
        other.put(text)
    for day in range(1, 15):
        found = [book.in_force("mohan-boten", "CN>LA", at(day)) for book in (one, other)]
        assert found[0] == found[1]
    assert one.all() == other.all()


def test_the_shipped_regimes_are_legal_and_name_gates_that_exist() -> None:
    known = (Path(__file__).parents[4] / "geofences/data/osm/gates.geojson").read_text(encoding="utf-8")
    ways = {}
    for feature in json.loads(known)["features"]:
        plain = feature["properties"]
        if plain["kind"] == "gate":
            a, b = plain["a"]["country"], plain["b"]["country"]
            ways[plain["id"]] = {f"{a}>{b}", f"{b}>{a}"}
    ids = set()
    for text in shipped():
        regime: Regime = parse(text)
        ids.add(regime.id)
        for gate, direction in regime.gates:
            assert direction in ways[gate]
    assert ids == {
        "mohan-boten-cn-la",
        "mohan-boten-la-cn",
        "china-russia-road",
        "eu-ics2-ncts",
        "uk-gvms",
        "us-ace",
        "us-ace-fast",
        "hk-rocars",
    }
