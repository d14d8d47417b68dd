"""``corridor witness``: be a witness of logs that others keep (C2SP tlog-witness)."""

from __future__ import annotations

import argparse
import asyncio
import socket
from pathlib import Path

from corridor.cli.options import CliError, Verbs, run_async


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "witness", help="cosign the heads of logs that others keep"
    )
    parser.add_argument(
        "--name", required=True, metavar="NAME", help="of the witness: a host of yours and a path"
    )
    parser.add_argument("--logs", required=True, type=Path, metavar="FILE", help="policy file with log lines")
    parser.add_argument("--state", required=True, type=Path, metavar="DIR", help="folder of key and heads")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8090, metavar="PORT", help="to listen on (8090; 0: any)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from corridor.serving import serve
    from corridor.witness import app_of, witness_of
    from feeds.ledger.errors import LedgerError

    try:
        witness = witness_of(options.name, options.logs, options.state)
        listener = socket.create_server((options.host, options.port))
    except LedgerError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{options.host}:{options.port}: {error.strerror}") from None

    def ready() -> None:
        host, port = listener.getsockname()[:2]
        print(f"witness {witness.key} at http://{host}:{port}", flush=True)

    async def work(stop: asyncio.Event) -> int:
        with listener:
            await serve(app_of(witness), listener, stop, ready, lambda: None)
        return 0

    try:
        return run_async(work)
    finally:
        witness.close()
