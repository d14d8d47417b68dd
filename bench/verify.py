"""The verifier on two cores: signed reports of 10 samples, with and without the signed bytes shown.

CPU time of all processes, as two cores would share it; the start of the processes is told apart. Beside it in
the same run: SHA-256 alone over the same contents, and as many bare Ed25519 checks.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.ledger import SIGNER, frame, whole
from bench.report import Row, parser, tell
from feeds.completeness import Around, Start, statement
from feeds.grants import Grant
from feeds.grants.assets import ALWAYS
from feeds.grants.grant import checked
from feeds.ledger.reading import LedgerReader
from feeds.records.beside import Beside
from feeds.records.columns import GROUPS, SCHEMA, table
from feeds.records.content import head_of
from feeds.records.export import RECORDS, manifest, sealed, write_beside, write_log
from feeds.records.page import Page, Record, heads_of, read_page
from feeds.records.surroundings import Told
from feeds.records.tilesof import tiles_for
from feeds.verify.batch import Batches
from feeds.verify.verifier import verify
from streams.codec import decode_frame, encode_frame
from streams.records import Frame
from streams.signing import cose, keys

CORES = 2
REPORTS = 40_000
PAGE = 2_000
NOW_MS = 1_795_330_800_000


def signed(body: bytes, key: Ed25519PrivateKey, last: dict[str, bytes]) -> bytes:
    """The frame with every report signed by ``key`` around its positions; ``last``: hashes by device."""
    made = decode_frame(body)
    alg, public = keys.public_of(key)
    kid = keys.key_id(public)
    reports = made.reports.to_pylist()
    lon, lat, t = (made.samples[name].to_pylist() for name in ("lon_e7", "lat_e7", "t_ms"))
    at = 0
    for row in reports:
        ends = at + row["samples"]
        row["prev"] = last.get(row["device"])
        said = {"v": 1, **{name: row[name] for name in ("boot", "boot_n", "seq", "prev")}, "t": t[at:ends]}
        if lon[at] is not None:
            said |= {"lon": [x / 1e7 for x in lon[at:ends]], "lat": [y / 1e7 for y in lat[at:ends]]}
        said["rpm"] = list(range(60))
        aad = f"corridor/v1/{row['device']}/report".encode()
        raw = cose.write(keys.ALGORITHMS[alg], kid.encode(), aad, cbor2.dumps(said), key.sign)
        row |= {"raw": raw, "hash": sha256(raw).digest(), "signature": 1, "key": kid, "form": 3}
        last[row["device"]] = row["hash"]
        at = ends
    return encode_frame(
        Frame(pa.RecordBatch.from_pylist(reports, made.reports.schema), made.samples, made.extras)
    )


def write(folder: Path, into: Path, driver: bool, device_keys: list[dict[str, Any]]) -> int:
    """An export of the log in ``folder``; returns its records."""
    into.mkdir()
    reader = LedgerReader(folder)
    heads = heads_of([reader])
    asked: dict[str, Any] = {
        "consumer": "insurer",
        "purpose": "bench",
        "assets": "tenant",
        "kinds": ["report"],
    }
    asked |= {"fields": "precise", "driver": driver, "from_ms": 0, "to_ms": None, "expires_ms": NOW_MS * 2}
    words = checked("main", asked)
    grant = Grant.of(words["feed"], "main", {**words, "granted_ms": NOW_MS})
    starts: dict[str, dict[str, Start]] = {}
    assets = [f"asset_{n:024x}" for n in range(1_000)]
    for device in {one["device"] for one in device_keys}:
        starts[device] = reader.starts(device)
    around = {d: Around.of(starts[d], [k for k in device_keys if k["device"] == d]) for d in starts}

    def told(page: Page) -> list[Told | None]:
        return [of(record) for record in page.records]

    def of(record: Record) -> Told:
        assert record.opening is not None
        head = head_of(record.opening.shown["head"][1])
        own = around[head["device"]]
        by = "device" if driver else "gateway"
        return Told({**own.assurance(head).plain(), "vouched_by": by}, own.completeness(head))

    places: list[int] = []
    at: tuple[int, ...] = (0,)
    with pq.ParquetWriter(into / RECORDS, SCHEMA, compression="zstd") as writer:
        more = True
        while more:
            page = read_page([reader], heads, grant, dict.fromkeys(assets, ALWAYS), at, PAGE)
            writer.write_table(table(page, told))
            places += [one.kept.place for one in page.records]
            at, more = page.places, page.more
    write_log(into, heads[0], tiles_for(lambda tile: reader.served(tile.path), heads[0].size, places))
    told_of = [statement(device, boot, starts[device]) for device in starts for boot in starts[device]]
    write_beside(into, Beside(device_keys, told_of, [], {"versions": []}, {}))
    counts = {"records": len(places), "reports": len(places), "events": 0, "redacted": 0}
    sealed(into, manifest(grant, heads, {0: str(SIGNER.verifier)}, "", counts, NOW_MS))
    reader.close()
    return len(places)


@contextmanager
def cpu(spent: dict[str, float], what: str) -> Iterator[None]:
    """CPU and clock time of this process and of those that ended within the block."""

    def now() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in used)

    before, begun = now(), time.perf_counter()
    yield
    spent[what], spent[f"{what} clock"] = now() - before, time.perf_counter() - begun


def proofs(folder: Path) -> float:
    """CPU s of one process for commitments and inclusion alone, of all records of an export."""
    spent = 0.0
    plain = {name: getattr(Batches, name) for name in ("_plain", "_opened", "_in_tree")}

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*words: Any) -> Any:
            nonlocal spent
            begun = time.process_time()
            found = method(*words)
            spent += time.process_time() - begun
            return found

        return run

    for name, method in plain.items():
        setattr(Batches, name, timed(method))
    try:
        verify(folder, [SIGNER.verifier], processes=1)
    finally:
        for name, method in plain.items():
            setattr(Batches, name, method)
    return spent


def main() -> int:
    """Write both exports, verify them, tell."""
    options = parser(__doc__, 30.0).parse_args()
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    _, public = keys.public_of(key)
    own = {
        "id": keys.key_id(public),
        "alg": "EdDSA",
        "public": keys.encode(public),
        "from_ms": 0,
        "revoked_ms": None,
    }
    device_keys = [{"device": f"unit-{n}", **own} for n in range(1_000)]
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        last: dict[str, bytes] = {}
        bodies = [signed(frame(first), key, last) for first in range(0, REPORTS, 200)]
        whole(folder / "whole", bodies, {}).book.close()
        source = merged(folder / "whole")
        for name, driver in (("hashes", False), ("signatures", True)):
            count = write(source, folder / name, driver, device_keys)
            with cpu(spent, name):
                result = verify(folder / name, [SIGNER.verifier], processes=CORES)
            if result.code:
                print("\n".join([*result.lines()][:5]), file=sys.stderr)
                return 1
        spent["proofs"] = proofs(folder / "hashes")
        with cpu(spent, "start"):
            for _ in range(CORES):  # a process that is started by this one imports what it is made of
                subprocess.run([sys.executable, "-c", "import bench.verify"], check=True)
        columns = pq.read_table(folder / "hashes" / RECORDS).to_pydict()
        contents = [one for group in GROUPS for one in columns[f"content_{group}"] if one is not None]
        with cpu(spent, "bare hashes"):
            for one in contents:
                sha256(one).digest()
        message, pair = bytes(1_000), (own["alg"], public)
        signature = key.sign(message)
        with cpu(spent, "bare signatures"):
            for _ in range(5_000):
                keys.holds(str(pair[0]), pair[1], message, signature)
    each = count / ((spent["hashes"] - spent["start"]) / CORES)
    both = count / ((spent["signatures"] - spent["start"]) / CORES)
    bare = count / (spent["bare hashes"] / CORES)
    checks = 5_000 / (spent["bare signatures"] / CORES)
    alone = count / (max(1e-9, spent["signatures"] - spent["hashes"]) / CORES)
    tell(
        "verify",
        [
            Row(
                "entries: groups, places, assurance; two cores",
                each,
                "entries/s",
                "SHA-256 alone",
                each / bare,
            ),
            Row("commitments and places alone, two cores", count / (spent["proofs"] / CORES), "entries/s"),
            Row("all of it by the clock of this machine", count / spent["hashes clock"], "entries/s"),
            Row("start of the processes", spent["start"], "s of CPU"),
            Row("entries and device signatures", both, "entries/s"),
            Row("device signatures, what they add", alone, "signatures/s", "bare Ed25519", alone / checks),
            Row("contents hashed an entry", len(contents) / count, "groups"),
        ],
        options.json,
    )
    return 0


def merged(folder: Path) -> Path:
    """The folder as ``LedgerReader`` reads it: book, log and key in one."""
    for path in (folder / "log").rglob("*"):
        if path.is_file():
            to = folder / path.relative_to(folder / "log")
            to.parent.mkdir(parents=True, exist_ok=True)
            path.replace(to)
    return folder


if __name__ == "__main__":
    sys.exit(main())
