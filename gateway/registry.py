"""The port to the registry: which device is fitted to which asset, as far as the gateway knows.

A device that is not fitted has no tenant, so nothing that it sends can be stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from streams.signing.keys import DeviceKey


@dataclass(frozen=True, slots=True)
class Fitted:
    """Where a device's reports belong: its asset, the asset's tenant, the asset's partition.

    ``datum`` is that of its positions where a report declares none: ``wgs84``, ``gcj02`` or ``bd09``.
    ``keys``: all that were enrolled for the device, those that were revoked too.
    """

    asset: str
    tenant: str
    partition: int
    datum: str = "wgs84"
    keys: tuple[DeviceKey, ...] = ()


class Registry(Protocol):
    """Fittings by device. Called for every report on the event loop, so it answers from memory."""

    @property
    def ready(self) -> bool:
        """Whether the registry has caught up with the log once since the start."""
        ...

    def lookup(self, device: str, key: str | None = None) -> Fitted | None:
        """Where the device is fitted now, None when it is not. ``key``: an id that the answer should have,
        so that a registry that may lag looks again when it does not know it."""
        ...


@dataclass(slots=True)
class MemoryRegistry:
    """Fittings held in a mapping that the owner may change at any time."""

    fittings: Mapping[str, Fitted] = field(default_factory=dict)
    ready: bool = True

    def lookup(self, device: str, key: str | None = None) -> Fitted | None:
        """Where the device is fitted now, None when it is not."""
        return self.fittings.get(device)
