"""One line a log entry on standard error: time, part, level, event name with its fields."""

from __future__ import annotations

import logging
import sys
import time


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self, part: str) -> None:
        super().__init__(f"%(asctime)s.%(msecs)03dZ {part} %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")


def set_up_logging(part: str, level: int = logging.INFO) -> None:
    """Log to standard error from ``level`` on; libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(part))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("mqtt").setLevel(logging.ERROR)  # the trucks' client warns of every busy moment
    for name in ("corridor", "streams", "feeds", "gateway", "api"):
        logging.getLogger(name).setLevel(level)
