"""Records, events and the engine that derives the second from the first.

The log's records are the engine's only input; events are its only output. What decides here is pure;
the runtimes in ``streams.runtime`` own the files and sockets.
"""
