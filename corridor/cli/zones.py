"""``corridor zones``: check files of zones, import, list, show, retire and export zones.

``check`` needs no running system; all others speak to the API of the system on the data folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.client import Client, ClientError
from corridor.folder import Folder
from geofences.errors import GeometryRefusedError
from geofences.geojson import zone_feature
from geofences.imports import Finding, Form, Options, Severity, read_zone_file
from geofences.zone import Zone, ZoneKind
from streams.zones import batches

_SHOWN: Final = 50
_DRY_RUN_S: Final = 1_800.0
_AHEAD: Final = timedelta(seconds=60)  # so that all parts are there before the first holds
_KINDS: Final = [kind.value for kind in ZoneKind if kind is not ZoneKind.COUNTRY]


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("zones", help="import, list, retire, export zones")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _list(actions.add_parser("list", help="the zones in force"))
    show = actions.add_parser("show", help="one zone with its versions, as GeoJSON")
    show.add_argument("zone", metavar="ID")
    _at(show)
    check = actions.add_parser("check", help="read files and say what is wrong; needs no running system")
    _file(check)
    check.add_argument("--out", type=Path, metavar="FILE", help="write the repaired form as GeoJSON")
    import_ = actions.add_parser("import", help="publish the zones of files: GeoJSON, KML, WKT, CSV circles")
    _file(import_)
    import_.add_argument(
        "--valid-from", metavar="INSTANT", help="RFC 3339; now, in a minute when they are many"
    )
    import_.add_argument("--dry-run", action="store_true", help="only show what it would have changed")
    import_.add_argument("--days", type=int, default=7, metavar="N", help="how far a dry run looks back (7)")
    retire = actions.add_parser("retire", help="let zones hold no more")
    retire.add_argument("zones", nargs="+", metavar="ID")
    retire.add_argument("--valid-from", metavar="INSTANT", help="RFC 3339; now when not given")
    export = actions.add_parser("export", help="all zones in force as GeoJSON, on standard output")
    _list(export)
    for action in actions.choices.values():
        if action is not check:
            add_folder(action)
    parser.set_defaults(run=run)


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind", action="append", choices=[*_KINDS, "country"], help="only this kind; repeatable"
    )
    _at(parser)


def _at(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--at", metavar="INSTANT", help="in force then, RFC 3339; now when not given")


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--format", choices=[form.value for form in Form], help="when its name misleads")
    parser.add_argument("--kind", choices=_KINDS, default="custom", help="of zones that don't say (custom)")
    parser.add_argument("--grace", type=int, default=0, metavar="S", help="a shorter absence is none (0)")
    parser.add_argument(
        "--min-dwell", type=int, default=0, metavar="S", help="a shorter stay is no visit (0)"
    )
    parser.add_argument("--prefix", metavar="TEXT", help="stands before every id")
    parser.add_argument("--name", metavar="PROPERTY", help="the property that holds the name (name)")


def run(options: argparse.Namespace) -> int:
    """Do the action; 1 when something was refused."""
    actions = {
        "list": _do_list,
        "show": _do_show,
        "check": _do_check,
        "import": _do_import,
        "retire": _do_retire,
        "export": _do_export,
    }
    try:
        return actions[options.action](options)
    except ClientError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from None


def _do_list(options: argparse.Namespace) -> int:
    count = 0
    for one in _in_force(_client(options), options):
        held = one["properties"]
        print(f"{one['id']:<32} {held['kind']:<9} {held['valid_from'] or 'shipped':<24}  {held['name']}")
        count += 1
    print(f"{count} zones", file=sys.stderr)
    return 0


def _do_show(options: argparse.Namespace) -> int:
    query = f"?{urlencode({'at': options.at})}" if options.at else ""
    print(json.dumps(_client(options).get(f"/v1/zones/{quote(options.zone, safe='')}{query}"), indent=2))
    return 0


def _do_export(options: argparse.Namespace) -> int:
    print('{"type": "FeatureCollection", "features": [')
    for number, one in enumerate(_in_force(_client(options), options)):
        one["properties"].pop("valid_from", None)
        print(f"{',' if number else ' '}{json.dumps(one)}")
    print("]}")
    return 0


def _do_check(options: argparse.Namespace) -> int:
    zones, findings = _read(options)
    _say(findings)
    if options.out is not None:
        features = [zone_feature(zone) for zone in zones]
        options.out.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    refused = _count(findings, Severity.ERROR)
    print(
        f"{len(zones)} zones, {refused} refused, {_count(findings, Severity.REPAIRED)} repaired, "
        f"{_count(findings, Severity.WARNING)} warnings"
    )
    return 1 if refused else 0


def _do_import(options: argparse.Namespace) -> int:
    zones, findings = _read(options)
    _say(findings)
    refused = _count(findings, Severity.ERROR)
    if refused:
        print(
            f"nothing imported: {refused} refused; mend them, or check --out what is sound", file=sys.stderr
        )
        return 1
    if not zones:
        raise CliError("nothing to import: the files have no zones")
    client = _client(options)
    features = [zone_feature(zone) for zone in zones]
    if options.dry_run:
        return _dry_run(client, features, options.days)
    parts = batches(features)
    valid_from = options.valid_from or _soon(len(parts))
    done = 0
    for part in parts:
        try:
            client.post("/v1/zones", {"zones": part, "valid_from": valid_from})
        except ClientError as error:
            print(f"{done} of {len(zones)} zones were published before this failed", file=sys.stderr)
            raise CliError(f"{error}; run it again with --valid-from {valid_from}") from None
        done += len(part)
    print(f"{done} zones published, valid from {valid_from}")
    return 0


def _do_retire(options: argparse.Namespace) -> int:
    client = _client(options)
    query = f"?{urlencode({'valid_from': options.valid_from})}" if options.valid_from else ""
    failed = 0
    for id_ in options.zones:
        try:
            client.delete(f"/v1/zones/{quote(id_, safe='')}{query}")
            print(f"{id_}: retired")
        except ClientError as error:
            if error.status is None:
                raise
            failed += 1
            print(f"{id_}: {error}", file=sys.stderr)
    return 1 if failed else 0


def _dry_run(client: Client, features: Sequence[dict[str, Any]], days: int) -> int:
    edit = {"zones": list(features), "retire": [], "days": days}
    found = client.post("/v1/zones/dry-run", edit, _DRY_RUN_S)
    for sign, list_ in (("+", "added"), ("-", "removed"), ("~", "moved")):
        for one in found[list_][:_SHOWN]:
            print(f"{sign} {_sentence(one)}")
        if len(found[list_]) > _SHOWN:
            print(f"{sign} ... and {len(found[list_]) - _SHOWN} more")
    print(
        f"over {days} days: {len(found['added'])} added, {len(found['removed'])} removed, "
        f"{len(found['moved'])} moved; {found['assets']} assets, {found['samples']} samples"
    )
    return 0


def _sentence(one: dict[str, Any]) -> str:
    held = one["after"] or one["before"] or {}
    begin = held.get("enter") or held.get("stages", {}).get("line") or {}
    place = held.get("zone") or held.get("gate") or ""
    what = f" ({', '.join(one['what'])})" if one["what"] else ""
    return f"{one['kind']} {place} of {one['asset']} at {begin.get('estimate', '?')}{what}"


def _read(options: argparse.Namespace) -> tuple[list[Zone], list[Finding]]:
    """The zones of all files; an id that two of them have is an error of the second."""
    settings = Options(options.prefix, ZoneKind(options.kind), options.grace, options.min_dwell, options.name)
    if options.grace < 0 or options.min_dwell < 0:
        raise CliError("--grace, --min-dwell: want whole seconds, at least 0")
    form = Form(options.format) if options.format else None
    zones: dict[str, Zone] = {}
    said: list[Finding] = []
    for path in options.files:
        try:
            found, findings = read_zone_file(path.name, path.read_bytes(), settings, form)
        except GeometryRefusedError as error:
            raise CliError(f"{path}: {error}") from None
        said += findings
        for zone in found:
            if zone.id in zones:
                message = f"id {zone.id!r} is in another of the files already"
                said.append(Finding(Severity.ERROR, path.name, None, message))
            zones[zone.id] = zone
    return list(zones.values()), said


def _say(findings: Sequence[Finding]) -> None:
    for finding in findings[:_SHOWN]:
        print(finding, file=sys.stderr)
    if len(findings) > _SHOWN:
        print(f"... and {len(findings) - _SHOWN} more", file=sys.stderr)


def _count(findings: Iterable[Finding], severity: Severity) -> int:
    return sum(finding.severity is severity for finding in findings)


def _in_force(client: Client, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    query = {"kinds": ",".join(options.kind) if options.kind else None, "at": options.at, "after": None}
    while True:
        page = client.get(f"/v1/zones?{urlencode({k: v for k, v in query.items() if v})}")
        yield from page["features"]
        query["after"] = page.get("next")
        if query["after"] is None:
            return


def _client(options: argparse.Namespace) -> Client:
    local = Folder(settings_of(options).data_dir).local()
    if local is None:
        raise CliError("no system runs on the data folder: start `corridor up`")
    return Client(local)


def _soon(parts: int) -> str:
    at = datetime.now(UTC) + (_AHEAD if parts > 1 else timedelta())
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
