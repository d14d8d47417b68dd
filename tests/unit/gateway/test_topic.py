import pytest

from gateway.topic import Channel, Topic, every, parse, topic


def test_a_device_topic_is_taken_apart_and_put_together() -> None:
    assert parse("corridor/v1/truck-7.a_B/report") == Topic("truck-7.a_B", Channel.REPORT)
    assert topic("truck-7.a_B", Channel.ACK) == "corridor/v1/truck-7.a_B/ack"
    assert every(Channel.NMEA) == "corridor/v1/+/nmea"


@pytest.mark.parametrize(
    "name",
    [
        "corridor/v1//report",
        "corridor/v1/a/b/report",
        "corridor/v1/a/other",
        "corridor/v2/a/report",
        "corridor/v1/a/report\n",
        "corridor/v1/" + "x" * 65 + "/report",
        "corridor/v1/ä/report",
        "x/corridor/v1/a/report",
        "",
    ],
)
def test_any_other_name_means_nothing(name: str) -> None:
    assert parse(name) is None
