"""The single window itself: takes messages, each once, and decides by script, by rule or by an officer."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from authority_sim.database import Database
from authority_sim.rules import DECISIONS, Authority, Rules, Script

PURPOSES: Final = (
    *("lodge", "amend", "withdraw", "notify_arrival", "notify_departure", "ask_release", "correct"),
)
_FIRST: Final = frozenset({"lodge"})


class RefusedError(Exception):
    """The message or decision is refused; ``status`` as over HTTP."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message: accepted or refused. ``again``: it had come before."""

    id: str
    state: str
    reason: str
    again: bool

    def value(self) -> dict[str, Any]:
        """As JSON values."""
        return {"id": self.id, "state": self.state, "reason": self.reason, "again": self.again}


class Window:
    """Authorities of ``rules`` over ``database``. ``now_ms``: the clock. Safe from any thread."""

    def __init__(
        self,
        rules: Rules,
        database: Database,
        now_ms: Callable[[], int],
    ) -> None:
        self.rules, self.database, self.now_ms = rules, database, now_ms
        self._lock = threading.RLock()
        self.requests: Counter[str] = Counter()  # over HTTP, by authority: faults count them
        self.news = threading.Event()  # something was decided

    def authority(self, name: str) -> Authority:
        """One authority. Raises RefusedError 404."""
        found = self.rules.authorities.get(name)
        if found is None:
            raise RefusedError(404, f"authority not known: got {name[:60]}")
        return found

    def receive(self, name: str, id_: str, body: Any) -> Receipt:
        """Take a message; the same one again is answered as it was. Raises RefusedError."""
        authority = self.authority(name)
        told = _told(id_, body)
        text = json.dumps(body, sort_keys=True, ensure_ascii=False)
        with self._lock:
            before = self.database.message(name, id_)
            if before is not None:
                self.database.run(
                    "UPDATE messages SET came = came + 1 WHERE authority = ? AND id = ?", name, id_
                )
                if before["body"] != text:
                    raise RefusedError(409, f"message {id_}: got other content than before under the same id")
                return Receipt(id_, before["state"], before["reason"], True)
            reason = self._objection(authority, told)
            state = "refused" if reason else "accepted"
            row = told | {"authority": name, "id": id_, "body": text, "received_ms": self.now_ms()}
            if state == "accepted":  # what is refused may be sent again when it is mended
                self.database.keep(row | {"state": state, "reason": reason})
                self._follow(authority, told, body)
        if reason:
            raise RefusedError(422, reason)
        return Receipt(id_, state, reason, False)

    def decide(
        self,
        name: str,
        request: str | None,
        decision: str,
        reason: str = "",
        by: str = "officer",
        case: str | None = None,
    ) -> int:
        """An officer's decision about a request, or about a case without one. Raises RefusedError."""
        self.authority(name)
        if decision not in DECISIONS:
            raise RefusedError(422, f"decision: got {decision[:40]!r}, want of {', '.join(DECISIONS)}")
        with self._lock:
            if request is not None:
                rows = self.database.run(
                    "SELECT case_id FROM requests WHERE authority = ? AND id = ?", name, request
                )
                if not rows:
                    raise RefusedError(404, f"request not known: got {request[:60]}")
                case = rows[0]["case_id"]
            if case is None:
                raise RefusedError(422, "decision: got neither request nor case")
            seq = self.database.decide(name, case, request, decision, reason, by, self.now_ms())
        self.news.set()
        return seq

    def decisions(self, name: str, after: int, limit: int = 100) -> list[dict[str, Any]]:
        """Decisions after number ``after`` as JSON values, each with ``seq``."""
        rows = self.database.decisions(name, after, self.now_ms(), limit)
        return [{"seq": row["seq"], **decision_value(row)} for row in rows]

    def waiting(self, name: str) -> list[dict[str, Any]]:
        """Requests that nobody has decided, the oldest first."""
        return self.database.run(
            "SELECT * FROM requests WHERE authority = ? AND decided IS NULL ORDER BY asked_ms, id", name
        )

    def _objection(self, authority: Authority, told: Mapping[str, Any]) -> str:
        """Why a message is refused, "" when it is not."""
        known = self.database.messages(authority.name, told["case_id"])
        if authority.must_lodge and told["purpose"] not in _FIRST and not known:
            return f"nothing lodged for case {told['case_id']}"
        if any(one["purpose"] == "withdraw" for one in known):
            return f"case {told['case_id']} was withdrawn"
        return ""

    def _follow(self, authority: Authority, told: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        if told["purpose"] == "ask_release":
            request = str((body.get("Corridor", {}).get("Request") or {}).get("ID") or told["id"])
            self.database.run(
                "INSERT OR IGNORE INTO requests (authority, id, case_id, reference, vin, asked_ms) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                *(authority.name, request, told["case_id"], told["reference"], told["vin"], self.now_ms()),
            )
            self._by_rule(authority, request, told["case_id"], body)
        elif told["purpose"] == "correct":
            request = str((body.get("Corridor", {}).get("Request") or {}).get("ID") or "")
            self.database.run(
                "UPDATE requests SET corrected = 1 WHERE authority = ? AND id = ?", authority.name, request
            )
            if authority.on_correction is not None:
                self.database.decide(
                    *(authority.name, told["case_id"], request, authority.on_correction),
                    *("what was told is no longer so", "rule", self.now_ms()),
                )
                self.news.set()

    def _by_rule(self, authority: Authority, request: str, case: str, body: Mapping[str, Any]) -> None:
        """Decide at once what a script or a rule knows; else it waits for an officer."""
        script = next((one for one in self.rules.script if one.fits(body)), None)
        (count,) = self.database.run("SELECT count(*) AS n FROM requests WHERE authority = ?", authority.name)
        if script is None and authority.inspect_every and count["n"] % authority.inspect_every == 0:
            script = Script("inspect", reason=f"one of {authority.inspect_every}")
        if script is None and authority.auto is not None:
            script = Script(authority.auto, reason="by rule")
        if script is None:
            return
        due = self.now_ms() + int((script.after_s or authority.decide_after_s) * 1000)
        self.database.decide(authority.name, case, request, script.decision, script.reason, "rule", due)
        if script.then is not None:
            due += int(script.then_after_s * 1000)
            self.database.decide(authority.name, case, request, script.then, script.reason, "rule", due)
        self.news.set()


def decision_value(row: Mapping[str, Any]) -> dict[str, Any]:
    """A decision as it is told: polled, pushed and as a file."""
    at = datetime.fromtimestamp(row["due_ms"] / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "message": row["message"],
        "authority": row["authority"],
        "case": row["case_id"],
        "request": row["request"],
        "decision": row["decision"],
        "reason": row["reason"],
        "at": at,
    }


def _told(id_: str, body: Any) -> dict[str, Any]:
    """What is looked at of a message. Raises RefusedError 422."""
    if not isinstance(body, dict) or body.get("MessageID") != id_ or not id_:
        raise RefusedError(422, f"message: got no object with MessageID {id_[:60]}")
    if body.get("Purpose") not in PURPOSES:
        raise RefusedError(
            422, f"Purpose: got {str(body.get('Purpose'))[:40]!r}, want of {', '.join(PURPOSES)}"
        )
    own = body.get("Corridor")
    if not isinstance(own, dict) or not isinstance(own.get("Case"), str):
        raise RefusedError(422, "Corridor: got no object with Case")
    return {
        "id": id_,
        "purpose": body["Purpose"],
        "case_id": own["Case"],
        "reference": own.get("Reference"),
        "vin": own.get("VIN"),
    }
