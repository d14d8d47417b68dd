import re

import pytest

from firmware_sim.identity import check_digit, invent


@pytest.mark.parametrize(
    "vin",
    ["LZZTESTA6PN000001", "11111111111111111", "1M8GDM9AXKP042788", "5N1NJ01CXST000001", "HZZTESTG6TA000007"],
)
def test_check_digits_of_published_numbers(vin: str) -> None:
    assert check_digit(vin) == vin[8]


def test_invented_trucks_are_distinct_valid_and_of_no_real_maker_series() -> None:
    found = [invent(7, "sim", i, 1 if i % 2 else -1) for i in range(2_000)]
    assert len({who.vin for who in found}) == len({who.device for who in found}) == 2_000
    for who in found:
        assert re.fullmatch(r"[A-HJ-NPR-Z0-9]{8}[X0-9][A-HJ-NPR-Z0-9]{3}\d{5}", who.vin)
        assert check_digit(who.vin) == who.vin[8]
        assert who.vin[3:7] == "TEST"
        assert who.chassis == who.vin[9:]
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", who.device)
