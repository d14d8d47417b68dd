"""All starts of all devices, as their reports come in log order; those in use are held, others loaded. Pure.

The caller keeps ``changed()`` with the entries that changed them, in one transaction, then calls ``kept()``;
when that fails it calls ``forget()``, and they are loaded as they were.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feeds.assurance import Chain
from feeds.completeness.packed import pack, unpack
from feeds.completeness.spans import spans_of
from feeds.completeness.start import Start
from feeds.completeness.statement import chain_at, statement
from streams.records import Form

HELD: Final = 20_000  # 1.5 kB each


class Starts:
    """``load`` gives what was kept of (device, boot), None for nothing; without it all are held here."""

    def __init__(self, load: Callable[[str, str], bytes | None] | None = None) -> None:
        self._load = load
        self._held: OrderedDict[tuple[str, str], Start] = OrderedDict()
        self._changed: dict[tuple[str, str], Start] = {}

    def start(self, device: str, boot: str) -> Start:
        """The start as it is now; a new one when nothing came of it."""
        key = device, boot
        found = self._held.get(key)
        if found is None:
            data = None if self._load is None else self._load(device, boot)
            found = self._held[key] = Start() if data is None else unpack(data)
        return found

    def touch(self, device: str, boot: str) -> Start:
        """The start, which the caller changes."""
        key = device, boot
        found = self._changed.get(key)
        if found is None:
            found = self._changed[key] = self.start(device, boot)
        return found

    def add(
        self,
        device: str,
        boot: str,
        boot_n: int | None,
        seq: int,
        hash_: bytes,
        prev: bytes | None,
        conflict: bool = False,
        doubled: bool = False,
        facts: Sequence[Mapping[str, Any]] = (),
        spans: Sequence[tuple[int, int]] = (),
        counted: bool = True,
    ) -> None:
        """Take a report. ``doubled``: this very report came before; ``conflict``: another of this number did.

        ``facts``: those of its group ``facts``; ``spans``: the times of its samples (``spans_of``).
        ``counted``: False of plain receivers' reports (``Form.NMEA``), which the gateway numbers.
        """
        start = self.touch(device, boot)
        if doubled:
            start.doubled += 1
            return
        start.add(boot_n, seq, hash_, prev, conflict, counted)
        if facts or spans:
            start.tell(facts, spans)

    def add_head(
        self,
        head: Mapping[str, Any],
        facts: Sequence[Mapping[str, Any]] = (),
        times: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Take a report as the ledger has it: its group ``head``, decoded, in the ledger's order.

        ``facts``: its group ``facts``, where it is shown; ``times``: ``t_ms`` of its group ``place``. A
        report that came again is no entry of the ledger, so ``doubled`` stays 0.
        """
        self.add(
            head["device"],
            head["boot"],
            head["boot_n"],
            head["seq"],
            head["hash"],
            head["prev"],
            conflict=head["verdict"] == "conflict",
            facts=facts,
            spans=() if times is None else spans_of(times, head["received_ms"]),
            counted=head["form"] != Form.NMEA,
        )

    def changed(self) -> Iterator[tuple[str, str, bytes]]:
        """(device, boot, bytes) of what changed since it was kept."""
        for (device, boot), start in self._changed.items():
            yield device, boot, pack(start)

    def kept(self) -> None:
        """What changed is durable."""
        for key in self._changed:
            self._held.move_to_end(key)
        self._changed.clear()
        while self._load is not None and len(self._held) > HELD:
            self._held.popitem(last=False)

    def forget(self) -> None:
        """What changed is not durable: as if it had not come."""
        self._changed.clear()
        self._held.clear()

    def of(self, device: str) -> dict[str, Start]:
        """The held starts of a device, by boot: all of them where nothing is loaded."""
        return {boot: start for (name, boot), start in self._held.items() if name == device}

    def statement(self, device: str, boot: str) -> dict[str, Any]:
        """``statement`` of what is held. Raises KeyError."""
        return statement(device, boot, self.of(device))

    def chain(self, device: str, boot: str, seq: int) -> Chain:
        """``chain_at`` of what is held. Raises KeyError."""
        return chain_at(boot, seq, self.of(device))
