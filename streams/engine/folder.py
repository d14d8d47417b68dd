"""All that a desk knows of one asset, and the folders of a partition: packed but for those in use.

A folder holds JSON values only. Hundreds of thousands lie packed as bytes, one object each; those touched
last are kept open. What an object's newest revision says is kept whole, so the next one can tell what
changed.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

from streams.codec import dump_json, load_json

_OPEN: Final = 8_192
_LEVEL: Final = 1

Told = list[Any]
"""An object that was told: revision, data."""
_NONE: Final[Mapping[str, Told]] = MappingProxyType({})


@dataclass(slots=True)
class Folder:
    """One asset's papers, by computed ids.

    ``told``: kind -> id -> [revision, data]. ``claims``: on the binding, see ``streams.identity``.
    ``cases``: case id -> what its derivation needs beside the objects. ``bus``: what the buses told.
    ``crossings``: id -> [revision, t_ms, data], the asset's own of the last 30 days; ``carried``: those that
    it takes from a carrier; ``followers``: couplings of other assets to this one.
    """

    asset: str
    tenant: str = ""
    told: dict[str, dict[str, Told]] = field(default_factory=dict)
    claims: list[dict[str, Any]] = field(default_factory=list)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    bus: dict[str, Any] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    crossings: dict[str, list[Any]] = field(default_factory=dict)
    carried: dict[str, list[Any]] = field(default_factory=dict)
    followers: dict[str, list[Any]] = field(default_factory=dict)

    def held(self, kind: str) -> Mapping[str, Told]:
        """The objects of a kind, to be read only."""
        return self.told.get(kind, _NONE)

    def objects(self, kind: str) -> dict[str, Told]:
        """The objects of a kind, to be changed in place."""
        return self.told.setdefault(kind, {})

    def data(self, kind: str, id_: str) -> dict[str, Any] | None:
        """What the newest revision of an object says."""
        held = self.told.get(kind, _NONE).get(id_)
        return None if held is None else held[1]

    @property
    def empty(self) -> bool:
        """Whether nothing is in it any more."""
        return not any(getattr(self, name) for name in _FIELDS if name not in ("tenant", "told")) and not any(
            self.told.values()
        )

    def pack(self) -> bytes:
        """The folder as bytes, without its asset's name."""
        return zlib.compress(dump_json([getattr(self, name) for name in _FIELDS]), _LEVEL)


_FIELDS: Final = tuple(one.name for one in fields(Folder) if one.name != "asset")


class Folders:
    """The folders of a partition, by asset. ``tenants`` tells whose an asset is."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._open: OrderedDict[str, Folder] = OrderedDict()

    def __len__(self) -> int:
        return len(self._packed) + sum(asset not in self._packed for asset in self._open)

    def __contains__(self, asset: str) -> bool:
        return asset in self._open or asset in self._packed

    def get(self, asset: str) -> Folder | None:
        """An asset's folder, to be changed in place until the step ends; None when it has none."""
        found = self._open.get(asset)
        if found is not None:
            self._open.move_to_end(asset)
            return found
        packed = self._packed.get(asset)
        if packed is None:
            return None
        found = self._open[asset] = Folder(asset, *load_json(zlib.decompress(packed)))
        return found

    def make(self, asset: str, tenant: str) -> Folder:
        """An asset's folder, a new one when it has none."""
        found = self.get(asset)
        if found is None:
            found = self._open[asset] = Folder(asset, tenant)
        return found

    def drop(self, asset: str) -> None:
        """Forget an asset."""
        self._packed.pop(asset, None)
        self._open.pop(asset, None)

    def rest(self, all_: bool = False) -> None:
        """At the end of a step: pack those that were used longest ago, or all."""
        while self._open and (all_ or len(self._open) > _OPEN):
            asset, folder = self._open.popitem(last=False)
            if folder.empty:
                self._packed.pop(asset, None)
            else:
                self._packed[asset] = folder.pack()

    def nbytes(self) -> int:
        """Bytes of what is packed."""
        return sum(map(len, self._packed.values()))

    def packed(self) -> Iterator[tuple[str, bytes]]:
        """Assets and their folders, all of which rest."""
        yield from self._packed.items()

    def load(self, assets: list[str], folders: list[bytes]) -> None:
        """Become what ``packed`` gave."""
        self._packed = dict(zip(assets, folders, strict=True))
        self._open.clear()
