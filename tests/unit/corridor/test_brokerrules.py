"""The broker's access rules: nothing is allowed that is not written; any state leads to what is wanted."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corridor.__main__ import main
from corridor.brokerrules import changes, rules

names = st.lists(st.sampled_from(["d1", "d2", "d3", "d4"]), unique=True)


class Plugin:
    """What the plugin does with its commands, as far as they are used here."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.roles = {role["rolename"]: copy.deepcopy(role) for role in document["roles"]}
        self.clients = {client["username"]: copy.deepcopy(client) for client in document["clients"]}

    def apply(self, wanted: dict[str, Any]) -> int:
        todo = list(changes(list(self.roles.values()), list(self.clients.values()), wanted))
        for command in todo:
            self._do(**command)
        return len(todo)

    def _do(self, command: str, **found: Any) -> None:
        match command:
            case "createRole":
                assert found["rolename"] not in self.roles
                self.roles[found["rolename"]] = found
            case "modifyRole":
                self.roles[found["rolename"]]["acls"] = found["acls"]
            case "deleteRole":
                del self.roles[found["rolename"]]
            case "createClient":
                assert found["username"] not in self.clients
                assert all(role["rolename"] in self.roles for role in found["roles"])
                self.clients[found["username"]] = found
            case "modifyClient":
                self.clients[found["username"]]["roles"] = found["roles"]
            case "deleteClient":
                del self.clients[found["username"]]


@given(names, names)
def test_from_any_devices_to_any_others_and_then_there_is_nothing_to_do(
    before: list[str], after: list[str]
) -> None:
    plugin = Plugin(rules(before, ["gw"], ["admin"], "corridor"))
    wanted = rules(after, ["gw", "gw2"], ["admin"], "other")
    assert plugin.apply(wanted) > 0
    assert plugin.apply(wanted) == 0
    assert sorted(plugin.roles) == sorted(role["rolename"] for role in wanted["roles"])
    assert sorted(plugin.clients) == sorted(client["username"] for client in wanted["clients"])


def test_what_an_operator_has_added_stays() -> None:
    plugin = Plugin(rules(["d1"], ["gw"], [], "corridor"))
    plugin.roles["watch"] = {"rolename": "watch", "acls": []}
    plugin.clients["eve"] = {"username": "eve", "roles": [{"rolename": "watch"}]}
    plugin.apply(rules(["d2"], ["gw"], [], "corridor"))
    assert {"eve", "gw", "d2"} == set(plugin.clients)
    assert {"watch", "gateway", "admin", "device-d2"} == set(plugin.roles)


def test_a_device_may_only_what_is_its_own() -> None:
    (role,) = [r for r in rules(["d1"], [], [], "g")["roles"] if r["rolename"] == "device-d1"]
    assert {(acl["acltype"], acl["topic"]) for acl in role["acls"]} == {
        ("publishClientSend", "corridor/v1/d1/report"),
        ("publishClientSend", "corridor/v1/d1/nmea"),
        ("publishClientSend", "corridor/v1/d1/status"),
        ("subscribeLiteral", "corridor/v1/d1/ack"),
        ("publishClientReceive", "corridor/v1/d1/ack"),
    }
    assert rules(["b", "a", "a"], ["g"], [], "g") == rules(["a", "b"], ["g"], [], "g")


def test_the_command_prints_the_file_for_a_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("d2\n\nd1\n"))
    assert main(["broker", "rules", "--devices", "-", "--gateway", "gw", "--admin", "boss"]) == 0
    assert json.loads(capsys.readouterr().out) == rules(["d1", "d2"], ["gw"], ["boss"], "corridor")
    for text, wanted in (("", "no devices"), ("a/b\n", "got 'a/b', want a device's name")):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        assert main(["broker", "rules", "--devices", "-"]) == 2
        assert wanted in capsys.readouterr().err
