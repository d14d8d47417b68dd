"""What authorities push: checked by the signature of the connector, then brought into the log."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from corridor.settings import Settings, SettingsError
from feeds.readmodel import ReadModel

if TYPE_CHECKING:  # what few need costs others nothing
    from feeds.authority.connectors import Connector
    from feeds.authority.intake import Submit


def pushes_of(settings: Settings, read: ReadModel, submit: Submit) -> Pushes | None:
    """What takes pushes for the authorities of the settings; None without any. Raises SettingsError."""
    if settings.authorities_file is None:
        return None
    from feeds.authority.connectors import ConnectorsError, load

    try:
        return Pushes(load(settings.authorities_file), read, submit)
    except ConnectorsError as error:
        raise SettingsError(str(error)) from None


class Pushes:
    """``Pushed`` (see ``api.ports``) of these connectors: those that have a secret may push."""

    def __init__(self, connectors: Sequence[Connector], read: ReadModel, submit: Submit) -> None:
        self._secrets = {one.authority: one.secret for one in connectors if one.secret is not None}
        self._read, self._submit = read, submit

    async def __call__(self, name: str, head: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """See Pushed. An unknown name is answered as a wrong signature."""
        from feeds.authority.http import pushed
        from feeds.authority.intake import bring

        secret = self._secrets.get(name)
        page = None if secret is None else pushed(secret, head, body, name, int(time.time()))
        if page is None:
            return 401, {"detail": "signature: got none of this authority's for this body and time"}
        taken, refused = await bring(page.decisions, name, self._read, self._submit)
        refused = {**page.bad, **refused}
        return (422 if refused else 200), {"taken": taken, "refused": refused}
