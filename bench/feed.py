"""A page of a feed: 10,000 reports of 10 samples of 1,000 trucks, out of the book, with assurance.

CPU time of the thread that serves. Beside it in the same run: the same rows read from the book, no more.
Then the same page by a page size of 1,000, a mirror's check of it, and what an Arrow stream weighs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

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


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 10)
    options = made.parse_args()
    spent: dict[str, float] = {}
    weight: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sequencer = whole(folder, [frame(first) for first in range(0, PAGE, REPORTS_EACH)], {})
        sequencer.book.close()
        (folder / "log" / "book.db").hardlink_to(folder / "book.db")
        read, ledgers = read_model(folder / "read.db"), [LedgerReader(folder / "log")]
        heads = heads_of(ledgers)
        with cpu(spent, "bare"):
            ledgers[0].rows(0, heads[0].size, PAGE)
        for fields in ("precise", "coarse"):
            of = grant(fields)
            assets = assets_of(read, of)
            with cpu(spent, f"{fields} read"):
                page = read_page(ledgers, heads, of, assets, (0,), PAGE)
            assert len(page.found) == PAGE, f"got {len(page.found)} records, want {PAGE}"
            around = Surroundings(read, ledgers, "main")
            with cpu(spent, f"{fields} around"):
                around.prepare(assets)
                around.told(page)
            with cpu(spent, f"{fields} jsonl"):
                weight["jsonl"] = len(b"".join(lines(page, around.told)))
            with cpu(spent, f"{fields} arrow"):
                body = arrow(page, around.told)
            weight[fields] = len(body)
            with cpu(spent, f"{fields} parquet"):
                weight["parquet"] = len(parquet(page, around.told))
        with cpu(spent, "check"):
            head, _ = ledgers[0].head()
            nodes = VerifiedNodes(lambda tile: ledgers[0].served(tile.path), head.size, head.root)
            check(table_of(body), {0: nodes}, {})
        ledgers[0].close()
        read.close()
    whole_page = spent["precise read"] + spent["precise arrow"]
    tell(
        "feed",
        [
            Row(
                "a page of 10,000, Arrow",
                1e3 * whole_page,
                "ms",
                "its rows alone",
                whole_page / spent["bare"],
            ),
            Row("of these: read, opened, hidden", 1e3 * spent["precise read"], "ms"),
            Row("assurance and completeness, all devices new", 1e3 * spent["precise around"], "ms"),
            Row("written as Arrow", 1e3 * spent["precise arrow"], "ms"),
            Row("written as JSON lines", 1e3 * spent["precise jsonl"], "ms"),
            Row("written as Parquet", 1e3 * spent["precise parquet"], "ms"),
            Row("coarse: read", 1e3 * spent["coarse read"], "ms"),
            Row("coarse: written as Arrow", 1e3 * spent["coarse arrow"], "ms"),
            Row("a mirror checks it (coarse)", 1e3 * spent["check"], "ms"),
            Row("precise, Arrow", weight["precise"] / PAGE, "bytes/record"),
            Row("coarse, Arrow", weight["coarse"] / PAGE, "bytes/record"),
        ],
        options.json,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
