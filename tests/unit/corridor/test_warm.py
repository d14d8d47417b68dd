from typing import Any

from corridor.warm import warm
from feeds.ledger import sealing
from streams.engine import kernel, recent


def test_what_the_engine_needs_is_compiled_once_and_for_all_ways() -> None:
    warm()
    kernels: list[Any] = [kernel.follow, kernel.good, recent._append, recent._gather]
    kernels += [sealing._heads, sealing._signals, sealing._maps]
    assert [len(function.signatures) for function in kernels] == [1] * len(kernels)
