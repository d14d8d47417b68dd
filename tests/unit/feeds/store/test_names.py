from feeds.store.names import Names


def test_same_text_same_number_and_back() -> None:
    names = Names(["a", "b"])
    assert [names.number(text) for text in ("b", "c", "a", "c")] == [1, 2, 0, 2]
    assert names.text(2) == "c"
    assert names.get("nobody") is None


def test_new_ones_wait_until_they_are_kept_or_forgotten() -> None:
    names = Names(["a"])
    names.number("b")
    assert names.new == [(1, "b")]
    names.keep()
    assert names.new == []
    names.number("c")
    names.forget()
    assert names.get("c") is None
    assert names.number("d") == 2
