"""Computed ids that a case names again each time that it is derived; those of late are kept."""

from __future__ import annotations

from functools import lru_cache

from streams.events import Kind, object_id


@lru_cache(maxsize=16_384)
def filing_id(tenant: str, reference: str) -> str:
    """The id of a FILING."""
    return object_id(Kind.FILING, tenant, reference)


@lru_cache(maxsize=16_384)
def permit_id(tenant: str, number: str) -> str:
    """The id of a PERMIT."""
    return object_id(Kind.PERMIT, tenant, number)


@lru_cache(maxsize=16_384)
def binding_id(asset: str) -> str:
    """The id of the BINDING of an asset."""
    return object_id(Kind.BINDING, asset)
