"""An export verifies by its own files and the log's key alone; each forgery is caught where it was made."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest

from feeds.ledger.note import COSIGNATURE, Signer, Verifier
from feeds.records.export import export
from feeds.verify.finding import Result, VerifyError
from feeds.verify.seen import Seen
from feeds.verify.tamper import KINDS, tamper
from feeds.verify.verifier import verify
from tests.unit.feeds.records.house import FLEET, T0, House, grant, signer_of

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
    import pyarrow.parquet as pq

    tamper(exported, tmp_path / "forged", "edited")
    forged = tmp_path / "forged"
    pq.write_table(pq.read_table(forged / "records.parquet"), forged / "records.parquet", row_group_size=3)
    reseal(forged)
    one = verify(forged, KEYS, processes=1)
    monkeypatch.setattr("feeds.verify.verifier._POOL_ROWS", 1)
    two = verify(forged, KEYS, processes=2)
    assert two.plain() == one.plain()
    assert two.code == 1
