"""Cases: listed, explained, decided and settled by officers; what authorities decide about them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.answer import answer
from api.auth import Clearing, Connector, Officer
from api.clearanceschemas import Case, Explained
from api.errors import Problem, shown
from api.history import explained
from api.listing import AssetRef, From, To, Word, asset_id, list_objects
from api.paging import After, Limit
from api.papers import AuthorityDecision, OfficerDecision, Settlement
from api.refusals import refusal
from api.render import item
from api.schemas import Page
from feeds.readmodel import ObjectFilter
from streams.events import Kind
from streams.identity.difference import Cause, difference

router = APIRouter(tags=["cases"])


@router.get("/v1/cases", response_model=Page[Case])
def list_cases(
    scope: Clearing,
    asset: AssetRef = None,
    gate: Word = None,
    state: Word = None,
    exporter: Word = None,
    batch: Word = None,
    vin: Word = None,
    is_open: Annotated[
        bool | None, Query(alias="open", description="true: those that go on; false: those that ended.")
    ] = None,
    start: From = None,
    end: To = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Cases, the last lodged first."""
    where = ObjectFilter(
        asset=asset_id(scope, asset),
        gate=gate,
        state=state,
        exporter=exporter,
        batch=batch,
        vin=vin,
        lasting=is_open is True,
        ended=is_open is False,
        start_ms=start,
        end_ms=end,
    )
    return list_objects(scope, Kind.CASE, where, after, limit)


@router.get("/v1/cases/{case}", response_model=Case)
def get_case(scope: Clearing, case: str) -> Response:
    """One case."""
    return answer(item(scope.object(Kind.CASE, case)))


@router.get("/v1/cases/{case}/explain", response_model=Explained)
def explain_case(scope: Clearing, case: str) -> Response:
    """Every revision of a case with what changed in it: its cause, evidence, rule, regime version, in
    sentences. `complete` is false when the oldest revisions are gone with the retention."""
    return answer(explained(scope, scope.object(Kind.CASE, case)))


@router.post("/v1/cases/{case}/decisions", response_model=Case)
async def decide_case(scope: Officer, case: str, new: OfficerDecision) -> Response:
    """An officer's decision. 409 when the case has ended."""
    held = await asyncio.to_thread(scope.object, Kind.CASE, case)
    data: dict[str, Any] = {"asset": held.asset, "case": held.id, **new.commanded()}
    data["at_ms"] = scope.now_ms() if new.at_ms is None else new.at_ms
    await scope.command("case.decide", data, held.tenant)
    return answer(item(await asyncio.to_thread(scope.object, Kind.CASE, case)))


@router.post("/v1/cases/{case}/settle", response_model=Case)
async def settle_case(scope: Officer, case: str, new: Settlement) -> Response:
    """An officer verified the vehicle: settles every conflict known so far.

    422 `bad_vin` when the VIN is not the case's: what stands there is another vehicle, or a slip of the pen.
    """
    held = await asyncio.to_thread(scope.object, Kind.CASE, case)
    apart = difference(new.vin, held.data["vin"])
    if apart.cause is not Cause.SAME:
        text = f"a settlement says the VIN of its case, {held.data['vin']}: {apart.text}"
        raise refusal(
            "bad_vin", f"{text}; decide on the case when another vehicle stands there", {"vin": new.vin}
        )
    await scope.command("binding.settle", new.commanded(asset=held.asset, case=held.id), held.tenant)
    return answer(item(await asyncio.to_thread(scope.object, Kind.CASE, case)))


@router.post("/v1/authorities/{name}/decisions", response_model=dict[str, Any])
async def decide_as_authority(scope: Connector, name: str, new: AuthorityDecision) -> Response:
    """An authority's decision, by its connector. Counts once a `message`: 409 `duplicate` when it came
    before, which a connector may take as done."""
    for got in (name, new.authority or name):
        if got != scope.who.authority:
            want = f"that of the key: {scope.who.authority}"
            raise Problem(403, f"authority: got {shown(got)}, want {want}", "wrong_authority")
    held = await asyncio.to_thread(scope.answered_case, new.case)
    data = new.commanded(asset=held.asset, authority=name, reason=new.reason or "")
    data["at_ms"] = scope.now_ms() if new.at_ms is None else new.at_ms
    event = await scope.command("authority.decide", data, held.tenant)
    return answer({"case": held.id, "message": new.message, "object": event.data["object"]})
