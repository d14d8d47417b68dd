"""``corridor config``: the settings in force, secrets masked."""

from __future__ import annotations

import argparse
import json

from corridor.cli.options import Verbs, add_folder, add_ports, settings_of
from corridor.settings import Settings, without_password


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("config", help="print the settings in force")
    add_folder(parser)
    add_ports(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print each setting as TOML, or all as JSON."""
    settings = settings_of(options)
    values = settings.model_dump(mode="json")
    if settings.mqtt_url is not None:
        values["mqtt_url"] = without_password(settings.mqtt_url)
    if options.json:
        print(json.dumps(values, indent=2))
        return 0
    for name, field in Settings.model_fields.items():
        value = values[name]
        line = f"# {name} is not set" if value is None else f"{name} = {json.dumps(value)}"
        print(f"{line:<44} # {field.description}")
    return 0
