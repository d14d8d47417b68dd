"""Feeds: what a fleet lets somebody else read of its records, and who read it. See ``grant``."""

from feeds.grants.grant import Ended, Grant, GrantError

__all__ = ["Ended", "Grant", "GrantError"]
