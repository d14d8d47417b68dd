"""A page row by row, as it was first written: slow and plain. What ``columns`` makes is the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from feeds.completeness import Around
from feeds.ledger.entry import WHOLE, EntryKind
from feeds.ledger.reports import HEAD
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
