"""The reference single window: each message once, decisions by script, rule and officer, faults as asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from authority_sim.database import Database
from authority_sim.rules import Authority, Rules, RulesError, Script, load, parse
from authority_sim.window import RefusedError, Window

A = "boten-customs"


class Clock:
    """Goes only when told to."""

    now = 1_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "sim.db")
    yield made
    made.close()


def window(database: Database, clock: Clock | None = None, *script: Script, **rule: Any) -> Window:
    return Window(Rules({A: Authority(A, "k", **rule)}, script), database, clock or Clock())


def body(id_: str, purpose: str = "lodge", case: str = "c1", **own: Any) -> dict[str, Any]:
    return {"MessageID": id_, "Purpose": purpose, "Corridor": {"Case": case, **own}}


def ask(one: Window, n: int, case: str = "c1", **own: Any) -> None:
    id_ = f"release_{n}"
    one.receive(A, id_, body(id_, "ask_release", case, Request={"ID": id_}, **own))


def decided(one: Window) -> list[str]:
    return [row["decision"] for row in one.decisions(A, 0)]


def test_the_same_message_is_one_and_other_content_is_refused(database: Database) -> None:
    one = window(database)
    assert one.receive(A, "e1", body("e1")).again is False
    assert one.receive(A, "e1", body("e1")).again is True
    with pytest.raises(RefusedError, match="got other content") as error:
        one.receive(A, "e1", body("e1", case="c2"))
    assert error.value.status == 409
    assert [row["came"] for row in database.messages(A)] == [3]


@pytest.mark.parametrize(
    ("id_", "value", "said"),
    [
        ("e1", [], "no object with MessageID e1"),
        ("e1", body("e2"), "no object with MessageID e1"),
        ("", body(""), "no object with MessageID"),
        ("e1", body("e1", "greet"), "Purpose: got 'greet'"),
        ("e1", {"MessageID": "e1", "Purpose": "lodge"}, "Corridor: got no object with Case"),
    ],
)
def test_what_is_no_message_is_refused(database: Database, id_: str, value: Any, said: str) -> None:
    with pytest.raises(RefusedError) as error:
        window(database).receive(A, id_, value)
    assert said in str(error.value)
    assert database.messages(A) == []


def test_a_request_is_released_by_rule_and_every_second_inspected(database: Database) -> None:
    one = window(database, None, auto="release", inspect_every=2)
    for n in range(4):
        ask(one, n)
    assert decided(one) == ["release", "inspect", "release", "inspect"]
    ask(one, 0)  # once more
    assert len(decided(one)) == 4


def test_a_script_goes_before_the_rule_and_may_change_its_mind(database: Database) -> None:
    clock = Clock()
    script = Script("inspect", vin="V1", reason="doors", then="release", then_after_s=60)
    one = window(database, clock, script, decide_after_s=5)
    ask(one, 1, VIN="V1")
    ask(one, 2, VIN="V2")
    assert decided(one) == []
    clock.now += 5_000
    assert decided(one) == ["inspect"]
    clock.now += 60_000
    assert decided(one) == ["inspect", "release", "release"]


def test_an_officer_decides_what_waits(database: Database) -> None:
    one = window(database, None, auto=None)
    ask(one, 1)
    assert [row["id"] for row in one.waiting(A)] == ["release_1"]
    one.decide(A, "release_1", "detain", "seal")
    assert one.waiting(A) == []
    (row,) = one.decisions(A, 0)
    assert (row["case"], row["request"], row["decision"], row["reason"]) == (
        "c1",
        "release_1",
        "detain",
        "seal",
    )
    for request, decision in (("release_9", "release"), ("release_1", "free"), (None, "release")):
        with pytest.raises(RefusedError):
            one.decide(A, request, decision)


def test_what_is_withdrawn_is_over_and_what_was_never_lodged_never_began(database: Database) -> None:
    one = window(database, None, must_lodge=True)
    with pytest.raises(RefusedError, match="nothing lodged"):
        one.receive(A, "e1", body("e1", "amend"))
    one.receive(A, "e2", body("e2"))
    one.receive(A, "e1", body("e1", "amend"))
    one.receive(A, "e3", body("e3", "withdraw"))
    with pytest.raises(RefusedError, match="was withdrawn"):
        ask(one, 1)


def test_a_correction_may_take_a_release_back(database: Database) -> None:
    one = window(database, None, on_correction="withdraw")
    ask(one, 1)
    one.receive(A, "e1", body("e1", "correct", Request={"ID": "release_1"}))
    assert decided(one) == ["release", "withdraw"]


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    first = Database(tmp_path / "sim.db")
    ask(window(first), 1)
    first.close()
    again = Database(tmp_path / "sim.db")
    one = window(again)
    assert decided(one) == ["release"]
    assert one.receive(A, "release_1", body("release_1", "ask_release", Request={"ID": "release_1"})).again
    again.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got no authority"),
        ("x = 1", "got x, want authority"),
        ("[[authority]]\nname = 'A'\nkey = 'k'", "authority name: got 'A'"),
        ("[[authority]]\nname = 'a'", "key: got None"),
        ("[[authority]]\nname = 'a'\nkey = 'k'\nauto = 'free'", "auto: got 'free'"),
        ("[[authority]]\nname = 'a'\nkey = 'k'\npush = 'http://x'", "push and secret: got one"),
        ("[[authority]]\nname = 'a'\nkey = 'k'\nfoo = 1", "got foo, want of"),
        ("[[authority]]\nname = 'a'\nkey = 'k'\nfaults = {bar = 1}", "faults: got bar"),
        ("[[authority]]\nname = 'a'\nkey = 'k'\n" * 2, "got authority a twice"),
        ("[[authority]]\nname = 'a'\nkey = 'k'\n[[script]]\ndecision = 'wait'", "got no vin"),
        ("[[authority]]\nname = 'a'\nkey = 'k'\n[[script]]\nvin = 'v'", "decision: got None"),
        ("[[authority", "not TOML"),
    ],
)
def test_rules_that_are_wrong_are_told(text: str, said: str) -> None:
    with pytest.raises(RulesError) as error:
        parse(text)
    assert said in str(error.value)


def test_rules_come_out_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("[[authority]]\nname = 'a'\nkey = 'k'\nauto = 'officer'")
    assert load(tmp_path / "rules.toml").authorities["a"].auto is None
    with pytest.raises(RulesError, match="not readable"):
        load(tmp_path / "none.toml")
