"""The witness server: its files, and its two routes over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response

from feeds.ledger.errors import FormatError, LedgerStopError
from feeds.ledger.keyfiles import load_or_make
from feeds.ledger.note import COSIGNATURE
from feeds.ledger.policy import parse_policy
from feeds.ledger.witness import MOST_BYTES, Witness

_TEXT: Final = "text/plain; charset=utf-8"


def witness_of(name: str, logs: Path, state: Path) -> Witness:
    """The witness of a folder; its key is made at the first start. Raises LedgerError."""
    try:
        policy = parse_policy(logs.read_bytes())
    except OSError as error:
        raise LedgerStopError(f"{logs}: {error.strerror}") from None
    except FormatError as error:
        raise LedgerStopError(f"{logs}: {error}") from None
    heads = state / "heads.db"
    signer = load_or_make(state / "witness.key", name, signed=heads.exists(), kind=COSIGNATURE)
    if signer.name != name:
        raise LedgerStopError(f"the key in {state} is of {signer.name}: got --name {name}")
    return Witness(heads, signer, [one.key for one in policy.logs])


def app_of(witness: Witness) -> FastAPI:
    """The server of a witness."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.post("/add-checkpoint")
    async def add(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return Response(f"got more than {MOST_BYTES} bytes\n", 413, media_type=_TEXT)
        answer = await asyncio.to_thread(witness.add_checkpoint, bytes(body))
        # as a header: to a media type of text a charset would be added
        return Response(answer.body, answer.status, {"Content-Type": answer.media_type})

    @app.get("/{origin_hash}/checkpoint")
    async def head(origin_hash: str) -> Response:
        note = await asyncio.to_thread(witness.head, origin_hash)
        if note is None:
            return Response("never cosigned\n", 404, media_type=_TEXT)
        return Response(note, 200, {"Cache-Control": "no-cache"}, _TEXT)

    return app
