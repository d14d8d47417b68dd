"""A mirror: what it keeps is an export, it goes on after any stop, and nothing is kept that does not hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.grants import Grant
from feeds.grants.assets import assets_of
from feeds.records import cursor
from feeds.records.beside import gather
from feeds.records.columns import arrow, page_of
from feeds.records.export import export
from feeds.records.page import heads_of, read_page
from feeds.records.pull import Mirror, PullError
from feeds.records.surroundings import Surroundings
from tests.unit.feeds.records.house import FLEET, T0, House, grant, signer_of
from tests.unit.feeds.records.test_export import files_of


class Served:
    """A house's feed as its server answers; ``change`` makes other answers of the pages."""

    def __init__(self, house: House, of: Grant, change: Callable[[pa.Table], pa.Table] | None = None) -> None:
        self.house, self.of, self.change = house, of, change
        self.pages = 0

    def __call__(self, path: str) -> bytes:
        house, of = self.house, self.of
        if path.startswith("/ledger/"):
            _, _, log, rest = path.split("/", 3)
            return house.ledgers[int(log)].served(rest)
        heads, assets = heads_of(house.ledgers), assets_of(house.read, of)
        if "/beside" in path:
            _, asked, told_sizes = path.partition("?sizes=")
            pairs = [one.split(":") for one in told_sizes.split(",")] if asked else []
            sizes = {int(log): int(size) for log, size in pairs} if asked else None
            beside = gather(house.read, house.ledgers, of, assets, None, sizes)
            logs = [{"log": head.log, "key": str(signer_of(head.log).verifier)} for head in heads]
            names = ("device_keys", "completeness", "assets", "zones", "regimes")
            told = {name: getattr(beside, name) for name in names}
            return orjson.dumps({"feed": of.plain(), "logs": logs, **told})
        query = parse_qs(urlsplit(path).query)
        at = (0,) * len(heads)
        if "after" in query:
            at = cursor.decode(query["after"][0], of.feed, [head.size for head in heads])
        page = read_page(house.ledgers, heads, of, assets, at, int(query["limit"][0]))
        around = Surroundings(house.read, house.ledgers, of.tenant)
        around.prepare(assets)
        self.pages += 1
        data = arrow(page, around.told)
        if self.change is not None:
            table = self.change(pa.ipc.open_stream(data).read_all())
            out = pa.BufferOutputStream()
            with pa.ipc.new_stream(out, table.schema) as writer:
                writer.write_table(table)
            data = out.getvalue().to_pybytes()
        return data


def pulled(mirror: Mirror, limit: int = 2) -> dict[str, Any]:
    while mirror.pull(limit):
        pass
    return mirror.finish(T0)


def test_a_mirror_is_the_export(house: House, tmp_path: Path) -> None:
    of = grant()
    made = pulled(Mirror(Served(house, of), of.feed, tmp_path / "mirror"))
    export(house.source, of, tmp_path / "export", T0)
    mirror, want = files_of(tmp_path / "mirror"), files_of(tmp_path / "export")
    assert mirror.keys() == want.keys() | {"state.json"}
    for name in want.keys() - {"manifest.json", "records.parquet"}:
        assert mirror[name] == want[name], name
    assert pq.read_table(tmp_path / "mirror/records.parquet").equals(
        pq.read_table(tmp_path / "export/records.parquet")
    )
    theirs = orjson.loads(want["manifest.json"])
    assert {**made, "files": 0} == {**theirs, "files": 0}


def test_it_goes_on_after_any_page_and_after_it_was_whole(house: House, tmp_path: Path) -> None:
    of, into = grant(), tmp_path / "mirror"
    served = Served(house, of)
    while Mirror(served, of.feed, into).pull(1):  # each page by a mirror of its own
        pass
    assert served.pages >= 6
    Mirror(served, of.feed, into).finish(T0)
    house.report(FLEET, count=600)
    house.report(FLEET, number=1, log=1)
    house.seal()
    made = pulled(Mirror(served, of.feed, into), 100)
    export(house.source, of, tmp_path / "export", T0)
    assert made["counts"]["records"] == 607
    assert pq.read_table(into / "records.parquet").equals(pq.read_table(tmp_path / "export/records.parquet"))
    tiles = {name for name in files_of(into) if name.startswith("logs/")}
    assert tiles == {name for name in files_of(tmp_path / "export") if name.startswith("logs/")}


def test_a_part_that_was_not_kept_comes_again(house: House, tmp_path: Path) -> None:
    of, into = grant(), tmp_path / "mirror"
    mirror = Mirror(Served(house, of), of.feed, into)
    mirror.pull(2)
    (into / "parts" / "000001.parquet").write_bytes(b"half")
    assert pulled(Mirror(Served(house, of), of.feed, into))["counts"]["records"] == 6


def _edit(name: str, value: object, row: int = 1) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        if table.num_rows <= row:
            return table
        values = table[name].to_pylist()
        values[row] = value
        at = table.schema.get_field_index(name)
        return table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))

    return change


def _page(**more: object) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        told = page_of(table.schema) | more
        return table.replace_schema_metadata({b"page": orjson.dumps(told)})

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_edit("content_head", b"other"), "log 0, place 1: the groups are not"),
        (_edit("salt_place", b"s" * 16), "the groups are not"),
        (_edit("salt_place", None), "group place: content and salt go together"),
        (_edit("content_place", None), "group place: content and salt go together"),
        (_edit("redacted", True), "said to be redacted, and has contents"),
        (_edit("salt_place", b"s" * 15), "salt of group place: got 15 bytes, want 16"),
        (_edit("hidden_driver", b"h" * 31), "commitment of group driver: got 31 bytes, want 32"),
        (_edit("hidden_whole", b"h" * 32), "the record as a whole is not"),
        (_edit("hidden_driver", None), "the groups are not"),
        (_edit("entry", b"\x01" * 84), "log 0, place 1: "),
        (_edit("place", 3), "out of order|does not hold"),
        (_edit("place", 9_999), "log 0, place 9999"),
        (_edit("log", 7), "no signed head of its log"),
        (lambda table: table.slice(1), "page is not whole: got 5 records, said 6"),
        (lambda table: table.take([1, 0, 2, 3, 4, 5]), "out of order"),
        (lambda table: table.drop_columns(["entry"]), "other columns"),
        (_page(checkpoints=[]), "no signed head"),
        (_page(checkpoints=[{"log": 0, "note": "nonsense"}, {"log": 1, "note": ""}]), "does not hold"),
        (_page(sent={}), "page after the beginning"),
        (lambda table: table.replace_schema_metadata(None), "page after the beginning"),
    ],
)
def test_what_does_not_hold_is_named_and_not_kept(
    house: House, tmp_path: Path, change: Callable[[pa.Table], pa.Table], says: str
) -> None:
    of, into = grant(), tmp_path / "mirror"
    with pytest.raises(PullError, match=says):
        Mirror(Served(house, of, change), of.feed, into).pull(100)
    assert files_of(into) == {}
    assert pulled(Mirror(Served(house, of), of.feed, into))["counts"]["records"] == 6


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"\xff" * 100])
def test_bytes_that_are_no_page_are_refused(house: House, tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(PullError, match="no Arrow stream"):
        Mirror(lambda _: answer, "feed_1", tmp_path / "mirror").pull()


def test_a_log_that_was_rewritten_is_noticed(house: House, tmp_path: Path) -> None:
    of, into = grant(), tmp_path / "mirror"
    Mirror(Served(house, of), of.feed, into).pull(1)
    other = House(tmp_path / "other")
    for _ in range(4):
        other.report(FLEET, count=9)
    other.seal()
    with pytest.raises(PullError, match="does not hold"):
        Mirror(Served(other, of), of.feed, into).pull(1)
    other.close()


def test_keys_that_were_given_count_and_not_the_servers(house: House, tmp_path: Path) -> None:
    of = grant()
    wrong = str(type(signer_of(0))("log.example/0", b"w" * 32).verifier)
    with pytest.raises(PullError, match="want one of those that were given"):
        Mirror(Served(house, of), of.feed, tmp_path / "a", [wrong]).pull()
    keys = [str(signer_of(log).verifier) for log in range(2)]
    assert not Mirror(Served(house, of), of.feed, tmp_path / "b", keys).pull()
    with pytest.raises(PullError, match=r"got log\.example"):
        Mirror(Served(house, of), of.feed, tmp_path / "b", [wrong, keys[1]])
    with pytest.raises(PullError, match="key"):
        Mirror(Served(house, of), of.feed, tmp_path / "c", ["nonsense"])


def test_a_directory_of_something_else_is_left_alone(house: House, tmp_path: Path) -> None:
    of, into = grant(), tmp_path / "mirror"
    into.mkdir()
    (into / "mine").write_text("mine")
    with pytest.raises(PullError, match="with other files"):
        Mirror(Served(house, of), of.feed, into)
    (into / "mine").unlink()
    Mirror(Served(house, of), of.feed, into).pull()
    with pytest.raises(PullError, match="got a mirror of"):
        Mirror(Served(house, of), "feed_else", into)
    (into / "state.json").write_text("{")
    with pytest.raises(PullError, match="can't be read"):
        Mirror(Served(house, of), of.feed, into)
