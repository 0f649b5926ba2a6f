"""Certificates of a test run: one authority, a server's and a client's, as PEM files of mode 0600."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    """Files. *_pair: key and certificate in one file, as Kafka's PEM key store wants it."""

    authority: Path
    server_pair: Path
    client_certificate: Path
    client_key: Path
    stranger: Path
    expired_pair: Path
    elsewhere_pair: Path
    stranger_client_pair: Path


def make(folder: Path) -> Certificates:
    """Make all of them, valid for a day but for `expired`; `stranger` is an authority that signed only
    `stranger_client`; `elsewhere` is for another host."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, authority_key = _certificate("test authority", None)
    server, server_key = _certificate("127.0.0.1", (authority, authority_key))
    client, client_key = _certificate("analyst", (authority, authority_key))
    stranger, stranger_key = _certificate("stranger", None)
    expired, expired_key = _certificate("127.0.0.1", (authority, authority_key), days=-1)
    elsewhere, elsewhere_key = _certificate(
        "elsewhere", (authority, authority_key), name=x509.DNSName("kafka.elsewhere.example")
    )
    intruder, intruder_key = _certificate("analyst", (stranger, stranger_key))
    return Certificates(
        authority=_write(folder / "authority.pem", _pem(authority)),
        server_pair=_write(folder / "server.pem", _key(server_key) + _pem(server)),
        client_certificate=_write(folder / "client.pem", _pem(client)),
        client_key=_write(folder / "client.key", _key(client_key)),
        stranger=_write(folder / "stranger.pem", _pem(stranger)),
        expired_pair=_write(folder / "expired.pem", _key(expired_key) + _pem(expired)),
        elsewhere_pair=_write(folder / "elsewhere.pem", _key(elsewhere_key) + _pem(elsewhere)),
        stranger_client_pair=_write(folder / "intruder.pem", _key(intruder_key) + _pem(intruder)),
    )


_HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _certificate(
    common: str, signer: Signer | None, *, days: int = 1, name: x509.GeneralName = _HERE
) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    now = datetime.datetime.now(datetime.UTC)
    by, by_key = signer or (None, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False
        )
    )
    if by is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
    else:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(by_key, hashes.SHA256()), key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
