"""Parquet files, read by pyarrow with limits; only columns of text, numbers, dates and instants.

A number in a column of codes is told like one in a spreadsheet: leading zeros may be gone, a float has lost
digits.
"""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feeds.sheets.cells import Form, Limits, Odd, OddKind, SheetError, Table, shown

_EXACT = 2**53


def read_parquet(name: str, data: bytes, limits: Limits) -> Table:
    """The rows of a Parquet file. Raises SheetError."""
    try:
        with pq.ParquetFile(io.BytesIO(data)) as file:
            _check(file, limits)
            arrow = _read(file, limits)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, SheetError):
            raise
        raise SheetError(f"parquet: got a file that can't be read ({shown(str(error))})") from None
    header = [str(column) for column in arrow.column_names]
    table = Table(name, Form.PARQUET, None, header, 0, [], list(range(1, arrow.num_rows + 1)))
    columns = [_texts(arrow.column(at), at, table, limits.cell_characters) for at in range(arrow.num_columns)]
    table.rows = [list(row) for row in zip(*columns, strict=True)]
    return table


def _check(file: Any, limits: Limits) -> None:
    meta = file.metadata
    if meta.num_rows > limits.rows:
        raise SheetError(f"too many rows: got {meta.num_rows}, want at most {limits.rows}")
    if not 0 < meta.num_columns <= limits.columns:
        raise SheetError(f"columns: got {meta.num_columns}, want 1 to {limits.columns}")
    unpacked = sum(meta.row_group(at).total_byte_size for at in range(meta.num_row_groups))
    if unpacked > limits.unpacked_bytes:
        raise SheetError(f"parquet: got {unpacked} bytes unpacked, want at most {limits.unpacked_bytes}")
    for field in file.schema_arrow:
        if pa.types.is_nested(field.type):
            raise SheetError(
                f"column {shown(field.name)!r}: got {field.type}, want text, numbers or instants"
            )


def _read(file: Any, limits: Limits) -> Any:
    """The file as an Arrow table; repeated values take little on disk, so memory is counted as it grows."""
    batches, total = [], 0
    for batch in file.iter_batches(batch_size=1 << 14):
        total += batch.nbytes
        if total > limits.unpacked_bytes:
            raise SheetError(
                f"parquet: got more than {limits.unpacked_bytes} bytes unpacked, want at most that"
            )
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow)


def _texts(column: Any, at: int, table: Table, longest: int) -> list[str]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    values = column.to_pylist()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        texts = ["" if value is None else value.strip() for value in values]
        for row, text in enumerate(texts):
            if len(text) > longest:
                table.odd[row, at] = Odd(OddKind.LONG, f"{len(text)} characters")
                texts[row] = ""
        return texts
    out = []
    for row, value in enumerate(values):
        text, odd = _plain(value)
        out.append(text)
        if odd is not None:
            table.odd[row, at] = Odd(odd, shown(text))
    return out


def _plain(value: Any) -> tuple[str, OddKind | None]:
    """A value's text, and why it is none that a person typed."""
    if value is None or value != value:
        return "", None
    if isinstance(value, bool):
        return str(value).upper(), OddKind.BOOLEAN
    if isinstance(value, int):
        return str(value), OddKind.NUMBER
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < _EXACT
        return (str(int(value)) if whole else repr(value)), OddKind.FLOAT
    if hasattr(value, "isoformat"):
        return str(value.isoformat()), OddKind.DATE
    if isinstance(value, bytes):
        try:
            return value.decode().strip(), None
        except UnicodeDecodeError:
            return repr(value), OddKind.ERROR
    return str(value), OddKind.FLOAT
