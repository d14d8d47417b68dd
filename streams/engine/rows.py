"""Samples of assets, as integer columns: what the engine follows, keeps and asks for again."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from streams.engine.columns import Array


@dataclass(frozen=True, slots=True)
class Rows:
    """Samples, int64[n] each; ``NONE`` (see ``fixes``) where not measured.

    ``asset``: row of the asset in the engine's state; ``t``, ``received``: ms; ``lon``, ``lat``: 1e-7
    degree; ``speed`` (GNSS), ``wheel``: 0.01 km/h; ``heading``: 0.01 degree; ``hdop``: 0.01; ``sats``;
    ``fix``; ``odometer``: mm; ``position``: of the log record that brought the sample.
    """

    asset: Array
    t: Array
    lon: Array
    lat: Array
    speed: Array
    heading: Array
    hdop: Array
    sats: Array
    fix: Array
    odometer: Array
    wheel: Array
    received: Array
    position: Array

    def __len__(self) -> int:
        return len(self.t)

    def take(self, index: Array | slice) -> Rows:
        """The samples at ``index`` (numbers, a mask or a slice), in that order."""
        return Rows(*(getattr(self, name)[index] for name in NAMES))


NAMES = tuple(field.name for field in fields(Rows))
EMPTY = Rows(*(np.empty(0, np.int64) for _ in NAMES))


def joined(parts: list[Rows]) -> Rows:
    """All samples of ``parts``, in that order."""
    if len(parts) == 1:
        return parts[0]
    return (
        Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in NAMES)) if parts else EMPTY
    )
