"""``corridor``: the one command. Each verb is a module of ``corridor.cli``.

Exit codes: 0 done, 1 it ran and found something wrong, 2 can't run as asked.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from importlib import import_module

from corridor.cli.options import CliError

_VERBS = (
    *("demo", "up", "replay", "sim", "config", "doctor", "deadletters", "rebuild", "zones", "topics"),
    *("health", "keys", "certs", "broker", "gateway", "worker", "store", "api", "deliver"),
    *("reconcile", "webhooks", "authority", "authority-sim", "case", "trace", "vin", "ledger", "witness"),
    *("cover", "device", "feed", "redact", "verify", "tamper"),
)
_SIGPIPE = 141  # as a shell tells of a program that ended so


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; what it can't do as asked is one line on standard error and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="corridor", description="From a truck's own signals to border facts: the telematics gateway."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    first = (sys.argv[1:] if arguments is None else arguments)[:1]
    # a verb loads what it needs and no other's: `up` stays for days, without the engine that `rebuild` has
    for verb in first if set(first) <= set(_VERBS) and first else _VERBS:
        import_module(f"corridor.cli.{verb.replace('-', '_')}").add_to(verbs)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGPIPE
    except CliError as error:
        print(f"corridor {options.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return code


def _nobody_reads() -> bool:
    """Whether who read the standard output had enough and went away."""
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    return any(told & select.POLLERR for _, told in asked.poll(0))


if __name__ == "__main__":
    raise SystemExit(main())
