"""``corridor tamper``: forged copies of an export, to see that ``corridor verify`` catches each."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from corridor.cli.options import CliError, Verbs


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "tamper", help="forge copies of an export, to learn by"
    )
    parser.add_argument("path", type=Path, metavar="DIR", help="an export")
    parser.add_argument("into", type=Path, metavar="INTO", help="a new directory: one copy a kind")
    parser.add_argument("--kind", action="append", metavar="KIND", help="only this one (repeat)")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make the copies and say what was done to each."""
    from feeds.verify.finding import VerifyError
    from feeds.verify.tamper import KINDS, tamper

    unknown = sorted(set(options.kind or ()) - KINDS.keys())
    if unknown:
        raise CliError(f"--kind: got {', '.join(unknown)}, want some of {', '.join(KINDS)}")
    made = 0
    for kind in options.kind or KINDS:
        try:
            done = tamper(options.path, options.into / kind, kind)
        except VerifyError as error:
            if options.kind:
                raise CliError(f"{kind}: {error}") from None
            print(json.dumps({"kind": kind, "left_out": str(error)}) if options.json else f"{kind}: {error}")
            continue
        except OSError as error:
            raise CliError(f"{error.filename}: {error.strerror}") from None
        made += 1
        where = (
            ""
            if done.log is None
            else f" (log {done.log}" + ("" if done.place is None else f" entry {done.place}") + ")"
        )
        print(json.dumps(asdict(done)) if options.json else f"{options.into / kind}: {done.says}{where}")
    if not made:
        raise CliError("nothing could be forged: see above")
    return 0
