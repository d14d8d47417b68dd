"""A settings file of named tables, one kind of them: ``[[webhook]]``, ``[[authority]]``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,47}")


class TablesError(Exception):
    """The file can't be used; the message names got and want."""


def read_tables(path: Path, kind: str, what: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of each table ``[[kind]]`` its name, where it is (for errors) and itself.

    ``what`` they are, in errors. Raises TablesError: not readable, not TOML, another table, a name that is
    none or that another table has.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TablesError(f"{what} not readable: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TablesError(f"{what} are not TOML: {path}: {error}") from None
    tables = document.get(kind, [])
    if set(document) - {kind} or not isinstance(tables, list):
        got = ", ".join(sorted(document)) or "nothing"
        raise TablesError(f"{path}: got {got}, want tables [[{kind}]]")
    seen: set[str] = set()
    for table in tables:
        name = table.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise TablesError(f"{path}: {kind} name: got {name!r}, want a-z, 0-9 and -, at most 48")
        if name in seen:
            raise TablesError(f"{path}: got {kind} {name} twice, want each name once")
        seen.add(name)
        yield name, f"{path}: {kind} {name}", table
