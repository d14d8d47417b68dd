"""Redaction in InfluxDB: samples, and the means that they went into, deleted by time and asset.

What is deleted is not served from then on; its bytes go when InfluxDB next compacts the files they are in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from feeds.store.influx.admin import redact_means
from feeds.store.influx.client import Client
from feeds.store.influx.lines import FIRST_MS, PAST_LAST_MS, SAMPLES, TICKS
from feeds.store.influx.texts import coded


@dataclass(frozen=True, slots=True)
class Gone:
    """How many samples went; ``means``: whether the bucket of means could be reached too."""

    samples: int
    means: bool


def redact(client: Client, assets: Sequence[str], from_ms: int, to_ms: int) -> Gone:
    """Delete samples of ``assets`` (empty: of all) with ``from_ms`` <= t < ``to_ms``; again changes nothing.

    Raises StoreAwayError, StoreError: some may be gone, and the same may be asked for again.
    """
    low, high = max(from_ms, FIRST_MS), min(to_ms, PAST_LAST_MS)
    if low >= high:
        return Gone(0, True)
    samples, means = 0, True
    each: Sequence[str | None] = assets or (None,)
    for asset in each:
        samples += _count(client, asset, low, high)
        tags = {} if asset is None else {"asset": coded(asset)}
        client.delete(SAMPLES, low * TICKS, high * TICKS - 1, **tags)
        means = redact_means(client, asset, low, high) and means
    return Gone(samples, means)


def _count(client: Client, asset: str | None, from_ms: int, to_ms: int) -> int:
    which = "" if asset is None else "asset = $asset AND "
    asked: dict[str, Any] = {"start": from_ms * TICKS, "stop": to_ms * TICKS}
    asked |= {} if asset is None else {"asset": coded(asset)}
    text = f"SELECT count(has) AS rows FROM {SAMPLES} WHERE {which}time >= $start AND time < $stop"
    found = client.query(text, asked)
    return sum(sum(one.table({"time": pa.int64(), "rows": pa.int64()})["rows"].to_pylist()) for one in found)
