"""Rows of one VIN in two lists: whether the second code is the same too, and if not, how it went wrong.

An exchange is looked for before a slip: numbers of one series differ by one character, and a number that
belongs to another vehicle is no slip of this one's.
"""

from __future__ import annotations

from feeds.reconcile.book import MANY, NAMES, Book, Indexed
from feeds.reconcile.codes import derived, expected, slip
from feeds.reconcile.findings import Change, Kind, Side
from streams.identity import chassis
from streams.identity.difference import difference

_TOGETHER = 10  # so many rows written in another way are one finding
Pair = tuple[int, int]


class SameVin:
    """``left`` is what the other list, ``right``, should agree with."""

    def __init__(self, left: Indexed, right: Indexed, book: Book) -> None:
        self._left, self._right, self._book = left, right, book
        self._schemes: dict[tuple[str, str], list[Pair]] = {}
        self.agreed = 0

    def run(self, skip_explained: bool = False) -> None:
        """Compare all VINs that both lists have; rows that a finding explains are passed over if asked."""
        left, right = self._left, self._right
        differing: list[Pair] = []
        for vin, rows in right.by_vin.items():
            lefts = left.by_vin.get(vin)
            if lefts is None:
                continue
            agrees, numbers = False, {left.chassis[one] for one in lefts}
            for row in rows:
                if skip_explained and self._book.is_explained(right, row, "chassis"):
                    continue
                verdict = right.chassis[row] in numbers or self._agrees(lefts, row)
                agrees |= verdict
                if not verdict and left.chassis[lefts[0]] and right.chassis[row]:
                    differing.append((lefts[0], row))
                elif not verdict:
                    self._empty(lefts[0], row)
            self.agreed += agrees
        self._differ(differing)
        self._tell_schemes()

    def _agrees(self, lefts: list[int], row: int) -> bool:
        got = self._right.chassis[row]
        for one in lefts[:MANY]:
            if got and self._left.has(one, got):
                self._scheme(one, row)
                return True
        return False

    def _empty(self, one: int, row: int) -> None:
        left, right = self._left, self._right
        if one in left.blind or row in right.blind or left.side is Side.REGISTRY:
            return
        of, at, other, there = (left, one, right, row) if not left.chassis[one] else (right, row, left, one)
        has = other.chassis[there]
        self._book.add(
            Kind.NO_CHASSIS,
            [(right, row), (left, one)],
            f"{right.vins[row]} has no chassis number in {NAMES[of.side]}, but {has} in {NAMES[other.side]}.",
            f"Read the number on the vehicle and put it in {of.place(at).chassis_at} of {NAMES[of.side]}.",
            what="chassis",
            want=has,
        )

    def _differ(self, differing: list[Pair]) -> None:
        waiting = dict.fromkeys(differing)
        by_row = {row: one for one, row in differing}
        for one, row in differing:
            if (one, row) not in waiting:
                continue
            del waiting[one, row]
            owners = [o for o in self._left.owners(self._right.chassis[row])[:MANY] if self._other(o, row)]
            partner = self._partner(one, owners, by_row, waiting)
            if partner is not None:
                del waiting[partner]
                self._swapped((one, row), partner)
            elif owners:
                self._foreign(one, row, owners)
            else:
                self._unlike(one, row)

    def _other(self, owner: int, row: int) -> bool:
        return self._left.vins[owner] != self._right.vins[row]

    def _partner(
        self, one: int, owners: list[int], by_row: dict[int, int], waiting: dict[Pair, None]
    ) -> Pair | None:
        """The pair whose chassis number stands here, and has this one's."""
        for owner in owners:
            for row in self._right.by_vin.get(self._left.vins[owner], [])[:MANY]:
                pair = by_row.get(row, -1), row
                if pair in waiting and self._left.has(one, self._right.chassis[row]):
                    return pair
        return None

    def _swapped(self, first: Pair, second: Pair) -> None:
        left, right = self._left, self._right
        (a, ra), (b, rb) = sorted((first, second), key=lambda pair: pair[1])
        changes = [self._change(a, ra), self._change(b, rb)]
        self._book.add(
            Kind.SWAPPED_PAIR,
            [(right, ra), (right, rb), (left, a), (left, b)],
            f"{right.vins[ra]} stands with chassis {right.chassis[ra]} and {right.vins[rb]} with "
            f"{right.chassis[rb]} in {NAMES[right.side]}; in {NAMES[left.side]} it is the other way round.",
            f"Look at both vehicles. If {NAMES[left.side]} is right, exchange {changes[0].address} and "
            f"{changes[1].address} of {NAMES[right.side]}.",
            what="chassis",
            position=difference(
                right.chassis[ra], expected(left.chassis[a], left.vins[a], right.chassis[ra])
            ).position,
            got=right.chassis[ra],
            want=changes[0].want,
            changes=changes,
        )

    def _foreign(self, one: int, row: int, owners: list[int]) -> None:
        left, right = self._left, self._right
        change, owner = self._change(one, row), owners[0]
        near = slip(right.chassis[row], change.want)
        told = f"; {near.text}" if near else ""
        filed = right.by_vin.get(left.vins[owner], [])[:1]
        self._book.add(
            Kind.FOREIGN_CHASSIS,
            [(right, row), (left, one), (left, owner), *((right, r) for r in filed)],
            f"{right.vins[row]} stands with chassis {right.chassis[row]} in {NAMES[right.side]}, which is "
            f"that of {left.vins[owner]} in {NAMES[left.side]}; there it has {left.chassis[one]}{told}.",
            self._look(change),
            what="chassis",
            position=difference(right.chassis[row], change.want).position,
            got=right.chassis[row],
            want=change.want,
            changes=[change],
        )

    def _unlike(self, one: int, row: int) -> None:
        left, right = self._left, self._right
        got, vin, change = right.chassis[row], right.vins[row], self._change(one, row)
        near = slip(got, change.want)
        if near is None and derived(got, vin) is not None:
            self._scheme(one, row)
            return
        found = difference(got, change.want)
        kind = Kind.CHASSIS_SLIP if near else Kind.CHASSIS_MISMATCH
        how = "is one slip away from" if near else "is not"
        self._book.add(
            kind,
            [(right, row), (left, one)],
            f"Chassis {got} of {vin} in {NAMES[right.side]} {how} {change.want} in {NAMES[left.side]}: "
            f"{near.text if near else found.text}.",
            self._look(change),
            what="chassis",
            position=near.position if near else found.position,
            got=got,
            want=change.want,
            changes=[change],
        )

    def _change(self, one: int, row: int) -> Change:
        left, right = self._left, self._right
        place = right.place(row)
        want = expected(left.chassis[one], left.vins[one], right.chassis[row])
        return Change(right.side, place.chassis_at, place.chassis, want)

    def _look(self, change: Change) -> str:
        return (
            f"Read the number on the vehicle. If {NAMES[self._left.side]} is right, put {change.want} in "
            f"{change.address} of {NAMES[change.side]}."
        )

    def _scheme(self, one: int, row: int) -> None:
        left, right = self._left, self._right
        ways = tuple(
            derived(of.chassis[at], of.vins[at]) or chassis.OEM for of, at in ((left, one), (right, row))
        )
        self._schemes.setdefault((ways[0], ways[1]), []).append((one, row))

    def _tell_schemes(self) -> None:
        """Few rows are told one by one, many as one finding: that is how the file is written."""
        left, right = self._left, self._right
        for (want, got), pairs in self._schemes.items():
            parts = [pairs] if len(pairs) > _TOGETHER else [[pair] for pair in pairs]
            for part in parts:
                one, row = part[0]
                many = f" (so in {len(part)} rows)" if len(part) > 1 else ""
                shown = part if len(part) == 1 else part[:_TOGETHER]
                self._book.add(
                    Kind.SCHEME,
                    [place for l_row, r_row in shown for place in ((right, r_row), (left, l_row))],
                    f"{right.vins[row]} stands with chassis {right.chassis[row]} ({WAYS[got]}) in "
                    f"{NAMES[right.side]}, with {left.chassis[one]} ({WAYS[want]}) in "
                    f"{NAMES[left.side]}{many}.",
                    "Agree with the authority which of the two is the chassis number; write it so in both.",
                    what="chassis",
                    got=right.chassis[row],
                    want=left.chassis[one],
                )


WAYS = {
    chassis.VIN: "the VIN itself",
    chassis.VIS8: "the last 8 of the VIN",
    chassis.OEM: "the maker's own number",
    chassis.NONE: "none",
}
"""How a chassis number may be written, in words."""
