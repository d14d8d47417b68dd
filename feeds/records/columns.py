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


def table(records: Sequence[Record], told: ToldOf) -> pa.Table:
    """The rows of ``records``. Raises FormatError."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for record in records:
        kept, opening = record.kept, record.opening
        columns["log"].append(record.log)
        columns["place"].append(kept.place)
        columns["kind"].append(record.kind)
        columns["asset"].append(kept.asset)
        columns["t_ms"].append(kept.t_ms)
        columns["entry"].append(kept.entry)
        columns["redacted"].append(opening is None)
        shown: Mapping[str, tuple[bytes, bytes]] = {} if opening is None else opening.shown
        hidden: Mapping[str, bytes] = {} if opening is None else opening.hidden
        for group in GROUPS:
            salt, content = shown.get(group, (None, None))
            columns[f"content_{group}"].append(content)
            columns[f"salt_{group}"].append(salt)
            columns[f"hidden_{group}"].append(hidden.get(group))
        about = told(record)
        columns["assurance"].append(None if about is None else about.assurance["level"])
        checks = None
        if about is not None:
            rest = {name: value for name, value in about.assurance.items() if name != "level"}
            checks = orjson.dumps({**rest, "completeness": about.completeness}).decode()
        columns["checks"].append(checks)
    return pa.table(columns, SCHEMA)


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
