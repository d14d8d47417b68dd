"""Runs a fleet against a broker: the clock steps the world, links send, the state is saved as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.clock import SimClock
from firmware_sim.errors import SimError, StateError
from firmware_sim.fleet import Fleet
from firmware_sim.link import Broker, Link
from firmware_sim.scenario import Scenario

_log = logging.getLogger(__name__)

OWN_CONNECTIONS = 200
SHARED_CONNECTIONS = 8
TICK_S = 0.05
SAVE_EVERY_S = 2.0
SHOW_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a fleet has done so far."""

    trucks: int
    connected: int
    sent: int
    sent_again: int
    durable: int
    refused: int
    later: int
    kept: int
    lag_s: float
    reasons: dict[str, int]
    not_believed: int = 0

    def __str__(self) -> str:
        why = "".join(f", {reason} {count}" for reason, count in sorted(self.reasons.items()))
        why += f", {self.not_believed} answers not believed" if self.not_believed else ""
        behind = f"simulated time {self.lag_s / 3600:.1f} h behind" if self.lag_s > 60 else "live"
        return (
            f"{self.trucks} trucks, {self.connected} connections, {behind}: {self.sent} reports sent"
            f" ({self.sent_again} again), {self.durable} durable, {self.refused} refused,"
            f" {self.kept} kept{why}"
        )


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold a state folder against a second process; raises ``StateError``."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        file = (state / "lock").open("w")
    except OSError as error:
        raise StateError(f"state folder not usable: got {error.strerror}, want to write in {state}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StateError(
                f"state folder in use: got a second simulator on {state}, want one at a time"
            ) from None
        yield


def links(broker: Broker, fleet: Fleet) -> list[Link]:
    """A connection a truck up to 200 trucks or where each has a certificate, else eight for all of them."""
    senders = [unit.sender for unit in fleet.units]
    if len(senders) <= OWN_CONNECTIONS or broker.certs is not None:
        return [Link(broker, [sender], sender.client) for sender in senders]
    return [
        Link(broker, senders[i::SHARED_CONNECTIONS], f"{fleet.scenario.prefix}-fleet-{i}")
        for i in range(SHARED_CONNECTIONS)
    ]


async def run(
    scenario: Scenario,
    broker: Broker,
    state: Path,
    *,
    speed_up: float | None = None,
    duration_s: float | None = None,
    show: Callable[[Figures], None] | None = None,
    wall: Callable[[], float] = time.time,
) -> Figures:
    """Drive a scenario's trucks until cancelled or ``duration_s`` (of the wall's time) has passed.

    ``speed_up`` overrides the scenario's. Raises ``SimError`` for a state folder that can't be used; an
    unreachable broker is waited for, the units keep their reports meanwhile.
    """
    with locked(state):
        lag = scenario.start_lag_s if (speed_up or scenario.speed_up) > 1 else 0.0
        fleet = Fleet(scenario, state, int(wall() - lag))
        clock = SimClock(fleet.t_s, wall(), speed_up or scenario.speed_up)
        connections = links(broker, fleet)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(link.run(), name=link.name) for link in connections]
                await _drive(fleet, clock, connections, duration_s, show, wall)
                for task in tasks:
                    task.cancel()
        except* SimError as errors:
            raise errors.exceptions[0] from None
        finally:
            fleet.save()
        return figures(fleet, connections, wall())


async def _drive(
    fleet: Fleet,
    clock: SimClock,
    connections: list[Link],
    duration_s: float | None,
    show: Callable[[Figures], None] | None,
    wall: Callable[[], float],
) -> None:
    """Step the world with the clock; a slow machine falls behind rather than starve the connections."""
    begin = saved = shown = time.monotonic()
    link_of = {sender: link for link in connections for sender in link.senders}
    while duration_s is None or time.monotonic() - begin < duration_s:
        until = time.monotonic() + TICK_S
        target = clock.at(wall())
        while fleet.t_s + 1 <= target and time.monotonic() < until:
            for unit in fleet.step():
                link_of[unit.sender].wake(unit.sender)
        now = time.monotonic()
        if now - saved > SAVE_EVERY_S:
            saved = now
            fleet.save()
        if show is not None and now - shown > SHOW_EVERY_S:
            shown = now
            show(figures(fleet, connections, wall()))
        await asyncio.sleep(TICK_S)


def figures(fleet: Fleet, connections: list[Link], wall_s: float) -> Figures:
    """The sums over all units."""
    counters = [unit.sender.outbox.counters for unit in fleet.units]
    reasons: dict[str, int] = {}
    for counter in counters:
        for reason, count in counter.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    return Figures(
        trucks=len(fleet.who),
        connected=sum(link.connected for link in connections),
        sent=sum(c.sent for c in counters),
        sent_again=sum(c.sent_again for c in counters),
        durable=sum(c.durable for c in counters),
        refused=sum(c.refused for c in counters),
        later=sum(c.later for c in counters),
        kept=sum(len(unit.sender.flash) for unit in fleet.units),
        lag_s=wall_s - fleet.t_s,
        reasons=reasons,
        not_believed=sum(unit.sender.not_believed for unit in fleet.units),
    )
