"""Workbooks for tests, as Excel writes them (texts in a part of their own) and as nobody should."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from openpyxl import Workbook

Rows = Sequence[Sequence[Any]]
STRINGS = "xl/sharedStrings.xml"
_INLINE = re.compile(rb't="inlineStr"><is>(.*?)</is></c>', re.DOTALL)
_RELATED = (
    b'<Relationship Id="texts" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    b'sharedStrings" Target="sharedStrings.xml"/></Relationships>'
)


def book(rows: Rows, after: Callable[[Any], None] | None = None, title: str = "Sheet1") -> bytes:
    """One sheet of ``rows``, texts shared; ``after`` may change the workbook."""
    return shared(inline(rows, after, title))


def inline(rows: Rows, after: Callable[[Any], None] | None = None, title: str = "Sheet1") -> bytes:
    """As ``book``, with the texts inside the cells."""
    made = Workbook()
    sheet: Any = made.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    if after is not None:
        after(made)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def shared(data: bytes) -> bytes:
    """The workbook with its texts moved into the part of shared strings."""
    texts: list[bytes] = []

    def number(found: re.Match[bytes]) -> bytes:
        texts.append(found[1])
        return b't="s"><v>%d</v></c>' % (len(texts) - 1)

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.startswith("xl/worksheets/sheet"):
                content = _INLINE.sub(number, content)
            elif info.filename == "xl/_rels/workbook.xml.rels":
                content = content.replace(b"</Relationships>", _RELATED)
            new.writestr(info.filename, content)
        items = b"".join(b"<si>%s</si>" % text for text in texts)
        new.writestr(STRINGS, b'<sst xmlns="http://schemas.openxmlformats.org/x">%s</sst>' % items)
    return out.getvalue()


def with_part(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(content) if info.filename == part else content)
    return out.getvalue()
