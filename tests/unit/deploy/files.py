"""The files of deployment, read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]


def compose() -> dict[str, Any]:
    """``docker-compose.yml`` with its anchors resolved."""
    value: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return value


def roles() -> dict[str, dict[str, Any]]:
    """The services that run our own image."""
    return {name: one for name, one in compose()["services"].items() if one["image"] == "corridor"}


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Kubernetes resource that the kustomization names, with the file it is in."""
    folder = ROOT / "deploy" / "kubernetes"
    for name in yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["resources"]:
        for one in yaml.safe_load_all((folder / name).read_text("utf-8")):
            yield name, one


def settings_env() -> dict[str, str]:
    """The settings that the Kubernetes example gives to every pod."""
    lines = (ROOT / "deploy" / "kubernetes" / "settings.env").read_text("utf-8").split()
    return dict(line.split("=", 1) for line in lines)


def dashboard() -> dict[str, Any]:
    """The dashboard that ships for Grafana."""
    path = ROOT / "deploy" / "grafana" / "dashboards" / "corridor.json"
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return value
