"""What desks of partitions tell each other: small messages, put into one note for each partition and record.

A message is ``[name, ...]`` of JSON values. One to a key that is at home here is heard in the same step, so
one partition alone needs no notes; any other one leaves as a note. A message may come twice, or after a
later one: each says enough for its receiver to tell.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, TypeAlias

from streams.codec import CodecError, dump_json, load_json
from streams.homes import DESK, Handed, home

Message: TypeAlias = list[Any]
_MOST: Final = 400_000  # bytes of one note, but for one message that is longer


class Post:
    """The messages of one step."""

    def __init__(self, partition: int, partitions: int) -> None:
        self.partition, self.partitions = partition, partitions
        self.here: deque[Message] = deque()
        self._away: dict[int, list[Message]] = {}

    def home(self, key: str) -> int:
        """The partition where ``key`` is at home."""
        return home(key, self.partitions) if self.partitions > 1 else self.partition

    def send(self, to: int, message: Message) -> None:
        """Send a message to a partition."""
        if to == self.partition:
            self.here.append(message)
        else:
            self._away.setdefault(to, []).append(message)

    def everywhere(self, message: Message) -> None:
        """Send a message to all other partitions."""
        for partition in range(self.partitions):
            if partition != self.partition:
                self.send(partition, message)

    def handed(self) -> list[Handed]:
        """The notes that carry what leaves; it is gone then."""
        if not self._away:
            return []
        found = []
        for to, messages in sorted(self._away.items()):
            body: list[bytes] = []
            size = 0
            for message in messages:
                text = dump_json(message)
                if body and size + len(text) > _MOST:
                    found.append(_note(to, body))
                    body, size = [], 0
                body.append(text)
                size += len(text)
            found.append(_note(to, body))
        self._away.clear()
        return found


def _note(to: int, messages: list[bytes]) -> Handed:
    return Handed(to, "desk", DESK + b"[" + b",".join(messages) + b"]}")


def opened(body: bytes) -> list[Message]:
    """The messages in the body of a note that begins with ``homes.DESK``. Raises CodecError."""
    try:
        messages = load_json(body)["desk"]
        if not all(isinstance(one, list) and one and isinstance(one[0], str) for one in messages):
            raise ValueError("got something else than messages")
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"note of a desk not readable: {error!r}") from error
    return list(messages)
