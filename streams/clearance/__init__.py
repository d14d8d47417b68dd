"""The clearance of one vehicle through one gate, decided from values and nothing else.

A case is a pure function of its inputs, the regime in force when it began and the log's time. No clock,
file or socket here: what is read, kept and told is the engine's.
"""
