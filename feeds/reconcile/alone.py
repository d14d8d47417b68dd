"""What one list shows by itself: cells not to be trusted, VINs that are none, check digits, doubles, schemes.

Runs after the comparison, so that what that explains is not told again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from feeds.reconcile.book import NAMES, Book, Indexed
from feeds.reconcile.codes import Verdict, derived, slip
from feeds.reconcile.findings import Finding, Kind
from feeds.reconcile.samevin import WAYS
from feeds.sheets import Field, Severity
from streams.identity import chassis
from streams.identity.proposals import proposals

_MOST = 20  # places of one finding
_PROPOSED = 1_000  # what may have been meant costs a millisecond; a list with more is wrong as a whole


class Alone:
    """One list. What is wrong in ``others`` too is told with it; ``only`` are the VINs that are looked at."""

    def __init__(
        self, of: Indexed, others: list[Indexed], book: Book, only: Collection[str] | None = None
    ) -> None:
        self._of, self._others, self._book, self._only = of, others, book, only
        self._proposed = 0

    def run(self) -> None:
        """Tell all of it."""
        self._unreadable()
        self._vins()
        self._doubled_vins()
        self._doubled_chassis()
        self._schemes()

    def _looked_at(self) -> Iterator[tuple[str, list[int]]]:
        only = self._only
        return ((vin, rows) for vin, rows in self._of.by_vin.items() if only is None or vin in only)

    def _unreadable(self) -> None:
        held, index = self._of.held, {}
        if held.faults:
            index = {number: row for row, number in enumerate(held.table.numbers)}
        for fault in held.faults:
            what = f"{fault.field or 'row'}: got {fault.got}, want {fault.want}"
            self._book.findings.append(
                Finding(
                    Kind.UNREADABLE,
                    fault.severity,
                    f"{fault.address} of {NAMES[held.side]}: {what}.",
                    "Put it in as text from the papers; the digits that are gone are not in the file.",
                    (held.place(index[fault.row]),),
                    fault.field,
                    None,
                    fault.got,
                    fault.want,
                )
            )

    def _vins(self) -> None:
        of, book = self._of, self._book
        for code, rows in self._looked_at():
            verdict = book.verdicts.of(code)
            if verdict.form is None and verdict.check is None:
                continue
            if all(book.is_explained(of, row, "vin") for row in rows):
                continue
            self._wrong(code, verdict, rows)
        for row, code in enumerate(of.vins if self._only is None else ()):
            if not code and row not in of.blind:
                place = of.place(row)
                text = f"{place.vin_at} of {NAMES[of.side]}: got no VIN, want 17 characters."
                book.add(
                    Kind.BAD_VIN, [(of, row)], text, "Read the VIN on the vehicle and put it in.", what="vin"
                )

    def _wrong(self, code: str, verdict: Verdict, rows: list[int]) -> None:
        """A VIN that is wrong in several lists is told once."""
        of, book = self._of, self._book
        places = [(of, row) for row in rows]
        for other in self._others:
            places += [(other, row) for row in other.by_vin.get(code, ())]
        kind = Kind.BAD_VIN if verdict.form else Kind.CHECK_DIGIT
        names = " and ".join(dict.fromkeys(NAMES[one.side] for one, _ in places))
        self._proposed += verdict.form is None
        tried = proposals(code, 3) if self._proposed <= _PROPOSED else []
        meant = [p.vin for p in tried if p.rank < 3]
        perhaps = f" Perhaps {', '.join(meant)} was meant." if meant else ""
        text = f"{code} in {names}: {verdict.form or verdict.check}."
        proposal = "Read the VIN on the vehicle, all of it"
        if verdict.check:
            proposal += ": the check digit shows that one character is wrong, not which"
            text += " For this maker's region it must hold."
        position = 9 if verdict.check else None
        book.add(kind, places[:_MOST], text, f"{proposal}.{perhaps}", what="vin", position=position, got=code)
        book.explained.update((one.side, row, "vin") for one, row in places)

    def _doubled_vins(self) -> None:
        of = self._of
        for code, rows in self._looked_at():
            if len(rows) < 2:
                continue
            numbers = dict.fromkeys(of.chassis[row] for row in rows)
            same = len(numbers) == 1
            how = (
                "with the same chassis number"
                if same
                else f"with chassis {', '.join(n or 'none' for n in list(numbers)[:5])}"
            )
            self._book.add(
                Kind.DOUBLED_VIN,
                [(of, row) for row in rows[:_MOST]],
                f"{code} is in {NAMES[of.side]} {len(rows)} times, {how}.",
                "Leave one row, the one that is the vehicle's." if not same else "Leave one row.",
                got=code,
            )

    def _doubled_chassis(self) -> None:
        """Numbers that come out of VINs are left out: those of two makers may be equal."""
        of, book = self._of, self._book
        for code, rows in of.by_chassis.items():
            vins = dict.fromkeys(of.vins[row] for row in rows if of.vins[row])
            if len(vins) < 2 or any(derived(code, one) for one in vins):
                continue
            if len({one[:3] for one in vins}) > 1 and code.isdigit():
                continue
            if self._only is not None and not any(one in self._only for one in vins):
                continue
            if any(book.is_explained(of, row, what) for row in rows for what in ("chassis", "vin")):
                continue
            places = [(of, row) for row in rows]
            for other in self._others:
                doubled = [row for row in other.by_chassis.get(code, ()) if other.vins[row] in vins]
                places += [(other, row) for row in doubled] if len(doubled) > 1 else []
            names = " and ".join(dict.fromkeys(NAMES[one.side] for one, _ in places))
            book.explained.update((one.side, row, "chassis") for one, row in places)
            book.add(
                Kind.DOUBLED_CHASSIS,
                places[:_MOST],
                f"Chassis {code} is in {names} for {len(vins)} VINs: {', '.join(list(vins)[:5])}.",
                "Read the number on each vehicle: only one of them can have it.",
                what="chassis",
                got=code,
            )

    def _schemes(self) -> None:
        """Against what the file says of its chassis numbers; and one that nearly comes out of its own VIN."""
        of, book = self._of, self._book
        told = Field.SCHEME in of.held.columns
        for row, (code, vin) in enumerate(zip(of.chassis, of.vins, strict=True)):
            if self._only is not None and vin not in self._only:
                continue
            if not vin or row in of.blind or (not told and code in (vin, vin[9:])):
                continue
            scheme = of.held.schemes[row] if told else ""
            if scheme and scheme not in chassis.SCHEMES:
                self._say(row, code, f"got scheme {scheme}, want one of {', '.join(chassis.SCHEMES)}", "")
                continue
            if book.is_explained(of, row, "chassis") or book.is_explained(of, row, "vin"):
                continue
            if scheme:
                want = "" if scheme == chassis.NONE else chassis.follows(scheme, vin)
                if want is not None and code != want:
                    self._say(row, code, f"its scheme says {WAYS[scheme]}", want)
            elif code and code[:1] == (vin if len(code) > 12 else vin[9:])[:1]:
                want = vin if len(code) > 12 else vin[9:]
                near = slip(code, want) if abs(len(code) - len(want)) < 2 else None
                if near is not None:
                    self._say(row, code, f"it looks like {want} out of its VIN, but {near.text}", want)

    def _say(self, row: int, code: str, why: str, want: str) -> None:
        of = self._of
        self._book.add(
            Kind.SCHEME,
            [(of, row)],
            f"Chassis {code or 'none'} of {of.vins[row]} in {NAMES[of.side]}: {why}.",
            "Read both numbers on the vehicle and say by which scheme its papers have the chassis number.",
            what="chassis",
            position=slip(code, want).position if slip(code, want) else None,  # type: ignore[union-attr]
            got=code,
            want=want,
            severity=Severity.WARNING,
        )
