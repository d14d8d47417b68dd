"""A page of a feed as Arrow columns, for Arrow streams and Parquet.

Of each group there are three columns: ``content_``, ``salt_`` where it is shown, ``hidden_`` (its commitment)
where it is not; all null where the record has none of that name, or was redacted.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.ledger.entry import ENTRY_BYTES, WHOLE
from feeds.ledger.groups import NAMES
from feeds.ledger.reports import COARSE_GROUP, DRIVER, FACTS, HEAD, PLACE_GROUP, SIGNALS_GROUP
from feeds.ledger.sealing import Bytes, Places
from feeds.records.lines import ToldOf
from feeds.records.page import Page
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
Mask = npt.NDArray[np.bool_]


def table(page: Page, told: ToldOf) -> pa.Table:
    """The rows of ``page``. Raises FormatError."""
    found = page.found
    rows, count = [one.row for one in found], len(found)
    abouts = told(page)
    texts = _Texts()
    arrays = [
        pa.array([one.log for one in found], pa.uint16()),
        pa.array([row[0] for row in rows], pa.int64()),
        pa.array([one.kind for one in found], pa.string()),
        pa.array([row[2] for row in rows], pa.string()),
        pa.array([row[4] for row in rows], pa.int64()),
        pa.array([row[5] for row in rows], pa.binary(ENTRY_BYTES)),
        pa.array(page.gone, pa.bool_()),
        *(array for group in _parts(page) for array in group),
        pa.array([None if about is None else about.assurance["level"] for about in abouts], pa.string()),
        pa.array([None if about is None else texts(about) for about in abouts], pa.string()),
    ]
    assert all(len(array) == count for array in arrays)
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _parts(page: Page) -> Iterator[tuple[pa.Array, pa.Array, pa.Array]]:
    """Of each of GROUPS the columns of contents, salts and commitments."""
    groups, shown = page.groups, page.shown
    none = pa.nulls(len(page.found), pa.binary())
    for name in GROUPS:
        at = NAMES.index(name)
        open_, closed = shown[at], groups.there[at] & ~shown[at]
        content = salt = hidden = none
        if open_.any():
            content = _binary(open_, *groups.contents(name, open_))
            salt = _binary(open_, groups.salts(name, open_))
        if closed.any():
            hidden = _binary(closed, groups.commitments(name, closed))
        yield content, salt, hidden


def _binary(which: Mask, data: Bytes, cuts: Places | None = None) -> pa.Array:
    """What begins at ``cuts``, or the rows of ``data``, where ``which`` is; else null."""
    if cuts is None:
        cuts = np.zeros(len(which) + 1, np.int64)
        np.cumsum(which * data.shape[1], out=cuts[1:])
    offsets = pa.py_buffer(cuts.astype(np.int32))
    there = None if which.all() else pa.py_buffer(np.packbits(which, bitorder="little"))
    return pa.Array.from_buffers(pa.binary(), len(which), [there, offsets, pa.py_buffer(data)])


class _Texts:
    """What is told of reports as text: made once of each, as many are told the same."""

    def __init__(self) -> None:
        self._made: dict[int, bytes] = {}

    def __call__(self, about: Told) -> bytes:
        made = self._made.get(id(about))
        if made is None:
            rest = {name: value for name, value in about.assurance.items() if name != "level"}
            made = self._made[id(about)] = orjson.dumps({**rest, "completeness": about.completeness})
        return made


def arrow(page: Page, told: ToldOf) -> bytes:
    """The page as an Arrow stream; its schema's metadata ``page`` tells of it. Raises FormatError."""
    made = _marked(page, told)
    sized = pa.MockOutputStream()
    _write(made, sized)
    body = pa.allocate_buffer(sized.size())
    _write(made, pa.FixedSizeBufferWriter(body))
    return bytes(body.to_pybytes())


def _write(made: pa.Table, out: pa.NativeFile) -> None:
    with pa.ipc.new_stream(out, made.schema) as writer:
        writer.write_table(made)


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
    return table(page, told).replace_schema_metadata({_META: orjson.dumps(page.plain())})
