"""A certificate authority of files, for tests and small fleets: keys, certificates, what is revoked.

One folder is one authority: ``ca.crt``, ``ca.key``, ``crl.pem``, ``issued.jsonl`` and a pair of files for
each name. Keys are made with mode 0600 and never overwritten; a certificate is only replaced by ``renew``.
All keys are ECDSA P-256 (RFC 5480), certificates and lists follow RFC 5280.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
"""What a certificate may be called: a device's name, which is also its topic's."""

_SKEW: Final = timedelta(minutes=10)  # of a device's clock behind ours


class AuthorityError(Exception):
    """The authority can't do that; the message says what was got and what is wanted."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was given out. ``until`` is when it ends, UTC."""

    name: str
    serial: int
    until: datetime
    revoked: bool


class Authority:
    """The authority in ``folder``. Raises AuthorityError when there is none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = _load_key(folder / "ca.key")
        self._certificate = _load_certificate(folder / "ca.crt")

    @classmethod
    def make(cls, folder: Path, title: str, days: int = 3650, crl_days: int = 90) -> Authority:
        """A new authority with an empty list of revoked certificates. Raises AuthorityError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key, name, now = ec.generate_private_key(ec.SECP256R1()), _subject(title), datetime.now(UTC)
        certificate = (
            _builder(name, name, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write_key(folder / "ca.key", key)
        _write(folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM))
        found = cls(folder)
        found.list_revoked(crl_days)
        return found

    def issue(self, name: str, *, hosts: Sequence[str] = (), days: int = 730) -> Path:
        """A key and a certificate for ``name``: of a server with ``hosts``, of a client without.

        Returns the certificate's file; the key lies beside it. Raises AuthorityError when there is one.
        """
        if not NAME.match(name) or name in ("ca", "crl"):
            raise AuthorityError(f"name refused: got {name!r}, want 1 to 64 of A-Z a-z 0-9 _ . -")
        key = ec.generate_private_key(ec.SECP256R1())
        _write_key(self.folder / f"{name}.key", key)
        return self._certify(name, key, hosts, days)

    def renew(self, name: str, *, new_key: bool = False, days: int = 730) -> Path:
        """A new certificate in place of the old one, of the same key unless told otherwise.

        The old certificate stays good until it ends or is revoked; an old key is kept as ``NAME.key.SERIAL``.
        """
        path = self.folder / f"{name}.crt"
        old = _load_certificate(path)
        hosts: list[str] = []
        with contextlib.suppress(x509.ExtensionNotFound):
            names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            hosts = [str(entry.value) for entry in names]
        key_file = self.folder / f"{name}.key"
        if new_key:
            key_file.rename(self.folder / f"{name}.key.{old.serial_number:x}")
            key = ec.generate_private_key(ec.SECP256R1())
            _write_key(key_file, key)
        else:
            key = _load_key(key_file)
        return self._certify(name, key, hosts, days)

    def revoke(self, name: str, crl_days: int = 90) -> int:
        """Put every certificate of ``name`` on the list; returns how many are new there.

        Raises AuthorityError when there is none of that name.
        """
        found = [one for one in self.issued() if one.name == name]
        if not found:
            raise AuthorityError(f"nothing to revoke: got {name!r}, want a name that has a certificate")
        fresh = [one.serial for one in found if not one.revoked]
        self.list_revoked(crl_days, fresh)
        return len(fresh)

    def list_revoked(self, days: int = 90, more: Sequence[int] = ()) -> datetime:
        """Sign the list of revoked certificates anew, good for ``days``; returns when it ends.

        A broker with a list that has ended lets nobody in: this is to be run in time.
        """
        now = datetime.now(UTC)
        ends = now + timedelta(days=days)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - _SKEW)
            .next_update(ends)
        )
        for entry in self._revoked():
            builder = builder.add_revoked_certificate(entry)
        for serial in more:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
            )
        signed = builder.sign(self._key, hashes.SHA256())
        _write(self.folder / "crl.pem", signed.public_bytes(serialization.Encoding.PEM))
        return ends

    def issued(self) -> list[Issued]:
        """Every certificate that was given out, in that order."""
        path, gone = self.folder / "issued.jsonl", {entry.serial_number for entry in self._revoked()}
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines]
        return [
            Issued(
                row["name"],
                int(row["serial"], 16),
                datetime.fromisoformat(row["until"]),
                int(row["serial"], 16) in gone,
            )
            for row in rows
        ]

    def list_ends(self) -> datetime:
        """When the list of revoked certificates ends."""
        found = x509.load_pem_x509_crl((self.folder / "crl.pem").read_bytes()).next_update_utc
        assert found is not None
        return found

    def _certify(self, name: str, key: ec.EllipticCurvePrivateKey, hosts: Sequence[str], days: int) -> Path:
        builder = (
            _builder(_subject(name), self._certificate.subject, key.public_key(), datetime.now(UTC), days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        row = {"name": name, "serial": f"{certificate.serial_number:x}"}
        row["until"] = certificate.not_valid_after_utc.isoformat()
        with (self.folder / "issued.jsonl").open(
            "a", encoding="utf-8"
        ) as file:  # first: it can be revoked then
            file.write(json.dumps(row) + "\n")
        path = self.folder / f"{name}.crt"
        _write(path, certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def _revoked(self) -> list[x509.RevokedCertificate]:
        path = self.folder / "crl.pem"
        return list(x509.load_pem_x509_crl(path.read_bytes())) if path.exists() else []


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(_read(path), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityError(f"{path}: got another kind of key, want ECDSA")
    return key


def _load_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(_read(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuthorityError(f"{path} not readable: {error.strerror}") from None


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AuthorityError(f"{path} exists and is not overwritten: renew it, or move it away") from None
    except OSError as error:
        raise AuthorityError(f"{path} not written: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        file.write(pem)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a broker may read it at any time."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)
