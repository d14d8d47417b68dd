"""An export: everything in it fits together, and what it says is proved by its own files alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from feeds.grants import Grant
from feeds.grants.assets import within
from feeds.ledger import merkle, reports
from feeds.ledger.checkpoint import open_checkpoint
from feeds.ledger.entry import Opening, check_opening, decode
from feeds.ledger.merkle import leaf_hash
from feeds.ledger.note import parse_verifier
from feeds.ledger.tiles import Tile
from feeds.ledger.tree import VerifiedNodes
from feeds.records import page
from feeds.records.columns import GROUPS, SCHEMA
from feeds.records.export import ExportError, export
from feeds.verify.verifier import verify
from streams.events import Kind
from tests.unit.feeds.records.house import FLEET, INSURER, LOGS, OTHER, T0, House, asset_of, grant, signer_of


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def made(house: House, tmp_path: Path, of: Grant | None = None) -> Path:
    into = tmp_path / "export"
    export(house.source, of or grant(), into, T0)
    return into


def test_the_manifest_names_every_file_with_its_hash(house: House, tmp_path: Path) -> None:
    files = files_of(made(house, tmp_path))
    manifest = orjson.loads(files.pop("manifest.json"))
    assert manifest["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert manifest["format"] == 1
    assert manifest["counts"] == {"records": 6, "reports": 5, "events": 1, "redacted": 0}
    assert manifest["feed"]["consumer"] == "insurer"
    assert [one["log"] for one in manifest["logs"]] == [0, 1]
    assert not any(OTHER.encode() in data or asset_of(OTHER).encode() in data for data in files.values())


def test_every_record_is_proved_by_the_files_alone(house: House, tmp_path: Path) -> None:
    house.report(FLEET, count=700)  # more than two tiles
    house.report(OTHER, count=300)
    house.seal()
    into = made(house, tmp_path)
    manifest = orjson.loads((into / "manifest.json").read_bytes())
    table = pq.read_table(into / "records.parquet")
    assert table.schema.names == SCHEMA.names
    for told in manifest["logs"]:
        folder = into / "logs" / str(told["log"])
        head = open_checkpoint((folder / "checkpoint").read_bytes(), parse_verifier(told["key"])).checkpoint
        assert (head.origin, head.size) == (told["origin"], told["size"])

        def read(tile: Tile, folder: Path = folder) -> bytes:
            return (folder / tile.path).read_bytes()

        nodes = VerifiedNodes(read, head.size, head.root)
        rows = [row for row in table.to_pylist() if row["log"] == told["log"]]
        assert rows
        for row in rows:
            proof = merkle.inclusion_proof(row["place"], head.size, nodes)
            merkle.verify_inclusion(leaf_hash(row["entry"]), row["place"], head.size, proof, head.root)
            shown = {
                g: (row[f"salt_{g}"], row[f"content_{g}"]) for g in GROUPS if row[f"salt_{g}"] is not None
            }
            hidden = {g: row[f"hidden_{g}"] for g in GROUPS if row[f"hidden_{g}"] is not None}
            check_opening(decode(row["entry"]), Opening(shown, hidden))
    assert table.num_rows == 706


def test_what_lies_beside_is_of_the_feed_only(house: House, tmp_path: Path) -> None:
    files = files_of(made(house, tmp_path, grant(assets={"list": [asset_of(FLEET)]})))
    assert [one["id"] for one in orjson.loads(files["assets.json"])] == [asset_of(FLEET)]
    statements = orjson.loads(files["completeness.json"])
    assert [(one["log"], one["device"], one["received"]) for one in statements] == [
        (0, "unit-fleet-0", [[0, 2]])
    ]
    assert orjson.loads(files["device_keys.json"]) == []
    assert any(name.startswith("regimes/") for name in files)


def test_a_feed_of_crossings_tells_nothing_of_devices(house: House, tmp_path: Path) -> None:
    files = files_of(made(house, tmp_path, grant(fields="crossings", kinds=["crossing"])))
    assert orjson.loads(files["completeness.json"]) == []
    assert orjson.loads(files["manifest.json"])["counts"]["records"] == 1
    assert b"unit-fleet" not in b"".join(files.values())


def test_a_directory_with_something_in_it_is_left_alone(house: House, tmp_path: Path) -> None:
    into = tmp_path / "export"
    into.mkdir()
    (into / "mine").write_text("mine")
    with pytest.raises(ExportError, match="want a new or an empty one"):
        export(house.source, grant(), into, T0)
    assert files_of(into) == {"mine": b"mine"}


def test_progress_ends_where_the_logs_do(house: House, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export(house.source, grant(), tmp_path / "export", T0, lambda done, of: seen.append((done, of)))
    assert seen[-1] == (21, 21)


def old_facts(facts: list[Any]) -> tuple[list[Any], list[Any]]:
    """How facts were parted once."""
    own = [one for one in facts if one["kind"] == "driver"]
    return [one for one in facts if one["kind"] != "driver"], own


def test_facts_of_old_records_are_shown_with_drivers_only_if_more_than_known_is_in_them(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "split", old_facts)
    house.report(FLEET, facts=[{"t": T0, "kind": "note", "text": "Somchai drives"}])
    house.report(FLEET, facts=[{"t": T0, "kind": "seal", "id": "S1"}])
    house.seal()
    monkeypatch.undo()
    for driver in (False, True):
        into = tmp_path / str(driver)
        export(house.source, grant(driver=driver, kinds=["report"]), into, T0)
        rows = pq.read_table(into / "records.parquet", columns=["content_facts", "hidden_facts", "log"])
        note, seal = [row for row in rows.to_pylist() if row["log"] == 0][-2:]
        assert (b"Somchai" in (note["content_facts"] or b"")) is driver
        assert (note["hidden_facts"] is None) is driver
        assert seal["content_facts"] is not None
        result = verify(into, [signer_of(log).verifier for log in range(LOGS)])
        assert result.findings == []
        assert any(b"Somchai" in data for data in files_of(into).values()) is driver


@pytest.mark.parametrize(
    ("covers", "says", "left_out"),
    [
        ([(5, 15)], "no report of 1 devices in 1 starts was taken out between those", "report 9 came"),
        ([(5, 8), (11, 15)], "chains of 1 devices in 1 starts hold", None),
    ],
)
def test_a_feed_of_covers_holds_and_misses_what_was_taken_out_of_one_cover(
    house: House, tmp_path: Path, covers: list[tuple[int, int]], says: str, left_out: str | None
) -> None:
    house.report(FLEET, count=20)
    house.seal()
    for begin, end in covers:
        cover = {"insurer": INSURER, "number": begin, "from_ms": T0 + begin * 2_000}
        cover["until_ms"] = T0 + end * 2_000
        house.tell(Kind.COVER, f"cover_{begin}", 1, FLEET, asset_of(FLEET), cover)
    keys = [signer_of(log).verifier for log in range(LOGS)]
    of = grant(assets="cover", kinds=["report"])
    whole = verify(made(house, tmp_path, of), keys)
    assert whole.findings == []
    assert any(line.startswith(says) for line in whole.holds)
    assert any("would not be missed" in note for note in whole.notes)
    count = sum(end - begin for begin, end in covers)
    assert any(line.startswith(f"{count} records in order") for line in whole.holds)
    left = tmp_path / "left"
    with monkeyed(page, "within", lambda spans, t_ms: within(spans, t_ms) and t_ms != T0 + 9 * 2_000):
        export(house.source, of, left, T0)
    found = [one.says for one in verify(left, keys).findings if one.check == "completeness"]
    assert [one.startswith(left_out or "") for one in found] == ([True] if left_out else [])


@contextmanager
def monkeyed(where: object, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, name, value)
        yield
