"""Everything in Kafka but the engine's own runtime: the log, the events, the registry, who owns what.

Import from the modules; this one loads nothing.
"""
