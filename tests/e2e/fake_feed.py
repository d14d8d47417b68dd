"""A feed of the fake API: the records that the ledger's own code made, page by page."""

from __future__ import annotations

import base64
from typing import Any

import cbor2
import orjson
from fastapi import APIRouter, HTTPException, Response

from tests.unit.feeds.ledger.page_records import made

FEED = "feed_0123456789abcdef01234567"


class FakeFeed:
    """Its records in ledger order, ``most`` a page."""

    def __init__(self) -> None:
        told = made()
        self.keys: list[str] = told["keys"]
        self.records: list[dict[str, Any]] = told["records"]
        self.most = 1
        for record in self.records:
            record["data"] = {
                name: _readable(record["kind"], base64.b64decode(group["content"]))
                for name, group in record["groups"].items()
                if "content" in group
            }
        checks = [{"name": "signature", "result": "holds", "why": "key 3f9a"}]
        self.records[0]["assurance"] = {"level": "signed", "checks": checks, "vouched_by": "gateway"}


def _readable(kind: str, content: bytes) -> Any:
    try:
        return cbor2.loads(content) if kind == "report" else orjson.loads(content)
    except (ValueError, cbor2.CBORError):
        return content.hex()


def router(feed: FakeFeed) -> APIRouter:
    """The feed's list, its log and its records."""
    made_router = APIRouter()
    grant = {
        "id": FEED,
        "consumer": "insurer",
        "purpose": "pricing",
        "assets": "tenant",
        "kinds": ["report", "crossing"],
        "fields": "precise",
        "driver": False,
        "from": None,
        "to": None,
        "expires": "2027-11-22T00:00:00.000Z",
        "revoked": None,
    }

    @made_router.get("/v1/feeds")
    def feeds() -> dict[str, Any]:
        return {"items": [grant], "next": None}

    @made_router.get("/v1/feeds/{name}/logs")
    def one(name: str) -> dict[str, Any]:
        origin = feed.keys[0].split("+")[0]
        return {"logs": [{"log": 0, "origin": origin, "key": feed.keys[0], "size": 11}]}

    @made_router.get("/v1/feeds/{name}/records")
    def records(name: str, limit: int, proofs: str, after: str = "") -> Response:
        if name != FEED or proofs != "inline":
            raise HTTPException(404, "no such feed")
        if not after:  # of a ledger with much else a page may be empty and yet not the last
            limit = 0
        first = int(after or 0)
        end = min(first + min(limit, feed.most), len(feed.records))
        lines = [orjson.dumps(record) for record in feed.records[first:end]]
        page = {"sent": {"records": end - first}, "next": str(end), "more": end < len(feed.records)}
        body = b"\n".join([*lines, orjson.dumps({"page": {**page, "checkpoints": []}}), b""])
        return Response(body, media_type="application/x-ndjson")

    return made_router
