"""``corridor topics``: make Kafka's topics, check them, list them as they are stated."""

from __future__ import annotations

import argparse
from pathlib import Path

from corridor.cli.options import CliError, Verbs, settings_of
from corridor.kafka import kafka_of
from corridor.settings import SettingsError
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import TopicsError, create, problems, stated


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("topics", help="make or check Kafka's topics")
    parser.add_argument("what", choices=("create", "check", "list"), help="list: as they are stated")
    add_kafka(parser)
    parser.set_defaults(run=run)


def add_kafka(parser: argparse.ArgumentParser) -> None:
    """--config, --kafka-servers, --partitions and --replication."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--kafka-servers", metavar="HOST:PORT,...", help="where Kafka is")
    parser.add_argument("--partitions", type=int, metavar="N", help="partitions of the log")
    parser.add_argument("--replication", type=int, metavar="N", help="copies of each partition")


def run(options: argparse.Namespace) -> int:
    """Print what was made, is wrong or is stated. Returns 1 when something is not as stated."""
    names = ("kafka_servers", "partitions", "replication")
    settings = settings_of(options, **{name: getattr(options, name) for name in names})
    try:
        kafka = kafka_of(settings)
        if options.what == "list":
            return _list(kafka)
        if options.what == "create":
            for name in create(kafka):
                print(f"made {name}")
        wrong = problems(kafka)
    except (SettingsError, TopicsError) as error:
        raise CliError(str(error)) from None
    for problem in wrong:
        print(problem.text)
    if not wrong:
        print(f"{len(stated(kafka))} topics are as stated")
    return 1 if wrong else 0


def _list(kafka: KafkaSettings) -> int:
    for topic in stated(kafka):
        print(f"{topic.name}: {topic.partitions} partitions, {topic.replication} replicas")
        for name, value in sorted(topic.config.items()):
            print(f"  {name} = {value}")
    return 0
