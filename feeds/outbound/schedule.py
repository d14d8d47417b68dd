"""When a delivery is tried again, and what an answer means. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

PAUSES_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Before the second attempt, the third, and so on: in all a little over three days."""

AUTHORITY_PAUSES_S: Final = (
    *(2, 5, 15, 30, 60, 120, 300, 600, 900, 1_800),
    *(3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 86_400),
)
"""The same for an authority: a truck waits, so soon at first; in all a little over three days."""

_JITTER: Final = 0.2
_THROTTLED: Final = frozenset({429, 502, 503, 504})
_PASSING: Final = frozenset({401, 408, 421, 423, 425, 429})
_MOST_S: Final = 86_400.0


class Verdict(StrEnum):
    """What becomes of a delivery after an attempt."""

    DELIVERED = "delivered"
    PENDING = "pending"
    AGAIN = "again"
    PARKED = "parked"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to: a status, or None and why; ``retry_after_s`` as the receiver asks.

    ``pending``: it was handed over, and what becomes of it is not known yet.
    """

    status: int | None
    detail: str = ""
    retry_after_s: float | None = None
    pending: bool = False


def judge(
    answer: Answer, attempts: int, effect: str, pauses_s: Sequence[int] = PAUSES_S
) -> tuple[Verdict, float]:
    """What follows from the answer to attempt number ``attempts`` (from 1), and after how many seconds.

    2xx is success; 410 says that the receiver wants nothing any more; everything else is tried again,
    redirects too, since they are not followed. The pause grows; it is spread by up to a fifth.
    """
    if answer.pending:
        return Verdict.PENDING, answer.retry_after_s or 1.0
    if answer.status is not None and 200 <= answer.status < 300:
        return Verdict.DELIVERED, 0.0
    if answer.status == 410:
        return Verdict.GONE, 0.0
    if attempts > len(pauses_s):
        return Verdict.PARKED, 0.0
    spread = int.from_bytes(sha256(f"{effect}/{attempts}".encode()).digest()[:4], "big") / 2**32
    pause = pauses_s[attempts - 1] * (1 + _JITTER * spread)
    return Verdict.AGAIN, max(pause, min(answer.retry_after_s or 0.0, _MOST_S))


def judge_authority(answer: Answer, attempts: int, effect: str) -> tuple[Verdict, float]:
    """``judge`` for an authority: it said no to this message (4xx), so the message is parked at once.

    What may pass is tried again: a key that is not known yet, too early, too much. 410 is a no to this
    message, not to all.
    """
    status = answer.status
    if not answer.pending and status is not None and 400 <= status < 500 and status not in _PASSING:
        return Verdict.PARKED, 0.0
    return judge(answer, attempts, effect, AUTHORITY_PAUSES_S)


def throttles(answer: Answer) -> bool:
    """Whether the receiver as a whole is to be left alone for a while, not just this delivery."""
    return not answer.pending and (answer.status is None or answer.status in _THROTTLED)


def throttles_authority(answer: Answer) -> bool:
    """``throttles`` for an authority: a key that it does not know is no message's fault."""
    return throttles(answer) or (answer.status == 401 and not answer.pending)
