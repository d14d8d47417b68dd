"""An export verifies by its own files and the log's key alone; each forgery is caught where it was made."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import cbor2
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.ledger.note import COSIGNATURE, Signer, Verifier
from feeds.records.export import export
from feeds.records.signed import sign
from feeds.verify.finding import Result, VerifyError
from feeds.verify.seen import Seen
from feeds.verify.tamper import KINDS, tamper
from feeds.verify.verifier import verify
from tests.unit.feeds.records.house import FLEET, T0, House, device_of, grant, signer_of

KEYS: list[Verifier] = [signer_of(0).verifier, signer_of(1).verifier]
CAUGHT = {
    "edited": "leaf",
    "salt": "leaf",
    "dropped": "completeness",
    "truncated": "completeness",
    "reordered": "order",
    "backdated": "content",
    "resigned": "checkpoint",
    "forked": "checkpoint",
    "start": "completeness",
    "log": "completeness",
    "grant": "scope",
}


def checks(result: Result) -> set[str]:
    return {one.check for one in result.findings}


def test_what_was_exported_holds(exported: Path) -> None:
    result = verify(exported, KEYS)
    assert result.findings == []
    assert result.code == 0
    line = next(result.lines())
    assert line.startswith("All holds: 11 records in order under signed heads (log 0 of ")
    assert "no report of 2 devices in 2 starts was taken out" in line


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_forgery_is_caught_at_its_place(exported: Path, tmp_path: Path, kind: str) -> None:
    done = tamper(exported, tmp_path / "forged", kind)
    result = verify(tmp_path / "forged", KEYS)
    assert result.code == 1
    found = [one for one in result.findings if one.check == CAUGHT[kind]]
    assert found, list(result.lines())
    assert found[0].log == done.log
    if CAUGHT[kind] not in ("checkpoint", "completeness"):
        assert found[0].place == done.place
    assert "files" not in checks(result)  # the forger has made a whole export


@pytest.mark.parametrize("kind", ["dropped", "truncated"])
def test_a_report_that_is_missing_is_named(exported: Path, tmp_path: Path, kind: str) -> None:
    tamper(exported, tmp_path / "forged", kind)
    found = [one for one in verify(tmp_path / "forged", KEYS).findings if one.check == "completeness"]
    assert [(one.device, one.boot) for one in found] == [(found[0].device, "b1")]
    assert found[0].seq is not None
    assert found[0].device is not None
    assert found[0].device.startswith("unit-fleet-")


def test_a_fork_by_the_logs_owner_is_caught_by_who_saw_it_before(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    seen = Seen(path)
    assert verify(exported, KEYS, seen=seen).code == 0
    seen.save()
    done = tamper(exported, tmp_path / "forged", "forked", signer_of(0))
    forged = tmp_path / "forged"
    assert done.log == 0
    assert verify(forged, KEYS).code == 0  # who sees it first can't know
    result = verify(forged, KEYS, seen=Seen(path))
    assert [(one.check, one.log) for one in result.findings] == [("consistency", 0)]
    assert "forked" in result.findings[0].says


def test_a_fork_by_the_logs_owner_is_caught_by_a_witness(exported: Path, tmp_path: Path) -> None:
    witness = Signer("witness.example", b"\x09" * 32, COSIGNATURE)
    copy = tmp_path / "witnessed"
    shutil.copytree(exported, copy)
    for log in (0, 1):
        path = copy / "logs" / str(log) / "checkpoint"
        note = path.read_text()
        path.write_text(note + witness.cosign(note.partition("\n\n")[0] + "\n", T0 // 1000).line())
    reseal(copy)
    result = verify(copy, KEYS, [witness.verifier])
    assert result.findings == []
    assert "cosigned by witness.example" in next(result.lines())
    tamper(copy, tmp_path / "forged", "forked", signer_of(0))
    assert checks(verify(tmp_path / "forged", KEYS, [witness.verifier])) == {"witness"}


def test_a_quorum_of_the_witnesses_is_enough(exported: Path, tmp_path: Path) -> None:
    keys = [Signer(f"witness.example/{n}", bytes([n]) * 32, COSIGNATURE) for n in range(3)]
    copy = tmp_path / "witnessed"
    shutil.copytree(exported, copy)
    for log, signers in ((0, keys[:2]), (1, keys[1:])):
        path = copy / "logs" / str(log) / "checkpoint"
        note = path.read_text()
        text = note.partition("\n\n")[0] + "\n"
        path.write_text(note + "".join(one.cosign(text, T0 // 1000).line() for one in signers))
    reseal(copy)
    trusted = [one.verifier for one in keys]
    two = verify(copy, KEYS, trusted, quorum=2)
    assert two.findings == []
    assert "cosigned by witness.example/1" in next(two.lines())
    three = verify(copy, KEYS, trusted, quorum=3)
    assert [(one.check, one.log) for one in three.findings] == [("witness", 0), ("witness", 1)]
    assert checks(verify(copy, KEYS, [trusted[0], trusted[0]], quorum=1)) == {"witness"}  # log 1 has it not


def edited(exported: Path, into: Path, **words: object) -> Path:
    """A copy whose manifest tells another grant."""
    shutil.copytree(exported, into)
    made = orjson.loads((into / "manifest.json").read_bytes())
    made["feed"] |= words
    (into / "manifest.json").write_bytes(orjson.dumps(made))
    return into


@pytest.mark.parametrize(
    "words",
    [
        {"from_ms": 1},
        {"to_ms": T0 * 2},
        {"kinds": ["crossing", "report", "visit"]},
        {"consumer": "somebody"},
        {"purpose": "another"},
        {"assets": {"fleet": "fleet 0"}},
        {"tenant": "foreign"},
        {"expires_ms": T0 * 3},
        {"feed": "feed_0123"},
    ],
)
def test_other_words_than_those_that_were_granted_are_told(
    exported: Path, tmp_path: Path, words: dict[str, object]
) -> None:
    found = verify(edited(exported, tmp_path / "copy", **words), KEYS).findings
    says = [one.says for one in found if one.check == "scope" and one.place is None]
    assert len(says) == 1
    assert says[0].startswith("what it says was granted makes another feed's id: got feed_")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"from_ms": "0"}, "from_ms: got '0', want int"),
        ({"from_ms": True}, "from_ms: got True, want int"),
        ({"to_ms": 1.5}, "to_ms: got 1.5, want int or null"),
        ({"driver": 0}, "driver: got 0, want bool"),
        ({"kinds": ["report", 1]}, "kinds: got"),
        ({"kinds": ["report", ["crossing"]]}, "field missing or of another type"),
        ({"fields": "all"}, "fields: got 'all', want precise"),
        ({"assets": None}, "assets: got None, want str or dict"),
        ({"expires_ms": None}, "expires_ms: got None, want int"),
    ],
)
def test_a_grant_of_other_types_can_t_be_verified(
    exported: Path, tmp_path: Path, words: dict[str, object], says: str
) -> None:
    with pytest.raises(VerifyError, match=re.escape(says)):
        verify(edited(exported, tmp_path / "copy", **words), KEYS)


def without(folder: Path, into: Path, device: str | None = None, log: int | None = None) -> Path:
    """A copy, whole in itself, without the records of a device or of a log."""
    shutil.copytree(folder, into)
    table = pq.read_table(into / "records.parquet")
    rows = [row for row in table.to_pylist() if not (row["log"] == log or device_in(row) == device)]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), into / "records.parquet")
    made = orjson.loads((into / "manifest.json").read_bytes())
    reports = sum(row["kind"] == "report" for row in rows)
    made["counts"] |= {"records": len(rows), "reports": reports, "events": len(rows) - reports}
    (into / "manifest.json").write_bytes(orjson.dumps(made))
    reseal(into)
    return into


def device_in(row: dict[str, Any]) -> str | None:
    """The device of a report's row."""
    return cbor2.loads(row["content_head"])["device"] if row["kind"] == "report" else ""


def test_a_device_that_was_taken_out_whole_is_missed(exported: Path, tmp_path: Path) -> None:
    forged = without(exported, tmp_path / "forged", device=device_of(FLEET, 1), log=1)
    result = verify(forged, KEYS)
    (found,) = result.findings
    assert (found.check, found.log, found.device, found.boot) == (
        "completeness",
        1,
        device_of(FLEET, 1),
        "b1",
    )
    assert found.says == "4 reports of this start came, none is in the feed"
    assert any(one.startswith("of log.example/1 no record is in the feed") for one in result.notes)


def test_a_key_of_a_log_that_is_not_there_is_told(exported: Path, tmp_path: Path) -> None:
    assert not any("has no such log" in one for one in verify(exported, KEYS).notes)
    tamper(exported, tmp_path / "forged", "log")
    told = [one for one in verify(tmp_path / "forged", KEYS).notes if "has no such log" in one]
    assert told == ["a key of log.example/1 was given, the export has no such log"]


def signed(exported: Path, into: Path, by: Signer) -> Path:
    shutil.copytree(exported, into)
    sign(into / "manifest.json", by)
    return into


def test_a_manifest_that_a_log_signed_is_said(exported: Path, tmp_path: Path) -> None:
    assert any(one.startswith("the manifest is not signed") for one in verify(exported, KEYS).notes)
    result = verify(signed(exported, tmp_path / "signed", signer_of(1)), KEYS)
    assert result.findings == []
    assert "the manifest is signed by log.example/1" in result.holds
    assert not any("not signed" in one for one in result.notes)


def test_a_manifest_that_is_signed_can_t_be_changed(exported: Path, tmp_path: Path) -> None:
    folder = signed(exported, tmp_path / "signed", signer_of(0))
    made = orjson.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(orjson.dumps(made | {"made_ms": made["made_ms"] + 1}))
    (found,) = verify(folder, KEYS).findings
    assert (found.check, found.says) == ("manifest", "it is the signature of another manifest")
    (folder / "manifest.sig").write_bytes(b"\xff")
    assert checks(verify(folder, KEYS)) == {"manifest"}


def test_a_manifest_signed_by_a_stranger_is_told(exported: Path, tmp_path: Path) -> None:
    folder = signed(exported, tmp_path / "stranger", Signer("log.example/0", b"\x42" * 32))
    (found,) = verify(folder, KEYS).findings
    assert found.check == "manifest"
    assert found.says.startswith("no trusted signature: got log.example/0")
    reseal(folder)
    assert verify(folder, KEYS).findings == []  # unsigned again


def test_a_redacted_report_excuses_one_that_is_missing_and_no_more(house: House, tmp_path: Path) -> None:
    house.report(FLEET, number=1, count=4, log=1)
    house.seal()
    house.redact(0, 1)
    export(house.source, grant(kinds=["report"]), tmp_path / "export", T0)
    whole = verify(tmp_path / "export", KEYS)
    assert whole.findings == []
    assert any("1 records are redacted" in one for one in whole.notes)
    (place,) = (row["place"] for log, row in heads_in(tmp_path / "export") if (log, row["seq"]) == (1, 3))
    forged = tmp_path / "forged"
    shutil.copytree(tmp_path / "export", forged)
    drop(forged, 1, place)
    (found,) = verify(forged, KEYS).findings
    assert (found.check, found.device, found.seq) == ("completeness", device_of(FLEET, 1), 3)


def heads_in(folder: Path) -> list[tuple[int, dict[str, Any]]]:
    """Log, and the head with its place, of each report that shows it."""
    rows = pq.read_table(folder / "records.parquet").to_pylist()
    return [
        (row["log"], {**cbor2.loads(row["content_head"]), "place": row["place"]})
        for row in rows
        if row["content_head"] is not None and row["kind"] == "report"
    ]


def drop(folder: Path, log: int, place: int) -> None:
    """Take a report out, and make the rest fit."""
    table = pq.read_table(folder / "records.parquet")
    rows = [row for row in table.to_pylist() if (row["log"], row["place"]) != (log, place)]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), folder / "records.parquet")
    made = orjson.loads((folder / "manifest.json").read_bytes())
    made["counts"] |= {"records": len(rows), "reports": made["counts"]["reports"] - 1}
    (folder / "manifest.json").write_bytes(orjson.dumps(made))
    reseal(folder)


def reseal(folder: Path) -> None:
    from feeds.records.export import sealed

    made = orjson.loads((folder / "manifest.json").read_bytes())
    made.pop("files")
    sealed(folder, made)


def test_a_log_goes_on_from_what_was_seen(house: House, tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    export(house.source, grant(), tmp_path / "first", T0)
    seen = Seen(path)
    verify(tmp_path / "first", KEYS, seen=seen)
    seen.save()
    house.report(FLEET, count=5)
    house.seal()
    export(house.source, grant(), tmp_path / "second", T0)
    result = verify(tmp_path / "second", KEYS, seen=Seen(path))
    assert result.findings == []
    assert any(one.startswith("log 0 goes on from the ") for one in result.holds), result.holds
    newer = Seen(path)
    verify(tmp_path / "second", KEYS, seen=newer)
    newer.save()
    back = verify(tmp_path / "first", KEYS, seen=Seen(path))
    assert [(one.check, one.log) for one in back.findings] == [("consistency", 0)]
    assert "cut off" in back.findings[0].says


def test_redacted_records_keep_their_proof(house: House, tmp_path: Path) -> None:
    house.redact(0, 1)
    export(house.source, grant(), tmp_path / "export", T0)
    result = verify(tmp_path / "export", KEYS)
    assert result.findings == []
    assert any("1 records are redacted" in one for one in result.notes)


def test_a_feed_without_positions_says_what_was_not_checked(house: House, tmp_path: Path) -> None:
    export(house.source, grant(fields="crossings", kinds=["crossing"]), tmp_path / "export", T0)
    result = verify(tmp_path / "export", KEYS)
    assert result.findings == []
    assert any(one.startswith("derivation not checked: ") for one in result.notes)
    assert any(one.startswith("completeness not checked: ") for one in result.notes)


def test_a_changed_file_is_named(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    (copy / "assets.json").write_bytes(b"[]")
    (copy / "more.txt").write_bytes(b"")
    says = [one.says for one in verify(copy, KEYS).findings if one.check == "files"]
    assert says == [
        "assets.json is not the file that the manifest names",
        "more.txt is not named by the manifest",
    ]


def test_what_is_no_export_can_t_be_verified(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match=r"not an export: got no manifest\.json"):
        verify(tmp_path, KEYS)
    with pytest.raises(VerifyError, match="want a key for it"):
        verify(exported, KEYS[:1])
    (tmp_path / "manifest.json").write_bytes(b'{"format": 2}')
    with pytest.raises(VerifyError, match="got format 2, want 1"):
        verify(tmp_path, KEYS)


def test_two_processes_find_the_same(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tamper(exported, tmp_path / "forged", "edited")
    forged = tmp_path / "forged"
    pq.write_table(pq.read_table(forged / "records.parquet"), forged / "records.parquet", row_group_size=3)
    reseal(forged)
    one = verify(forged, KEYS, processes=1)
    monkeypatch.setattr("feeds.verify.verifier._POOL_ROWS", 1)
    two = verify(forged, KEYS, processes=2)
    assert two.plain() == one.plain()
    assert two.code == 1


def test_of_a_feed_that_begins_later_only_the_very_first_may_be_missing(house: House, tmp_path: Path) -> None:
    """A later start of the same device has all its reports in the period."""
    house.boots[device_of(FLEET)] = 2
    house.report(FLEET, count=3, t_ms=T0 + 60_000)
    house.seal()
    export(house.source, grant(kinds=["report"], from_ms=T0 + 1_000), tmp_path / "export", T0)
    result = verify(tmp_path / "export", KEYS)
    assert result.findings == []
    assert any(one.startswith("reports before the first one of each device") for one in result.notes)
    assert any(one.endswith("taken out between those that are there") for one in result.holds)
    first = next(
        row["place"] for log, row in heads_in(tmp_path / "export") if (log, row["boot"]) == (0, "b2")
    )
    drop(tmp_path / "export", 0, first)
    (found,) = verify(tmp_path / "export", KEYS).findings
    assert (found.check, found.boot, found.seq) == ("completeness", "b2", 0)
