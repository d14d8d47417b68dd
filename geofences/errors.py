"""The errors of this package: one base, and one kind for input that is refused.

A refused zone is a fault of its file: the message names the feature, the ring and the position.
"""

from __future__ import annotations


class GeofenceError(Exception):
    """Base of all errors that this package raises."""


class GeometryRefusedError(GeofenceError):
    """A zone or gate can't be used as given; the message says where and what was wanted."""
