"""Who asks: the key of a request becomes a Scope, by one dependency that every route of /v1 has."""

from __future__ import annotations

import logging
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Problem
from api.scope import Scope
from api.state import state_of
from feeds.keys import KeyRing, Principal, Role

_LOG = logging.getLogger("corridor.api.audit")
_BEARER: Final = HTTPBearer(
    auto_error=False, description="An API key; the admin key is printed once, at the first start."
)
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="corridor"'}
_OWN: Final = (Role.ADMIN, Role.OPERATOR)
_CLEARING: Final = (*_OWN, Role.CUSTOMS)
CLEARING: Final = frozenset(_CLEARING)
"""The roles that see cases."""


class _Only:
    """A dependency: the scope of a request's key, if its role is one of ``roles``."""

    def __init__(self, *roles: Role) -> None:
        self._roles = frozenset(roles)

    async def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Scope:
        """Raises Problem 401 or 403."""
        state = state_of(request.app)
        who = principal_of(state.ports.keys, credentials.credentials if credentials else None, self._roles)
        request.state.principal = who
        return Scope(state.ports, state.directory, who)


def principal_of(keys: KeyRing, key: str | None, roles: frozenset[Role]) -> Principal:
    """Who holds ``key``, in one of ``roles``. Raises Problem 401 or 403."""
    if not key:
        raise Problem(
            401, "no key: got no usable Authorization header, want `Bearer KEY`", headers=_CHALLENGE
        )
    who = keys.find(key)
    if who is None:
        _LOG.warning("key_refused")
        raise Problem(401, "key not known: got one that no tenant holds", headers=_CHALLENGE)
    if who.role not in roles:
        _LOG.warning("role_refused name=%s tenant=%s role=%s", who.name, who.tenant, who.role)
        raise Problem(403, f"role not allowed here: got {who.role}, want {', '.join(sorted(roles))}")
    return who


def refuse_revoked(request: Request) -> None:
    """For what was waited for: raises Problem 401 when the key was revoked or changed meanwhile."""
    _, _, key = request.headers.get("Authorization", "").partition(" ")
    if state_of(request.app).ports.keys.find(key.strip()) != request.state.principal:
        raise Problem(401, "key revoked or changed", headers=_CHALLENGE)


Scoped = Annotated[Scope, Depends(_Only(*_OWN))]
"""What a route takes to get its scope, and with it the check of the key: for a tenant's own people."""
Clearing = Annotated[Scope, Depends(_Only(*_CLEARING))]
"""As Scoped, for officers of customs too: what they get is what concerns their gates."""


def _officer(scope: Annotated[Scope, Depends(_Only(Role.ADMIN, Role.CUSTOMS))]) -> Scope:
    if not scope.is_officer:
        raise Problem(403, "decided by officers only: got the admin key of a tenant, want one of customs")
    return scope


Officer = Annotated[Scope, Depends(_officer)]
"""For what only an officer does: customs, and the admin of the installation, who stands in for them."""
Releases = Annotated[Scope, Depends(_Only(*_CLEARING, Role.AUTHORITY))]
"""As Clearing, for connectors of authorities too."""
Feeding = Annotated[Scope, Depends(_Only(*_CLEARING, Role.INSURER))]
"""For who reads feeds; what of them is theirs the scope says."""
Connector = Annotated[Scope, Depends(_Only(Role.AUTHORITY))]
"""For connectors of authorities only."""
Anyone = Annotated[Scope, Depends(_Only(*Role))]
"""For every key."""
