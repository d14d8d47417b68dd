"""``corridor trace VIN``: one vehicle from its maker's record to its destination, on one page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from urllib.parse import quote

from corridor.cli.case import client_of
from corridor.cli.options import CliError, Verbs, add_folder
from corridor.client import ClientError


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "trace", help="one vehicle from factory to destination"
    )
    parser.add_argument("vin", metavar="VIN")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page")
    parser.add_argument("--json", action="store_true", help="print the API's answer as JSON")
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the way; 1 when nothing is known of the VIN."""
    from feeds.clearance.html import trace_page

    try:
        trace = client_of(options).get(f"/v1/trace/{quote(options.vin, safe='')}")
        if options.html is not None:
            options.html.write_text(trace_page(trace), "utf-8")
    except ClientError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from None
    if options.json:
        print(json.dumps(trace, ensure_ascii=False, indent=2))
    else:
        print(trace["summary"])
        for step in trace["steps"]:
            mark = " " if step["ok"] else "!"
            print(f"{mark} {step['t'] or 'time not known':<24}  {step['title']}: {step['text']}")
        for one in trace.get("reports", ()):
            print(f"  {one['device']}: {one['text']}")
        if trace["missing"]:
            print(f"nothing here shows: {', '.join(trace['missing'])}")
    return 0 if trace["asset"] else 1
