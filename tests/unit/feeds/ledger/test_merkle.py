"""Hashes and proofs: published vectors, 196 cases of others, and a naive tree as reference."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger import merkle
from feeds.ledger.errors import ProofError
from feeds.ledger.tree import TileNodes
from tests.unit.feeds.ledger.logs import Files, tiled
from tests.unit.feeds.ledger.reference import mth, path, subproof

DATA = Path(__file__).parents[3] / "data" / "merkle"
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
NUMBERS = [str(i).encode() for i in range(70_000)]


def cases(folder: str) -> list[Path]:
    return sorted((DATA / folder).rglob("*.json"))


def decoded(value: str | None) -> bytes:
    return base64.b64decode(value or "")


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_leaves(size: int) -> None:
    nodes = TileNodes(Files(tiled(LEAVES[:size])), size)
    assert merkle.root(size, nodes).hex() == ROOTS[size]


def test_leaf_hash_of_hello_world() -> None:
    want = "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0="
    assert base64.b64encode(merkle.leaf_hash(b"hello world")).decode() == want


def test_all_cases_are_there() -> None:
    assert len(cases("inclusion")) == 98
    assert len(cases("consistency")) == 98


@pytest.mark.parametrize("file", cases("inclusion"), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_inclusion_case(file: Path) -> None:
    case = json.loads(file.read_text())
    args = (
        decoded(case["leafHash"]),
        case["leafIdx"],
        case["treeSize"],
        [decoded(one) for one in case["proof"] or []],
        decoded(case["root"]),
    )
    if case["wantErr"]:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(*args)
    else:
        merkle.verify_inclusion(*args)


@pytest.mark.parametrize("file", cases("consistency"), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_consistency_case(file: Path) -> None:
    case = json.loads(file.read_text())
    args = (
        case["size1"],
        case["size2"],
        [decoded(one) for one in case["proof"] or []],
        decoded(case["root1"]),
        decoded(case["root2"]),
    )
    if case["wantErr"]:
        with pytest.raises(ProofError):
            merkle.verify_consistency(*args)
    else:
        merkle.verify_consistency(*args)


@given(st.data())
def test_proofs_are_those_of_a_naive_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    entries = NUMBERS[:size]
    nodes = TileNodes(Files(tiled(entries)), size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, nodes)
    assert proof == path(index, entries)
    root = mth(entries)
    assert merkle.root(size, nodes) == root
    merkle.verify_inclusion(merkle.leaf_hash(entries[index]), index, size, proof, root)

    smaller = data.draw(st.integers(1, size))
    steps = merkle.consistency_proof(smaller, size, nodes)
    assert steps == subproof(smaller, entries)
    merkle.verify_consistency(smaller, size, steps, mth(entries[:smaller]), root)


@given(st.data())
def test_no_changed_proof_holds(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    nodes = TileNodes(Files(tiled(NUMBERS[:size])), size)
    root = merkle.root(size, nodes)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, nodes)
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    broken = bytearray(proof[at])
    broken[bit // 8] ^= 1 << bit % 8
    bad = [*proof[:at], bytes(broken), *proof[at + 1 :]]
    with pytest.raises(ProofError):
        merkle.verify_inclusion(merkle.leaf_hash(NUMBERS[index]), index, size, bad, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root)


def test_proofs_of_the_tree_of_70000() -> None:
    nodes = TileNodes(Files(tiled(NUMBERS)), 70_000)
    proof = merkle.inclusion_proof(12_345, 70_000, nodes)
    assert len(proof) == 17
    want = "15e3537b4677d40e7f98553df49a1f00747bdfcd478b0592c64864516e6b1f91"
    assert sha256(b"".join(proof)).hexdigest() == want
    last = merkle.inclusion_proof(69_999, 70_000, nodes)
    assert len(last) == 9
    assert last[-1].hex() == "f025d06ed804859fd274a1bdacadd6e48ea87634aa91e1edb20143f9498cd02b"
    steps = merkle.consistency_proof(65_000, 70_000, nodes)
    assert len(steps) == 15
    want = "be13b300f885958be5acf86b7d8c914066a7e6a7fe0b7aeea7347ce4401d9b3d"
    assert sha256(b"".join(steps)).hexdigest() == want
    older = bytes.fromhex("7b4fec2a02f6562fc4e34ea3d080d57f7154c0f32458efc75fa90413c00c6bf8")
    merkle.verify_consistency(65_000, 70_000, steps, older, merkle.root(70_000, nodes))


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0)])
def test_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    nodes = TileNodes(Files(tiled(NUMBERS[:size])), size)
    with pytest.raises(ProofError, match="no leaf"):
        merkle.inclusion_proof(index, size, nodes)


@pytest.mark.parametrize(("size", "larger"), [(0, 3), (4, 3)])
def test_no_consistency_proof_for_impossible_sizes(size: int, larger: int) -> None:
    nodes = TileNodes(Files(tiled(NUMBERS[:larger])), larger)
    with pytest.raises(ProofError, match="no consistency"):
        merkle.consistency_proof(size, larger, nodes)
