"""The compose file: legal by its specification, ours by its verbs and settings, careful with rights."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from typing import Any

import jsonschema
import pytest

from corridor.__main__ import _VERBS
from corridor.settings import SECRETS, Settings
from tests.unit.deploy.files import ROOT, compose, dashboard, manifests, roles, settings_env

SCHEMA = ROOT / "tests" / "data" / "compose" / "compose-spec.json"
NAMES = sorted(compose()["services"])


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What the command makes of these words; an unknown one ends the test."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    import_module(f"corridor.cli.{arguments[0]}").add_to(verbs)
    return parser.parse_args(arguments)


def settings_given(environment: dict[str, str]) -> None:
    """Refuse what is no setting, and a value that a setting does not take."""
    values: dict[str, Any] = {}
    for name, value in environment.items():
        key = name.removeprefix("CORRIDOR_").lower()
        assert name.startswith("CORRIDOR_"), name
        if key.removesuffix("_file") in SECRETS:
            assert key.endswith("_file"), f"{name} holds a secret: want a file"
            continue
        values[key] = value
    Settings(**values)


def test_the_file_is_legal_by_the_compose_specification() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(compose())


def test_an_illegal_file_would_be_found() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    broken = compose()
    broken["services"]["api"]["healthchek"] = {}
    with pytest.raises(jsonschema.ValidationError, match="healthchek"):
        jsonschema.Draft202012Validator(schema).validate(broken)


def test_every_part_of_the_system_is_there() -> None:
    services = compose()["services"]
    assert {"mosquitto", "kafka", "influxdb", "prometheus", "grafana"} <= set(services)
    assert {"gateway", "worker", "store", "deliver", "ledger", "api", "topics", "buckets"} == set(roles())
    assert [services[name]["deploy"]["replicas"] for name in ("gateway", "worker", "api")] == [2, 2, 2]


@pytest.mark.parametrize("name", sorted(roles()))
def test_a_roles_command_and_settings_are_known(name: str) -> None:
    role = roles()[name]
    assert role["command"][0] in _VERBS
    parsed(role["command"])
    settings_given(role["environment"])


@pytest.mark.parametrize("name", sorted(roles()))
def test_a_role_has_no_more_rights_than_it_needs(name: str) -> None:
    role = roles()[name]
    assert role["read_only"] is True
    assert role["user"] == "10001"
    assert role["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in role["security_opt"]


@pytest.mark.parametrize("name", NAMES)
def test_each_service_is_limited_and_started_again_and_looked_after(name: str) -> None:
    service = compose()["services"][name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    once = service["restart"] == "on-failure"
    assert service["restart"] in ("unless-stopped", "on-failure")
    assert once or "healthcheck" in service


@pytest.mark.parametrize("name", NAMES)
def test_what_a_service_mounts_and_waits_for_exists(name: str) -> None:
    file = compose()
    service = file["services"][name]
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            made = source in ("./deploy/certs", "./deploy/mosquitto/state")  # by `corridor certs`, `broker`
            assert made or (ROOT / source).exists(), source
        else:
            assert source in file["volumes"]
    assert set(service.get("secrets", [])) <= set(file["secrets"])
    for other, how in service.get("depends_on", {}).items():
        wanted = file["services"][other]
        assert how["condition"] == (
            "service_completed_successfully" if wanted["restart"] == "on-failure" else "service_healthy"
        )


def test_no_secret_is_in_the_file() -> None:
    for name, service in compose()["services"].items():
        for variable in service.get("environment", {}):
            if any(word in variable for word in ("PASSWORD", "TOKEN", "SECRET", "ADMIN_KEY")):
                assert variable.endswith("_FILE"), f"{name}: {variable}"


@pytest.mark.parametrize(("file", "resource"), list(manifests()))
def test_a_kubernetes_resource_is_legal(file: str, resource: dict[str, Any]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    kubernetes_validate.validate(resource, "1.31", strict=True)


def test_the_kubernetes_roles_are_those_of_the_compose_file() -> None:
    commands = {}
    for _, one in manifests():
        if one["kind"] in ("Deployment", "Job"):
            (container,) = one["spec"]["template"]["spec"]["containers"]
            commands[one["metadata"]["name"]] = container["args"]
            given = {v["name"]: v["value"] for v in container.get("env", [])}
            settings_given(settings_env() | given)
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert commands == {name: role["command"] for name, role in roles().items()}


def test_the_dashboard_is_whole() -> None:
    board = dashboard()
    assert board["title"] == "Corridor"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) >= 10
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "prometheus"
        assert all(target["expr"] for target in panel["targets"])
