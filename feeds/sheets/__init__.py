"""Tables that people keep: CSV, Excel and Parquet, read into rows of text whose every cell has an address.

`read_sheet` tells by content what a file is, and `columns_of` finds the columns that are wanted by their
names in several languages. Nothing is guessed or repaired: a cell whose text can't be trusted (a number that
lost digits, half of a merged cell, a formula without a value) is told with what was got and wanted.
"""

from feeds.sheets.cells import Fault, Form, Limits, Odd, OddKind, Severity, SheetError, Table
from feeds.sheets.columns import Columns, columns_of, faults_of, known_names
from feeds.sheets.filings import FilingRow, Filings, filings_of
from feeds.sheets.names import Field
from feeds.sheets.reading import read_sheet

__all__ = [
    "Columns",
    "Fault",
    "Field",
    "FilingRow",
    "Filings",
    "Form",
    "Limits",
    "Odd",
    "OddKind",
    "Severity",
    "SheetError",
    "Table",
    "columns_of",
    "faults_of",
    "filings_of",
    "known_names",
    "read_sheet",
]
