"""``corridor vin``: explain a VIN, and a chassis number beside it, to a person."""

from __future__ import annotations

import argparse
import json

from corridor.cli.options import Verbs


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "vin", help="explain a VIN, and what a wrong one meant"
    )
    parser.add_argument("text", help="as it stands on the paper; spaces and stars don't matter")
    parser.add_argument("--chassis", metavar="NUMBER", help="the chassis number beside it")
    parser.add_argument("--scheme", choices=("VIN", "VIS8", "OEM", "NONE"), help="of the chassis number")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the explanation. Returns 1 when the number could not be registered so."""
    from streams.identity.data import shipped
    from streams.identity.explain import Explanation, explain

    def show(found: Explanation) -> None:
        print(found.vin or "nothing")
        for part in found.parts:
            first, last = part.positions
            places = str(first) if first == last else f"{first}-{last}"
            print(f"  {places:>5}  {part.characters:<6}  {part.name}: {part.text}")
        for name, text in (
            ("refused", found.refused),
            ("warning", found.warning),
            ("chassis", found.chassis),
        ):
            if text:
                print(f"{name}: {text}")
        for proposal in found.proposals:
            print(f"perhaps {proposal.vin}  ({proposal.text})")
        if found.ok:
            print("may be registered")

    found = explain(options.text, shipped(), options.chassis, options.scheme)
    if options.json:
        print(json.dumps(found.plain(), ensure_ascii=False))
    else:
        show(found)
    return 0 if found.ok else 1
