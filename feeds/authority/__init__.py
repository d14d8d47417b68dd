"""Connectors to single windows: what authorities are told of a case, and what they decide."""
