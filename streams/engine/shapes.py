"""Plain values as whole numbers: what is the same for thousands of assets is said once.

A tree of lists, numbers, strings, booleans and nulls becomes the number of its shape and the numbers in it;
a string is the number of a word. There are as many words as zones and countries, and few shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

_MOST: Final = 1 << 14  # shapes and words remembered: what needs a new one then is not made into numbers


class OddError(Exception):
    """The value has no numbers: something else than plain values is in it, or too many shapes are known."""


class _Table:
    """Strings and their numbers, in the order in which they came."""

    def __init__(self, known: Sequence[str] = ()) -> None:
        self.known = list(known)
        self._number = {one: number for number, one in enumerate(self.known)}

    def number(self, one: str) -> int:
        number = self._number.get(one)
        if number is None:
            if len(self.known) >= _MOST:
                raise OddError("too many")
            number = self._number[one] = len(self.known)
            self.known.append(one)
        return number


class Shapes:
    """The shapes and words that an engine's values have."""

    def __init__(self, shapes: Sequence[str] = (), words: Sequence[str] = ()) -> None:
        self._shapes, self._words = _Table(shapes), _Table(words)

    def dump(self) -> list[list[str]]:
        """JSON value for a snapshot: what to make them of again."""
        return [self._shapes.known, self._words.known]

    def numbers(self, value: Sequence[Any]) -> list[int]:
        """The list as numbers, that of its shape first. Raises OddError."""
        marks: list[str] = []
        out = [0]
        self._add(value, marks, out)
        out[0] = self._shapes.number("".join(marks))
        return out

    def _add(self, values: Sequence[Any], marks: list[str], out: list[int]) -> None:
        for value in values:
            kind = type(value)
            if kind is int:
                marks.append("i")
                out.append(value)
            elif value is None:
                marks.append("n")
            elif kind is bool:
                marks.append("t" if value else "f")
            elif kind is list or kind is tuple:
                marks.append("(")
                self._add(value, marks, out)
                marks.append(")")
            elif kind is str:
                marks.append("s")
                out.append(self._words.number(value))
            else:
                raise OddError(f"no plain value: got {kind.__name__}")

    def value(self, numbers: Sequence[int]) -> list[Any]:
        """The list that ``numbers`` was given of; tuples have become lists."""
        rest = iter(numbers)
        return self._taken(iter(self._shapes.known[next(rest)]), rest)

    def _taken(self, marks: Iterator[str], rest: Iterator[int]) -> list[Any]:
        out: list[Any] = []
        for mark in marks:
            if mark == "i":
                out.append(next(rest))
            elif mark == "n":
                out.append(None)
            elif mark == "(":
                out.append(self._taken(marks, rest))
            elif mark == ")":
                break
            elif mark == "s":
                out.append(self._words.known[next(rest)])
            else:
                out.append(mark == "t")
        return out
