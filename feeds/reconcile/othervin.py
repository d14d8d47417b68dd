"""VINs that only one list has: slips of one another, the same chassis under two VINs, or really missing.

First the chassis number tells who belongs together, then the VINs themselves, where nothing independent
speaks against it: two good VINs of one series at one character are two vehicles as well as one slip.
"""

from __future__ import annotations

from collections import deque

from feeds.reconcile.book import MANY, NAMES, Book, Indexed
from feeds.reconcile.codes import Slip, derived, expected, slip
from feeds.reconcile.findings import Change, Kind
from feeds.reconcile.neighbours import Index
from feeds.sheets import Severity
from streams.identity.difference import difference
from streams.identity.vin import CHECK_PLACE

_MOST = 5  # candidates that are told


class OtherVin:
    """``left`` is what the other list, ``right``, should agree with."""

    def __init__(self, left: Indexed, right: Indexed, book: Book) -> None:
        self._left, self._right, self._book = left, right, book
        self._lefts = {rows[0]: None for vin, rows in left.by_vin.items() if vin not in right.by_vin}
        self._rights = {rows[0]: None for vin, rows in right.by_vin.items() if vin not in left.by_vin}
        self._unsure: set[int] = set()

    def run(self) -> None:
        """Tell all of them."""
        self.by_chassis()
        self._by_blanks()
        self._by_vin()
        hints = self._hints()
        for row in self._rights:
            self._not_produced(row, hints.get(row))
        for one in self._lefts:
            self._not_filed(one)

    def by_chassis(self, skip_explained: bool = False) -> None:
        """Pair those whose chassis number is the same; tell those whose chassis number is filed already."""
        for row in list(self._rights):
            if skip_explained and self._book.is_explained(self._right, row, "vin"):
                continue
            owners = self._owners(row)
            free = [one for one in owners if one in self._lefts]
            if free:
                near = [one for one in free if self._slip(one, row) is not None]
                self._pair((near or free)[0], row)
            elif owners:
                self._filed_already(owners[0], row)

    def _owners(self, row: int) -> list[int]:
        """Rows with the chassis number of ``row``; where it comes out of the VIN the VINs must be near."""
        left, got = self._left, self._right.chassis[row]
        owners = [one for one in left.owners(got)[:MANY] if left.vins[one]]
        if got and any(derived(left.chassis[one], left.vins[one]) for one in owners):
            owners = [one for one in owners if self._slip(one, row) is not None]
        return owners

    def _by_blanks(self) -> None:
        """A row without a VIN to trust is told elsewhere; the one with its chassis number is not missing."""
        for of, rows, other in (
            (self._left, self._rights, self._right),
            (self._right, self._lefts, self._left),
        ):
            blank = {code for code, at in of.by_chassis.items() if any(not of.vins[n] for n in at)}
            for row in [row for row in rows if blank and other.chassis[row] in blank]:
                del rows[row]

    def _by_vin(self) -> None:
        """Pair near VINs, those with one candidate first; where several are left, tell them all."""
        left, right = self._left, self._right
        lefts, rights = list(self._lefts), list(self._rights)
        if not lefts or not rights:
            return
        of_right: dict[int, list[int]] = {}
        of_left: dict[int, list[int]] = {}
        index = Index([left.vins[one] for one in lefts])
        for asked, found in index.near([right.vins[row] for row in rights]):
            one, row = lefts[found], rights[asked]
            if len(of_right.get(row, ())) <= _MOST and self._likely(one, row):
                of_right.setdefault(row, []).append(one)
                of_left.setdefault(one, []).append(row)
        ready = deque(row for row, ones in of_right.items() if len(ones) == 1)
        while ready:
            row = ready.popleft()
            ones = [one for one in of_right.get(row, ()) if one in self._lefts]
            if len(ones) != 1 or row not in self._rights:
                continue
            self._pair(ones[0], row)
            for other in of_left[ones[0]]:
                if sum(one in self._lefts for one in of_right[other]) == 1:
                    ready.append(other)
        for row, found_ones in of_right.items():
            ones = [one for one in found_ones if one in self._lefts]
            if row in self._rights and ones:
                self._several(ones, row)

    def _likely(self, one: int, row: int) -> bool:
        """Whether two near VINs may be one vehicle."""
        left, right = self._left, self._right
        if self._slip(one, row) is None:
            return False
        if self._book.sound(left.vins[one]) != self._book.sound(right.vins[row]):
            return True
        want, got = left.chassis[one], right.chassis[row]
        if not want or not got or (derived(want, left.vins[one]) and derived(got, right.vins[row])):
            return True
        return got == want or slip(got, expected(want, left.vins[one], got)) is not None

    def _slip(self, one: int, row: int) -> Slip | None:
        return slip(self._right.vins[row], self._left.vins[one])

    def _pair(self, one: int, row: int) -> None:
        del self._lefts[one], self._rights[row]
        left, right = self._left, self._right
        got, want, near = right.vins[row], left.vins[one], self._slip(one, row)
        sound = self._book.sound(want), self._book.sound(got)
        changes = self._changes(one, row, sound)
        where = near.text if near else difference(got, want).text
        proposal = self._proposal(changes, near, sound)
        same = right.chassis[row] and left.has(one, right.chassis[row])
        chassis = f", both with chassis {right.chassis[row]}" if same else ""
        how = "is one slip away from" if near else "stands for another VIN than"
        unsure = near is not None and not same and sound[0] == sound[1]
        self._book.add(
            Kind.VIN_SLIP if near else Kind.VIN_MISMATCH,
            [(right, row), (left, one)],
            f"{got} in {NAMES[right.side]} {how} {want} in {NAMES[left.side]}{chassis}: {where}."
            + (" It may as well be another vehicle." if unsure else ""),
            proposal,
            what="vin",
            position=near.position if near else difference(got, want).position,
            got=got,
            want=want,
            changes=changes,
            severity=Severity.WARNING if unsure else None,
        )
        if not same:
            self._chassis_too(one, row)

    def _chassis_too(self, one: int, row: int) -> None:
        """A second fault of a pair: the chassis numbers, where they do not both come out of the VINs."""
        left, right = self._left, self._right
        want, got = left.chassis[one], right.chassis[row]
        if not want or not got or (derived(want, left.vins[one]) and derived(got, right.vins[row])):
            return
        want = expected(want, left.vins[one], got)
        near, place = slip(got, want), right.place(row)
        change = Change(right.side, place.chassis_at, place.chassis, want)
        self._book.add(
            Kind.CHASSIS_SLIP if near else Kind.CHASSIS_MISMATCH,
            [(right, row), (left, one)],
            f"Beside the slip in the VIN, chassis {got} in {NAMES[right.side]} is not {want} in "
            f"{NAMES[left.side]}: {(near or difference(got, want)).text}.",
            f"Read both numbers on the vehicle. If {NAMES[left.side]} is right, put {want} in "
            f"{change.address} of {NAMES[right.side]}.",
            what="chassis",
            position=(near or difference(got, want)).position,
            got=got,
            want=want,
            changes=[change],
        )

    def _changes(self, one: int, row: int, sound: tuple[bool, bool]) -> list[Change]:
        """The list whose VIN fails by itself is the one to change; never where only position 9 differs."""
        left, right = self._left, self._right
        got, want = right.vins[row], left.vins[one]
        if len(got) == len(want):
            places = [n for n, (a, b) in enumerate(zip(got, want, strict=True)) if a != b]
            if places == [CHECK_PLACE]:
                return []
        if sound == (False, False):
            return []
        if sound == (False, True):
            place = left.place(one)
            return [Change(left.side, place.vin_at, place.vin, got)]
        place = right.place(row)
        return [Change(right.side, place.vin_at, place.vin, want)]

    def _proposal(self, changes: list[Change], near: Slip | None, sound: tuple[bool, bool]) -> str:
        if changes:
            (change,) = changes
            other = self._left.side if change.side is self._right.side else self._right.side
            return (
                f"Read the VIN on the vehicle. If {NAMES[other]} is right, put {change.want} in "
                f"{change.address} of {NAMES[change.side]}."
            )
        if near is not None and near.only and near.position == CHECK_PLACE + 1:
            return (
                "Read the VIN on the vehicle, all of it: position 9 is the check digit, and a change there "
                "would make any VIN look right."
            )
        return "Read the VIN on the vehicle: it is right in neither list."

    def _filed_already(self, one: int, row: int) -> None:
        del self._rights[row]
        left, right = self._left, self._right
        got, want = right.vins[row], left.vins[one]
        near, filed = self._slip(one, row), right.by_vin.get(want, [])[:1]
        also = f", which is in {NAMES[right.side]} under its own VIN too" if filed else ""
        self._book.add(
            Kind.VIN_SLIP if near else Kind.FOREIGN_CHASSIS,
            [(right, row), (left, one), *((right, r) for r in filed)],
            f"{got} in {NAMES[right.side]} is not in {NAMES[left.side]}; its chassis {right.chassis[row]} is "
            f"that of {want}{also}: {(near or difference(got, want)).text}.",
            f"Find out which vehicle was meant; if it is the same, take the row out of {NAMES[right.side]}.",
            what="vin",
            explains=1,
            position=(near or difference(got, want)).position,
            got=got,
            want=want,
        )
        self._book.explained.update((right.side, r, "chassis") for r in (row, *filed))

    def _several(self, ones: list[int], row: int) -> None:
        del self._rights[row]
        left, right = self._left, self._right
        listed = ", ".join(left.vins[one] for one in ones[:_MOST])
        more = " and more" if len(ones) > _MOST else ""
        self._book.add(
            Kind.VIN_SLIP,
            [(right, row), *((left, one) for one in ones[:_MOST])],
            f"{right.vins[row]} in {NAMES[right.side]} is not in {NAMES[left.side]}, and one slip away from "
            f"several that are: {listed}{more}.",
            "Read the VIN on the vehicle: the lists do not tell which of them it is.",
            what="vin",
            got=right.vins[row],
        )

    def _hints(self) -> dict[int, int]:
        """For VINs that stay alone: a row of the other list that is near all the same."""
        left, right = self._left, self._right
        rights = list(self._rights)
        if not rights:
            return {}
        rows = [rows[0] for rows in left.by_vin.values()]
        found: dict[int, int] = {}
        for asked, at in Index([left.vins[one] for one in rows]).near([right.vins[row] for row in rights]):
            if rights[asked] not in found and self._slip(rows[at], rights[asked]) is not None:
                found[rights[asked]] = rows[at]
        return found

    def _not_produced(self, row: int, hint: int | None) -> None:
        left, right = self._left, self._right
        near = None if hint is None else self._slip(hint, row)
        also = "."
        if hint is not None and near is not None:
            at = left.place(hint).vin_at
            also = (
                f"; near is {left.vins[hint]} ({at}), {near.text}, but what else is known speaks against it."
            )
        self._book.add(
            Kind.NOT_PRODUCED,
            [(right, row), *([(left, hint)] if hint is not None else [])],
            f"{right.vins[row]} is in {NAMES[right.side]}, but not in {NAMES[left.side]}{also}",
            "Find out whether the vehicle was made; without a production record take the filing back.",
            got=right.vins[row],
        )

    def _not_filed(self, one: int) -> None:
        left, right = self._left, self._right
        self._book.add(
            Kind.NOT_FILED,
            [(left, one)],
            f"{left.vins[one]} is in {NAMES[left.side]}, but not in {NAMES[right.side]}.",
            "File it before it leaves, or leave it out if it is not for export.",
            want=left.vins[one],
        )
