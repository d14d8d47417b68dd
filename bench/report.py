"""How a benchmark tells its figures: a table for people, JSON for programs."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; ``peer`` names what ran beside it and ``ratio`` is value over the peer's value."""

    what: str
    value: float
    unit: str
    peer: str | None = None
    ratio: float | None = None


def parser(doc: str | None, seconds: float) -> argparse.ArgumentParser:
    """A parser with ``--json FILE`` and ``--seconds S``."""
    made = argparse.ArgumentParser(description=doc)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    made.add_argument("--seconds", type=float, default=seconds, metavar="S", help=f"length ({seconds:g})")
    return made


def tell(bench: str, rows: list[Row], file: Path | None) -> None:
    """Print the table; write the JSON when a file is given."""
    width = max(len(row.what) for row in rows)
    print(f"\n{bench}")
    for row in rows:
        beside = f"   {row.ratio:.2f} x {row.peer}" if row.peer and row.ratio is not None else ""
        print(f"  {row.what:<{width}}  {row.value:>14,.1f} {row.unit}{beside}")
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"bench": bench, "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
