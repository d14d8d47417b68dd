"""Gets the real servers that the distributed tests run against: Kafka, Mosquitto, InfluxDB, and of logs (C2SP
tlog-tiles) a client, a witness and a keeper that others wrote.

Everything goes into ``$CORRIDOR_SERVERS`` (default ``~/.cache/corridor-servers``). Left alone is what is
there already, is on PATH, or is named by ``CORRIDOR_TEST_KAFKA``, ``CORRIDOR_TEST_INFLUX_URL``,
``CORRIDOR_TEST_MOSQUITTO`` or ``CORRIDOR_TEST_TLOG`` (a folder). Two runs at once wait
for each other. Needs nothing but the Python that runs it and the build tools that it asks for by name. Words
choose: ``make.py kafka mosquitto influxd tlog``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("CORRIDOR_SERVERS") or Path.home() / ".cache" / "corridor-servers").absolute()
INFLUXD = "v2.9.1"
MAIN = "github.com/influxdata/influxdb/v2/cmd/influxd"
FLUX = "github.com/influxdata/flux"
WITNESS = "filippo.io/torchwood/cmd/litewitness"
KEEPER = "github.com/transparency-dev/tessera/cmd/examples/posix-oneshot"
TAGS = "sqlite_foreign_keys,sqlite_json"


class Missing(Exception):
    """A tool that is needed is not there, or what it was to make has failed."""


def main(words: Sequence[str]) -> int:
    """Get the servers named by the words, or all. Returns the exit code: 2 when one can't be had."""
    every = (kafka, mosquitto, tlog, influxd)
    known: dict[str, Callable[[], str]] = {one.__name__: one for one in every}
    unknown = [word for word in words if word not in known]
    if unknown:
        print(f"unknown server {unknown[0]!r}: want {', '.join(known)}", file=sys.stderr)
        return 2
    (CACHE / "log").mkdir(parents=True, exist_ok=True)
    os.nice(10)
    failed = False
    for name in words or known:
        with (CACHE / f".{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                print(f"{name}: {known[name]()}", flush=True)
            except Missing as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr, flush=True)
    return 2 if failed else 0


def kafka() -> str:
    """The broker's jars, by Maven. Returns where they are."""
    given = os.environ.get("CORRIDOR_TEST_KAFKA")
    if given:
        return f"given at {given}"
    installed = shutil.which("kafka-server-start.sh")
    if installed:
        return f"installed at {installed}"
    pom, folder = HERE / "kafka" / "pom.xml", CACHE / "kafka"
    want = digest(pom)
    if made(folder, want):
        return f"kept at {folder}"
    need("java", "Java 17 or newer", "CORRIDOR_TEST_KAFKA=host:port")
    need("mvn", "Maven 3", "CORRIDOR_TEST_KAFKA=host:port")
    fresh = empty(CACHE / "kafka.new")
    run(
        "kafka",
        [
            *("mvn", "-B", "-q", "-f", str(pom), "dependency:copy-dependencies"),
            *(f"-DoutputDirectory={fresh / 'lib'}", "-DincludeScope=runtime"),
        ],
        tries=2,
    )
    return finish(fresh, folder, want)


def mosquitto() -> str:
    """The MQTT broker with its dynamic security plugin, by the package manager. Returns where it is."""
    given = os.environ.get("CORRIDOR_TEST_MOSQUITTO")
    if given:
        return f"given at {given}"
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    installed = shutil.which("mosquitto", path=path)
    if installed:
        return f"installed at {installed}"
    need("apt-get", "mosquitto 2.0 or newer on PATH", "CORRIDOR_TEST_MOSQUITTO=mqtt://host:port")
    if os.geteuid() != 0:
        raise Missing("not installed, and only root can: sudo apt-get install mosquitto")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    words = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    run("mosquitto", [*words, "update"], more=quiet, tries=2)
    run("mosquitto", [*words, "install", "-y", "--no-install-recommends", "mosquitto"], more=quiet, tries=2)
    installed = shutil.which("mosquitto", path=path)
    if not installed:
        raise Missing(f"the package holds no program mosquitto on {path}")
    return f"installed at {installed}"


def tlog() -> str:
    """A reader, a witness and a keeper of logs, built from their Go module. Returns where they are."""
    given = os.environ.get("CORRIDOR_TEST_TLOG")
    if given:
        return f"given at {given}"
    module, folder = HERE / "tlog", CACHE / "tlog"
    want = digest(module / "go.mod") + digest(module / "main.go")
    if made(folder, want):
        return f"kept at {folder}"
    need("go", "Go 1.24 or newer", "CORRIDOR_TEST_TLOG=folder")
    fresh = empty(CACHE / "tlog.new")
    go = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    words = ["go", "build", "-trimpath", "-o", f"{fresh}/", ".", WITNESS, KEEPER]
    run("tlog", words, cwd=module, more=go, tries=2)
    return finish(fresh, folder, want)


def influxd() -> str:
    """InfluxDB's server, built from its Go module and the Rust half of its query language, side by side."""
    given = os.environ.get("CORRIDOR_TEST_INFLUX_URL")
    if given:
        return f"given at {given}"
    installed = shutil.which("influxd")
    if installed:
        return f"installed at {installed}"
    module, folder = HERE / "influxd", CACHE / "influxd"
    want = digest(module / "go.mod") + INFLUXD
    if made(folder, want):
        return f"kept at {folder}"
    for tool, what in {
        "go": "Go 1.25.10 or newer",
        "cargo": "Rust 1.83 or newer",
        "gcc": "a C compiler",
        "pkg-config": "pkg-config",
    }.items():
        need(tool, what, "CORRIDOR_TEST_INFLUX_URL=http://host:port")
    work = CACHE / "influxd.work"
    (work / "pc").mkdir(parents=True, exist_ok=True)
    # A build cache of its own: Go's cache does not know when the path that pkg-config answers has changed.
    go = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "1", "GOCACHE": str(work / "gocache")}
    run("influxd", ["go", "mod", "download"], cwd=module, more=go, tries=2)
    rust, libflux = start_libflux(module, work, go)
    try:
        build = ["go", "build", "-trimpath", "-tags", TAGS]
        run("influxd", [*build, *without_flux(module, go)], cwd=module, more=go)
        if rust.wait() != 0:
            raise Missing(f"the Rust half does not build\n{tail(CACHE / 'log' / 'libflux.log')}")
    finally:
        if rust.poll() is None:
            rust.kill()
            rust.wait()
    # libflux.so lies beside libflux.a, and -lflux would take it.
    (work / "pc" / "flux.pc").write_text(
        f"Name: Flux\nDescription: the Rust half of Flux\nVersion: 0\n"
        f"Libs: -L{libflux / 'target' / 'release'} -l:libflux.a -ldl -lm\nCflags: -I{libflux / 'include'}\n"
    )
    go |= {"PKG_CONFIG": shutil.which("pkg-config") or "pkg-config", "PKG_CONFIG_PATH": str(work / "pc")}
    fresh = empty(CACHE / "influxd.new")
    linked = ["-ldflags", f"-s -w -X main.version={INFLUXD}", "-o", str(fresh / "influxd"), MAIN]
    run("influxd", [*build, *linked], cwd=module, more=go)
    said = finish(fresh, folder, want)
    shutil.rmtree(work, ignore_errors=True)
    return said


def start_libflux(module: Path, work: Path, go: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], Path]:
    """Begin to build libflux.a from a copy of the flux module. Returns the process and the folder."""
    said = run("influxd", ["go", "mod", "download", "-json", FLUX], cwd=module, more=go)
    source = Path(json.loads(said[said.index("{") :])["Dir"])
    copy = work / source.name
    if not copy.exists():
        half = empty(work / "flux.half")
        subprocess.run(["cp", "-r", f"{source}/.", str(half)], check=True)
        subprocess.run(["chmod", "-R", "u+w", str(half)], check=True)
        half.rename(copy)
    # The source asks rustup for one old toolchain by name; what is installed does as well, with its warnings.
    more = {"RUSTUP_TOOLCHAIN": toolchain(), "RUSTFLAGS": "--cap-lints=warn"}
    with (CACHE / "log" / "libflux.log").open("wb") as log:
        process = subprocess.Popen(
            ["cargo", "build", "--release", "--locked", "-p", "flux"],
            cwd=copy / "libflux",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | more,
        )
    return process, copy / "libflux"


def toolchain() -> str:
    """The Rust toolchain in use outside of any project; without rustup the answer does not matter."""
    if not shutil.which("rustup"):
        return "stable"
    said = subprocess.run(
        ["rustup", "show", "active-toolchain"], cwd="/", capture_output=True, text=True, check=False
    ).stdout.split()
    return os.environ.get("RUSTUP_TOOLCHAIN") or (said[0] if said else "stable")


def without_flux(module: Path, go: Mapping[str, str]) -> list[str]:
    """Packages of the server that can be built before libflux is there."""
    template = (
        '{{$early := true}}{{range .Deps}}{{if eq . "' + FLUX + '/libflux/go/libflux"}}{{$early = false}}'
        "{{end}}{{end}}{{if $early}}{{.ImportPath}}{{end}}"
    )
    said = subprocess.run(
        ["go", "list", "-deps", "-tags", TAGS, "-f", template, MAIN],
        cwd=module,
        env=os.environ | go,
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise Missing(f"go list fails\n{said.stderr[-2000:]}")
    return [name for name in said.stdout.split() if not name.endswith("/libflux")]


def need(tool: str, what: str, instead: str) -> None:
    """Refuse to go on without a tool, and say what to install or to set instead."""
    if not shutil.which(tool):
        raise Missing(f"{tool} is not on PATH: install {what}, or set {instead}")


def run(
    name: str, words: Sequence[str], cwd: Path = HERE, more: Mapping[str, str] | None = None, tries: int = 1
) -> str:
    """Run a command into the server's log and return what it said; its end is shown when it fails.

    What speaks to the network may have ``tries``.
    """
    path = CACHE / "log" / f"{name}.log"
    for attempt in range(tries):
        begun = time.monotonic()
        print(f"{name}: {' '.join(words)[:100]} ...", flush=True)
        with path.open("wb") as log:
            code = subprocess.run(
                words,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | dict(more or {}),
                check=False,
            ).returncode
        if code == 0:
            return path.read_text(errors="replace")
        if attempt + 1 < tries:
            time.sleep(5)
    raise Missing(f"{words[0]} ended with {code} after {time.monotonic() - begun:.0f} s\n{tail(path)}")


def tail(path: Path) -> str:
    """The last lines of a log, with its name."""
    return "\n".join([f"end of {path}:", *path.read_text(errors="replace").splitlines()[-40:]])


def digest(path: Path) -> str:
    """What tells one state of a file from another."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def empty(folder: Path) -> Path:
    """A new empty folder, whatever was there before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def made(folder: Path, want: str) -> bool:
    """Whether the folder was finished for these inputs."""
    stamp = folder / ".made"
    return stamp.is_file() and stamp.read_text() == want


def finish(fresh: Path, folder: Path, want: str) -> str:
    """Put a finished folder in its place, in one step, so that nobody sees half of it."""
    (fresh / ".made").write_text(want)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return f"made at {folder}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
