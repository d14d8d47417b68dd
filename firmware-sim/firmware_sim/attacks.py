"""What somebody does to a truck's unit: a copy of it, its key, its memory put back, its memory edited.

An attack names the unit that it is on (``of``) and when; a copied unit and a stolen key ride along on another
truck (``on``) and speak under the first one's name. Nothing here is told to the gateway: what it and the
readers of the feed can see of each is in docs/signing.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cbor2

from firmware_sim.cose import FIRST_BYTE
from firmware_sim.device import Unit
from firmware_sim.faults import CLONED, EDITED, ROLLED_BACK, Attack
from firmware_sim.flash import Flash

OFF_S = 60
_SLOWER, _NEARER_M = 0.5, 5_000.0


class Attacks:
    """Does a scenario's attacks as time goes on. ``riders``: the units that came with them, by number.

    ``done`` are the numbers of those that are over; kept with the fleet's state, none happens twice.
    """

    def __init__(
        self,
        attacks: Sequence[Attack],
        units: Sequence[Unit],
        riders: dict[int, Unit],
        open_flash: Callable[[Path], Flash],
        done: Sequence[int],
    ) -> None:
        self._attacks, self._units, self._riders, self._open = attacks, units, riders, open_flash
        self.done = set(done)
        for number in self.done:
            if attacks[number].kind == ROLLED_BACK:
                units[attacks[number].of].life = ROLLED_BACK

    def step(self, into_s: int) -> None:
        """Do what is due ``into_s`` seconds after the start."""
        for number, attack in enumerate(self._attacks):
            if number in self.done:
                continue
            unit = self._units[attack.of]
            if attack.kind == ROLLED_BACK and into_s == attack.at_s - attack.back_s:
                shutil.copyfile(unit.sender.flash.path, _old(unit))
            if into_s >= attack.at_s and self._do(attack, number, unit, into_s):
                self.done.add(number)

    def _do(self, attack: Attack, number: int, unit: Unit, into_s: int) -> bool:
        flash = unit.sender.flash
        if attack.kind == CLONED:
            rider = self._riders[number].sender
            shutil.copyfile(flash.path, rider.flash.path)
            rider.use(self._open(rider.flash.path))
        elif attack.kind == ROLLED_BACK and _old(unit).exists():
            unit.cut(into_s + OFF_S)
            _old(unit).replace(flash.path)
            unit.sender.use(self._open(flash.path))
            unit.life = ROLLED_BACK
        elif attack.kind == EDITED:
            return edit_one(flash)
        return True


def edit_one(flash: Flash) -> bool:
    """Edit the newest kept report that can be, the least likely to be sent; whether there was one."""
    for key in reversed(list(flash.keys())):
        changed = edited(flash.read(key))
        if changed is not None:
            flash.edit(key, changed)
            return True
    return False


def edited(report: bytes) -> bytes | None:
    """The report with half its speeds and a shorter way, of the same length; None where it has neither.

    What signs it is left as it is: whoever edits a memory has not the key.
    """
    if report[:1] == b"{":
        return None  # of another length
    said: dict[str, Any] = cbor2.loads(report if report[:1] != FIRST_BYTE else cbor2.loads(report).value[2])
    changed = dict(said)
    for name, other in (("speed_kmh", _slower), ("wheel_speed_kmh", _slower), ("odometer_m", _nearer)):
        if name in said:
            changed[name] = [other(v) if isinstance(v, float) else v for v in said[name]]
    old, new = cbor2.dumps(said), cbor2.dumps(changed)
    if changed == said or len(old) != len(new) or old not in report:
        return None
    return report.replace(old, new)


def _slower(value: float) -> float:
    return value * _SLOWER


def _nearer(value: float) -> float:
    return max(0.0, value - _NEARER_M)


def _old(unit: Unit) -> Path:
    return unit.sender.flash.path.with_suffix(".old")
