"""What people ask of lanes: to send again, to give up. Kept among the notes, for whoever runs the lane.

The command that asks need not know which process that is, or whether one runs: an ask waits to be taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from feeds.outbound.lane import Lane, Notes

PREFIX: Final = "?/"
"""What the keys of asks begin with; no receiver has such a name."""


@dataclass(frozen=True, slots=True)
class Ask:
    """``do``: resend or park; ``name``: of the receiver's notes; ``number``: None is all that is parked."""

    key: str
    do: str
    name: str
    number: int | None


class AskNotes(Notes, Protocol):
    """Notes that tell asks without reading all."""

    def asks(self, partition: int) -> dict[str, bytes]:
        """Those of the kept whose keys begin with PREFIX."""
        ...


def ask(notes: Notes, partition: int, do: str, name: str, number: int | None) -> None:
    """Keep an ask for whoever runs the lane of ``partition``."""
    value = orjson.dumps({"do": do, "name": name, "number": number})
    notes.put(partition, {f"{PREFIX}{name}/{do}/{'all' if number is None else number}": value})


def asked(kept: Mapping[str, bytes]) -> list[Ask]:
    """The asks among notes, in the order of their keys."""
    found = []
    for key in sorted(key for key in kept if key.startswith(PREFIX)):
        told = orjson.loads(kept[key])
        found.append(Ask(key, told["do"], told["name"], told["number"]))
    return found


async def heed(lane: Lane[Any, Any], one: Ask) -> int:
    """Do what is asked of ``lane``; returns how many deliveries it concerned."""
    if one.do == "park":
        return 0 if one.number is None else await lane.park(one.number)
    return await lane.resend(one.number)
