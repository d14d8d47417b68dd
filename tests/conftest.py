"""What every test is spared: the log handlers of a test before it, and a busy machine's pace."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# how long a law takes to make its cases says how busy the machine is, and nothing of the code
settings.register_profile("paceless", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("paceless")


@pytest.fixture(autouse=True)
def _same_handlers() -> Iterator[None]:
    """A command line that a test runs logs to that test's captured error stream, which closes with it."""
    before, level = logging.root.handlers.copy(), logging.root.level
    yield
    logging.root.handlers[:] = before
    logging.root.setLevel(level)
