"""Releases: asked for once the rules say so, answered by the authority or an officer, or by nobody in time.

One release of a case at a time: the next has the next number, and comes only after the one before was
withdrawn or a refusal was lifted. An authority's message counts once; only the authority of the case's
regime is heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.clearance.inputs import Derived
from streams.clearance.regime import Regime
from streams.engine.folder import Folder
from streams.engine.registry import Refused
from streams.events import Kind, object_id

if TYPE_CHECKING:
    from streams.engine.desk import Desk

STATES: Final = {
    "release": "granted",
    "inspect": "inspect",
    "detain": "detained",
    "wait": "waiting",
    "withdraw": "withdrawn",
}
"""What an answer makes of a release."""
_OPEN: Final = ("requested", "inspect", "detained", "waiting", "timeout")
_OFFICER: Final = (*STATES, "close")
_MOST: Final = 256  # decisions of one case


def of(folder: Folder, case: str) -> list[dict[str, Any]]:
    """What the releases of a case say, with their ``id``, by number."""
    held = folder.held("release")
    if not held:
        return []
    found = [data | {"id": id_} for id_, (_, data) in held.items() if data["case"] == case]
    return sorted(found, key=lambda one: int(one["n"]))


def message_key(authority: str, message: str) -> str:
    """The key of an authority's message."""
    return f"message:{authority}:{message}"


def expired(desk: Desk, folder: Folder, case: str) -> None:
    """A release that nobody answered in time is one without an answer."""
    for one in of(folder, case)[-1:]:
        if (
            one["state"] == "requested"
            and one["deadline_ms"] is not None
            and one["deadline_ms"] <= desk.now_ms
        ):
            _tell(desk, folder, one, {"state": "timeout"}, {"kind": "deadline", "t_ms": one["deadline_ms"]})


def asked(desk: Desk, folder: Folder, case: str, made: Derived, regime: Regime) -> dict[str, Any] | None:
    """Do what the rules ask for; returns the cause of what follows, None when nothing is asked."""
    held = of(folder, case)
    last = held[-1] if held else None
    cause = {"kind": "case", "id": case}
    if made.correct and last is not None and last["state"] != "corrected":
        _tell(desk, folder, last, {"state": "corrected"}, cause)
        return {"kind": "release", "id": last["id"]}
    data = folder.data("case", case)
    assert data is not None
    filing = folder.data("filing", data["filing"])
    if not made.request or filing is None or filing["state"] != "lodged":
        return None
    if last is not None and last["state"] in ("granted", "requested", "timeout"):
        return None  # one at a time, whatever the rules ask for
    automatic = made.data["release_rule"] == "automatic"
    made_of: dict[str, Any] = {
        "case": case,
        "n": 1 if last is None else last["n"] + 1,
        "authority": regime.release.authority,
        "state": "granted" if automatic else "requested",
        "requested_ms": desk.now_ms,
        "decided_ms": desk.now_ms if automatic else None,
        "decision": "release" if automatic else None,
        "reason": "all conditions of the automatic release held" if automatic else None,
        "by": "automatic" if automatic else None,
        "message": None,
        "conditions": made.data["release_conditions"] if automatic else [],
        "deadline_ms": None if automatic else desk.now_ms + regime.release.timeout_ms,
    }
    id_ = object_id(Kind.RELEASE, case, made_of["n"])
    desk.tell(folder, Kind.RELEASE, id_, made_of, cause)
    return {"kind": "release", "id": id_}


def officer(desk: Desk, command: dict[str, Any]) -> None:
    """case.decide."""
    data = command["data"]
    folder, case = _case(desk, command)
    if data.get("decision") not in _OFFICER:
        raise Refused("bad_decision", f"got {data.get('decision')}, want one of {', '.join(_OFFICER)}")
    if not str(data.get("reason") or "").strip():
        raise Refused("bad_decision", "a decision has a reason: got none")
    _decided(desk, folder, case, command, "officer", None, None, desk.now_ms)


def authority(desk: Desk, command: dict[str, Any]) -> None:
    """authority.decide: checked here, then its message asks to be the only one of its id."""
    data = command["data"]
    folder, case = _case(desk, command)
    regime = desk.regimes.by_version(folder.cases[case]["regime"])
    want = regime.release.authority
    if data["authority"] != want:
        raise Refused("wrong_authority", f"got an answer of {data['authority']}, want {want}")
    if data.get("decision") not in STATES:
        raise Refused("bad_decision", f"got {data.get('decision')}, want one of {', '.join(STATES)}")
    request = data.get("request")
    if request is not None and all(one["id"] != request for one in of(folder, case)):
        raise Refused("unknown", f"no such release of case {case}: got {request}")
    keys = [message_key(data["authority"], data["message"])]
    desk.claims.ask(command["id"], keys, {"command": command, "at_ms": desk.now_ms})


def answered(desk: Desk, command: dict[str, Any], at_ms: int, refused: bool) -> None:
    """The key of a message is decided. Raises Refused."""
    data = command["data"]
    if refused:
        raise Refused("duplicate", f"message {data['message']} of {data['authority']} was heard already")
    folder, case = _case(desk, command)
    _decided(desk, folder, case, command, data["authority"], data["message"], data.get("request"), at_ms)


def _case(desk: Desk, command: dict[str, Any]) -> tuple[Folder, str]:
    """The case that a command names. Raises Refused."""
    id_ = str(command["data"].get("case"))
    folder = desk.folders.get(command["data"]["asset"])
    if folder is None or id_ not in folder.cases or folder.tenant != command["tenant"]:
        raise Refused("unknown", f"no such case: got {id_}")
    if folder.cases[id_]["ended"] is not None:
        raise Refused("ended", f"case {id_} has ended")
    if len(folder.cases[id_]["decisions"]) >= _MOST:
        raise Refused("too_many", f"case {id_} has {_MOST} decisions already")
    return folder, id_


def _decided(
    desk: Desk,
    folder: Folder,
    case: str,
    command: dict[str, Any],
    source: str,
    message: str | None,
    request: str | None,
    at_ms: int,
) -> None:
    """Take a decision into its case, and into the release that it answers."""
    data = command["data"]
    by = str(command.get("by") or "")
    taken = data.get("at_ms") if isinstance(data.get("at_ms"), int) else at_ms
    releases = of(folder, case)
    last = next((one for one in reversed(releases) if request in (None, one["id"])), None)
    state = STATES.get(data["decision"])
    if state is not None and last is not None and _answers(last["state"], state):
        told = {
            "state": state,
            "decided_ms": taken,
            "decision": data["decision"],
            "reason": data.get("reason"),
            "by": by if source == "officer" else source,
            "message": message,
        }
        _tell(desk, folder, last, told, desk.cause)
    folder.cases[case]["decisions"].append(
        {
            "source": source,
            "decision": data["decision"],
            "reason": str(data.get("reason") or ""),
            "at_ms": taken,
            "position": desk.host.position,
            "by": by,
            "message": message,
            "release": None if last is None else last["id"],
            "command": command["id"],
        }
    )
    desk.touch(folder.asset, case)
    desk.answer(command, case, folder.asset)


def _answers(held: str, state: str) -> bool:
    """Whether a decision changes a release: one granted stands until it is withdrawn."""
    return state == "withdrawn" if held == "granted" else held in _OPEN


def _tell(
    desk: Desk, folder: Folder, release: dict[str, Any], changes: dict[str, Any], cause: dict[str, Any]
) -> None:
    data = {name: value for name, value in release.items() if name != "id"} | changes
    desk.tell(folder, Kind.RELEASE, release["id"], data, cause)
