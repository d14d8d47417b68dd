"""Children that are kept running, whatever they say and however their start fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from corridor.supervisor import Part, PartError


def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Part:
    (tmp_path / "some_child.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Part("child", "some_child", [], None)


async def test_a_line_that_is_too_long_does_not_stop_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import sys\nprint('{}', flush=True)\n"
    text += "sys.stderr.write('x' * 200_000 + '\\n' + ('y' * 100 + '\\n') * 3_000)\nsys.stderr.flush()\n"
    part = child(tmp_path, monkeypatch, text)
    assert await part.start() == {}
    process, reading = part._process, part._reading
    assert process is not None
    assert reading is not None
    assert await asyncio.wait_for(process.wait(), 20) == 0
    await reading
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "y" * 100
    assert "... (a line that is too long to show)" in said


async def test_what_is_not_ready_in_json_is_an_error_of_the_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = child(tmp_path, monkeypatch, "import sys\nprint('hello', flush=True)\nsys.stdin.read()\n")
    with pytest.raises(PartError, match="child said b'hello"):
        await part.start()
    assert part.pid is None


async def test_a_start_that_the_system_refuses_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = child(tmp_path, monkeypatch, "import sys\nprint('{}', flush=True)\nsys.stdin.readline()\n")
    await part.start()
    spawn, refused = asyncio.create_subprocess_exec, 0

    async def sometimes(*arguments: str, **options: object) -> asyncio.subprocess.Process:
        nonlocal refused
        refused += 1
        if refused == 1:
            raise BlockingIOError("resource temporarily unavailable")
        return await spawn(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", sometimes)
    monkeypatch.setattr("corridor.supervisor._BACKOFF_S", (0.01,))
    keeper = asyncio.create_task(part.keep())
    first = part.pid
    assert part._process is not None
    part._process.kill()
    async with asyncio.timeout(20):
        while part.pid in (None, first) or refused < 2:
            await asyncio.sleep(0.01)
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    await part.stop()
