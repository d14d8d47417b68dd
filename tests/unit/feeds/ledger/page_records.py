"""Records and their proofs as the page's tests read them: made here, by the code that makes them for feeds.

``python -m tests.unit.feeds.ledger.page_records`` writes the file anew.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import orjson

from feeds.ledger import merkle
from feeds.ledger.checkpoint import Checkpoint
from feeds.ledger.entry import EntryKind, commitment, salts_of, seal
from feeds.ledger.note import COSIGNATURE, Signer
from feeds.ledger.proof import Proof
from feeds.ledger.reports import PLACE

FILE = Path(__file__).parents[4] / "web" / "test" / "data" / "records.json"
_SIZE, _REPORT, _EVENT = 11, 6, 10


def _salts(count: int) -> bytes:
    return b"".join(sha256(b"salt %d" % n).digest()[:16] for n in range(count))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _record(
    place: int, kind: str, groups: dict[str, bytes], hidden: set[str]
) -> tuple[bytes, dict[str, Any]]:
    salts = _salts(len(groups))
    sealed = seal(EntryKind.REPORT if kind == "report" else EntryKind.EVENT, 0, 40, place, groups, salts)
    by_name = salts_of(list(groups), salts)
    told = {
        name: {"commitment": _text(commitment(name, by_name[name], content))}
        if name in hidden
        else {"salt": _text(by_name[name]), "content": _text(content)}
        for name, content in groups.items()
    }
    entry = {"log": 0, "place": place, "kind": kind, "asset": "asset_a", "t_ms": 1_795_000_000_000}
    return sealed.entry, {**entry, "entry": _text(sealed.entry), "groups": told}


def made() -> dict[str, Any]:
    """A log of eleven entries; a report and an event of it, opened in part, and the keys."""
    rows = np.zeros(2, PLACE)
    rows["lon_e7"], rows["lat_e7"] = 1_016_900_000, 211_800_000
    report = {
        "whole": b"\xd2 as it came",
        "head": cbor2.dumps({"device": "unit-7", "seq": 3}),
        "place": rows.tobytes(),
        "driver": cbor2.dumps([{"kind": "driver", "id": "D1"}]),
    }
    event = {"whole": b"{}", "head": b'{"kind":"crossing"}', "body": b'{"gate":"mohan-boten"}'}
    event["place"] = b'{"/lat_e7":211800000,"/lon_e7":1016900000}'
    log = Signer("corridor-test/ledger/0", bytes(range(32)))
    witness = Signer("witness.example", bytes(range(32, 64)), COSIGNATURE)
    entries = [sha256(b"entry %d" % n).digest() for n in range(_SIZE)]
    entries[_REPORT], first = _record(_REPORT, "report", report, {"whole", "driver"})
    entries[_EVENT], second = _record(_EVENT, "crossing", event, {"whole"})
    levels = [merkle.leaf_hashes(entries)]
    while len(levels[-1]) > 1:
        levels.append(merkle.level_above(levels[-1][: len(levels[-1]) & ~1]))

    def node(level: int, index: int) -> bytes:
        return levels[level][index]

    head = Checkpoint(log.name, _SIZE, merkle.root(_SIZE, node))
    signed = head.signed(log).format() + witness.cosign(head.text(), 1_795_000_060).line()
    for place, record in ((_REPORT, first), (_EVENT, second)):
        hashes = tuple(merkle.inclusion_proof(place, _SIZE, node))
        record["proof"] = Proof(place, hashes, signed).format()
    return {"keys": [str(log.verifier)], "witnesses": [str(witness.verifier)], "records": [first, second]}


def text() -> bytes:
    """The file."""
    return orjson.dumps(made(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(text())
