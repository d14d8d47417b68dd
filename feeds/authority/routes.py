"""Who is told what under a regime, and the regimes that are known: those that ship and those published."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from feeds.authority.effects import Route
from feeds.readmodel import ReadModel
from streams.clearance.regime import Regime, RegimeBook, RegimeError
from streams.events import Kind
from streams.regimes import shipped

_FILINGS: Final = ("lodge", "amend", "withdraw")
_log = logging.getLogger("corridor.authority")


def routes_of(regime: Regime) -> tuple[Route, ...]:
    """Every authority that the regime names gets the filing, its changes and its end; the rest as it says.

    A message without an authority of its own is the releasing authority's, which is not told of its own
    release.
    """
    releasing = regime.release.authority
    told = [
        Route(one.event, one.authority or releasing, one.system, one.code)
        for one in regime.messages
        if (one.event, one.authority or releasing) != ("released", releasing)
    ]
    named = dict.fromkeys((*(one.authority for one in told), releasing))
    coded = {(one.event, one.authority) for one in told}
    plain = [
        Route(event, authority, None, None)
        for event in _FILINGS
        for authority in named
        if (event, authority) not in coded
    ]
    return (*plain, *told)


class RouteBook:
    """Routes by the regime that a case has. Safe from any thread."""

    def __init__(self, read: ReadModel) -> None:
        self._read, self._lock = read, threading.Lock()
        self._book = RegimeBook()
        self._since = 0
        self._routes: dict[str, tuple[Route, ...]] = {}
        for text in shipped():
            self._book.put(text)

    def routes(self, case: Mapping[str, Any]) -> Sequence[Route]:
        """What the regime of a case says; of a filing, the one that it names or that is in force.

        Nothing when no regime is known.
        """
        with self._lock:
            regime = self._of(case)
            if regime is None and self._look():
                regime = self._of(case)
            if regime is None:
                return ()
            if regime.version not in self._routes:
                self._routes[regime.version] = routes_of(regime)
            return self._routes[regime.version]

    def _of(self, case: Mapping[str, Any]) -> Regime | None:
        version = case.get("regime_version")
        if isinstance(version, str):
            return self._book.by_version(version)
        at_ms = case.get("lodged_ms") or 0
        if case.get("regime"):
            return self._book.named(str(case["regime"]), at_ms)
        return self._book.in_force(str(case.get("gate")), str(case.get("direction")), at_ms)

    def _look(self) -> bool:
        """Take up what was published since it was looked for last; returns whether there was anything."""
        found, self._since = self._read.changed(Kind.REGIME, self._since)
        for one in found:
            text = one.data.get("text")
            if not isinstance(text, str):
                continue
            try:
                self._book.put(text, one.id)
            except RegimeError as error:  # the engine took it: another version of this system did
                _log.warning("regime_not_read id=%s reason=%s", one.id, error)
        return bool(found)
