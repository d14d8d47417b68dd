"""``corridor topics``: make Kafka's topics, check them, list them as they are stated."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from corridor.cli.options import CliError, Verbs, settings_of
from corridor.cli.roles import add_kafka, distributed
from corridor.settings import SettingsError

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser("topics", help="make or check Kafka's topics")
    parser.add_argument("what", choices=("create", "check", "list"), help="list: as they are stated")
    add_kafka(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was made, is wrong or is stated. Returns 1 when something is not as stated."""
    names = ("kafka_servers", "partitions", "replication")
    settings = settings_of(options, **{name: getattr(options, name) for name in names})
    with distributed():
        from corridor.kafka import kafka_of
        from streams.kafka.topics import TopicsError, create, problems, stated
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
    from streams.kafka.topics import stated

    for topic in stated(kafka):
        print(f"{topic.name}: {topic.partitions} partitions, {topic.replication} replicas")
        for name, value in sorted(topic.config.items()):
            print(f"  {name} = {value}")
    return 0
