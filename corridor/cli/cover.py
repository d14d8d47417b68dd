"""``corridor cover``: write insurance covers one by one or by file, list and end them, and their report.

Asks the API of the running system.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from corridor.cli.case import client_of
from corridor.cli.options import CliError, Verbs, add_folder
from corridor.client import Client, ClientError


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("cover", help="insurance covers and their report")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    write = actions.add_parser("write", help="write one policy, or those of a file")
    write.add_argument("--file", type=Path, metavar="FILE", help="CSV, JSON lines or a JSON array")
    write.add_argument("--vin", metavar="VIN", help="of a registered vehicle")
    write.add_argument("--number", metavar="NUMBER", help="of the policy")
    write.add_argument("--insurer", metavar="NAME")
    write.add_argument("--countries", metavar="CN,LA", help="ISO 3166-1, separated by commas")
    write.add_argument("--from", dest="start", metavar="INSTANT", help="RFC 3339")
    write.add_argument("--until", metavar="INSTANT", help="RFC 3339")
    write.add_argument("--use", metavar="TEXT", help="what the vehicle may be used for")
    listing = actions.add_parser("list", help="covers, those that begin last first")
    listing.add_argument("--asset", metavar="VIN", help="only of this vehicle")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most N covers (100)")
    end = actions.add_parser("end", help="end a cover before its time")
    end.add_argument("cover", metavar="ID")
    end.add_argument("--at", metavar="INSTANT", help="RFC 3339; now if not given")
    end.add_argument("--reason", required=True, metavar="TEXT")
    report = actions.add_parser("report", help="exposure and driving of a vehicle in a month")
    report.add_argument("asset", metavar="VIN")
    report.add_argument("--month", required=True, metavar="YYYY-MM")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print the API's answer as JSON")
        add_folder(action)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do the action. Exit code 1 when some of a file was refused, 2 when it can't be done."""
    actions = {"write": _write, "list": _list, "end": _end, "report": _report}
    try:
        return actions[options.action](options)
    except ClientError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from None


def _write(options: argparse.Namespace) -> int:
    names = ("vin", "number", "insurer", "countries", "start", "until")
    missing = [name for name in names if getattr(options, name) is None]
    if options.file is not None:
        if len(missing) < len(names) or options.use is not None:
            raise CliError("got --file and a policy, want one of them")
        return _file(client_of(options), options)
    if missing:
        flags = ", ".join("--from" if name == "start" else f"--{name}" for name in missing)
        raise CliError(f"got no {flags}, want all of a policy (or --file)")
    body = {
        "vin": options.vin,
        "number": options.number,
        "insurer": options.insurer,
        "countries": options.countries.replace(",", " ").split(),
        "from": options.start,
        "until": options.until,
    }
    if options.use is not None:
        body["use"] = options.use
    told = client_of(options).post("/v1/covers", body)
    print(json.dumps(told, ensure_ascii=False) if options.json else _line(told))
    return 0


def _file(client: Client, options: argparse.Namespace) -> int:
    try:
        text = options.file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise CliError(f"{options.file}: got bytes that are not UTF-8") from None
    told = client.post_csv("/v1/covers/bulk", text)
    if options.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for one in told["refused"]:
            print(f"row {one['row']}: {one['column']}: got {one['got']}, {one['want']}")
        print(f"{len(told['written'])} of {told['rows']} covers written")
    return 1 if told["refused"] else 0


def _list(options: argparse.Namespace) -> int:
    if options.limit < 1:
        raise CliError(f"--limit: got {options.limit}, want at least 1")
    count = 0
    for cover in _covers(client_of(options), options):
        print(json.dumps(cover, ensure_ascii=False) if options.json else _line(cover))
        count += 1
    print(f"{count} covers", file=sys.stderr)
    return 0


def _covers(client: Client, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    left, after = options.limit, None
    query = {} if options.asset is None else {"asset": options.asset}
    while left > 0:
        more = {"limit": str(min(left, 500))} | ({"after": after} if after else {})
        page = client.get(f"/v1/covers?{urlencode(query | more)}")
        yield from page["items"]
        left, after = left - len(page["items"]), page["next"]
        if after is None:
            return


def _line(cover: Mapping[str, Any]) -> str:
    countries = " ".join(cover["countries"])
    period = f"{cover['from']} to {cover['until']}"
    head = f"{cover['id']}  {cover['number']:<16} {cover['insurer']:<24}"
    return f"{head} {countries:<12} {period}  {cover['state']}"


def _end(options: argparse.Namespace) -> int:
    body = {"reason": options.reason} | ({} if options.at is None else {"at": options.at})
    told = client_of(options).post(f"/v1/covers/{quote(options.cover, safe='')}/end", body)
    print(json.dumps(told, ensure_ascii=False) if options.json else _line(told))
    return 0


def _report(options: argparse.Namespace) -> int:
    query = urlencode({"month": options.month})
    told = client_of(options).get(f"/v1/assets/{quote(options.asset, safe='')}/cover-report?{query}")
    if options.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return 0
    for line in lines(told):
        print(line)
    return 0


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The report for people."""
    quality = told["quality"]
    yield f"{told['asset']} in {told['month']}, formula {told['formula']}"
    yield f"proven {quality['proven']:.1%} of the driving, seen closely {quality['seen']:.1%}"
    for reason in (*quality["reasons"], *told["driving_missing"]):
        yield f"no figure: {reason}"
    for one in told["exposures"] or ():
        share = one["night"]["share"]
        night = "" if share is None else f", {share:.0%} by night"
        hours = one["driven"]["s"] / 3600
        yield f"{one['country']} {one['number']}: {one['driven']['m'] / 1000:,.1f} km in {hours:.1f} h{night}"
    driving = told["driving"]
    if driving is not None:
        yield f"driving index {driving['index']:.1f} of 100 over {driving['judged']['m'] / 1000:,.1f} km"
        for term in driving["terms"]:
            yield f"  {term['what']}: {term['points']:.2f} points off"
    crossings = told["crossings"]
    yield f"handovers {crossings['handovers']}, of them {crossings['automatic_release']} by automatic release"
    for what, count in (*told["incidents"].items(), *told["breaches"].items()):
        yield f"{what}: {count}"
    yield from (
        f"ledger log {one['log']}: {one['records']} records, {one['first']} to {one['last']}"
        for one in told["ledger"]
    )
