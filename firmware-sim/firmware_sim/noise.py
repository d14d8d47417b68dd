"""Randomness without a state: each number is computed from what it is for.

A draw depends only on (seed, truck, time or count, channel), never on how many draws came before it, so
the same seed gives the same bytes however a run is cut, resumed or batched. The mixer is splitmix64
(Steele, Lea, Flood 2014), applied to whole arrays.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def _mix(x: U8) -> U8:
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


class Dice:
    """The draws of all trucks of one seed; ``rows`` choose trucks, answers have one value for each."""

    def __init__(self, seed: int, trucks: int) -> None:
        key = np.arange(trucks, dtype=np.uint64) * _GOLDEN
        self._base = _mix(key + np.uint64((seed * 2 + 1) & 0xFFFFFFFFFFFFFFFF))
        self._phases: dict[tuple[int, int], F8] = {}

    def uniforms(self, rows: I8, step: I8 | int, channel: int, count: int) -> F8:
        """``count`` independent draws in [0, 1) for each truck, one row each, at ``step`` (time or count)."""
        at = np.asarray(step, dtype=np.int64).astype(np.uint64) * _GOLDEN
        lane = np.arange(channel, channel + count, dtype=np.uint64)[:, None] * _M1
        x = _mix(_mix(self._base[rows] + at) + lane)
        return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def uniform(self, rows: I8, step: I8 | int, channel: int) -> F8:
        """One draw in [0, 1) for each truck."""
        return np.asarray(self.uniforms(rows, step, channel, 1)[0])

    def normals(self, rows: I8, step: I8 | int, channel: int, count: int) -> F8:
        """``count`` draws of the standard normal distribution (Box-Muller), one row each."""
        draws = self.uniforms(rows, step, channel, 2 * count)
        radius = np.sqrt(-2.0 * np.log1p(-draws[:count]))
        return np.asarray(radius * np.cos(2 * math.pi * draws[count:]))

    def wander(self, rows: I8, t_s: int, channel: int, periods_s: tuple[float, ...]) -> F8:
        """A slow, smooth error of about unit size: a sum of sines, each truck's with phases of its own."""
        phases = self._phases.get((channel, len(periods_s)))
        if phases is None:
            everyone = np.arange(len(self._base))
            phases = 2 * math.pi * self.uniforms(everyone, 0, channel, len(periods_s))
            self._phases[channel, len(periods_s)] = phases
        turn = np.array([2 * math.pi * (t_s % (p * 1e4)) / p for p in periods_s])[:, None]
        return np.asarray(np.sin(phases[:, rows] + turn).sum(axis=0) / math.sqrt(len(periods_s) / 2))


def token(*parts: object) -> str:
    """16 hexadecimal characters computed from ``parts``: an id that only looks random."""
    return hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()[:16]


def fraction(*parts: object) -> float:
    """One number in [0, 1) computed from ``parts``: for rare draws, where no array is at hand."""
    return int(token(*parts), 16) / 2.0**64
