"""``corridor store``: the samples' store in InfluxDB: make what it needs, and look whether it can be used."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.cli.roles import add_role, distributed, run_role
from corridor.settings import Settings, SettingsError

if TYPE_CHECKING:
    from feeds.store.influx.client import Client

_MARKS: Final = {True: "ok", False: "WRONG", None: "?"}


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("store", help="the samples' store in InfluxDB")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    texts = {
        "create": (create, "make bucket, retention and means; again changes nothing"),
        "check": (check, "look whether InfluxDB can be used as it is"),
    }
    for name, (run, text) in texts.items():
        action: argparse.ArgumentParser = actions.add_parser(name, help=text)
        add_folder(action)
        action.set_defaults(run=run)
    writer: argparse.ArgumentParser = actions.add_parser("run", help="write the samples of the log in Kafka")
    add_role(writer)
    writer.set_defaults(run=write)


def _client(settings: Settings) -> Client:
    with distributed():
        from corridor.roles.stores import client_of

    try:
        return client_of(settings)
    except SettingsError as error:
        raise CliError(str(error)) from None


def create(options: argparse.Namespace) -> int:
    """Make what is missing; 2 when it can't be made."""
    with distributed():
        from feeds.store.influx import admin
    from feeds.store.port import StoreError

    settings = settings_of(options)
    client = _client(settings)
    try:
        for done in admin.create(client, settings.store_retention_days):
            print(done)
    except StoreError as error:
        raise CliError(str(error)) from None
    finally:
        client.close()
    return 0


def check(options: argparse.Namespace) -> int:
    """Print what was looked at; 1 when something is not as it should be."""
    with distributed():
        from feeds.store.influx import admin
    from feeds.store.port import StoreError

    settings = settings_of(options)
    client = _client(settings)
    wrong = 0
    try:
        for finding in admin.check(client, settings.store_retention_days):
            print(f"{_MARKS[finding.ok]:<5}  {finding.what}")
            wrong += finding.ok is False
    except StoreError as error:
        print(f"WRONG  {error}")
        wrong += 1
    finally:
        client.close()
    return 1 if wrong else 0


def write(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM."""
    with distributed():
        from corridor.roles import store

    return run_role("store", options, store.run)
