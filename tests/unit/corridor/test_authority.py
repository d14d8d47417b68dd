"""The test authority: what it signs holds, what it revokes is listed, and no key is ever overwritten."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest

from corridor.__main__ import main
from corridor.authority import Authority, AuthorityError
from corridor.brokers import broker_of
from corridor.settings import SettingsError, load


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "devices", "Devices")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str = "localhost") -> None:
    """A whole TLS handshake in memory; raises ssl.SSLError where either side refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = server.wrap_bio(to_server, to_client, server_side=True)
    two = client.wrap_bio(to_client, to_server, server_hostname=host)
    ready: set[ssl.SSLObject] = set()
    for _ in range(10):
        for side in (two, one):
            try:
                side.do_handshake()
                ready.add(side)
            except ssl.SSLWantReadError:
                pass
    assert len(ready) == 2


def server_context(authority: Authority, name: str, revoked: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(authority.folder / f"{name}.crt", authority.folder / f"{name}.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.folder / "ca.crt")
    if revoked is not None:
        context.load_verify_locations(revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def client_context(authority: Authority, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.folder / "ca.crt")
    context.load_cert_chain(authority.folder / f"{name}.crt", authority.folder / f"{name}.key")
    return context


def test_both_sides_take_what_it_signed(authority: Authority) -> None:
    authority.issue("broker", hosts=["localhost", "127.0.0.1"])
    authority.issue("truck-1")
    handshake(server_context(authority, "broker"), client_context(authority, "truck-1"))
    handshake(server_context(authority, "broker"), client_context(authority, "truck-1"), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server_context(authority, "broker"), client_context(authority, "truck-1"), "elsewhere")


def test_a_client_can_not_pass_for_the_broker(authority: Authority) -> None:
    authority.issue("truck-1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server_context(authority, "truck-1"), client_context(authority, "truck-1"))


def test_a_revoked_certificate_is_refused_and_its_successor_is_not(authority: Authority) -> None:
    authority.issue("broker", hosts=["localhost"])
    authority.issue("truck-1")
    authority.renew("truck-1")
    crl = authority.folder / "crl.pem"
    handshake(server_context(authority, "broker", crl), client_context(authority, "truck-1"))
    assert authority.revoke("truck-1") == 2
    assert authority.revoke("truck-1") == 0
    assert [one.revoked for one in authority.issued()] == [False, True, True]
    with pytest.raises(ssl.SSLError, match="revoked"):
        handshake(server_context(authority, "broker", crl), client_context(authority, "truck-1"))
    authority.renew("truck-1", new_key=True)
    handshake(server_context(authority, "broker", crl), client_context(authority, "truck-1"))


def test_keys_are_private_and_never_overwritten(authority: Authority) -> None:
    authority.issue("truck-1")
    key = authority.folder / "truck-1.key"
    before = key.read_bytes()
    for name in ("truck-1.key", "ca.key"):
        assert stat.S_IMODE((authority.folder / name).stat().st_mode) == 0o600
    with pytest.raises(AuthorityError, match=r"truck-1.key exists and is not overwritten"):
        authority.issue("truck-1")
    with pytest.raises(AuthorityError, match=r"ca.key exists"):
        Authority.make(authority.folder, "again")
    authority.renew("truck-1")
    assert key.read_bytes() == before
    authority.renew("truck-1", new_key=True)
    assert key.read_bytes() != before
    (kept,) = authority.folder.glob("truck-1.key.*")
    assert kept.read_bytes() == before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "x" * 65, "ca", "crl", "a\n"])
def test_a_name_that_is_no_device_is_refused(authority: Authority, name: str) -> None:
    with pytest.raises(AuthorityError, match="name refused: got"):
        authority.issue(name)
    assert not (authority.folder.parent / "x.key").exists()


def test_the_command_makes_all_that_a_broker_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--certs-dir", str(tmp_path)]
    assert main(["certs", "init", *where]) == 0
    assert main(["certs", "broker", "broker", "--host", "localhost", *where]) == 0
    assert main(["certs", "gateway", "gateway-1", "corridor-admin", *where]) == 0
    assert main(["certs", "device", "d1", "d2", *where]) == 0
    assert main(["certs", "revoke", "device", "d2", *where]) == 0
    assert main(["certs", "crl", *where]) == 0
    capsys.readouterr()
    assert main(["certs", "list", *where]) == 0
    said = capsys.readouterr().out
    assert [line.split()[:2] for line in said.splitlines() if line.startswith("  ")] == [
        ["broker", "good"],
        ["gateway-1", "good"],
        ["corridor-admin", "good"],
        ["d1", "good"],
        ["d2", "revoked"],
    ]
    assert main(["certs", "device", "d1", *where]) == 2
    assert "is not overwritten" in capsys.readouterr().err


def test_files_for_tls_are_looked_at_before_anything_starts(authority: Authority) -> None:
    authority.issue("gateway-1")
    folder = authority.folder
    files = {"mqtt_ca_file": folder / "ca.crt", "mqtt_cert_file": folder / "gateway-1.crt"}
    files["mqtt_key_file"] = folder / "gateway-1.key"
    found = broker_of(load({"mqtt_url": "mqtts://localhost", **files}), 0)
    assert (found.port, found.tls_cert) == (8883, str(folder / "gateway-1.crt"))
    with pytest.raises(SettingsError, match=r"mqtt_ca_file needs TLS: got mqtt_url 'mqtt://localhost'"):
        broker_of(load({"mqtt_url": "mqtt://localhost", **files}), 0)
    with pytest.raises(SettingsError, match="certificate without key: got mqtt_cert_file alone"):
        broker_of(load({"mqtt_url": "mqtts://localhost", **files, "mqtt_key_file": None}), 0)
    with pytest.raises(SettingsError, match=r"files for TLS not usable: got No such file"):
        broker_of(load({"mqtt_url": "mqtts://localhost", "mqtt_ca_file": folder / "none.crt"}), 0)
    (folder / "gateway-1.key").write_text("no key")
    with pytest.raises(SettingsError, match=r"files for TLS not usable: got .* in .*gateway-1.key"):
        broker_of(load({"mqtt_url": "mqtts://localhost", **files}), 0)
