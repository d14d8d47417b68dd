"""``corridor case``: list cases, explain one, make the pilot's report, by the API of the running system."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.client import Client, ClientError
from corridor.folder import Folder

_STATES: Final = (
    *("filed", "bound", "departing", "approaching", "arrived", "crossed", "arrived_entry", "released"),
    *("cleared", "manual_verification", "held", "expired", "closed", "withdrawn"),
)


def add_to(verbs: Verbs) -> None:
    """Add the verb with its actions to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("case", help="list, explain and report on clearances")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="cases, the last lodged first")
    listing.add_argument("--gate", metavar="ID", help="only at this gate")
    listing.add_argument("--state", choices=_STATES, help="only in this state")
    listing.add_argument("--exporter", metavar="NAME", help="only of this exporter")
    listing.add_argument("--batch", metavar="NUMBER", help="only of this batch")
    listing.add_argument("--open", action="store_true", help="only those that go on")
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="at most N cases (100)")
    explain = actions.add_parser("explain", help="every step of one case with its cause, rule and evidence")
    explain.add_argument("case", metavar="ID")
    report = actions.add_parser("report", help="the pilot's report on a gate")
    report.add_argument("--gate", required=True, metavar="ID")
    report.add_argument("--from", dest="start", metavar="INSTANT", help="lodged from then on, RFC 3339")
    report.add_argument("--to", dest="end", metavar="INSTANT", help="lodged before then, RFC 3339")
    report.add_argument("--html", type=Path, metavar="FILE", help="write the page with its charts")
    report.add_argument("--csv", type=Path, metavar="FILE", help="write a line a case")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print the API's answer as JSON")
        add_folder(action)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do the action. Exit code 2 when the system does not answer or knows nothing of what is asked."""
    actions = {"list": _list, "explain": _explain, "report": _report}
    try:
        return actions[options.action](options)
    except ClientError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from None


def client_of(options: argparse.Namespace) -> Client:
    """The running system on the data folder. Raises CliError."""
    folder = settings_of(options).data_dir
    local = Folder(folder).local() if folder.exists() else None
    if local is None:
        raise CliError(f"no system runs on the data folder {folder}: start `corridor up` or give --data-dir")
    return Client(local)


def _list(options: argparse.Namespace) -> int:
    if options.limit < 1:
        raise CliError(f"--limit: got {options.limit}, want at least 1")
    count = 0
    for case in _cases(client_of(options), options):
        print(json.dumps(case, ensure_ascii=False) if options.json else _line(case))
        count += 1
    print(f"{count} cases", file=sys.stderr)
    return 0


def _cases(client: Client, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    asked = {name: getattr(options, name) for name in ("gate", "state", "exporter", "batch")}
    query = {name: value for name, value in asked.items() if value is not None}
    left, after = options.limit, None
    while left > 0:
        more = {"limit": str(min(left, 500))} | ({"after": after} if after else {})
        page = client.get(f"/v1/cases?{urlencode(query | ({'open': 'true'} if options.open else {}) | more)}")
        yield from page["items"]
        left, after = left - len(page["items"]), page["next"]
        if after is None:
            return


def _line(case: Mapping[str, Any]) -> str:
    why = "; ".join(str(reason.get("text") or reason["code"]) for reason in case["reasons"])
    state = case["state"] if case["state"] == case["stage"] else f"{case['state']} ({case['stage']})"
    return f"{case['id']}  {case['reference']:<16} {case['vin']:<17}  {state:<34} {why}".rstrip()


def _explain(options: argparse.Namespace) -> int:
    told = client_of(options).get(f"/v1/cases/{quote(options.case, safe='')}/explain")
    if options.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return 0
    print(f"{told['case']} of {told['asset']}: {told['state']}")
    if not told.get("complete", True):
        print("older revisions are gone with the retention of events")
    for revision in told["revisions"]:
        head = f"revision {revision['revision']}, log {revision['position']}, {revision['recorded']}"
        version = str(revision["regime_version"] or "")[:8]
        print(f"\n{head}: {revision['state']} [{revision['regime']} {version}]")
        for entry in revision["entries"]:
            print(f"  {'<' if entry['what'] == 'back' else '-'} {entry['sentence']}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from feeds.clearance.html import report_page
    from feeds.clearance.table import table

    asked = {name: value for name, value in (("from", options.start), ("to", options.end)) if value}
    query = f"?{urlencode(asked)}" if asked else ""
    report = client_of(options).get(f"/v1/gates/{quote(options.gate, safe='')}/clearance{query}")
    if options.html is not None:
        options.html.write_text(report_page(report), "utf-8")
    if options.csv is not None:
        options.csv.write_text(table(report["rows"]), "utf-8", newline="")
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
        return 0
    for line in _summary(report):
        print(line)
    return 0


def _summary(report: Mapping[str, Any]) -> Iterator[str]:
    took, manual = report["clearance"], report["manual_verification"]
    states = ", ".join(f"{count} {state}" for state, count in report["states"].items())
    yield f"{report['gate']}: {report['cases']} cases lodged{f': {states}' if states else ''}"
    if took["count"]:
        yield (
            f"clearance time: mean {_hours(took['mean_s'])}, median {_hours(took['p50_s'])}, 90 % within "
            f"{_hours(took['p90_s'])}; {100 * took['within']:.0f} % within {_hours(report['benchmark_s'])}"
        )
    causes = ", ".join(f"{row['cases']} {row['cause']}" for row in manual["causes"])
    yield f"manual verification: {manual['cases']} cases{f': {causes}' if causes else ''}"
    lost = ", ".join(f"{row['span']} {_hours(row['lost_s'])}" for row in report["lost"] if row["lost_s"])
    yield f"hours lost: {lost or 'none'}"
    up = report["uptime"]
    yield f"system up: {100 * up['up']:.1f} %" if up and up["up"] is not None else "system up: not measured"


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:.2f} h"
