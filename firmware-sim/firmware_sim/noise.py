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


def uniform(seed: int, key: I8, step: I8 | int, channel: int) -> F8:
    """Numbers in [0, 1), one for each ``key`` (a truck) at ``step`` (a time or a count)."""
    with np.errstate(over="ignore"):
        x = np.asarray(key, dtype=np.int64).astype(np.uint64) * _GOLDEN
        x = _mix(x + np.uint64((seed * 2 + 1) & 0xFFFFFFFFFFFFFFFF))
        x = _mix(x + np.asarray(step, dtype=np.int64).astype(np.uint64) * _GOLDEN)
        x = _mix(x + np.uint64(channel) * _M1)
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed: int, key: I8, step: I8 | int, channel: int) -> F8:
    """Numbers of the standard normal distribution (Box-Muller), shaped like ``key``."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, key, step, channel)))
    return np.asarray(radius * np.cos(2 * math.pi * uniform(seed, key, step, channel + 4096)))


def wander(seed: int, key: I8, t_s: float, channel: int, periods_s: tuple[float, ...]) -> F8:
    """A slow, smooth error of about unit size: a sum of sines, each truck's with phases of its own."""
    total = np.zeros(len(key))
    for i, period in enumerate(periods_s):
        phase = uniform(seed, key, i, channel) * 2 * math.pi
        total += np.sin(2 * math.pi * (t_s % (period * 1e6)) / period + phase)
    return total / math.sqrt(len(periods_s) / 2)


def token(*parts: object) -> str:
    """16 hexadecimal characters computed from ``parts``: an id that only looks random."""
    return hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()[:16]


def fraction(*parts: object) -> float:
    """One number in [0, 1) computed from ``parts``: for rare draws, where no array is at hand."""
    return int(token(*parts), 16) / 2.0**64
