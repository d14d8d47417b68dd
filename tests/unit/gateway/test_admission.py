from dataclasses import replace

from gateway.admission import MAX_BYTES, Admission, Admit, Later, Limits, Refuse
from gateway.registry import Fitted, MemoryRegistry
from streams.signing.keys import DeviceKey

FITTED = Fitted("asset_1", "demo", 0)


def admission(**limits: float) -> Admission:
    registry = MemoryRegistry({"d": FITTED, "noisy": FITTED})
    return Admission(registry, Limits(**limits))  # type: ignore[arg-type]


def test_a_fitted_device_is_let_in_with_where_it_belongs() -> None:
    assert admission().judge("d", 100, 0.0) == Admit(FITTED)


def test_a_report_one_byte_too_large_is_refused_and_says_so() -> None:
    gate = admission()
    assert isinstance(gate.judge("d", MAX_BYTES, 0.0), Admit)
    verdict = gate.judge("d", MAX_BYTES + 1, 0.0)
    assert isinstance(verdict, Refuse)
    assert verdict.detail == "report too large: got 65537 bytes, want at most 65536"


def test_a_noisy_device_is_put_off_and_another_is_not() -> None:
    gate = admission(rate=1.0, burst=3.0)
    verdicts = [gate.judge("noisy", 1, 0.0) for _ in range(4)]
    assert [type(v) for v in verdicts] == [Admit, Admit, Admit, Later]
    assert isinstance(gate.judge("d", 1, 0.0), Admit)
    assert isinstance(gate.judge("noisy", 1, 1.0), Admit)


def test_a_device_that_waits_for_no_answer_is_put_off_until_something_is_done() -> None:
    gate = admission(in_flight=2)
    assert [type(gate.judge("d", 1, 0.0)) for _ in range(3)] == [Admit, Admit, Later]
    gate.done("d")
    assert isinstance(gate.judge("d", 1, 0.0), Admit)


def test_a_full_log_puts_everyone_off_until_its_time_is_over() -> None:
    gate = admission()
    gate.close(10.0, retry_after=2.0)
    assert gate.judge("d", 1, 11.0) == Later("disk_full", 10, True)
    assert not gate.open(11.0)
    assert isinstance(gate.judge("d", 1, 12.0), Admit)


def test_nobody_is_called_unknown_before_the_registry_has_caught_up() -> None:
    registry = MemoryRegistry({}, ready=False)
    verdict = Admission(registry).judge("d", 1, 0.0)
    assert isinstance(verdict, Later)
    assert verdict.reason == "registry"


def test_an_unknown_device_is_told_once_and_again_only_later() -> None:
    gate = admission()
    assert gate.judge("who", 1, 0.0) == Later("unknown_device", 60, True)
    assert gate.judge("who", 1, 1.0) == Later("unknown_device", 60, False)
    assert gate.judge("who", 1, 6.0) == Later("unknown_device", 60, True)


def test_ten_thousand_unknown_devices_cost_a_bounded_memory_and_number_of_answers() -> None:
    gate = admission(unknown_answers_per_s=50.0, unknown_devices=100)
    verdicts = [gate.judge(f"who-{n}", 1, 0.0) for n in range(10_000)]
    assert sum(isinstance(v, Later) and v.answer for v in verdicts) == 50
    assert len(gate.unknown_devices) == 100
    assert gate.unknown_devices[-1] == "who-9999"


def test_answers_to_a_device_that_comes_too_early_are_counted_out() -> None:
    gate = admission(rate=0.0, burst=0.0, answers_per_s=3.0)
    verdicts = [gate.judge("noisy", 1, 0.0) for _ in range(10)]
    assert sum(isinstance(v, Later) and v.answer for v in verdicts) == 3


KEY = DeviceKey("a" * 16, "EdDSA", bytes(32), 1_000, 2_000)
KEYED = replace(FITTED, keys=(KEY,))


def test_an_unsigned_report_of_a_device_that_ever_had_a_key_is_refused() -> None:
    """Its key revoked, a thief must not get on by leaving the signature away."""
    gate = Admission(MemoryRegistry({"d": KEYED}))
    verdicts = [gate.judge("d", 1, 0.0, unsigned_ms=at) for at in (999, 1_000, 2_000, 2_001)]
    assert [type(v) for v in verdicts] == [Admit, Refuse, Refuse, Refuse]
    assert isinstance(verdicts[1], Refuse)
    assert verdicts[1].reason == "unsigned"
    assert isinstance(gate.judge("d", 1, 0.0), Admit), "a signed one"


def test_unsigned_reports_use_up_nothing_of_a_device_with_a_key() -> None:
    """Whoever can publish on its topic can't keep it from being heard."""
    gate = Admission(MemoryRegistry({"d": KEYED}), Limits(rate=1.0, burst=2.0, in_flight=2))
    kept = 0
    for _ in range(100):
        verdict = gate.judge("d", 1, 0.0, unsigned_ms=1_500)
        assert isinstance(verdict, Refuse)
        kept += verdict.keep
    assert kept == 10, "nor do they push other dead letters out"
    assert isinstance(gate.judge("d", 1, 0.0), Admit)
    assert isinstance(gate.judge("d", 1, 0.0), Admit)
