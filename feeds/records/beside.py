"""What a verifier needs besides a feed's records: keys, what came of the devices, assets, zones, regimes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from feeds.completeness import History
from feeds.grants.assets import Spans, objects
from feeds.grants.grant import REPORT, Grant
from feeds.ledger.reading import LedgerReader
from feeds.readmodel import ObjectFilter, ReadModel, StoredObject
from feeds.records.asof import as_of, tail_of
from feeds.records.inscope import in_period, times_of, told_of
from streams.events import Kind
from streams.regimes import shipped
from streams.zones import ZoneBook
from streams.zoneversion import plain

_ALL: Final = 10_000


@dataclass(frozen=True, slots=True)
class Beside:
    """Everything as JSON values; ``regimes``: TOML texts by file name."""

    device_keys: list[dict[str, Any]]
    completeness: list[dict[str, Any]]
    assets: list[dict[str, Any]]
    zones: dict[str, Any]
    regimes: dict[str, str]

    def files(self) -> dict[str, bytes]:
        """The files of an export, by path."""
        made = {
            f"{name}.json": orjson.dumps(value, option=orjson.OPT_INDENT_2)
            for name, value in (
                ("device_keys", self.device_keys),
                ("completeness", self.completeness),
                ("assets", self.assets),
            )
        }
        made["zones.json"] = orjson.dumps(self.zones)
        return made | {f"regimes/{name}": text.encode() for name, text in self.regimes.items()}


def gather(
    read: ReadModel,
    ledgers: Sequence[LedgerReader],
    grant: Grant,
    assets: Mapping[str, Spans],
    zones: ZoneBook | None,
    sizes: Mapping[int, int] | None = None,
) -> Beside:
    """What goes with the records of ``grant`` now; ``zones``: all versions, None leaves them out.

    ``sizes``: of each log the head that the records end at, for completeness as of then; None: as of now.

    Raises ReadModelAwayError, LedgerError.
    """
    devices, statements = [], []
    if REPORT in grant.kinds:
        reach = {id_: found for id_, spans in assets.items() if (found := in_period(spans, grant))}
        for device, fitted in _devices(read, grant, frozenset(reach)):
            wanted = {id_: reach[id_] for id_ in sorted(fitted)}
            made = list(_statements(ledgers, device.data["device"], grant, wanted, sizes))
            devices += [device] if made else []
            statements += made
    keys = [{"device": one.data["device"], **key} for one in devices for key in one.data.get("keys", ())]
    if sizes is not None and devices:
        tails = {log: tail_of(ledger, sizes.get(log, 0), list(assets)) for log, ledger in enumerate(ledgers)}
        told = (as_of(one, tails[one["log"]]) for one in statements)
        statements = [one for one in told if one is not None]
    return Beside(
        keys,
        statements,
        _assets(read, grant, assets),
        {"versions": [] if zones is None else _versions(zones)},
        _regimes(read),
    )


def _devices(
    read: ReadModel, grant: Grant, assets: frozenset[str]
) -> Iterator[tuple[StoredObject, frozenset[str]]]:
    """The devices that are, or were, fitted to some of ``assets``, with which."""
    for one in objects(read, Kind.DEVICE, grant.tenant):
        told = read.revisions(Kind.DEVICE, grant.tenant, one.id, limit=_ALL)
        fitted = assets & {one.data["asset"], *(event.data["asset"] for event in told)}
        if fitted:
            yield one, fitted


def _statements(
    ledgers: Sequence[LedgerReader],
    device: str,
    grant: Grant,
    wanted: Mapping[str, Spans],
    sizes: Mapping[int, int] | None,
) -> Iterator[dict[str, Any]]:
    """Of the starts that have a report in the feed, what is told of its times."""
    for log, ledger in enumerate(ledgers):
        starts = ledger.starts(device, grant.tenant)
        history = History(starts)
        for boot, start in sorted(starts.items()):
            times = times_of(ledgers, device, boot, start, wanted, sizes)
            if times:
                yield told_of({"log": log, **history.statement(device, boot)}, times, grant)


def _assets(read: ReadModel, grant: Grant, assets: Mapping[str, Spans]) -> list[dict[str, Any]]:
    found = []
    for id_, one in sorted(read.objects_by_id(Kind.ASSET, grant.tenant, list(assets)).items()):
        held: list[dict[str, Any]] = []
        if grant.fields == "precise":
            bindings = read.objects(Kind.BINDING, grant.tenant, ObjectFilter(asset=id_), limit=_ALL)
            held = [{"id": binding.id, "revision": binding.revision, **binding.data} for binding in bindings]
        vehicle = {name: one.data.get(name) for name in ("vin", "chassis", "chassis_scheme", "kind", "maker")}
        spans = [list(span) for span in assets[id_]] if grant.by_time else None
        found.append({"id": id_, **vehicle, "bindings": held, "periods": spans})
    return found


def _versions(book: ZoneBook) -> list[list[Any]]:
    return plain([version for zone in book.newest() for version in book.timeline(zone.id)])


def _regimes(read: ReadModel) -> dict[str, str]:
    """Texts by name, those that ship first: in this order they were put in force."""
    texts = list(shipped())
    for row in read.changed(Kind.REGIME, 0)[0]:
        told = read.revisions(Kind.REGIME, row.tenant, row.id, limit=_ALL)
        texts += [event.data["text"] for event in reversed(told)] or [row.data["text"]]
    return {f"{number:03d}.toml": text for number, text in enumerate(dict.fromkeys(texts))}
