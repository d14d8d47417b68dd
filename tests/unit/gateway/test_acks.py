from itertools import pairwise

import cbor2
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acks import AckBook, ranges
from streams.records import Form


def test_an_answer_is_due_a_second_after_the_first_thing_it_says() -> None:
    book = AckBook()
    book.durable("d", Form.JSON, "b", 0, now=10.0)
    book.durable("d", Form.JSON, "b", 1, now=10.9)
    assert list(book.due(10.99)) == []
    (answer,) = book.due(11.0)
    assert answer.device == "d"
    assert orjson.loads(answer.payload) == {"boot": "b", "durable": [[0, 1]], "refused": [], "later": []}
    assert list(book.due(100.0)) == []


def test_sixteen_reports_are_answered_at_once_and_others_still_wait() -> None:
    book = AckBook()
    book.durable("slow", Form.JSON, "b", 7, now=0.0)
    for seq in range(16):
        book.durable("fast", Form.CBOR, "b", seq, now=0.0)
    (answer,) = book.due(0.0)
    assert answer.device == "fast"
    assert cbor2.loads(answer.payload)["durable"] == [[0, 15]]
    assert [a.device for a in book.due(1.0)] == ["slow"]


def test_every_boot_gets_a_message_of_its_own() -> None:
    book = AckBook()
    book.durable("d", Form.JSON, "b1", 5, now=0.0)
    book.durable("d", Form.JSON, "b2", 0, now=0.0)
    assert [orjson.loads(a.payload)["boot"] for a in book.due(1.0)] == ["b1", "b2"]


def test_refused_and_later_are_named_with_their_reasons() -> None:
    book = AckBook()
    book.refused("d", Form.JSON, "b", 3, "bad_field", 0.0)
    for seq in (9, 8, 4):
        book.later("d", Form.JSON, "b", seq, "rate", 10, 0.0)
    (answer,) = book.due(1.0)
    message = orjson.loads(answer.payload)
    assert message["refused"] == [[3, "bad_field"]]
    assert message["later"] == [[4, 4, 10, "rate"], [8, 9, 10, "rate"]]


def test_what_became_durable_is_not_also_put_off() -> None:
    book = AckBook()
    book.later("d", Form.JSON, "b", 4, "rate", 10, 0.0)
    book.durable("d", Form.JSON, "b", 4, 0.5)
    (answer,) = book.due(1.0)
    assert orjson.loads(answer.payload) == {"boot": "b", "durable": [[4, 4]], "refused": [], "later": []}


@given(st.sets(st.integers(0, 200)))
def test_ranges_say_exactly_the_numbers(numbers: set[int]) -> None:
    found = ranges(numbers)
    assert {n for first, last in found for n in range(first, last + 1)} == numbers
    assert all(a[1] + 1 < b[0] for a, b in pairwise(found))


@settings(deadline=None)
@given(st.text(max_size=64), st.sets(st.integers(0, 2**53) | st.integers(0, 300), min_size=1, max_size=40))
def test_an_answer_that_all_is_durable_is_what_cbor_has_for_it(boot: str, seqs: set[int]) -> None:
    book = AckBook()
    for seq in seqs:
        book.durable("d", Form.CBOR, boot, seq, now=0.0)
    (answer,) = book.due(1.0)
    said = {"boot": boot, "durable": ranges(seqs), "refused": [], "later": []}
    assert answer.payload == cbor2.dumps(said)


def test_who_believes_signed_answers_only_gets_cbor_to_be_signed() -> None:
    """Whatever form its newest report had: JSON can come of before it had a key, or of somebody else."""
    book = AckBook(keyed=lambda device: device == "keyed")
    book.durable("keyed", Form.JSON, "b", 1, now=0.0)
    book.refused("keyed", Form.JSON, "b", 2, "bad_field", now=0.0)
    book.durable("bare", Form.CBOR, "b", 1, now=0.0)
    book.durable("gone", Form.COSE, "b", 1, now=0.0)
    answers = {one.device: one for one in book.due(1.0)}
    assert {device: one.signed for device, one in answers.items()} == {
        "keyed": True,
        "bare": False,
        "gone": True,
    }
    assert cbor2.loads(answers["keyed"].payload)["refused"] == [[2, "bad_field"]]
    assert cbor2.loads(answers["gone"].payload)["durable"] == [[1, 1]]
