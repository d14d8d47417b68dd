"""A case's revisions as plain sentences: each step with its cause, evidence, rule and regime version.

This is the audit that people read, so nothing is left out: a step that was taken back is shown as that, a
stage that the evidence passed over is called inferred. Pure; instants stay ms, sentences show UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from feeds.clearance.history import CaseHistory, Revision, instant, length

STAGES: Final = (
    *("filed", "bound", "departing", "approaching", "arrived", "crossed", "arrived_entry", "released"),
    "cleared",
)
_STEP: Final = {
    "filed": "Filed",
    "bound": "VIN and chassis number bound to each other",
    "departing": "Departed",
    "approaching": "Approaching the gate",
    "arrived": "Arrived at the exit port",
    "crossed": "Crossed the line",
    "arrived_entry": "Arrived at the entry port",
    "released": "Released",
    "cleared": "Cleared: left the entry port, released",
}
_STATE: Final = {
    "manual_verification": "Sent to manual verification",
    "held": "Held",
    "withdrawn": "Withdrawn",
    "expired": "Expired",
    "closed": "Closed",
}
_PEOPLE: Final = ("authority", "officer", "decision")
_BY_RULE: Final = {
    "authority": "asked of the authority",
    "officer": "by an officer",
    "automatic": "automatic, all conditions held",
}

Entry = dict[str, Any]


def explain(case: CaseHistory) -> list[Entry]:
    """One value a revision, oldest first.

    ``{revision, change, t_ms, recorded_ms, position, state, stage, regime, regime_version, why,
    entries: [{what, sentence, stage, cause, rule, inferred, source}]}``; ``what`` is step, back, state,
    reason, deadline, release, document or note. A revision that changes nothing of these has one note.
    """
    found: list[Entry] = []
    before: Revision | None = None
    for at in case.revisions:
        found.append(_revision(before, at))
        before = at
    return found


def _revision(before: Revision | None, at: Revision) -> Entry:
    old: Mapping[str, Any] = before.data if before is not None else {}
    new = at.data
    entries = [
        *_steps(old, new),
        *_state(old, new),
        *_reasons(old, new),
        *_release(old, new),
        *_expected(old, new),
        *_deadlines(old, new),
        *_documents(old, new),
    ]
    if at.change == "retracted":
        entries = [_entry("state", "This case was taken back: it never was.")]
    if not entries:
        changed = [name for name in sorted({*old, *new} - {"why"}) if old.get(name) != new.get(name)]
        entries = [_entry("note", f"Told again, changed: {', '.join(changed) or 'nothing that is shown'}.")]
    return {
        "revision": at.revision,
        "change": at.change,
        "t_ms": at.t_ms,
        "recorded_ms": at.recorded_ms,
        "position": at.position,
        "state": new.get("state"),
        "stage": new.get("stage"),
        "regime": new.get("regime"),
        "regime_version": new.get("regime_version"),
        "why": new.get("why"),
        "entries": entries,
    }


def _steps(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Entry]:
    had = {step["stage"]: step for step in old.get("steps") or ()}
    has = {step["stage"]: step for step in new.get("steps") or ()}
    found = [_back(had[stage], has) for stage in reversed(STAGES) if stage in had and stage not in has]
    for stage in STAGES:
        if stage not in has:
            continue
        if stage not in had:
            found.append(_forward(has[stage], new))
        elif _moved(had[stage], has[stage]):
            found.append(_amended(had[stage], has[stage], new))
    return found


def _forward(step: Mapping[str, Any], new: Mapping[str, Any]) -> Entry:
    stage = step["stage"]
    if step.get("inferred"):
        said = f"{_STEP[stage]}: not seen by itself, inferred from a later step ({_cause(step)})"
    else:
        said = f"{_STEP[stage]} at {_when(step)}, by {_cause(step)}"
    return _of_step("step", f"{said}; {_rule(step, new)}.", step)


def _back(step: Mapping[str, Any], has: Mapping[str, Any]) -> Entry:
    rest = next((stage for stage in reversed(STAGES) if stage in has), "nothing")
    said = f'Stepped back: "{step["stage"]}" of {instant(step.get("t_ms"))} no longer holds'
    return _of_step(
        "back", f"{said}, as {_cause(step)} was taken back or changed; the case is at {rest}.", step
    )


def _amended(was: Mapping[str, Any], step: Mapping[str, Any], new: Mapping[str, Any]) -> Entry:
    name = _STEP[step["stage"]]
    if was.get("inferred") and not step.get("inferred"):
        said = f"{name}: seen now, at {_when(step)}, before only inferred, by {_cause(step)}"
    elif _when(was) == _when(step):
        said = f"{name}: rests now on {_cause(step)}"
    else:
        said = f"{name}: now known to be at {_when(step)}, before at {_when(was)}, by {_cause(step)}"
    return _of_step("step", f"{said}; {_rule(step, new)}.", step)


def _moved(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the step itself changed, more than in the revision of what it rests on."""
    names = ("t_ms", "earliest_ms", "latest_ms", "inferred")
    return any(was.get(name) != now.get(name) for name in names) or (
        (was.get("cause") or {}).get("id") != (now.get("cause") or {}).get("id")
    )


def _when(step: Mapping[str, Any]) -> str:
    earliest, latest = step.get("earliest_ms"), step.get("latest_ms")
    said = instant(step.get("t_ms"))
    if earliest is not None and latest is not None and latest > earliest:
        return f"{said} (not before {instant(earliest)[11:19]}, not after {instant(latest)[11:19]})"
    return said


def _cause(step: Mapping[str, Any]) -> str:
    cause = step.get("cause")
    if not cause:
        return "no single cause"
    named, revision = f"the {cause.get('kind')} {cause.get('id')}", cause.get("revision")
    if revision is None:
        return named
    if cause.get("kind") in _PEOPLE:  # a decision has a place in the log and no revisions
        return f"{named}, log {revision}"
    return f"{named} in its revision {revision}"


def _rule(step: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    regime = f"regime {new.get('regime')} version {str(new.get('regime_version'))[:8]}"
    return f'rule "{step["rule"]}" of {regime}' if step.get("rule") else f"by {regime}"


def _state(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Entry]:
    was, now = old.get("state"), new.get("state")
    if was == now:
        return []
    if now in _STATE:
        why = "; ".join(str(reason.get("text") or reason["code"]) for reason in new.get("reasons") or ())
        return [_entry("state", f"{_STATE[str(now)]}{f': {why}' if why else ''}.")]
    if was in _STATE:
        return [_entry("state", f'No longer {str(was).replace("_", " ")}: goes on at "{now}".')]
    return []


def _reasons(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Entry]:
    had = {(r["code"], r.get("source"), r.get("text")): r for r in old.get("reasons") or ()}
    has = {(r["code"], r.get("source"), r.get("text")): r for r in new.get("reasons") or ()}
    told = new.get("state") in _STATE and old.get("state") != new.get("state")
    found = [_of_reason("Reason", r) for key, r in has.items() if key not in had and not told]
    return found + [_of_reason("No longer a reason", r) for key, r in had.items() if key not in has]


def _of_reason(said: str, reason: Mapping[str, Any]) -> Entry:
    source = f" (from {reason['source']})" if reason.get("source") else ""
    entry = _entry("reason", f"{said}: {reason.get('text') or reason['code']}{source}.")
    return entry | {"source": reason.get("source"), "rule": reason["code"]}


def _release(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Entry]:
    found = []
    if new.get("release") and new.get("release") != old.get("release"):
        how = _BY_RULE.get(str(new.get("release_rule")), "asked for")
        entry = _entry("release", f"Release {new['release']}: {how}.")
        found.append(entry | {"cause": {"kind": "release", "id": new["release"], "revision": None}})
    total, was = (side.get("clocks_ms", {}).get("total") for side in (new, old))
    if total is not None and total != was:
        limit = new.get("benchmark_ms")
        verdict = "" if limit is None else f", {'within' if total <= limit else 'beyond'} {length(limit)}"
        found.append(_entry("note", f"Clearance took {length(total)}{verdict}."))
    return found


def _deadlines(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Entry]:
    had = {d["rule"]: d for d in old.get("deadlines") or ()}
    found = []
    for deadline in new.get("deadlines") or ():
        was = had.get(deadline["rule"])
        if was is not None and was["state"] == deadline["state"]:
            continue
        text = str(deadline.get("text") or deadline["rule"]).removesuffix(".")
        told = deadline.get("due_ms") is None or instant(deadline["due_ms"])[:16] in text
        due = "" if told else f", due {instant(deadline['due_ms'])}"
        said = f"Deadline {deadline['state'].replace('_', ' ')}: {text}{due}."
        found.append(_entry("deadline", said) | {"rule": deadline["rule"]})
    return found


def _expected(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Entry]:
    now, was = new.get("eta_ms"), old.get("eta_ms")
    if now is None or now == was:
        return []
    before = "" if was is None else f", before at {instant(was)}"
    return [_entry("note", f"Expected at the exit port at {instant(now)}{before}.")]


def _documents(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Entry]:
    had = {(d["kind"], d.get("number")): d["state"] for d in old.get("documents") or ()}
    found = []
    for document in new.get("documents") or ():
        key = document["kind"], document.get("number")
        if had.get(key) != document["state"] and (document["state"] != "ok" or key in had):
            number = f" {key[1]}" if key[1] else ""
            found.append(_entry("document", f"Document {key[0]}{number}: {document['state']}."))
    return found


def _of_step(what: str, sentence: str, step: Mapping[str, Any]) -> Entry:
    more = {"stage": step["stage"], "cause": step.get("cause"), "rule": step.get("rule")}
    return _entry(what, sentence) | more | {"inferred": bool(step.get("inferred"))}


def _entry(what: str, sentence: str) -> Entry:
    return {
        "what": what,
        "sentence": sentence,
        "stage": None,
        "cause": None,
        "rule": None,
        "inferred": False,
        "source": None,
    }
