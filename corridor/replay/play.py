"""Plays recordings as one device: at their own pace, faster, or at once, over MQTT with store-and-forward.

A replay with a state folder goes on where it was stopped; one that had ended begins anew. What is not
acknowledged stays in the device's flash file there and is sent by the next replay of that device.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corridor.replay.errors import ReplayError
from corridor.replay.reading import read
from corridor.replay.recording import Piece, Recording, fitting
from firmware_sim.errors import SimError
from firmware_sim.flash import Flash
from firmware_sim.link import Broker, Link
from firmware_sim.sender import Sender
from firmware_sim.wire import Content, Form

MAX_CELLS = 4_000  # of 9 bytes each: with the frames well below a report's 65,536
MAX_ROWS = 500
MAX_FRAMES = 900
MAX_FACTS = 200
MAX_KEPT = 64
HURRY_S = 1.0  # a report waits no longer for more samples
CONNECT_S = 15.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay did: ``kept`` messages got no answer, ``reasons`` say why not."""

    samples: int
    frames: int
    messages: int
    durable: int
    refused: int
    kept: int
    skipped: int
    reasons: dict[str, int]


async def replay(
    files: Sequence[Path],
    device: str,
    broker: Broker,
    *,
    speed_up: float | None = 1.0,
    retime: bool = False,
    state: Path | None = None,
    kind: str | None = None,
    patience_s: float = 30.0,
    show: Callable[[int, int], None] | None = None,
) -> Result:
    """Publish recordings as ``device`` and wait for the answers.

    ``speed_up`` None plays all at once; ``retime`` shifts all times so that the last one is now (not for raw
    NMEA, which says its own times). ``show`` is told (pieces played, pieces in all). Returns when every
    message is answered, or after ``patience_s`` without an answer. Raises ``ReplayError`` for a file that is
    no recording and for a broker that can't be reached.
    """
    recordings = [await asyncio.to_thread(read, path, kind) for path in files]
    pieces, plain = _merge(recordings, retime)
    with ExitStack() as stack:
        folder = state or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            sender = Sender(device, Form.NMEA if plain else Form.CBOR, Flash(folder / f"{device}.flash"))
            player = _Player(sender, Link(broker, [sender], device), pieces, speed_up)
            player.open(folder / f"{device}.json", retime)
            await player.run(show, patience_s)
        except SimError as error:
            raise ReplayError(str(error)) from None
    return player.result(sum(recording.skipped for recording in recordings))


def _merge(recordings: Sequence[Recording], retime: bool) -> tuple[list[Piece], bool]:
    """All pieces in playing order, and whether they are raw NMEA; that does not mix with anything."""
    plain = {recording.kind == "nmea" for recording in recordings}
    if len(plain) != 1:
        kinds = ", ".join(sorted({recording.kind for recording in recordings})) or "nothing"
        raise ReplayError(f"recordings don't mix: got {kinds}, want raw NMEA alone or other kinds together")
    if plain == {False}:
        return sorted((p for r in recordings for p in r.pieces), key=lambda piece: piece.at_ms), False
    if retime:
        raise ReplayError("raw NMEA is published as recorded: got a re-timed replay, want recorded times")
    pieces: list[Piece] = []
    for recording in recordings:
        begin = pieces[-1].at_ms + 1_000 if pieces else 0
        pieces += [piece.shifted(begin) for piece in recording.pieces]
    return pieces, True


@dataclass(slots=True)
class _Draft:
    """The next report, as far as it has come."""

    pieces: list[Piece] = field(default_factory=list)
    rows: int = 0
    frames: int = 0
    facts: int = 0
    names: set[str] = field(default_factory=set)

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.rows += len(piece.rows)
        self.frames += len(piece.frames)
        self.facts += len(piece.facts)
        self.names.update(name for _, row in piece.rows for name in row)

    def full_with(self, piece: Piece) -> bool:
        """Whether ``piece`` has no room in this report any more."""
        names = len(self.names.union(name for _, row in piece.rows for name in row)) + 1
        rows = self.rows + len(piece.rows)
        return bool(self.pieces) and (
            rows > MAX_ROWS
            or rows * names > MAX_CELLS
            or self.frames + len(piece.frames) > MAX_FRAMES
            or self.facts + len(piece.facts) > MAX_FACTS
        )

    def content(self) -> Content:
        rows = sorted((row for piece in self.pieces for row in piece.rows), key=lambda row: row[0])
        columns: dict[str, list[Any]] = {"t": [t for t, _ in rows]}
        for name in sorted(self.names):
            columns[name] = [fitting(name, row.get(name)) for _, row in rows]
        facts = [fact for piece in self.pieces for fact in piece.facts]
        return Content(columns, facts, can=[frame for piece in self.pieces for frame in piece.frames])


class _Player:
    def __init__(self, sender: Sender, link: Link, pieces: list[Piece], speed_up: float | None) -> None:
        self.sender, self.link, self.pieces, self.speed_up = sender, link, pieces, speed_up
        self.samples = self.frames = self.messages = 0
        self._next = 0
        self._shift_ms = 0
        self._draft = _Draft()
        self._draft_s = 0.0
        self._progress = Path()
        self._digest = ""

    def open(self, progress: Path, retime: bool) -> None:
        """Take up an interrupted replay of the same pieces, or begin."""
        self._progress, self._digest = progress, _digest(self.pieces)
        try:
            saved = json.loads(progress.read_text("utf-8"))
        except (OSError, ValueError):
            saved = {}
        same = isinstance(saved, dict) and saved.get("digest") == self._digest
        if same and 0 < saved["next"] < len(self.pieces):
            self._next, self._shift_ms = saved["next"], saved["shift_ms"]
        elif retime:
            last_ms = max(max(piece.at_ms, *(t for t, _ in piece.rows), 0) for piece in self.pieces)
            self._shift_ms = int(time.time() * 1000) - last_ms
        if not self.sender.plain:
            self.sender.start(secrets.token_hex(8))

    async def run(self, show: Callable[[int, int], None] | None, patience_s: float) -> None:
        online = asyncio.create_task(self.link.run(), name=f"replay {self.link.name}")
        try:
            await self._connected()
            await self._play(show)
            await self._answered(patience_s)
        finally:
            online.cancel()
            await asyncio.gather(online, return_exceptions=True)

    async def _connected(self) -> None:
        until = time.monotonic() + CONNECT_S
        while not self.link.connected:
            if time.monotonic() > until:
                broker = self.link.broker
                why = self.link.last_error or "no answer"
                raise ReplayError(
                    f"broker not reachable: got {why}, want an MQTT broker at {broker.host}:{broker.port}"
                )
            await asyncio.sleep(0.05)

    async def _play(self, show: Callable[[int, int], None] | None) -> None:
        begin, first_ms = time.monotonic(), self.pieces[self._next].at_ms
        while self._next < len(self.pieces):
            piece = self.pieces[self._next]
            if self.speed_up is not None:
                await self._until(begin + (piece.at_ms - first_ms) / 1000 / self.speed_up)
            while self._backlog() >= MAX_KEPT:
                self._flush()
                await asyncio.sleep(0.05)
            self._take(piece.shifted(self._shift_ms))
            self._next += 1
            if show is not None:
                show(self._next, len(self.pieces))
        self._flush()

    async def _until(self, due_s: float) -> None:
        """Wait for a piece's moment; a report that has waited long enough goes out meanwhile."""
        while (left := due_s - time.monotonic()) > 0:
            if self._draft.pieces:
                hurry = self._draft_s + HURRY_S - time.monotonic()
                if hurry <= 0:
                    self._flush()
                    continue
                left = min(left, hurry)
            await asyncio.sleep(left)

    def _backlog(self) -> int:
        return len(self.sender.lines) if self.sender.plain else len(self.sender.flash)

    def _take(self, piece: Piece) -> None:
        if self.sender.plain:
            self.sender.lines.append(piece.lines)
            self.messages += 1
            self.link.wake(self.sender)
            return
        if self._draft.full_with(piece):
            self._flush()
        if not self._draft.pieces:
            self._draft_s = time.monotonic()
        self._draft.add(piece)

    def _flush(self) -> None:
        draft, self._draft = self._draft, _Draft()
        if draft.pieces:
            self.sender.report(max(piece.at_ms for piece in draft.pieces), draft.content())
            self.samples += draft.rows
            self.frames += draft.frames
            self.messages += 1
            self.link.wake(self.sender)
        self._save()

    def _save(self) -> None:
        new = self._progress.with_suffix(".new")
        new.write_text(json.dumps({"digest": self._digest, "next": self._next, "shift_ms": self._shift_ms}))
        os.replace(new, self._progress)

    async def _answered(self, patience_s: float) -> None:
        kept, since = self._backlog(), time.monotonic()
        while kept and time.monotonic() - since < patience_s:
            await asyncio.sleep(0.05)
            if self._backlog() != kept:
                kept, since = self._backlog(), time.monotonic()

    def result(self, skipped: int) -> Result:
        counters = self.sender.outbox.counters
        durable = self.messages - self._backlog() if self.sender.plain else counters.durable
        return Result(
            samples=self.samples,
            frames=self.frames,
            messages=self.messages,
            durable=durable,
            refused=counters.refused,
            kept=self._backlog(),
            skipped=skipped,
            reasons=dict(counters.reasons),
        )


def _digest(pieces: Sequence[Piece]) -> str:
    """What tells one set of recordings from another."""
    total = hashlib.sha256()
    for piece in pieces:
        total.update(repr((piece.at_ms, len(piece.rows), len(piece.frames), piece.lines)).encode())
    return total.hexdigest()
