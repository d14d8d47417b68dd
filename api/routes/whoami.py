"""Who the key is."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Anyone
from api.schemas import Whoami

router = APIRouter(tags=["key"])


@router.get("/v1/whoami")
async def whoami(scope: Anyone) -> Whoami:
    """The key's name, tenant, role; gates and authority where it has such; whether it decides cases."""
    who = scope.who
    return Whoami(
        name=who.name,
        tenant=who.tenant,
        role=who.role.value,
        gates=list(who.gates),
        authority=who.authority,
        officer=scope.is_officer,
    )
