"""The shapes of requests and answers about keys of devices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import Answer, DeviceKey
from api.times import Instant

Base64url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+={0,2}$", max_length=2_000)]


class KeyNew(BaseModel):
    """A key that a device made, with its proof of possession (a COSE_Sign1 by that key, for this device).

    It holds since ``from``, by the time of receiving; since now when left out.
    """

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None
    alg: Literal["EdDSA", "ES256"]
    public: Base64url
    proof: Base64url
    from_: Annotated[Instant | None, Field(alias="from")] = None


class DeviceKeys(Answer):
    """All keys that a device ever had, the first enrolled first."""

    items: list[DeviceKey]


class AckKey(Answer):
    """The installation's public key: what a device that has a key believes, is signed with it."""

    id: str
    alg: str
    public: str
