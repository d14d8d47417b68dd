"""The simulator's command: ``run`` a scenario against a broker, ``list`` the trucks that it has, ``key``.

Exit codes: 0 done, 2 can't run as asked (one line on stderr says why).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from firmware_sim.errors import ScenarioError, SimError
from firmware_sim.fleet import identities
from firmware_sim.keys import KeyFolder
from firmware_sim.link import Broker
from firmware_sim.run import Figures, locked, run
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    args = _parser().parse_args(argv)
    try:
        scenario = load(args.scenario, trucks=args.trucks, seed=args.seed, sign_share=args.sign_share)
        if args.verb == "list":
            for index, who in enumerate(identities(scenario)):
                datum = scenario.options(index).datum
                more = {} if datum == "wgs84" else {"datum": datum}
                print(json.dumps(who.to_json() | more, ensure_ascii=False))
            return 0
        if args.verb == "key":
            _keys(args, scenario)
            return 0
        asyncio.run(_run(args, scenario))
    except SimError as error:
        print(f"firmware-sim: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    return 0


def _keys(args: argparse.Namespace, scenario: Scenario) -> None:
    """The proofs of the units' keys as JSON lines; keys are made where there are none."""
    signing = {
        who.device: scenario.options(i).sign
        for i, who in enumerate(identities(scenario))
        if scenario.options(i).sign != "none"
    }
    if args.new and args.certs is not None:
        raise ScenarioError("--new: got --certs too, want a new certificate of the authority instead")
    for device in args.device or ():
        if device not in signing:
            raise ScenarioError(f"--device: got {device!r}, want a truck of the scenario that signs")
    folder = KeyFolder(args.state / "keys")
    if args.ack_key is not None:
        folder.believe(args.ack_key)
    with locked(args.state) if args.new else contextlib.nullcontext():
        for device in args.device or signing:
            more = {} if args.certs is None else {"certificate": folder.adopt(device, args.certs)}
            key = (folder.renew if args.new else folder.key)(device, signing[device])
            print(json.dumps(key.proof(device, time.time_ns() // 1_000_000) | more))


async def _run(args: argparse.Namespace, scenario: Scenario) -> None:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)

    def show(figures: Figures) -> None:
        print(figures, flush=True)

    with contextlib.suppress(asyncio.CancelledError):
        end = await run(
            scenario,
            replace(_broker(args.mqtt), ca=args.ca, certs=args.certs),
            args.state,
            speed_up=args.speed_up,
            duration_s=args.duration,
            show=None if args.quiet else show,
        )
        if not args.quiet:
            show(end)


def _broker(text: str) -> Broker:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ScenarioError(f"--mqtt: got {text!r}, want HOST:PORT")
    return Broker(host.strip("[]"), int(port))


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"got {text}, want a number above 0")
    return value


def _speed_up(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"got {text}, want a number from 1 to 10000")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firmware-sim", description="Trucks with telematics units, simulated."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    go = verbs.add_parser("run", help="drive a scenario's trucks against a broker")
    show = verbs.add_parser("list", help="print a scenario's trucks as JSON lines")
    key = verbs.add_parser(
        "key", help="print the public keys of trucks that sign, with proofs, as JSON lines"
    )
    for verb in (go, show, key):
        verb.add_argument("scenario", help="a TOML file, or the name of a shipped one: demo, clearance, load")
        verb.add_argument("--trucks", type=int, metavar="N", help="how many trucks (default: the scenario's)")
        verb.add_argument("--seed", type=int, metavar="S", help="the seed (default: the scenario's)")
        verb.add_argument("--sign-share", type=float, metavar="X", help="the share of trucks that sign")
    go.add_argument("--mqtt", default="127.0.0.1:1883", metavar="HOST:PORT", help="the broker")
    go.add_argument("--ca", type=Path, metavar="FILE", help="TLS: the authority of the broker (PEM)")
    go.add_argument("--certs", type=Path, metavar="DIR", help="TLS: DEVICE.crt and DEVICE.key of each truck")
    for verb in (go, key):
        verb.add_argument(
            "--state", type=Path, default=Path("firmware-sim-state"), metavar="DIR", help="state folder"
        )
    key.add_argument(
        "--certs",
        type=Path,
        metavar="DIR",
        help="sign with the keys of certificates: DEVICE.crt and DEVICE.key",
    )
    key.add_argument("--device", action="append", metavar="NAME", help="only this one's (may be repeated)")
    key.add_argument("--new", action="store_true", help="another key, in use from the next start on")
    key.add_argument(
        "--ack-key", metavar="KEY", help="believe answers signed by this key of the installation"
    )
    go.add_argument("--speed-up", type=_speed_up, metavar="X", help="simulated seconds a second")
    go.add_argument("--duration", type=_positive, metavar="S", help="stop after S seconds")
    go.add_argument("--quiet", action="store_true", help="print no figures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
