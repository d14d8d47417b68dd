"""A page of a feed as Arrow columns, for Arrow streams and Parquet.

Of each group there are three columns: ``content_``, ``salt_`` where it is shown, ``hidden_`` (its commitment)
where it is not; all null where the record has none of that name, or was redacted.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.ledger.entry import ENTRY_BYTES, WHOLE
from feeds.ledger.reports import COARSE_GROUP, DRIVER, FACTS, HEAD, PLACE_GROUP, SIGNALS_GROUP
from feeds.records.lines import ToldOf
from feeds.records.page import Page, Record
from feeds.records.surroundings import Told

GROUPS: Final = (WHOLE, HEAD, PLACE_GROUP, COARSE_GROUP, SIGNALS_GROUP, DRIVER, FACTS, "body")
SCHEMA: Final = pa.schema(
    [
        pa.field("log", pa.uint16(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("asset", pa.string(), nullable=False),
        pa.field("t_ms", pa.int64(), nullable=False),
        pa.field("entry", pa.binary(ENTRY_BYTES), nullable=False),
        pa.field("redacted", pa.bool_(), nullable=False),
        *(
            pa.field(f"{part}_{group}", pa.binary())
            for group in GROUPS
            for part in ("content", "salt", "hidden")
        ),
        pa.field("assurance", pa.string()),
        pa.field("checks", pa.string()),  # JSON: vouched_by, checks, completeness
    ]
)
"""One row a record, by log and place."""
_META: Final = b"page"
_NOTHING: Final[Mapping[str, Any]] = {}
_NEITHER: Final = (None, None)


def table(records: Sequence[Record], told: ToldOf) -> pa.Table:
    """The rows of ``records``. Raises FormatError."""
    kept, openings = [one.kept for one in records], [one.opening for one in records]
    abouts = [told(one) for one in records]
    columns: dict[str, list[Any]] = {
        "log": [one.log for one in records],
        "place": [one.place for one in kept],
        "kind": [one.kind for one in records],
        "asset": [one.asset for one in kept],
        "t_ms": [one.t_ms for one in kept],
        "entry": [one.entry for one in kept],
        "redacted": [one is None for one in openings],
        "assurance": [None if about is None else about.assurance["level"] for about in abouts],
        "checks": [None if about is None else _checks(about) for about in abouts],
    }
    shown = [_NOTHING if one is None else one.shown for one in openings]
    hidden = [_NOTHING if one is None else one.hidden for one in openings]
    some = {name for one in shown for name in one}, {name for one in hidden for name in one}
    for group in GROUPS:
        if group in some[0]:
            pairs = [one.get(group, _NEITHER) for one in shown]
            columns[f"salt_{group}"] = [salt for salt, _ in pairs]
            columns[f"content_{group}"] = [content for _, content in pairs]
        if group in some[1]:
            columns[f"hidden_{group}"] = [one.get(group) for one in hidden]
    count = len(records)
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _checks(about: Told) -> bytes:
    rest = {name: value for name, value in about.assurance.items() if name != "level"}
    return orjson.dumps({**rest, "completeness": about.completeness})


def arrow(page: Page, told: ToldOf) -> bytes:
    """The page as an Arrow stream; its schema's metadata ``page`` tells of it. Raises FormatError."""
    made = _marked(page, told)
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, made.schema) as writer:
        writer.write_table(made)
    return bytes(out.getvalue().to_pybytes())


def parquet(page: Page, told: ToldOf) -> bytes:
    """The page as a Parquet file; see ``arrow``. Raises FormatError."""
    out = io.BytesIO()
    pq.write_table(_marked(page, told), out, compression="zstd")
    return out.getvalue()


def page_of(schema: pa.Schema) -> dict[str, Any]:
    """What the schema of a page tells of it. Raises ValueError."""
    told: dict[str, Any] = orjson.loads((schema.metadata or {}).get(_META, b""))
    return told


def _marked(page: Page, told: ToldOf) -> pa.Table:
    return table(page.records, told).replace_schema_metadata({_META: orjson.dumps(page.plain())})
