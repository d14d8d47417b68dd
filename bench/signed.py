"""Signed reports: what checking a signature costs and where it is done best, and all of it end to end.

OpenSSL (cryptography) on one thread, in threads, in processes, and libsodium (PyNaCl), which the gateway has:
each checks the same messages. End to end every report is signed, beforehand, durable, acknowledged with a
signature, and in the ledger.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from bench.ingest import generate
from bench.load import SAMPLES, device_name
from bench.report import Row, parser, tell
from bench.signed_load import key_of
from bench.system import register, running
from gateway import ed25519
from gateway.arrived import Arrived
from gateway.batch import Buses, prepare
from gateway.recent import Recent
from gateway.registry import Fitted, MemoryRegistry
from gateway.signatures import Signatures
from streams.signing import cose, keys
from streams.signing.keys import DeviceKey, PrivateKey

_WORKERS: Final = 2
_T0: Final = 1_795_330_000_000
Check = tuple[str, bytes, bytes, bytes]  # algorithm, public key, message, signature


def reports(count: int, key: PrivateKey | None = None) -> list[Arrived]:
    """Signed reports of as many devices: of Ed25519 keys of their own, or of ``key``."""
    made = []
    for number in range(count):
        device = device_name(number % 1_000)
        own = key or key_of(device)
        alg, public = keys.public_of(own)
        held = DeviceKey(keys.key_id(public), alg, public, 0)
        columns = {name: [number + n / 7 for n in range(SAMPLES)] for name in ("speed_kmh", "engine_rpm")}
        plain = {"v": 1, "boot": "b", "seq": number, "t": [_T0 + n for n in range(SAMPLES)]} | {
            name: [value % 90 for value in values] for name, values in columns.items()
        }
        plain |= {"lon": [101.5 + n / 1e4 for n in range(SAMPLES)], "lat": [21.5] * SAMPLES}
        aad = f"corridor/v1/{device}/report".encode()
        sign: Callable[[bytes], bytes] = lambda data, own=own: keys.sign(own, data)  # type: ignore[misc]  # noqa: E731
        raw = cose.write(keys.ALGORITHMS[alg], held.id.encode(), aad, cbor2.dumps(plain), sign)
        made.append(Arrived(device, Fitted(f"asset_{device}", "main", 0, keys=(held,)), raw, _T0))
    return made


def checks(arrived: list[Arrived]) -> list[Check]:
    """The bare arithmetic of these."""
    found = []
    for one in arrived:
        told, key = cose.read(one.payload), one.fitted.keys[0]
        over = cose.signed_bytes(told.protected, f"corridor/v1/{one.device}/report".encode(), told.payload)
        found.append((key.alg, key.public, over, told.signature))
    return found


def verified(some: list[Check]) -> int:
    """How many hold."""
    return sum(keys.holds(*one) for one in some)


def by_libsodium(some: list[Check]) -> int:
    """The same as the gateway does it."""
    return sum(ed25519.holds(public, message, signature) for _, public, message, signature in some)


def parts(some: list[Check]) -> list[list[Check]]:
    """As many as there are workers."""
    return [some[n::_WORKERS] for n in range(_WORKERS)]


def timed(work: Callable[[], int], count: int, repeat: int = 3) -> tuple[float, float]:
    """Microseconds of time and of this process's CPU a signature; of some tries the fastest."""
    best = (float("inf"), 0.0)
    for _ in range(repeat):
        begun, cpu = time.perf_counter(), time.process_time()
        if work() != count:
            raise SystemExit("a signature that holds was refused")
        took = (time.perf_counter() - begun) * 1e6 / count
        best = min(best, (took, (time.process_time() - cpu) * 1e6 / count))
    return best


def arithmetic(count: int) -> list[Row]:
    """Where signatures are checked."""
    arrived = reports(count)
    some = checks(arrived)
    alone, alone_cpu = timed(lambda: verified(some), count)
    rows = [Row("Ed25519, one thread", 1e6 / alone, "signatures/s"), Row("its CPU", alone_cpu, "us")]

    def beside(what: str, took: float) -> None:
        rows.append(Row(what, 1e6 / took, "signatures/s", "one thread", alone / took))

    with ThreadPoolExecutor(_WORKERS) as threads:
        took, cpu = timed(lambda: sum(threads.map(verified, parts(some))), count)
    beside(f"{_WORKERS} threads", took)
    rows.append(Row("their CPU", cpu, "us"))
    with ProcessPoolExecutor(_WORKERS) as processes:
        sum(processes.map(verified, parts(some)))
        took, cpu = timed(lambda: sum(processes.map(verified, parts(some))), count)
    beside(f"{_WORKERS} processes", took)
    rows.append(Row("this process's CPU to hand them out", cpu, "us"))
    took, cpu = timed(lambda: by_libsodium(some), count)
    beside("libsodium, one thread", took)
    rows.append(Row("its CPU", cpu, "us"))
    with ThreadPoolExecutor(_WORKERS) as threads:
        took, _ = timed(lambda: sum(threads.map(by_libsodium, parts(some))), count)
    beside(f"libsodium, {_WORKERS} threads", took)
    es256 = checks(reports(count // 4, ec.derive_private_key(7, ec.SECP256R1())))
    beside("ES256, one thread", timed(lambda: verified(es256), len(es256))[0])
    return rows + through_gateway(arrived)


def through_gateway(arrived: list[Arrived]) -> list[Row]:
    """From messages to frames, batches of 500: with signatures, and the same maps without."""
    bare = [one._replace(payload=cose.read(one.payload).payload) for one in arrived]

    async def run(messages: list[Arrived]) -> tuple[float, float]:
        signatures = Signatures(MemoryRegistry())
        try:
            begun, cpu = time.perf_counter(), time.process_time()
            for at in range(0, len(messages), 500):
                checked = await signatures.check(messages[at : at + 500], Recent())
                if len(prepare(checked.sound, Recent(), Buses(), _T0).kept) != len(messages[at : at + 500]):
                    raise SystemExit("a report was not kept")
            used = time.process_time() - cpu
            return (time.perf_counter() - begun) * 1e6 / len(messages), used * 1e6 / len(messages)
        finally:
            signatures.close()

    asyncio.run(run(bare))
    without, signed = asyncio.run(run(bare)), asyncio.run(run(arrived))
    return [
        Row("messages to frames, signed", 1e6 / signed[0], "reports/s", "unsigned", without[0] / signed[0]),
        Row("CPU, signed", signed[1], "us/report"),
        Row("CPU, unsigned", without[1], "us/report"),
    ]


def end_to_end(options: Any, signed: bool) -> list[Row]:
    """All reports through a whole system with its ledger."""
    name = "signed" if signed else "unsigned"
    with tempfile.TemporaryDirectory(prefix="corridor-bench-") as root:
        folder = Path(root) / "data"
        register(folder, options.devices, signed)
        with running(folder, CORRIDOR_LEDGER="true") as system:
            system.wait_caught_up(60)
            cpu = system.cpu_s()
            figures = generate(
                system.local.mqtt_port,
                options.devices,
                options.rate,
                options.seconds,
                signed=int(signed),
                in_flight=32,  # of 500 devices less than the gateway lets wait
            )
            ledger_s = in_ledger(system, 120)
            used = system.cpu_s()
    sent = figures["sent"]
    if figures["durable"] < sent or figures["refused"]:
        raise SystemExit(f"lost or refused: {figures}")
    rate = sent * SAMPLES / figures["durable_s"]
    rows = [
        Row(f"{name}: durable and acknowledged", rate, "samples/s"),
        Row(f"{name}: last ack after the last publish", figures["durable_s"] - figures["published_s"], "s"),
        Row(f"{name}: in the ledger after the last ack", ledger_s, "s"),
    ]
    return rows + [
        Row(f"{name}: CPU of {part}", 1e6 * (used[part] - cpu.get(part, 0.0)) / sent, "us/report")
        for part in used
    ]


def in_ledger(system: Any, timeout_s: float) -> float:
    """Wait until every report is in the signed ledger; the seconds it took."""
    begun = time.monotonic()
    while time.monotonic() - begun < timeout_s:
        checks = system.health().get("checks", {})
        if all(checks.get(f"{part}_lag_records") == 0 for part in ("engine", "store", "ledger")):
            return time.monotonic() - begun
        time.sleep(0.05)
    raise TimeoutError(f"not in the ledger after {timeout_s:g} s: {system.health()}")


def main() -> int:
    """Run and tell."""
    made = parser(__doc__, 10)
    made.add_argument("--devices", type=int, default=500)
    made.add_argument("--rate", type=float, default=5_200.0, help="reports a second to publish")
    made.add_argument("--count", type=int, default=8_000, help="signatures to check")
    made.add_argument("--only", choices=("arithmetic", "system"), help="one part alone")
    options = made.parse_args()
    rows = arithmetic(options.count) if options.only != "system" else []
    if options.only != "arithmetic":
        signed, without = end_to_end(options, True), end_to_end(options, False)
        rate = signed[0].value / without[0].value
        rows += [
            Row(signed[0].what, signed[0].value, signed[0].unit, "unsigned", rate),
            *signed[1:],
            *without,
        ]
    tell("signed", rows, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
