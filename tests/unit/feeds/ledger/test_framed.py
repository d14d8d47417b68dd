"""Reports sealed a frame at a time: the very bytes that sealing each by itself makes."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.ledger import sha
from feeds.ledger.cbor import group_map
from feeds.ledger.entry import SALT_BYTES, EntryKind, seal
from feeds.ledger.errors import FormatError
from feeds.ledger.framed import FrameReports, sound
from streams.codec import decode_frame, encode_frame
from streams.records import EXTRAS, Form
from tests.unit.feeds.ledger.naive import groups_of
from tests.unit.feeds.ledger.test_writer import _batch, frame

HALVES = st.integers(-2_000, 2_000).map(lambda n: n * 1_000_000 + 500_000)
INT32 = st.integers(-(2**31) + 1, 2**31 - 1) | HALVES
ORDER = ("whole", "place", "coarse", "signals", "driver", "facts", "head")


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


FACT = {"kind": st.sampled_from(["driver", "seal", "no_coverage"]), "t": st.integers(0, 9)}
FACTS = st.lists(st.fixed_dictionaries(FACT))
SAMPLES_ = st.fixed_dictionaries(
    {
        "t_ms": st.integers(0, 2**45),
        "lon_e7": maybe(INT32),
        "lat_e7": maybe(INT32),
        "alt_mm": maybe(INT32),
        "sats": maybe(st.integers(0, 99)),
        "fix": maybe(st.integers(0, 3)),
        "odometer_mm": maybe(st.integers(0, 2**60)),
        "engine_rpm": maybe(st.floats(allow_nan=False)),
        "extras": st.dictionaries(st.sampled_from(["a", "tyre_kpa"]), st.floats(allow_nan=False), max_size=2),
    }
)
REPORTS_ = st.fixed_dictionaries(
    {
        "device": st.text(min_size=1, max_size=30),
        "asset": st.sampled_from(["asset_1", "asset_2"]),
        "boot": st.text(max_size=4),
        "boot_n": maybe(INT32),
        "seq": st.integers(0, 2**62),
        "prev": maybe(st.binary(min_size=32, max_size=32)),
        "received_ms": st.integers(0, 2**45),
        "form": st.sampled_from(list(Form)),
        "facts": maybe(FACTS.map(lambda facts: orjson.dumps(facts).decode())),
        "raw": st.binary(max_size=70_000) | st.binary(max_size=300),
        "signature": maybe(st.integers(0, 2)),
        "key": maybe(st.sampled_from(["0123456789abcdef", "fedcba9876543210"])),
        "samples": st.lists(SAMPLES_, max_size=3),
    }
)


def same(frames: list[list[dict[str, Any]]], conflict: list[bool], taken: list[int]) -> None:
    """Frames, which have to be alike, sealed at once and each of their reports by itself."""
    made = [decode_frame(encode_frame(frame(*reports))) for reports in frames]
    looked = [sound(one, 2**63 + at) for at, one in enumerate(made)]
    assert all(one.alike(looked[0]) for one in looked)
    sealed = FrameReports(looked).seal(taken, conflict, 65_535, os.urandom)
    places = [(at, number) for at, reports in enumerate(frames) for number in range(len(reports))]
    for row, disputed, one in zip(taken, conflict, sealed, strict=True):
        at, number = places[row]
        groups = groups_of(made[at], number, "conflict" if disputed else "new")
        assert len(one.salts) == SALT_BYTES * len(groups)
        assert one.groups == group_map({name: groups[name] for name in ORDER if name in groups})
        assert one.entry == seal(EntryKind.REPORT, 65_535, 2**63 + at, number, groups, one.salts).entry


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_frames_sealed_at_once_are_their_reports_sealed_one_by_one(data: st.DataObject) -> None:
    frames = data.draw(st.lists(st.lists(REPORTS_, min_size=1, max_size=4), min_size=1, max_size=3))
    looked = [sound(frame(*reports), 1) for reports in frames]
    frames = [reports for reports, one in zip(frames, looked, strict=True) if one.alike(looked[0])]
    count = sum(map(len, frames))
    taken = sorted(data.draw(st.sets(st.integers(0, count - 1), max_size=5)))
    same(frames, [data.draw(st.booleans()) for _ in taken], taken)


def test_hashes_are_the_same_without_openssls_own_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = orjson.dumps([{"kind": "driver", "t": 1}, {"kind": "seal", "t": 2}]).decode()
    sample = {"t_ms": 5, "lon_e7": 1, "lat_e7": 2, "extras": {"a": 1.0}}
    first: dict[str, Any] = {"seq": 1, "facts": facts, "samples": [sample]}
    monkeypatch.setattr(sha, "FOUND", False)
    same([[first, {"seq": 2}, {"seq": 3, "raw": bytes(70_000)}]], [False, True, False], [0, 1, 2])


def test_openssls_own_functions_are_found_here() -> None:
    """Without them it is as right and half as fast."""
    assert sha.FOUND


def test_what_is_judged_of_a_report() -> None:
    raw, prev = b"raw", sha256(b"before").digest()
    told = orjson.dumps([{"kind": "seal", "t": 2}]).decode()
    made = frame(
        {"seq": 7, "raw": raw, "prev": prev, "facts": told, "samples": [{"t_ms": 1_799_999_999_000}]},
        {"seq": 8, "boot_n": None, "form": Form.NMEA, "device": "unit-2"},
    )
    first, second = FrameReports([sound(decode_frame(encode_frame(made)), 1)]).rows
    assert first[:4] == ("unit-1", "b1", 7, sha256(raw).digest())
    assert (first.t_ms, first.prev, first.boot_n, first.counted) == (1_799_999_999_000, prev, 4, True)
    assert (first.facts, first.spans) == (groups_of(made, 0, "new")["facts"], [(1_799_999_999_000,) * 2])
    assert (second.device, second.t_ms) == ("unit-2", 1_800_000_000_000)
    assert (second.prev, second.boot_n) == (None, None)
    assert (second.counted, second.facts, second.spans) == (False, None, [])


def test_a_frame_whose_further_signals_belong_to_nobody() -> None:
    made = frame({"seq": 1, "samples": [{"t_ms": 5}]})
    astray = replace(made, extras=_batch([{"sample": 1, "name": "a", "value": 1.0}], EXTRAS))
    with pytest.raises(FormatError, match="point outside"):
        sound(astray, 1)


def test_nothing_taken_is_nothing_sealed() -> None:
    assert FrameReports([sound(frame({"seq": 1}), 1)]).seal([], [], 0, os.urandom) == []


def test_frames_with_other_columns_of_the_bus_are_not_alike() -> None:
    sample = {"t_ms": 5, "lon_e7": 1, "lat_e7": 2}
    plain, again = (sound(frame({"seq": seq, "samples": [sample]}), seq) for seq in (1, 2))
    bus = sound(frame({"seq": 3, "samples": [sample | {"battery_v": 24.5}]}), 3)
    assert (plain.alike(again), plain.alike(bus)) == (True, False)
