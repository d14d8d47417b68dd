"""Which devices say that they are online: the newest word of each on its status topic."""

from __future__ import annotations

from collections import OrderedDict


class Presence:
    """The newest status of the ``capacity`` devices heard of last."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._capacity = capacity
        self._online: OrderedDict[str, bool] = OrderedDict()

    def note(self, device: str, payload: bytes) -> None:
        """A message on a status topic; anything but ``online`` means offline."""
        self._online.pop(device, None)
        self._online[device] = payload == b"online"
        while len(self._online) > self._capacity:
            self._online.popitem(last=False)

    def counts(self) -> dict[str, int]:
        """How many are online and offline."""
        online = sum(self._online.values())
        return {"online": online, "offline": len(self._online) - online}
