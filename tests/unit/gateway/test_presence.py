from gateway.presence import Presence


def test_the_newest_word_of_each_device_counts() -> None:
    presence = Presence()
    for device, word in (("a", b"online"), ("b", b"online"), ("a", b"offline"), ("c", b"\xff")):
        presence.note(device, word)
    assert presence.counts() == {"online": 1, "offline": 2}


def test_only_so_many_devices_are_remembered() -> None:
    presence = Presence(capacity=5)
    for number in range(100):
        presence.note(str(number), b"online")
    assert presence.counts() == {"online": 5, "offline": 0}
