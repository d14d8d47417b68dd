"""Uniqueness over all partitions: of a key one holder, decided in the partition where the key is at home.

Who needs keys asks for all of them under one name, the *owner* (the id of a command, so each attempt is its
own), and waits for verdicts. The first that asks for a free key holds it until it gives it back. What was
refused or given back is remembered, so a repeated question, or one that comes after its owner gave up,
can't take the key. A key can also be closed for good; eight bytes are kept of it then.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from streams.engine.post import Message, Post

REMEMBERED_MS: Final = 30 * 86_400_000
"""How long an owner that was refused or gave its key back is known."""
_NAMES: Final = frozenset(("claim", "free", "close", "verdict"))


@dataclass(slots=True)
class Asked:
    """What waits for verdicts. ``what``: JSON values of the asker's; ``open``: keys without a verdict yet;
    ``got``, ``refused``: the keys that are held now, and those that others hold."""

    owner: str
    what: dict[str, Any]
    open: list[str]
    got: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Claims:
    """The keys at home in one partition, and the questions that it asked."""

    def __init__(self, post: Post, decided: Callable[[Asked], None]) -> None:
        """``decided``: is told of what has all its verdicts; of the keys of one that was refused any, none is
        held any more."""
        self._post, self._decided = post, decided
        self._holders: dict[str, str] = {}
        self._gone: dict[tuple[str, str], int] = {}  # (key, owner) that holds no more, and since when
        self._closed: set[int] = set()
        self._asked: dict[str, Asked] = {}

    def ask(self, owner: str, keys: Iterable[str], what: dict[str, Any]) -> None:
        """Ask for ``keys``, all or none."""
        asked = self._asked[owner] = Asked(owner, what, list(keys))
        if not asked.open:
            self._end(asked)
        for key in list(asked.open):
            self._post.send(self._post.home(key), ["claim", key, owner, self._post.partition])

    def free(self, key: str, owner: str) -> None:
        """Give a key back."""
        self._post.send(self._post.home(key), ["free", key, owner])

    def close(self, key: str, owner: str) -> None:
        """Give a key back that nobody may hold again."""
        self._post.send(self._post.home(key), ["close", key, owner])

    def hear(self, message: Message, now_ms: int, away: bool) -> bool:
        """Take a message; whether it was one for claims. ``away``: it came by a note, and may come again."""
        if message[0] not in _NAMES:
            return False
        match message:
            case ["claim", str(key), str(owner), int(source)]:
                self._claimed(key, owner, source, now_ms if away else None)
            case ["free" | "close" as name, str(key), str(owner)]:
                if away:
                    self._gone[key, owner] = now_ms
                if self._holders.get(key) == owner:
                    del self._holders[key]
                    if name == "close":
                        self._closed.add(_digest(key))
            case ["verdict", str(key), str(owner), bool(held)]:
                self._answered(key, owner, held)
            case _:
                return False
        return True

    def _claimed(self, key: str, owner: str, source: int, again_ms: int | None) -> None:
        holder = self._holders.get(key)
        known = (key, owner) in self._gone
        free = holder is None and not known and not (self._closed and _digest(key) in self._closed)
        if free:
            self._holders[key] = owner
        elif holder != owner and not known and again_ms is not None:
            self._gone[key, owner] = again_ms
        self._post.send(source, ["verdict", key, owner, free or holder == owner])

    def _answered(self, key: str, owner: str, held: bool) -> None:
        asked = self._asked.get(owner)
        if asked is None or key not in asked.open:
            return
        asked.open.remove(key)
        (asked.got if held else asked.refused).append(key)
        if not asked.open:
            self._end(asked)

    def _end(self, asked: Asked) -> None:
        del self._asked[asked.owner]
        if asked.refused:
            for key in asked.got:
                self.free(key, asked.owner)
            asked.got = []
        self._decided(asked)

    def prune(self, now_ms: int) -> None:
        """Forget owners that held or asked long ago."""
        old = [one for one, since in self._gone.items() if since < now_ms - REMEMBERED_MS]
        for one in old:
            del self._gone[one]

    @property
    def waiting(self) -> int:
        """How many questions wait for verdicts."""
        return len(self._asked)

    def dump(self) -> dict[str, Any]:
        """JSON values for a snapshot, but for ``closed``."""
        asked = [[a.owner, a.what, a.open, a.got, a.refused] for a in self._asked.values()]
        gone = [[*one, since] for one, since in self._gone.items()]
        return {"holders": list(self._holders.items()), "gone": gone, "asked": asked}

    def closed(self) -> bytes:
        """Digests of the keys that are closed, 8 bytes each, ascending."""
        return array("Q", sorted(self._closed)).tobytes()

    def load(self, value: dict[str, Any], closed: bytes | memoryview) -> None:
        """Become what ``dump`` and ``closed`` were given of."""
        self._holders = dict(value["holders"])
        self._gone = {(key, owner): since for key, owner, since in value["gone"]}
        self._asked = {one[0]: Asked(*one) for one in value["asked"]}
        digests = array("Q")
        digests.frombytes(bytes(closed))
        self._closed = set(digests)


def _digest(key: str) -> int:
    return int.from_bytes(sha256(key.encode()).digest()[:8], "little")
