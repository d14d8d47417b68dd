"""The dictionary of a store: texts that repeat, each known by a number from 0 up.

New texts wait in ``new`` until the adapter has made them durable and calls ``keep``, or ``forget`` when its
commit failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Names:
    """Numbers of texts. Not for several threads at once, except ``get`` and ``text``."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(self._texts)}
        self._kept = len(self._texts)

    def number(self, text: str) -> int:
        """The number of ``text``, a new one when it was never seen."""
        number = self._numbers.get(text)
        if number is None:
            number = len(self._texts)
            self._texts.append(text)
            self._numbers[text] = number
        return number

    def get(self, text: str) -> int | None:
        """The number of ``text`` if it has one."""
        return self._numbers.get(text)

    def text(self, number: int) -> str:
        """The text of a number that ``number`` gave."""
        return self._texts[number]

    @property
    def texts(self) -> Sequence[str]:
        """All texts, by number."""
        return self._texts

    @property
    def new(self) -> Sequence[tuple[int, str]]:
        """(number, text) of those that are not kept yet."""
        return list(enumerate(self._texts[self._kept :], self._kept))

    def keep(self) -> None:
        """The new ones are durable."""
        self._kept = len(self._texts)

    def forget(self) -> None:
        """The new ones never were."""
        for text in self._texts[self._kept :]:
            del self._numbers[text]
        del self._texts[self._kept :]
