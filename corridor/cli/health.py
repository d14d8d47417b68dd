"""``corridor health``: whether the role of these settings is well; for containers, which have no curl."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
from pathlib import Path

from corridor.cli.options import CliError, Verbs, settings_of

_PATIENCE_S = 4.0


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "health", help="ask a role that runs on this machine for its health"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument(
        "--port", type=int, metavar="PORT", help="the role's health_port, if not as in settings"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 when the role is well, 1 when it is not or does not answer; what it says is printed."""
    port = options.port or settings_of(options).health_port
    if not port:
        raise CliError("no port to ask: got health_port 0, want the port that the role was given")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=_PATIENCE_S) as answer:
            said, well = answer.read(), True
    except urllib.error.HTTPError as error:
        said, well = error.read(), False
    except OSError as error:
        print(f"no answer from port {port}: {getattr(error, 'reason', error)}")
        return 1
    print(json.dumps(json.loads(said), indent=2))
    return 0 if well else 1
