"""The file of authorities: what it may hold, and what is said of what it may not."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from feeds.authority.connectors import ConnectorsError, load

HTTP = """
[[authority]]
name = "boten-customs"
kind = "http"
url = "https://window.example.la/api/"
key_file = "key"
secret_file = "secret"
poll_s = 2
offices = { mohan-boten = "LA01" }
"""
FOLDER = """
[[authority]]
name = "mohan-customs"
kind = "folder"
folder = "exchange"
filer = "Corridor Ltd"
begin = "start"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text("a-key-of-the-window\n")
    (tmp_path / "two").write_text("a\nb")
    (tmp_path / "secret").write_text("whsec_" + b64encode(b"k" * 24).decode())
    (tmp_path / "short").write_text("whsec_AAAA")
    return tmp_path / "authorities.toml"


def test_a_file_that_is_in_order(file: Path) -> None:
    file.write_text(HTTP + FOLDER)
    http, folder = load(file)
    assert (http.authority, http.name, http.url) == (
        "boten-customs",
        "@boten-customs",
        "https://window.example.la/api",
    )
    assert (http.key, http.secret, http.poll_s) == ("a-key-of-the-window", b"k" * 24, 2.0)
    assert http.offices == {"mohan-boten": "LA01"}
    assert (folder.folder, folder.filer, folder.begin) == (file.parent / "exchange", "Corridor Ltd", True)
    assert "a-key" not in repr(http)
    assert "kkkk" not in repr(http)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "boten-customs"', 'name = "Boten"', "authority name: got 'Boten'"),
        ('kind = "http"', 'kind = "ftp"', "kind: got 'ftp', want http or folder"),
        ('kind = "http"', 'kind = "folder"', "got key_file, secret_file, url, want of"),
        ("https://window", "http://window", "want https: http is for this machine only"),
        ("https://", "gopher://", "url: got 'gopher://"),
        ("https://", "https://me:pw@", "without a user"),
        ('key_file = "key"', "", "key_file: got None, want the name of a file"),
        ('key_file = "key"', 'key_file = "none"', "key_file not readable"),
        ('key_file = "key"', 'key_file = "two"', "want one line of ASCII"),
        ('secret_file = "secret"', 'secret_file = "short"', "secret can't be used"),
        ("poll_s = 2", "poll_s = -1", "poll_s: got -1, want 0 to 3600 seconds"),
        ("poll_s = 2", "poll_s = true", "poll_s: got True"),
        ("poll_s = 2", "timeout_s = 0", "timeout_s: got 0, want 0.1 to 3600"),
        ("poll_s = 2", 'ca_file = "none"', "ca_file: got 'none'"),
        ("poll_s = 2", 'begin = "never"', "begin: got 'never'"),
        ("poll_s = 2", "filer = 3", "filer: got 3"),
        ('{ mohan-boten = "LA01" }', "3", "offices: got 3"),
        ("[[authority]]", "[[autority]]", "want tables [[authority]]"),
        ("[[authority]]", "[[authority", "not TOML"),
    ],
)
def test_what_is_wrong_is_told(file: Path, old: str, new: str, said: str) -> None:
    file.write_text(HTTP.replace(old, new))
    with pytest.raises(ConnectorsError) as error:
        load(file)
    assert said in str(error.value)


def test_a_folder_is_looked_at(file: Path) -> None:
    file.write_text(FOLDER + "poll_s = 0")
    with pytest.raises(ConnectorsError, match="a folder does not push"):
        load(file)
    file.write_text(FOLDER.replace('folder = "exchange"', ""))
    with pytest.raises(ConnectorsError, match="folder: got None"):
        load(file)


def test_a_name_may_be_there_once(file: Path) -> None:
    file.write_text(HTTP + HTTP)
    with pytest.raises(ConnectorsError, match="boten-customs twice"):
        load(file)
    file.unlink()
    with pytest.raises(ConnectorsError, match="not readable"):
        load(file)
