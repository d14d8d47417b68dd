"""The parts of a workbook (.xlsx): a zip of XML, opened with limits.

A bomb is refused by the sizes that the zip declares, and no part gives more bytes than it declared. XML is
parsed in pieces; a part with a DOCTYPE, and with it every entity, is refused.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Final
from xml.parsers import expat

from feeds.sheets.cells import Limits, SheetError

_PIECE: Final = 1 << 17
_MAX_PARTS: Final = 5_000
_SMALL: Final = 16 << 20
Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


class Package:
    """A workbook's zip. Raises SheetError for everything that is wrong with it."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, EOFError) as error:
            raise SheetError(f"workbook: got a damaged zip ({error}), want an .xlsx file") from None
        self._names = _checked(self._zip, limits)
        if "xl/workbook.bin" in self._names:
            raise SheetError("workbook: got the binary form .xlsb, want .xlsx")
        if "mimetype" in self._names:
            raise SheetError("workbook: got an OpenDocument file, want .xlsx")

    def has(self, part: str) -> bool:
        """Whether there is such a part."""
        return part in self._names

    def related(self, part: str) -> dict[str, tuple[str, str]]:
        """Of ``part`` ('' is the package): id -> (kind, path) of the parts that it refers to."""
        folder, _, name = part.rpartition("/")
        found: dict[str, tuple[str, str]] = {}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, attributes.get("Target", "")))
                kind = attributes.get("Type", "").rpartition("/")[2]
                found[attributes.get("Id", "")] = kind, target.lstrip("/")

        self.parse(posixpath.join(folder, "_rels", f"{name}.rels"), start)
        return found

    def parse(self, part: str, start: Start, end: End | None = None, text: Text | None = None) -> None:
        """Parse a part; names come without their prefix. What the functions raise passes through."""
        if part not in self._names:
            raise SheetError(f"workbook: got no part {part}, want an .xlsx file")
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.StartElementHandler = _plain(start)
        if end is not None:
            ended = end
            parser.EndElementHandler = lambda tag: ended(tag.rpartition(":")[2] if ":" in tag else tag)
        if text is not None:
            parser.CharacterDataHandler = text
        try:
            with self._zip.open(self._names[part]) as stream:
                while piece := stream.read(_PIECE):
                    parser.Parse(piece, False)
                parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise SheetError(f"workbook: part {part} is not well-formed: {error}") from None
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
            raise SheetError(f"workbook: part {part} can't be unpacked: {error}") from None


def _plain(start: Start) -> Callable[[str, Mapping[str, str]], None]:
    def named(tag: str, attributes: Mapping[str, str]) -> None:
        start(tag.rpartition(":")[2] if ":" in tag else tag, attributes)  # type: ignore[arg-type]

    return named


def _no_doctype(*_: object) -> None:
    raise SheetError("workbook: got a part with a DOCTYPE, want plain XML")


def _checked(package: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    infos = package.infolist()
    if len(infos) > _MAX_PARTS:
        raise SheetError(f"workbook: got {len(infos)} parts, want at most {_MAX_PARTS}")
    total = 0
    names: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if info.flag_bits & 1:
            raise SheetError("workbook: got a part with a password, want none")
        if info.filename in names:
            raise SheetError(f"workbook: got part {info.filename} twice, want each once")
        names[info.filename] = info
        total += info.file_size
        if info.file_size > _SMALL and info.file_size > limits.ratio * max(info.compress_size, 1):
            times = info.file_size // max(info.compress_size, 1)
            raise SheetError(
                f"workbook: part {info.filename} unpacks to {times} times its size, "
                f"want at most {limits.ratio}: it looks like a zip bomb"
            )
    if total > limits.unpacked_bytes:
        raise SheetError(f"workbook: got {total} bytes unpacked, want at most {limits.unpacked_bytes}")
    return names
