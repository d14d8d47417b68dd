"""``corridor reconcile``: production against filings, and the registry, before anything is filed.

Needs no running system. Exit codes: 0 nothing found, 1 something to look at, 2 a file that can't be read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from corridor.cli.options import CliError, Verbs
from feeds.reconcile import ReconcileError, Result, Side, VehicleList, load, reconcile
from feeds.reconcile.findings import TITLES
from feeds.reconcile.page import page
from feeds.reconcile.plain import plain
from feeds.reconcile.workbook import workbook
from feeds.sheets import Field

_SHOWN = 20


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "reconcile", help="compare production and filings by VIN and chassis number before filing"
    )
    parser.add_argument("production", type=Path, metavar="PRODUCTION", help="CSV, Excel or Parquet")
    parser.add_argument("filings", type=Path, metavar="FILINGS", help="CSV, Excel or Parquet")
    parser.add_argument(
        "registry", type=Path, nargs="?", metavar="REGISTRY", help="what is registered already"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report to work through")
    parser.add_argument("--xlsx", type=Path, metavar="FILE", help="write it as an Excel workbook")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it for programs")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="LIST.FIELD=NAME",
        help="a column whose name is not known, for example filings.chassis=Rahmen; repeatable",
    )
    parser.add_argument(
        "--sheet", action="append", default=[], metavar="LIST=NAME", help="a workbook's sheet; repeatable"
    )
    parser.add_argument(
        "--encoding", action="append", default=[], metavar="LIST=NAME", help="a CSV file's; repeatable"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, write the reports that were asked for, print the first findings; 1 when there are any."""
    told = _columns(options.column)
    sheets, encodings = _by_list("--sheet", options.sheet), _by_list("--encoding", options.encoding)
    lists: list[VehicleList] = []
    for side, path in zip(Side, (options.production, options.filings, options.registry), strict=True):
        if path is None:
            continue
        try:
            data = path.read_bytes()
            made = load(
                side,
                path.name,
                data,
                sheet=sheets.get(side),
                encoding=encodings.get(side),
                told=told.get(side),
            )
        except OSError as error:
            raise CliError(f"{path}: {error.strerror}") from None
        except ReconcileError as error:
            raise CliError(str(error)) from None
        lists.append(made)
    result = reconcile(*lists)
    try:
        _write(options, result)
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from None
    _say(result)
    return 0 if result.clean else 1


def _write(options: argparse.Namespace, result: Result) -> None:
    if options.html is not None:
        options.html.write_text(page(result), "utf-8")
    if options.xlsx is not None:
        options.xlsx.write_bytes(workbook(result))
    if options.json is not None:
        options.json.write_bytes(orjson.dumps(plain(result), option=orjson.OPT_INDENT_2))


def _say(result: Result) -> None:
    for one in result.lists:
        print(f"{one.side.value}: {one.file}, {one.rows} rows{''.join(f'; {note}' for note in one.notes)}")
    print(f"{result.agreed} vehicles agree, {len(result.findings)} findings")
    for kind, count in result.counts.items():
        print(f"  {count:>7}  {TITLES[kind]}")
    for found in result.findings[:_SHOWN]:
        print(f"{found.severity.value}: {found.text}\n    {found.places[0].vin_at}: {found.proposal}")
    if len(result.findings) > _SHOWN:
        print(f"... and {len(result.findings) - _SHOWN} more: --html, --xlsx or --json has all")


def _columns(words: list[str]) -> dict[Side, dict[Field, str]]:
    told: dict[Side, dict[Field, str]] = {}
    for word in words:
        where, _, name = word.partition("=")
        side, _, field = where.partition(".")
        if side not in set(Side) or field not in set(Field) or not name:
            raise CliError(f"--column: got {word!r}, want LIST.FIELD=NAME, for example filings.vin=Rahmen")
        told.setdefault(Side(side), {})[Field(field)] = name
    return told


def _by_list(flag: str, words: list[str]) -> dict[Side, str]:
    told: dict[Side, str] = {}
    for word in words:
        side, _, name = word.partition("=")
        if side not in set(Side) or not name:
            raise CliError(f"{flag}: got {word!r}, want LIST=NAME, for example filings={flag[2:]}")
        told[Side(side)] = name
    return told
