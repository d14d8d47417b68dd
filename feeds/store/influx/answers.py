"""Answers of InfluxQL, from JSON to columns without a Python object a value.

JSON and not CSV, since CSV leaves errors out: an answer that broke off half way looks like one that is done.
The rows are cut out of it and read as CSV; what is left over is small and read as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.csv

_ROWS: Final = b'"values":[['  # in no text: a quote in a text is escaped
_END: Final = b"]]"
_READ: Final = pyarrow.csv.ParseOptions(quote_char=False, escape_char=False)


@dataclass(frozen=True, slots=True)
class Series:
    """Rows of the same tags, by time. ``columns`` are their names; all values are numbers or null."""

    tags: Mapping[str, str]
    columns: tuple[str, ...]
    rows: bytes

    def table(self, types: Mapping[str, pa.DataType]) -> pa.Table:
        """The rows; a column has the type that ``types`` gives to its name, else that of a float."""
        wanted = {name: types.get(name, pa.float64()) for name in self.columns}
        read = pyarrow.csv.ReadOptions(column_names=self.columns, use_threads=False, block_size=1 << 26)
        convert = pyarrow.csv.ConvertOptions(column_types=wanted, null_values=["null"])
        return pyarrow.csv.read_csv(pa.py_buffer(self.rows), read, _READ, convert)


def series_of(answer: bytes) -> tuple[list[Series], str]:
    """The series of all statements of ``answer``, and the first error it tells of ("" when it is whole).

    The values must be numbers. An answer that is cut off is an error.
    """
    rest: list[bytes] = []
    parts: list[bytes] = []
    at = 0
    while (begin := answer.find(_ROWS, at)) >= 0:
        end = answer.find(_END, begin + len(_ROWS))
        if end < 0:
            return [], "the answer is cut off"
        rest += [answer[at:begin], b'"values":%d' % len(parts)]
        parts.append(answer[begin + len(_ROWS) : end].replace(b"],[", b"\n"))
        at = end + len(_END)
    try:
        results: list[dict[str, Any]] = orjson.loads(b"".join([*rest, answer[at:]])).get("results", [])
    except orjson.JSONDecodeError as error:
        return [], f"the answer is not JSON: {error}"
    found = []
    for result in results:
        if "error" in result:
            return [], str(result["error"])
        for one in result.get("series", []):
            if one.get("partial") or result.get("partial"):
                return [], "the answer is cut off by a limit on rows"
            if "values" in one:
                found.append(Series(one.get("tags", {}), tuple(one["columns"]), parts[one["values"]]))
    return found, ""
