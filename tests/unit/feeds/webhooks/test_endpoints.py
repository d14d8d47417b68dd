"""The file of webhooks: what it may hold, and what is said of what it may not."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from feeds.webhooks.endpoints import EndpointsError, load
from streams.events import Change, Event, Kind

GOOD = """
[[webhook]]
name = "customs"
tenant = "main"
url = "https://customs.example.org/arrivals"
secret_file = "secret"
kinds = ["crossing", "visit"]
"""


def event(kind: Kind, tenant: str = "main") -> Event:
    return Event(0, 1, 1, kind, "x", 1, Change.CREATED, tenant, "a", 0, 0, {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("whsec_" + b64encode(b"k" * 24).decode() + "\n")
    (tmp_path / "short").write_text("whsec_AAAA")
    return tmp_path / "webhooks.toml"


def test_a_file_that_is_in_order(file: Path) -> None:
    file.write_text(GOOD)
    (one,) = load(file)
    assert (one.name, one.url, one.secret) == ("customs", "https://customs.example.org/arrivals", b"k" * 24)
    assert one.wants(event(Kind.CROSSING))
    assert not one.wants(event(Kind.TRIP))
    assert not one.wants(event(Kind.CROSSING, "other"))
    assert "kkkk" not in repr(one)


def test_without_kinds_it_gets_all_but_commands(file: Path) -> None:
    file.write_text(GOOD.replace('kinds = ["crossing", "visit"]', ""))
    (one,) = load(file)
    assert {kind for kind in Kind if one.wants(event(kind))} == set(Kind) - {Kind.COMMAND}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "customs"', 'name = "Customs!"', "webhook name: got 'Customs!'"),
        ('name = "customs"', "", "webhook name: got None"),
        ("https://customs.example.org/arrivals", "ftp://x", "url: got 'ftp://x'"),
        ("https://customs.", "https://user:pw@customs.", "want https://host/path without a user"),
        ('kinds = ["crossing", "visit"]', 'kinds = ["crosing"]', "kinds: got ['crosing'], want of asset"),
        ('tenant = "main"', "tenant = 3", "tenant: got 3"),
        ('tenant = "main"', 'tenat = "main"', "got tenat, want of begin, feed, kinds"),
        ('tenant = "main"', 'feed = "all"', "feed: got 'all', want the id of a feed"),
        ('tenant = "main"', 'begin = "yesterday"', "begin: got 'yesterday', want now or start"),
        ('secret_file = "secret"', 'secret_file = "nowhere"', "secret_file not readable"),
        ('secret_file = "secret"', 'secret_file = "short"', "secret can't be used: got 3 bytes"),
        ('secret_file = "secret"', "", "secret_file: got None"),
        ("[[webhook]]", "[[webhok]]", "want tables [[webhook]]"),
        ("[[webhook]]", "[[webhook", "not TOML"),
    ],
)
def test_what_is_wrong_is_told(file: Path, old: str, new: str, said: str) -> None:
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(EndpointsError) as error:
        load(file)
    assert said in str(error.value)


def test_a_name_may_be_there_once(file: Path) -> None:
    file.write_text(GOOD + GOOD)
    with pytest.raises(EndpointsError, match="customs twice"):
        load(file)


def test_a_file_that_is_not_there(file: Path) -> None:
    with pytest.raises(EndpointsError, match="No such file"):
        load(file)
