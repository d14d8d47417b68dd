from gateway.recent import Known, Recent
from streams.records import Form


def test_a_report_is_found_by_device_and_content() -> None:
    recent = Recent()
    recent.add("d", b"1", Known(Form.CBOR, "b", 4))
    assert recent.find("d", b"1") == Known(Form.CBOR, "b", 4)
    assert recent.find("e", b"1") is None
    assert recent.find("d", b"2") is None


def test_the_newest_are_remembered_and_memory_is_bounded() -> None:
    recent = Recent(capacity=10)
    for number in range(1_000):
        recent.add("d", number.to_bytes(2, "big"), Known(Form.JSON, "b", number))
    known = [n for n in range(1_000) if recent.find("d", n.to_bytes(2, "big")) is not None]
    assert known[-10:] == list(range(990, 1_000))
    assert 10 <= len(known) <= 20
