"""Who the key is."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import Scoped
from api.schemas import Whoami

router = APIRouter(tags=["key"])


@router.get("/v1/whoami")
async def whoami(scope: Scoped) -> Whoami:
    """The key's name, tenant and role."""
    return Whoami(name=scope.who.name, tenant=scope.tenant, role=scope.who.role.value)
