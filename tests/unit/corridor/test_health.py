"""``corridor health`` tells by its exit code whether a role does its work."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from corridor.__main__ import main
from corridor.probe import serving


@pytest.mark.parametrize(("well", "code"), [(True, 0), (False, 1)])
async def test_a_role_that_answers(well: bool, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving("127.0.0.1", 0, lambda: (well, {"lag_records": 5}), CollectorRegistry()) as port:
        assert await asyncio.to_thread(main, ["health", "--port", str(port)]) == code
    assert '"lag_records": 5' in capsys.readouterr().out


async def test_a_role_that_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving("127.0.0.1", 0, lambda: (True, {}), CollectorRegistry()) as port:
        pass
    assert main(["health", "--port", str(port)]) == 1
    assert f"no answer from port {port}" in capsys.readouterr().out


def test_no_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health"]) == 2
    assert "want the port that the role was given" in capsys.readouterr().err
