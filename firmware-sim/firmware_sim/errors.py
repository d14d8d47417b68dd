"""What the simulator raises: one base, and one kind for each thing that a person can put right."""

from __future__ import annotations


class SimError(Exception):
    """The base of everything that the simulator raises; its text is one line for a person."""


class ScenarioError(SimError):
    """A scenario that can't be run as it is written: names the key, what was got and what is wanted."""


class StateError(SimError):
    """A state folder that can't be used: another scenario's, in use, unreadable or unwritable."""


class CertificateError(SimError):
    """The files for TLS can't be used."""


class KeyFileError(SimError):
    """A key's file can't be used."""
