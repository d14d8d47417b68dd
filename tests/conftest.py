"""What every test is spared: the log handlers that a test before it set up."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _same_handlers() -> Iterator[None]:
    """A command line that a test runs logs to that test's captured error stream, which closes with it."""
    before, level = logging.root.handlers.copy(), logging.root.level
    yield
    logging.root.handlers[:] = before
    logging.root.setLevel(level)
