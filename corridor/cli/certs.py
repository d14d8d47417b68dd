"""``corridor certs``: a test authority for TLS with client certificates, and its renewal.

There are two authorities, so that who may sign devices can't make a gateway: ``services`` signs the broker
and the gateways, ``devices`` signs the trucks' units. Only files are written; nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from corridor.cli.options import CliError, Verbs

_SIGNS = {"broker": "services", "gateway": "services", "device": "devices"}


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "certs", help="certificates of broker, gateways and devices"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("init", help="make the two authorities")
    broker = actions.add_parser("broker", help="a certificate for the broker")
    broker.add_argument("names", nargs=1, metavar="NAME")
    broker.add_argument(
        "--host",
        action="append",
        required=True,
        metavar="HOST",
        help="name or address that clients connect to; may be repeated",
    )
    for kind in ("gateway", "device"):
        action = actions.add_parser(kind, help=f"a certificate for each {kind}")
        action.add_argument("names", nargs="+", metavar="NAME")
    renew = actions.add_parser("renew", help="a new certificate in place of the old, of the same key")
    renew.add_argument("kind", choices=sorted(_SIGNS))
    renew.add_argument("names", nargs="+", metavar="NAME")
    renew.add_argument("--new-key", action="store_true", help="of a new key; the old one is kept beside it")
    revoke = actions.add_parser("revoke", help="put all certificates of a name on the list of revoked ones")
    revoke.add_argument("kind", choices=sorted(_SIGNS))
    revoke.add_argument("names", nargs="+", metavar="NAME")
    actions.add_parser("crl", help="sign the lists of revoked certificates anew, before they end")
    actions.add_parser("list", help="what was given out, and until when it is good")
    for name, action in actions.choices.items():
        action.add_argument(
            "--certs-dir", type=Path, default=Path("certs"), metavar="DIR", help="folder of the authorities"
        )
        if name in ("init", "broker", "gateway", "device", "renew"):
            action.add_argument("--days", type=_days, metavar="N", help="how long a certificate is good")
        if name in ("init", "revoke", "crl"):
            action.add_argument(
                "--crl-days", type=_days, default=90, metavar="N", help="how long a list is good (90)"
            )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do one action; one line of output for each file or certificate."""
    from corridor.authority import AuthorityError

    try:
        _run(options)
    except AuthorityError as error:
        raise CliError(str(error)) from None
    return 0


def _run(options: argparse.Namespace) -> None:
    from corridor.authority import Authority

    root: Path = options.certs_dir
    if options.action == "init":
        for kind in ("services", "devices"):
            made = Authority.make(root / kind, f"Corridor {kind}", options.days or 3650, options.crl_days)
            print(f"{made.folder / 'ca.crt'}  revoked: {made.folder / 'crl.pem'}")
    elif options.action in _SIGNS:
        authority = Authority(root / _SIGNS[options.action])
        for name in options.names:
            hosts = options.host if options.action == "broker" else ()
            print(authority.issue(name, hosts=hosts, days=options.days or 730))
    elif options.action == "renew":
        authority = Authority(root / _SIGNS[options.kind])
        for name in options.names:
            print(authority.renew(name, new_key=options.new_key, days=options.days or 730))
    elif options.action == "revoke":
        authority = Authority(root / _SIGNS[options.kind])
        for name in options.names:
            print(
                f"{name}: {authority.revoke(name, options.crl_days)} revoked; have the broker read its files"
            )
    elif options.action == "crl":
        for kind in ("services", "devices"):
            authority = Authority(root / kind)
            ends = authority.list_revoked(options.crl_days)
            print(f"{authority.folder / 'crl.pem'} good until {ends:%Y-%m-%d}")
    else:
        _list(root)


def _list(root: Path) -> None:
    from corridor.authority import Authority

    now = datetime.now(UTC)
    for kind in ("services", "devices"):
        authority = Authority(root / kind)
        print(f"{kind}: list of revoked certificates good until {authority.list_ends():%Y-%m-%d}")
        for one in authority.issued():
            state = "revoked" if one.revoked else "ended" if one.until < now else "good"
            print(f"  {one.name:<32} {state:<8} until {one.until:%Y-%m-%d}  {one.serial:x}")


def _days(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 36_500:
        raise argparse.ArgumentTypeError(f"got {text}, want 1 to 36500")
    return int(text)
