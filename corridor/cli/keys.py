"""``corridor keys``: make a key for an officer, an operator or a connector, list them, revoke one.

The running system knows a new key at the next request and forgets a revoked one; no restart. With Kafka the
keys lie in the shared folder, which every API instance reads.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.settings import Settings
from feeds.keyfile import Entry, KeyFile
from feeds.keys import KeysError, Role, create, revoke

_ROLES = [role.value for role in Role]


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("keys", help="make, list and revoke API keys")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    making = what.add_parser("create", help="make a key; it is shown once")
    making.add_argument("name", help="whose it is; stands in the audit log")
    making.add_argument("--role", required=True, choices=_ROLES)
    making.add_argument("--tenant", help="the tenant (that of the settings)")
    making.add_argument("--gates", help="of customs: gates it is in charge of, by commas (all)")
    making.add_argument("--authority", help="of a connector: the authority that it speaks for")
    making.add_argument("--json", action="store_true", help="as JSON")
    listing = what.add_parser("list", help="list keys; the keys themselves are kept nowhere")
    listing.add_argument("--json", action="store_true", help="as JSON")
    ending = what.add_parser("revoke", help="end a key")
    ending.add_argument("name")
    for one in (making, listing, ending):
        add_folder(one)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make, list or revoke."""
    settings = settings_of(options)
    file = key_file(settings)
    try:
        if options.what == "create":
            return _create(options, settings, file)
        if options.what == "revoke":
            revoke(file, options.name)
            print(f"revoked {options.name}")
            return 0
        return _list(file, options.json)
    except KeysError as error:
        raise CliError(str(error)) from None


def key_file(settings: Settings) -> KeyFile:
    """Where keys lie: in the data folder, with Kafka in the shared one. Raises CliError."""
    if settings.kafka_servers is None:
        return KeyFile(settings.data_dir / "keys.json")
    return KeyFile(shared_keys(settings))


def shared_keys(settings: Settings) -> Path:
    """The keys that all API instances accept. Raises CliError when there is no shared folder."""
    if settings.shared_dir is None:
        raise CliError("setting shared_dir: got nothing, want the folder that every API instance reaches")
    return settings.shared_dir / "keys.json"


def _create(options: argparse.Namespace, settings: Settings, file: KeyFile) -> int:
    gates = [gate.strip() for gate in (options.gates or "").split(",") if gate.strip()]
    _refuse_unknown(gates)
    tenant, role = options.tenant or settings.tenant, Role(options.role)
    key = create(file, options.name, role, tenant, gates, options.authority, int(time.time() * 1000))
    if options.json:
        print(json.dumps({"name": options.name, "role": role.value, "tenant": tenant, "key": key}))
        return 0
    print(f"key {options.name}, role {role.value}, tenant {tenant}; it is not shown again:")
    print(key)
    return 0


def _refuse_unknown(gates: list[str]) -> None:
    if not gates:
        return
    import geofences  # only who names gates waits for the world

    known = [gate.id for gate in geofences.world()[1]]
    for gate in gates:
        if gate not in known:
            raise CliError(f"--gates: got {gate}, want any of {', '.join(known)}")


def _list(file: KeyFile, as_json: bool) -> int:
    entries = file.read()
    if as_json:
        print(json.dumps([_plain(one) for one in entries], indent=2))
        return 0
    for one in entries:
        more = f"gates {', '.join(one.gates)}" if one.gates else one.authority or ""
        print(f"{one.name:<20} {one.role:<10} {one.tenant:<16} {_made(one) or '-':<20}  {more}".rstrip())
    if not entries:
        print(f"no keys in {file.path}")
    return 0


def _plain(entry: Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "role": entry.role,
        "tenant": entry.tenant,
        "gates": list(entry.gates),
        "authority": entry.authority,
        "created": _made(entry),
    }


def _made(entry: Entry) -> str | None:
    if entry.created_ms is None:
        return None
    return datetime.fromtimestamp(entry.created_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
