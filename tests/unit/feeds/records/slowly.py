"""A page row by row, as it was first written: slow and plain. What ``columns`` makes is the same."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import cbor2
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from feeds.completeness import Around
from feeds.ledger.entry import WHOLE, EntryKind
from feeds.ledger.reports import COARSE, HEAD, PLACE, null_of, read_signals
from feeds.readmodel import ObjectFilter
from feeds.records.columns import GROUPS, SCHEMA
from feeds.records.content import head_of
from feeds.records.page import Page, Record
from feeds.records.surroundings import Told
from streams.events import Kind, object_id
from tests.unit.feeds.records.house import House

_NOTHING: Mapping[str, Any] = {}


def told(house: House, tenant: str, record: Record) -> Told | None:
    """What is told of one report, everything looked up for it alone."""
    if record.opening is None or record.kept.kind is not EntryKind.REPORT:
        return None
    shown = record.opening.shown
    if HEAD not in shown:
        return None
    head = head_of(shown[HEAD][1])
    device, asset = head["device"], head["asset"]
    every = (house.ledgers[record.log], *reversed(house.ledgers))
    starts = next((some for one in every if (some := one.starts(device, tenant))), {})
    held = house.read.object(Kind.DEVICE, tenant, object_id(Kind.DEVICE, device))
    keys = held.data.get("keys", ()) if held is not None else ()
    vins = {one.id: one.data["vin"] for one in house.read.objects(Kind.ASSET, tenant)}
    found = house.read.objects(Kind.CONFLICT, tenant, ObjectFilter(asset=asset), limit=1_000)
    around = Around.of(starts, keys, vins, {asset: [one.data for one in found]})
    signed = WHOLE in shown and bool(head.get("signature"))
    plain = around.assurance(head).plain()
    return Told({**plain, "vouched_by": "device" if signed else "gateway"}, around.completeness(head))


def arrow(house: House, page: Page) -> bytes:
    """``columns.arrow``, row by row."""
    rows = [_row(one, told(house, page.grant.tenant, one)) for one in page.records]
    arrays = [_array([row.get(field.name) for row in rows], field.type) for field in SCHEMA]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    table = table.replace_schema_metadata({b"page": orjson.dumps(page.plain())})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return bytes(out.getvalue().to_pybytes())


def _array(values: list[Any], of: pa.DataType) -> pa.Array:
    return pa.nulls(len(values), of) if all(one is None for one in values) else pa.array(values, of)


def _row(record: Record, about: Told | None) -> dict[str, Any]:
    kept, opening = record.kept, record.opening
    row: dict[str, Any] = {"log": record.log, "place": kept.place, "kind": record.kind, "asset": kept.asset}
    row |= {"t_ms": kept.t_ms, "entry": kept.entry, "redacted": opening is None}
    shown, hidden = (opening.shown, opening.hidden) if opening is not None else (_NOTHING, _NOTHING)
    for group in GROUPS:
        row[f"salt_{group}"], row[f"content_{group}"] = shown.get(group, (None, None))
        row[f"hidden_{group}"] = hidden.get(group)
    if about is not None:
        rest = {name: value for name, value in about.assurance.items() if name != "level"}
        row["assurance"] = about.assurance["level"]
        row["checks"] = orjson.dumps({**rest, "completeness": about.completeness}).decode()
    return row


def lines(page: Page, abouts: list[Told | None]) -> list[bytes]:
    """``lines.lines``, row by row."""
    made = [_line(one, about) for one, about in zip(page.records, abouts, strict=True)]
    return [orjson.dumps(one) + b"\n" for one in (*made, {"page": page.plain()})]


def _line(record: Record, about: Told | None) -> dict[str, Any]:
    kept, opening = record.kept, record.opening
    line: dict[str, Any] = {"log": record.log, "place": kept.place, "kind": record.kind, "asset": kept.asset}
    line |= {"t_ms": kept.t_ms, "entry": _text(kept.entry)}
    if opening is None:
        line["redacted"] = True
    else:
        groups = {
            name: {"salt": _text(salt), "content": _text(one)} for name, (salt, one) in opening.shown.items()
        }
        line["groups"] = groups | {name: {"commitment": _text(one)} for name, one in opening.hidden.items()}
        read = orjson.loads if kept.kind is EntryKind.EVENT else None
        line["data"] = {
            name: read(content) if read else READERS[name](content)
            for name, (_, content) in opening.shown.items()
            if name != WHOLE
        }
    if about is not None:
        line |= {"assurance": about.assurance, "completeness": about.completeness}
    return line


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _head(content: bytes) -> dict[str, Any]:
    return {name: one.hex() if isinstance(one, bytes) else one for name, one in head_of(content).items()}


def _signals(content: bytes) -> dict[str, Any]:
    rows, extras = read_signals(content)
    found = {name: column for name, column in _columns(rows).items() if set(column) - {None}}
    for row, name, value in extras:
        found.setdefault(name, [None] * len(rows))[row] = value
    return found


def _columns(rows: npt.NDArray[Any]) -> dict[str, list[Any]]:
    nulls = {name: null_of(rows.dtype[name]) for name in rows.dtype.names or ()}
    return {
        name: [None if one != one or one == null else one for one in rows[name].tolist()]
        for name, null in nulls.items()
    }


READERS: dict[str, Callable[[bytes], Any]] = {
    "head": _head,
    "place": lambda content: _columns(np.frombuffer(content, PLACE)),
    "coarse": lambda content: _columns(np.frombuffer(content, COARSE)),
    "signals": _signals,
    "driver": cbor2.loads,
    "facts": cbor2.loads,
}
