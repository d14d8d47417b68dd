"""What the verbs share that list deliveries and ask lanes: where notes are, how a delivery is shown."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from corridor.cli.options import CliError, settings_of
from corridor.cli.roles import distributed
from corridor.folder import Folder
from corridor.settings import Settings
from feeds.authority.intake import REFUSED
from feeds.outbound.asks import PREFIX, AskNotes, ask
from feeds.outbound.filenotes import FileNotes
from feeds.outbound.lane import Waiting, waiting_of

Row = tuple[int, str, Waiting]
"""Partition, name of the receiver's notes, delivery."""
_NOTHING: Final = "nothing waits, nothing is parked"


def add_actions(parser: argparse.ArgumentParser, receiver: str) -> None:
    """The actions list, resend and park, for one kind of receiver."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    texts = {
        "list": "what waits to be tried again and what is parked, and why",
        "resend": "try again now: one delivery, or all that is parked",
        "park": "give one delivery up, so that those behind it go on",
    }
    for action in texts:
        one: argparse.ArgumentParser = verbs.add_parser(action, help=texts[action])
        one.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
        one.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of all data")
        one.add_argument("--kafka-servers", metavar="HOST:PORT,...", help="of the distributed system")
        one.add_argument("--partitions", type=int, metavar="N", help="partitions of the log")
        if action == "list":
            one.add_argument("--json", action="store_true", help="JSON lines")
            one.add_argument("name", nargs="?", metavar=receiver, help=f"only this {receiver.lower()}'s")
        else:
            one.add_argument("name", metavar=receiver, help=f"the {receiver.lower()}'s name")
            many = "?" if action == "resend" else None
            one.add_argument("number", type=int, nargs=many, help="the delivery's number, from the list")
            one.add_argument(
                "--partition", type=int, metavar="N", help="of the delivery; without: of all that have it"
            )


def run_action(
    options: argparse.Namespace, name_of: Callable[[str], str], mine: Callable[[str], bool]
) -> int:
    """Do it. ``name_of``: the receiver's name to that of its notes; ``mine``: which notes count."""
    settings = settings_of(
        options,
        kafka_servers=options.kafka_servers,
        partitions=options.partitions,
    )
    with notes_of(settings) as (notes, partitions):
        rows = [one for one in rows_of(notes, partitions) if mine(one[1])]
        if options.name is not None:
            rows = [one for one in rows if one[1] == name_of(options.name)]
        if options.action == "list":
            told = [one for one in refused_of(notes, partitions) if mine(one["receiver"])]
            if options.name is not None:
                told = [one for one in told if one["receiver"] == name_of(options.name)]
            away = [one for one in away_of(notes, partitions) if mine(one["receiver"])]
            if options.name is not None:
                away = [one for one in away if one["receiver"] == name_of(options.name)]
            return _show(rows, told, away, options.json)
        wanted = [
            one
            for one in rows
            if (options.number is None or one[2].number == options.number)
            and options.partition in (None, one[0])
            and (one[2].parked or options.number is not None)
        ]
        if not wanted:
            what = "parked" if options.number is None else f"number {options.number}"
            raise CliError(f"nothing to {options.action}: got {options.name} {what}, want one of the list")
        for partition in sorted({one[0] for one in wanted}):
            ask(notes, partition, options.action, name_of(options.name), options.number)
        print(f"asked: {options.action} {len(wanted)}. Whoever delivers does it within a second or two.")
    return 0


@contextlib.contextmanager
def notes_of(settings: Settings) -> Iterator[tuple[AskNotes, int]]:
    """The notes of deliveries of the system that the settings mean, and its partitions. Raises CliError."""
    if settings.kafka_servers is None:
        path = Folder(settings.data_dir).deliveries if settings.data_dir.exists() else None
        if path is None or not path.exists():
            where = settings.data_dir / "deliveries.db"
            raise CliError(f"no deliveries here: got {where}, want the data folder of a system that delivers")
        file = FileNotes(path)
        try:
            yield file, 1 + max(file.partitions(), default=0)
        finally:
            file.close()
        return
    with distributed():
        from corridor.kafka import kafka_of
        from feeds.outbound.topicnotes import TopicNotes
        from streams.log import LogError
    kafka = kafka_of(settings)
    topic = TopicNotes(kafka)
    try:
        yield topic, kafka.partitions
    except LogError as error:
        raise CliError(str(error)) from None
    finally:
        topic.close()


def rows_of(notes: AskNotes, partitions: int) -> list[Row]:
    """All deliveries that wait or are parked, by receiver, partition, number."""
    found: list[Row] = []
    for partition in range(partitions):
        for key, value in notes.load(partition).items():
            name, _, number = key.rpartition("/")
            if number.isdigit() and not key.startswith(PREFIX):
                found.append((partition, name, waiting_of(value)))
    return sorted(found, key=lambda one: (one[1], one[0], one[2].number))


def refused_of(notes: AskNotes, partitions: int) -> list[dict[str, Any]]:
    """Decisions that were not taken, the oldest first: receiver, message, reason, at_ms."""
    found = []
    for partition in range(partitions):
        for key, value in notes.load(partition).items():
            name, _, rest = key.rpartition("/")
            if rest.startswith(REFUSED):
                found.append({"receiver": name, **json.loads(value)})
    return sorted(found, key=lambda one: (one["receiver"], one["at_ms"], one["message"]))


def away_of(notes: AskNotes, partitions: int) -> list[dict[str, Any]]:
    """Receivers that are left alone, by partition: what is new for them is not tried one by one."""
    found = []
    for partition in range(partitions):
        for key, value in notes.load(partition).items():
            name, _, rest = key.rpartition("/")
            head = json.loads(value) if rest == "place" else {}
            if head.get("away"):
                kept = {"gone": head["gone"], "away": head["away"]}
                found.append({"receiver": name, "partition": partition, **kept})
    return sorted(found, key=lambda one: (one["receiver"], one["partition"]))


def _show(
    rows: Sequence[Row],
    refused: Sequence[dict[str, Any]],
    away: Sequence[dict[str, Any]],
    as_json: bool,
) -> int:
    for partition, name, one in rows:
        if as_json:
            print(json.dumps({"receiver": name, "partition": partition, **asdict(one)}))
            continue
        due = datetime.fromtimestamp(one.due_ms / 1000, UTC).isoformat(timespec="seconds")
        state = "parked" if one.parked else f"due {due}"
        print(
            f"{name:<20} {partition:>3} {one.number:>10}  {one.what:<24} {one.row:<32} "
            f"tried {one.attempts:<3} {state:<30} {one.detail}"
        )
    for told in refused:
        at = datetime.fromtimestamp(told["at_ms"] / 1000, UTC).isoformat(timespec="seconds")
        line = f"{told['receiver']:<20} decision {told['message']} refused {at}: {told['reason']}"
        print(json.dumps(told) if as_json else line)
    for one_away in away:
        state = "is gone" if one_away["gone"] else "is away, all that is new waits"
        line = f"{one_away['receiver']:<20} {one_away['partition']:>3} {state}: {one_away['away']}"
        print(json.dumps(one_away) if as_json else line)
    if not (rows or refused or away or as_json):
        print(_NOTHING)
    return 0
