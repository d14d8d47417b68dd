"""``corridor rebuild``: what is derived, made anew from the log and compared with what was served."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Final, TextIO

from corridor.cli.options import CliError, Verbs, add_folder, settings_of
from corridor.folder import Folder, FolderError
from corridor.logs import set_up_logging
from corridor.rebuild import Rebuild, RebuildError, Result

_DIFFERS: Final = 3
_LINE_S: Final = 10.0  # between two lines that are not redrawn
_REDRAW_S: Final = 0.2


def add_to(verbs: Verbs) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "rebuild",
        help="make all from the log again and compare; the system must be stopped",
        description="Replay the log into fresh state, past, read model and store beside the served ones, and "
        "compare every event. Exit code 0: equal, 3: differs, 1: trouble, nothing changed.",
    )
    add_folder(parser)
    parser.add_argument(
        "--replace", action="store_true", help="put the rebuilt in place; the old is kept as *.before-rebuild"
    )
    parser.add_argument(
        "--from-snapshot",
        action="store_true",
        help="begin at the oldest kept snapshot, also when the log reaches further back",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Rebuild, compare, tell; 0 equal, 3 differs, 1 trouble."""
    settings = settings_of(options)
    set_up_logging("rebuild")
    if not settings.data_dir.exists():
        raise CliError(f"no data folder: got {settings.data_dir}, want that of a system that ran")
    try:
        folder = Folder(settings.data_dir)
        folder.hold()
    except FolderError as error:
        raise CliError(str(error)) from None
    line = Line(sys.stderr)
    rebuild: Rebuild | None = None
    try:
        rebuild = Rebuild(settings, folder, line.show)
        result = rebuild.run(options.from_snapshot)
        line.end()
        _tell(result)
        if options.replace:
            kept = rebuild.replace(result)
            print(f"in place: {', '.join(result.names)}; kept beside them: {', '.join(kept) or 'nothing'}")
        else:
            rebuild.drop()
    except (RebuildError, OSError) as error:
        line.end()
        print(f"corridor rebuild: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        line.end()
        print("corridor rebuild: stopped; nothing has changed", file=sys.stderr)
        return 1
    finally:
        folder.release()
    return 0 if result.comparison.same else _DIFFERS


def _tell(result: Result) -> None:
    found = result.comparison
    print(f"replayed {result.records:,} records from {result.begun}, {result.bad_records:,} unusable")
    print(
        f"events: {found.equal:,} equal, {found.differing:,} differing, {found.missing:,} missing, "
        f"{found.more:,} more than served, {found.renumbered:,} under another number"
    )
    if result.unserved:
        print(f"{result.unserved:,} events more are of records that had not been folded yet")
    if result.gone:
        print(f"events up to number {result.gone:,} were let go of by retention and are not compared")
    if result.redacted:
        print(f"{result.redacted:,} objects were redacted: they are not compared, and not in the result")
    for text in found.told:
        print(f"  {text}")
    print(f"the result {'equals' if found.same else 'differs from'} what was served")


class Line:
    """Progress: one line that is redrawn on a terminal, now and then a line elsewhere."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._redrawn = file, file.isatty()
        self._phase, self._begun = "", time.monotonic()
        self._last = self._shown = self._begun
        self._done = -1
        self._open = False

    def show(self, phase: str, done: int, total: int) -> None:
        """Show how far it is; see ``corridor.rebuild.Progress``."""
        now = time.monotonic()
        if phase != self._phase:
            self.end()
            self._phase, self._begun, self._done = phase, self._last, -1
        self._last = now
        if done == self._done or (
            done < total and now - self._shown < (_REDRAW_S if self._redrawn else _LINE_S)
        ):
            return
        self._shown, self._done = now, done
        text = words(phase, done, total, now - self._begun)
        self._file.write(f"\r{text:<78}" if self._redrawn else f"{text}\n")
        self._file.flush()
        self._open = self._redrawn

    def end(self) -> None:
        """Leave the line as it is."""
        if self._open:
            self._file.write("\n")
            self._open = False


def words(phase: str, done: int, total: int, seconds: float) -> str:
    """One line of progress."""
    rate = done / seconds if seconds > 0 else 0.0
    left = f"{(total - done) / rate:,.0f} s left" if rate else "time left unknown"
    share = 100 * done // total if total else 100
    return f"{phase}: {done:,} of {total:,} records ({share} %), {rate:,.0f} a second, {left}"
