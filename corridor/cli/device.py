"""``corridor device``: enrol the keys of devices, list them, revoke one.

Asks the API of the running system. Enrolling prints the key that the system signs its answers with: the
device has to be given it, for it believes no other answer from then on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from corridor.cli.case import client_of
from corridor.cli.options import CliError, Verbs, add_folder
from corridor.client import Client, ClientError
from corridor.fleetbook import enrol, keys_of


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("device", help="enrol, list and revoke devices' keys")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    enroll = actions.add_parser("enroll", help="take keys that devices made; its own unsigned reports end")
    enroll.add_argument(
        "files", nargs="*", metavar="FILE", help="proofs of devices, JSON lines (-: standard input)"
    )
    enroll.add_argument(
        "--cert",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a certificate named for its device, with its .key beside it (repeat)",
    )
    enroll.add_argument("--ca", type=Path, metavar="FILE", help="only keys that this authority vouches for")
    enroll.add_argument(
        "--crl", type=Path, metavar="FILE", help="the authority's list of revoked certificates"
    )
    listing = actions.add_parser("list", help="the keys of one device, or of all that have any")
    listing.add_argument("device", nargs="?", metavar="DEVICE")
    revoke = actions.add_parser("revoke", help="what a key signs is suspect from then on")
    revoke.add_argument("device", metavar="DEVICE")
    revoke.add_argument("key", metavar="KEY", help="its id")
    revoke.add_argument("--at", metavar="INSTANT", help="from when on, RFC 3339 (now)")
    for action in (enroll, listing, revoke):
        action.add_argument("--json", action="store_true", help="JSON lines")
        add_folder(action)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do the action; ``enroll`` returns 1 when one of several was refused."""
    actions = {"enroll": _enroll, "list": _list, "revoke": _revoke}
    try:
        return actions[options.action](options)
    except ClientError as error:
        raise CliError(str(error)) from None


def _enroll(options: argparse.Namespace) -> int:
    from corridor.enrolment import Brought, EnrolmentError, Vouching, proofs, today, with_certificate

    if not options.files and not options.cert:
        raise CliError("nothing to enrol: got no FILE and no --cert, want the proofs of devices")
    if options.cert and options.ca is None:
        raise CliError("--cert: got no --ca, want the authority that issued it")

    def brought() -> Iterator[Brought]:
        for name in options.files:
            yield from proofs(_read(name), name)
        for path in options.cert:
            yield with_certificate(path, today())

    try:
        found = list(brought())
        vouching = None if options.ca is None else Vouching.of(options.ca, options.crl)
        for one in found if vouching is not None else ():
            assert vouching is not None
            vouching.check(one, today())
    except EnrolmentError as error:
        raise CliError(str(error)) from None
    client, refused = client_of(options), 0
    ack_key = client.get("/v1/devices/ack-key")
    for one in found:
        try:
            key = enrol(client, one.device, dict(one.key))
        except ClientError as error:
            if error.status is None:
                raise
            refused += 1
            print(f"{one.device}: not enrolled: {error}", file=sys.stderr)
            continue
        if options.json:
            print(json.dumps({"device": one.device, "key": key, "ack_key": ack_key}))
        else:
            print(f"{one.device}: key {key} ({one.key['alg']})")
    if not options.json:
        print(f"give the devices this key, which signs what they are answered: {ack_key['public']}")
    return 1 if refused else 0


def _list(options: argparse.Namespace) -> int:
    client, count = client_of(options), 0
    names = [options.device] if options.device is not None else _devices(client)
    for device in names:
        for key in keys_of(client, device):
            count += 1
            if options.json:
                print(json.dumps({"device": device, **key}))
                continue
            state = f"revoked at {key['revoked']}" if key["revoked"] else "holds"
            print(f"{device:<24} {key['id']}  {key['alg']:<5}  since {key['from']}  {state}")
    if not count and not options.json:
        print(f"{options.device or 'no device'} has {'no' if options.device else 'a'} key")
    return 0


def _revoke(options: argparse.Namespace) -> int:
    at_ms = None if options.at is None else _ms(options.at)
    when = "" if at_ms is None else f"?at={quote(datetime.fromtimestamp(at_ms / 1000, UTC).isoformat())}"
    path = f"/v1/devices/{quote(options.device, safe='')}/keys/{quote(options.key, safe='')}{when}"
    told = client_of(options).delete(path)
    if options.json:
        print(json.dumps(told))
    else:
        print(f"{options.device}: key {options.key} revoked; what it signs from then on is suspect")
    return 0


def _devices(client: Client) -> Iterator[str]:
    after = None
    while True:
        page = client.get(f"/v1/devices?limit=500{f'&after={quote(after)}' if after else ''}")
        yield from (row["device"] for row in page["items"])
        after = page["next"]
        if after is None:
            return


def _ms(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"--at: got {text!r}, want an instant of RFC 3339") from None
    if found.tzinfo is None:
        raise CliError(f"--at: got {text!r} without a zone, want Z or an offset")
    return int(found.timestamp() * 1000)


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except OSError as error:
        raise CliError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CliError(f"{name}: not UTF-8, want proofs as JSON lines") from None
