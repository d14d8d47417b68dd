"""``authority-sim``: the reference single window as a command."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from authority_sim.rules import Rules, RulesError, load, parse
from authority_sim.run import serving

_SIMPLE = """
[[authority]]
name = "mohan-customs"
title = "China, Mohan"
key = "mohan"
auto = "officer"

[[authority]]
name = "boten-customs"
title = "Laos, Boten"
key = "boten"
auto = "officer"
"""


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM. Exit code 2: it can't run as asked."""
    parser = argparse.ArgumentParser(
        prog="authority-sim", description="A reference single window for both sides of a border."
    )
    add_options(parser)
    return run(parser.parse_args(arguments))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--host", default="127.0.0.1", help="address (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8090, help="port (8090; 0: any free one)")
    parser.add_argument(
        "--db", type=Path, default=Path("authority-sim.db"), metavar="FILE", help="its database"
    )
    parser.add_argument(
        "--script", type=Path, metavar="FILE", help="authorities, rules, faults, decisions (TOML)"
    )


def run(options: argparse.Namespace) -> int:
    """Serve as the options say."""
    try:
        rules: Rules = parse(_SIMPLE) if options.script is None else load(options.script)
    except RulesError as error:
        print(f"authority-sim: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with serving(rules, options.db, options.host, options.port) as found:
            names = ", ".join(f"{found.url}/{name}" for name in rules.authorities)
            print(f"single window is up.  officers: {found.url}/  authorities: {names}", flush=True)
            stop.wait()
    except OSError as error:
        print(f"authority-sim: {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
