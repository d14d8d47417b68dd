"""What a replay raises; the text is one line for a person, with what was got and what is wanted."""

from __future__ import annotations


class ReplayError(Exception):
    """A recording that can't be played, or a broker that can't be reached."""
