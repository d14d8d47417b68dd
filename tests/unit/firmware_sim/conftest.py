from collections.abc import Iterator

import pytest

from gateway.broker import Ports, running


@pytest.fixture(scope="session")
def broker() -> Iterator[Ports]:
    with running() as process:
        yield process.ports
