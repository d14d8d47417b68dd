"""Names, widths and bytes of tiles and bundles: published vectors, and tiles that nobody vouches for."""

from __future__ import annotations

import contextlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.ledger import merkle
from feeds.ledger.errors import FormatError, LedgerError, ProofError
from feeds.ledger.tiles import ENTRIES, Tile, pack, parse_path, tiles_of, unpack, width_at
from feeds.ledger.tree import TileNodes, VerifiedNodes
from tests.unit.feeds.ledger.logs import Files, tiled

WORDS = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
BUNDLE = (
    "00036f6e65000374776f000574687265650004666f757200046669766500037369780005736576656e000365697400046e61696e"
    "000374656e0006696c6576656e00057477656c660008746872656574656e0007666f757274656e000666697674656e"
)
NUMBERS = [str(i).encode() for i in range(70_000)]
LARGE = tiled(NUMBERS)


def test_the_bundle_of_fifteen_words() -> None:
    assert pack(WORDS).hex() == BUNDLE
    assert unpack(bytes.fromhex(BUNDLE), 15) == WORDS


@pytest.mark.parametrize(
    ("level", "number", "size", "path"),
    [
        (ENTRIES, 0, 256, "tile/entries/000"),
        (ENTRIES, 0, 255, "tile/entries/000.p/255"),
        (ENTRIES, 1, 257, "tile/entries/001.p/1"),
        (ENTRIES, 0, 257, "tile/entries/000"),
        (ENTRIES, 123_456_789, 123_456_790 * 256, "tile/entries/x123/x456/789"),
    ],
)
def test_paths_of_bundles(level: int, number: int, size: int, path: str) -> None:
    tile = Tile(level, number, width_at(level, number, size))
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(15, 455_667), "tile/15/x455/667"),
        (Tile(15, 123_456_789, 41), "tile/15/x123/x456/789.p/41"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(63, 999_999_999_999_999_999, 255), "tile/63/x999/x999/x999/x999/x999/999.p/255"),
    ],
)
def test_paths_of_tiles(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/x001/x234/067.p/",
        "tile/0/x001/x234/067.p",
        "tile/0/x001/x234/",
        "tile/0/x001/x234",
        "tile/0/x001/",
        "tile/0/x001",
        "tile/1/x001/.p/abc",
        "tile/64/x001/002",
        "tile/-1/x001/002",
        "tile/abc/x001/002",
        "tile/8/001/002",
        "tile/8/x001/0002",
        "tile/8/x001/-002",
        "tile/8/x001/002.p/256",
        "tile/63/x999/x999/x999/x999/x999/x999/999",
        "tile/00/000",
        "tile/0/x000/000",
        "tile/0/000.p/0",
        "tile/0/000.p/07",
        "tile/0/\u0660\u0660\u0660",
        "",
        "checkpoint",
    ],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(FormatError):
        parse_path(path)


@given(st.integers(-1, 63), st.integers(0, 999_999_999_999_999_999), st.integers(1, 256))
def test_every_name_comes_back(level: int, number: int, width: int) -> None:
    tile = Tile(level, number, width)
    assert parse_path(tile.path) == tile


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_refused_with_a_reason(text: str) -> None:
    for path in (text, f"tile/{text}", f"tile/0/{text}"):
        with contextlib.suppress(FormatError):  # refused, and by nothing else
            assert parse_path(path).path == path


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("tile/0/000", "b9704a8bfbee2c61185ceb38904a49f3f703c81e194b5b2ccdc254c2bdaaa62b"),
        ("tile/0/272", "c2f1c18b351a6cde9fbab7bd56276cb209b7dabaf10512b6fc863db3ef9a76b2"),
        ("tile/0/273.p/112", "4d21244557c976993a9a89bf928a46b5a876585228df279878239fd84489e5a5"),
        ("tile/1/000", "ea7b038bc73489c89c31a27ac355aaca65a4ed73f0dd7484e68deb29d30f10a2"),
        ("tile/1/001.p/17", "adfaca2731630fe7944a4b98a0f98ef3e98685eafda09e6f81070218fb759ce4"),
        ("tile/2/000.p/1", "f0113c8bad855b49f9a5dd661d50012cd94f19aae87a45eb8334666835e3caea"),
        ("tile/entries/000", "94693d5c6d6a0355ec07bac8214516c1ce6a5100b0588f226fd95f26571157d7"),
        ("tile/entries/273.p/112", "36c3ec44895d1b8098dbe8523078d6750bf09e0f12cd64671ebfe165b7647405"),
    ],
)
def test_tiles_of_70000(name: str, digest: str) -> None:
    assert sha256(LARGE[name]).hexdigest() == digest


def test_how_many_tiles_70000_entries_have() -> None:
    assert len(list(tiles_of(70_000))) == 277


@pytest.mark.parametrize(
    ("size", "root"),
    [
        (256, "828515d033c19d8c901f37eccb8aed919667703486f8d2fff1cf7040321c5db1"),
        (257, "1eda049a4351d86f76252bd7ec0b7746ad75b7fa0316ad5f541dbda458a312c4"),
        (65_000, "7b4fec2a02f6562fc4e34ea3d080d57f7154c0f32458efc75fa90413c00c6bf8"),
        (65_536, "f025d06ed804859fd274a1bdacadd6e48ea87634aa91e1edb20143f9498cd02b"),
        (70_000, "1a4cdfcb66374a0c0dcbef49acbd4976d13ee864fb3cb241fc943cad04f02f7e"),
    ],
)
def test_roots_of_prefixes(size: int, root: str) -> None:
    assert TileNodes(Files(tiled(NUMBERS[:size])), size).root().hex() == root


@given(st.sampled_from(sorted(LARGE)), st.integers(0, 8_191), st.integers(0, 7), st.integers(0, 69_999))
def test_a_changed_tile_is_never_used(name: str, at: int, bit: int, index: int) -> None:
    root = TileNodes(Files(LARGE), 70_000).root()
    broken = bytearray(LARGE[name])
    broken[at % len(broken)] ^= 1 << bit
    want = merkle.inclusion_proof(index, 70_000, TileNodes(Files(LARGE), 70_000))
    try:
        nodes = VerifiedNodes(Files(LARGE | {name: bytes(broken)}), 70_000, root)
        got = merkle.inclusion_proof(index, 70_000, nodes)
    except ProofError:
        return
    assert got == want


def test_a_tile_that_is_changed_is_named() -> None:
    root = TileNodes(Files(LARGE), 70_000).root()
    broken = LARGE["tile/0/048"][:-1] + b"\0"
    nodes = VerifiedNodes(Files(LARGE | {"tile/0/048": broken}), 70_000, root)
    with pytest.raises(ProofError, match="tile/0/048 is not of this tree"):
        merkle.inclusion_proof(12_345, 70_000, nodes)


def test_another_root_is_refused_at_once() -> None:
    with pytest.raises(ProofError, match="do not make the root"):
        VerifiedNodes(Files(LARGE), 70_000, bytes(32))


def test_a_missing_tile_is_told() -> None:
    with pytest.raises(LedgerError, match=r"no tile/2/000\.p/1"):
        TileNodes(Files({}), 70_000).root()


def test_a_proof_reads_few_tiles() -> None:
    files = Files(LARGE)
    merkle.inclusion_proof(12_345, 70_000, TileNodes(files, 70_000))
    assert files.reads == 4  # 000.p/1 of level 2, two of level 1, one of level 0


@pytest.mark.parametrize(
    ("data", "width", "reason"),
    [
        (b"\x00", 1, "ends within the length"),
        (b"\x00\x05abc", 1, "ends within entry 0"),
        (b"\x00\x01a", 2, "got 1 entries"),
        (b"\x00\x01a\x00\x01b", 1, "got 1 entries and 3 bytes more"),
    ],
)
def test_broken_bundles(data: bytes, width: int, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        unpack(data, width)


def test_an_entry_that_is_too_long() -> None:
    with pytest.raises(FormatError, match="got 65536 bytes"):
        pack([bytes(65_536)])


@given(st.binary(max_size=300), st.integers(1, 256))
def test_any_bytes_are_a_bundle_or_refused(data: bytes, width: int) -> None:
    with contextlib.suppress(FormatError):  # refused, and by nothing else
        assert pack(unpack(data, width)) == data
