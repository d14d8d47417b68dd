"""A start as bytes: most are one run without a fault, which a fixed row holds; all others are CBOR. Pure."""

from __future__ import annotations

import struct
from typing import Final

import cbor2

from feeds.completeness.start import Run, Start

_ROW: Final = struct.Struct("<BBqqqq32s32s32sqqqq")
_MARK: Final = 0  # no CBOR list begins so
_LINKED, _PREV, _ROOT, _BEGUN, _COUNTED, _UNLINKED, _COVERED = (1 << n for n in range(7))
_NONE: Final = [0, 0]
_HASH: Final = 32
_PLAIN: Final = tuple(name for name in Start.__dataclass_fields__ if name != "runs")


def pack(start: Start) -> bytes:
    """The bytes that ``unpack`` reads."""
    runs, unlinked, covered = start.runs, start.unlinked, start.covered
    few = len(runs) == 1 and len(unlinked) < 2 and len(covered) < 2
    if few and not (start.broken or start.said or start.lost or start.conflicts or start.floor):
        run, root = runs[0], start.root
        prev = run.prev
        if len(run.hash) == _HASH and (prev is None or len(prev) == _HASH) and len(root or run.hash) == _HASH:
            flags = (
                start.linked * _LINKED
                | (prev is not None) * _PREV
                | bool(root) * _ROOT
                | (root is not None) * _BEGUN
                | (start.boot_n is not None) * _COUNTED
                | bool(unlinked) * _UNLINKED
                | bool(covered) * _COVERED
            )
            ends = (*(unlinked[0] if unlinked else _NONE), *(covered[0] if covered else _NONE))
            row = (start.boot_n or 0, start.doubled, run.first, run.last, prev or b"", run.hash, root or b"")
            return _ROW.pack(_MARK, flags, *row, *ends) + "\n".join((start.tenant, *start.vins)).encode()
    plain = [getattr(start, name) for name in _PLAIN]
    return cbor2.dumps([1, [[run.first, run.last, run.prev, run.hash] for run in runs], *plain])


def unpack(data: bytes) -> Start:
    """The start. Raises ValueError for what ``pack`` did not make."""
    if data[:1] == bytes([_MARK]) and len(data) >= _ROW.size:
        return _whole(data)
    try:
        version, runs, *plain = cbor2.loads(data)
        if version != 1:
            raise ValueError(f"got version {version}, want 1")
        return Start(runs=[Run(*run) for run in runs], **dict(zip(_PLAIN, plain, strict=True)))
    except (TypeError, ValueError, cbor2.CBORError) as error:
        raise ValueError(f"what was kept of a start: {error}") from None


def _whole(data: bytes) -> Start:
    _, flags, boot_n, doubled, first, last, prev, hash_, root, *ends = _ROW.unpack_from(data)
    start = Start(
        boot_n=boot_n if flags & _COUNTED else None,
        doubled=doubled,
        linked=bool(flags & _LINKED),
        runs=[Run(first, last, prev if flags & _PREV else None, hash_)],
        unlinked=[ends[:2]] if flags & _UNLINKED else [],
        covered=[ends[2:]] if flags & _COVERED else [],
    )
    if flags & _BEGUN:
        start.root = root if flags & _ROOT else b""
    start.tenant, *start.vins = data[_ROW.size :].decode().split("\n")
    return start
