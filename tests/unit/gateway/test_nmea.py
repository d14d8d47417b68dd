"""Raw NMEA lines on their way to reports: grouping, silence, repeats, recovery."""

from collections.abc import Callable

from gateway.batch import Arrived, Buses, prepare
from gateway.nmea_intake import Line, NmeaIntake, Taken
from gateway.nmea_uplink import SILENCE_MS, Uplink
from gateway.recent import Recent
from gateway.registry import Fitted, MemoryRegistry
from streams.codec import decode_frame
from streams.memory_log import MemoryLog
from streams.records import Form, NewRecord, RecordKind
from streams.signing.keys import DeviceKey

T0 = 1_795_330_000_000
REGISTRY = MemoryRegistry({"d": Fitted("asset_1", "demo", 0)})


def sentence(body: str) -> bytes:
    check = 0
    for byte in body.encode():
        check ^= byte
    return f"${body}*{check:02X}\r\n".encode()


def rmc(second: int) -> bytes:
    return sentence(f"GPRMC,0723{second:02d}.00,A,2112.345,N,10140.123,E,010.0,090.0,221126,,,A")


def gga(second: int, hdop: str = "0.9") -> bytes:
    return sentence(f"GPGGA,0723{second:02d}.00,2112.345,N,10140.123,E,1,08,{hdop},545.4,M,46.9,M,,")


def nothing() -> None:
    pass


def append(taken: Taken, log: MemoryLog) -> None:
    log.append(prepare(taken.arrived, Recent(), Buses(), T0).records)


def test_a_fix_comes_with_the_lines_that_complete_its_epoch() -> None:
    uplink = Uplink()
    first = uplink.take([rmc(1), gga(1)], T0)
    assert first is not None
    assert first[0] == rmc(1) + gga(1)
    assert first[1].columns == {"t": []}
    second = uplink.take([rmc(2)], T0 + 1_000)
    assert second is not None
    assert second[1].columns["hdop"] == [0.9]
    assert len(second[1].columns["t"]) == 1


def test_seq_grows_within_a_millisecond_and_over_a_clock_set_back() -> None:
    uplink = Uplink()
    seqs = []
    for received_ms in (T0, T0, T0 - 60_000, T0 + 1):
        found = uplink.take([b"x"], received_ms)
        assert found is not None
        seqs.append(found[1].seq)
    assert seqs == [T0 * 1_000, T0 * 1_000 + 1, T0 * 1_000 + 2, (T0 + 1) * 1_000]


def test_silence_completes_an_epoch_with_a_report_without_bytes() -> None:
    uplink = Uplink()
    uplink.take([rmc(1)], T0)
    assert not uplink.silent(T0 + SILENCE_MS - 1)
    assert uplink.silent(T0 + SILENCE_MS)
    report = uplink.complete(T0 + SILENCE_MS)
    assert report is not None
    assert len(report.columns["t"]) == 1
    assert uplink.complete(T0 + SILENCE_MS) is None


def test_a_value_that_no_receiver_can_mean_is_not_measured() -> None:
    uplink = Uplink()
    uplink.take([gga(1, hdop="250.0"), rmc(1)], T0)
    report = uplink.complete(T0 + SILENCE_MS)
    assert report is not None
    assert "hdop" not in report.columns
    assert report.columns["lat"] != [None]


def test_lines_are_taken_together_and_given_back_when_durable() -> None:
    intake = NmeaIntake(REGISTRY)
    done: list[int] = []

    def tell(number: int) -> Callable[[], None]:
        return lambda: done.append(number)

    for number in range(3):
        intake.add(Line("d", rmc(number), T0, tell(number)))
    taken = intake.take(T0)
    assert [a.payload for a in taken.arrived] == [rmc(0) + rmc(1) + rmc(2)]
    assert done == []
    intake.settle(taken)
    assert done == [0, 1, 2]


def test_what_could_not_be_appended_is_offered_again_unchanged_and_first() -> None:
    intake = NmeaIntake(REGISTRY)
    intake.add(Line("d", rmc(0), T0, nothing))
    failed = intake.take(T0)
    reports = list(failed.arrived)
    intake.put_back(failed)
    intake.add(Line("d", rmc(1), T0, nothing))
    assert intake.take(T0).arrived[:1] == reports


def test_nothing_is_given_back_while_something_before_it_waits() -> None:
    intake = NmeaIntake(REGISTRY)
    done: list[str] = []
    intake.add(Line("d", rmc(0), T0, lambda: done.append("first")))
    first = intake.take(T0)
    intake.add(Line("d", rmc(0), T0, lambda: done.append("repeat")))
    repeat = intake.take(T0)
    intake.put_back(first)
    intake.settle(repeat)
    assert done == []
    intake.settle(intake.take(T0))
    assert sorted(done) == ["first", "repeat"]


def test_an_unknown_receiver_is_let_go_and_a_huge_message_refused() -> None:
    intake = NmeaIntake(REGISTRY)
    done: list[str] = []
    intake.add(Line("who", rmc(0), T0, lambda: done.append("who")))
    intake.add(Line("d", b"$" * 65_537, T0, lambda: done.append("huge")))
    taken = intake.take(T0)
    assert taken.unknown == 1
    assert taken.arrived == []
    assert [(r.reason, r.form) for r in taken.rejected] == [("too_large", Form.NMEA)]
    intake.settle(taken)
    assert done == ["who", "huge"]


def test_after_a_loss_what_is_delivered_again_counts_once() -> None:
    intake = NmeaIntake(REGISTRY)
    for line in (rmc(0), gga(0), rmc(1)):
        intake.add(Line("d", line, T0, nothing))
    intake.settle(intake.take(T0))
    intake.expect_repeats()
    for line in (gga(0), rmc(1), gga(1)):
        intake.add(Line("d", line, T0 + 100, nothing))
    assert [a.payload for a in intake.take(T0 + 100).arrived] == [gga(1)]
    intake.add(Line("d", gga(1), T0 + 200, nothing))
    assert [a.payload for a in intake.take(T0 + 200).arrived] == [gga(1)], (
        "repeats end with the first new line"
    )


def test_a_restart_loses_no_open_epoch_and_doubles_no_line() -> None:
    log = MemoryLog()
    before = NmeaIntake(REGISTRY)
    for line in (rmc(1), gga(1), rmc(2)):
        before.add(Line("d", line, T0, nothing))
    append(before.take(T0), log)

    after = NmeaIntake(REGISTRY)
    after.recover(log)
    for line in (rmc(2), gga(2)):  # the broker never saw the PUBACK of the first
        after.add(Line("d", line, T0 + 1_000, nothing))
    after.add(Line("d", rmc(3), T0 + 2_000, nothing))
    append(after.take(T0 + 2_000), log)

    frames = [decode_frame(record.body) for record in log.read(0, 0, 1 << 20)]
    assert b"".join(r for f in frames for r in f.reports.column("raw").to_pylist()) == (
        rmc(1) + gga(1) + rmc(2) + gga(2) + rmc(3)
    )
    fixes = [row for f in frames for row in f.samples.select(["t_ms", "alt_mm"]).to_pylist()]
    assert [row["t_ms"] % 60_000 for row in fixes] == [1_000, 2_000]
    assert {row["alt_mm"] for row in fixes} == {545_400}
    seqs = [s for f in frames for s in f.reports.column("seq").to_pylist()]
    assert seqs == sorted(set(seqs))


def test_silence_is_looked_for_when_something_is_open() -> None:
    intake = NmeaIntake(REGISTRY)
    assert not intake.due(T0)
    intake.add(Line("d", rmc(0), T0, nothing))
    assert intake.due(T0)
    intake.settle(intake.take(T0))
    assert intake.due(T0 + SILENCE_MS)
    (flushed,) = intake.take(T0 + SILENCE_MS).arrived
    assert isinstance(flushed, Arrived)
    assert flushed.payload == b""
    assert not intake.due(T0 + 10 * SILENCE_MS)


def test_letting_go_at_the_end_tells_everyone() -> None:
    intake = NmeaIntake(REGISTRY)
    done: list[int] = []
    intake.add(Line("d", rmc(0), T0, lambda: done.append(0)))
    intake.put_back(intake.take(T0))
    intake.add(Line("d", rmc(1), T0, lambda: done.append(1)))
    intake.abandon()
    assert sorted(done) == [0, 1]
    assert len(intake) == 0


def test_a_record_that_nobody_can_read_does_not_stop_the_restart() -> None:
    log = MemoryLog()
    before = NmeaIntake(REGISTRY)
    before.add(Line("d", rmc(1), T0, nothing))
    append(before.take(T0), log)
    log.append([NewRecord(0, RecordKind.FRAME, T0, "", b"of another version")])
    after = NmeaIntake(REGISTRY)
    after.recover(log)
    after.add(Line("d", rmc(1), T0 + 100, nothing))
    assert after.take(T0 + 100).arrived == []


def test_raw_lines_of_a_device_that_ever_had_a_key_are_refused() -> None:
    """They can't be signed: whoever may publish there could drive the truck elsewhere."""
    key = DeviceKey("a" * 16, "EdDSA", bytes(32), T0, T0 + 5_000)
    registry = MemoryRegistry({"d": Fitted("asset_1", "demo", 0)})
    intake, done = NmeaIntake(registry), []
    intake.add(Line("d", rmc(1) + gga(1), T0 - 1_000, nothing))
    assert len(intake.take(T0 - 1_000).arrived) == 1
    registry.fittings = {"d": Fitted("asset_1", "demo", 0, keys=(key,))}
    intake.add(Line("d", rmc(2), T0 + 100, lambda: done.append(1)))
    taken = intake.take(T0 + 100)
    assert taken.arrived == []
    assert [(one.reason, one.form, one.boot) for one in taken.rejected] == [("unsigned", Form.NMEA, None)]
    taken.settle()
    assert done == [1], "the broker need not keep what will never be taken"
    assert intake.take(T0 + 4_000).arrived == [], "nor does an epoch end that was open"
    intake.add(Line("d", rmc(3), T0 + 6_000, nothing))
    taken = intake.take(T0 + 6_000)
    assert taken.arrived == [], "its key was revoked since"
    assert [one.reason for one in taken.rejected] == ["unsigned"]
