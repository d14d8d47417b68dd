"""``corridor gateway``: take the reports of a broker into the log in Kafka; as many as there is work for."""

from __future__ import annotations

import argparse

from corridor.cli.options import Verbs
from corridor.cli.roles import add_role, distributed, run_role


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "gateway", help="take the reports of a broker into the log in Kafka"
    )
    add_role(parser)
    parser.add_argument("--mqtt-url", metavar="URL", help="the broker: mqtt://host:port, mqtts://host:port")
    parser.add_argument("--gateway-group", metavar="NAME", help="gateways of one group share the reports")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM."""
    with distributed():
        from corridor.roles import gateway

    return run_role("gateway", options, gateway.run, "mqtt_url", "gateway_group")
