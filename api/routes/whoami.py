"""Who the key is."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Anyone
from api.schemas import Whoami

router = APIRouter(tags=["key"])


@router.get("/v1/whoami")
async def whoami(scope: Anyone) -> Whoami:
    """The key's name, tenant and role; its gates and authority where it has such."""
    who = scope.who
    gates, role = list(who.gates), who.role.value
    return Whoami(name=who.name, tenant=who.tenant, role=role, gates=gates, authority=who.authority)
