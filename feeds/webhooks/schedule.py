"""When a delivery is tried again, and what an answer means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

PAUSES_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Before the second attempt, the third, and so on: in all a little over three days."""

_JITTER: Final = 0.2
_THROTTLED: Final = frozenset({429, 502, 503, 504})
_MOST_S: Final = 86_400.0


class Verdict(StrEnum):
    """What becomes of a delivery after an attempt."""

    DELIVERED = "delivered"
    AGAIN = "again"
    PARKED = "parked"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to: a status, or None and why; ``retry_after_s`` as the receiver asks."""

    status: int | None
    detail: str = ""
    retry_after_s: float | None = None


def judge(answer: Answer, attempts: int, effect: str) -> tuple[Verdict, float]:
    """What follows from the answer to attempt number ``attempts`` (from 1), and after how many seconds.

    2xx is success; 410 says that the receiver wants nothing any more; everything else is tried again,
    redirects too, since they are not followed. The pause grows; it is spread by up to a fifth.
    """
    if answer.status is not None and 200 <= answer.status < 300:
        return Verdict.DELIVERED, 0.0
    if answer.status == 410:
        return Verdict.GONE, 0.0
    if attempts > len(PAUSES_S):
        return Verdict.PARKED, 0.0
    spread = int.from_bytes(sha256(f"{effect}/{attempts}".encode()).digest()[:4], "big") / 2**32
    pause = PAUSES_S[attempts - 1] * (1 + _JITTER * spread)
    return Verdict.AGAIN, max(pause, min(answer.retry_after_s or 0.0, _MOST_S))


def throttles(answer: Answer) -> bool:
    """Whether the receiver as a whole is to be left alone for a while, not just this delivery."""
    return answer.status is None or answer.status in _THROTTLED
