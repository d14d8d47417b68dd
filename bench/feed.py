"""A page of a feed: 10,000 reports of 10 samples of 1,000 trucks, out of the book, with assurance.

CPU time of the thread that serves. Beside it in the same run: the same rows read from the book, no more.
Then a mirror's check of it, and what an Arrow stream weighs. What is compiled was compiled before.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.ledger import DEVICES, REPORTS_EACH, cpu, frame, whole
from bench.report import Row, parser, tell
from feeds.grants.assets import assets_of
from feeds.grants.grant import Grant, checked
from feeds.ledger.reading import LedgerReader
from feeds.ledger.tree import VerifiedNodes
from feeds.readmodel import ReadModel
from feeds.records.columns import arrow, parquet
from feeds.records.lines import lines
from feeds.records.page import heads_of, read_page
from feeds.records.rows import check, table_of
from feeds.records.surroundings import Surroundings
from streams.codec import decode_frame, encode_frame
from streams.events import Change, Event, Kind

PAGE = 10_000
T0 = 1_795_330_800_000


def read_model(path: Path) -> ReadModel:
    """The assets that the frames are of."""
    read = ReadModel(path, 1)
    events = []
    for n in range(DEVICES):
        id_, data = f"asset_{n:024x}", {"vin": f"LZZTESTA6PN{n:06d}", "chassis": None}
        place = (0, n + 1, n + 1)
        events.append(Event(*place, Kind.ASSET, id_, 1, Change.CREATED, "main", id_, T0, T0, data))
    read.apply(0, len(events), events)
    return read


def grant(fields: str) -> Grant:
    """All of the tenant's reports."""
    asked: dict[str, Any] = {
        "consumer": "insurer",
        "purpose": "bench",
        "assets": "tenant",
        "kinds": ["report"],
    }
    asked |= {"fields": fields, "driver": False, "from_ms": 0, "to_ms": None, "expires_ms": 2**52}
    data = checked("main", asked)
    return Grant.of(data["feed"], "main", {**data, "granted_ms": 0})


def chained() -> list[bytes]:
    """Frames with a page's reports, each naming the one before of its device."""
    made, last = [], dict[str, bytes]()
    for first in range(0, PAGE, REPORTS_EACH):
        found = decode_frame(frame(first))
        names, hashes = found.reports["device"].to_pylist(), found.reports["hash"].to_pylist()
        prevs = []
        for name, own in zip(names, hashes, strict=True):
            prevs.append(last.get(name))
            last[name] = own
        at = found.reports.schema.get_field_index("prev")
        reports = found.reports.set_column(at, found.reports.schema.field(at), pa.array(prevs, pa.binary(32)))
        made.append(encode_frame(replace(found, reports=reports)))
    return made


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 10)
    options = made.parse_args()
    spent: dict[str, float] = {}
    weight: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sequencer = whole(folder, chained(), {})
        sequencer.book.close()
        (folder / "log" / "book.db").hardlink_to(folder / "book.db")
        read, ledgers = read_model(folder / "read.db"), [LedgerReader(folder / "log")]
        heads = heads_of(ledgers)
        gc.collect()
        gc.freeze()  # as the hub runs (corridor.parts)
        gc.set_threshold(50_000, 20, 20)
        first = read_page(ledgers, heads, grant("precise"), assets_of(read, grant("precise")), (0,), 1)
        arrow(first, Surroundings(read, ledgers, "main").told)
        with cpu(spent, "bare"):
            ledgers[0].rows(0, heads[0].size, PAGE)
        for fields in ("precise", "coarse"):
            of = grant(fields)
            assets = assets_of(read, of)
            around = Surroundings(read, ledgers, "main")
            with cpu(spent, f"{fields} whole"):
                with cpu(spent, f"{fields} read"):
                    page = read_page(ledgers, heads, of, assets, (0,), PAGE)
                around.prepare(assets)
                body = arrow(page, around.told)
            assert len(page.found) == PAGE, f"got {len(page.found)} records, want {PAGE}"
            weight[fields] = len(body)
            with cpu(spent, f"{fields} known"):
                arrow(page, around.told)
            with cpu(spent, f"{fields} parquet"):
                weight["parquet"] = len(parquet(page, around.told))
            with cpu(spent, f"{fields} jsonl"):
                weight["jsonl"] = len(b"".join(lines(page, around.told)))
            del page
        with cpu(spent, "check"):
            head, _ = ledgers[0].head()
            nodes = VerifiedNodes(lambda tile: ledgers[0].served(tile.path), head.size, head.root)
            check(table_of(body), {0: nodes}, {})
        ledgers[0].close()
        read.close()
    tell(
        "feed",
        [
            Row(
                "a page of 10,000, Arrow, all devices new",
                1e3 * spent["precise whole"],
                "ms",
                "its rows alone",
                spent["precise whole"] / spent["bare"],
            ),
            Row("of these: read", 1e3 * spent["precise read"], "ms"),
            Row("read already, written as Arrow again", 1e3 * spent["precise known"], "ms"),
            Row("written as JSON lines", 1e3 * spent["precise jsonl"], "ms"),
            Row("written as Parquet", 1e3 * spent["precise parquet"], "ms"),
            Row("coarse, Arrow, all devices new", 1e3 * spent["coarse whole"], "ms"),
            Row("a mirror checks it (coarse)", 1e3 * spent["check"], "ms"),
            Row("precise, Arrow", weight["precise"] / PAGE, "bytes/record"),
            Row("coarse, Arrow", weight["coarse"] / PAGE, "bytes/record"),
        ],
        options.json,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
