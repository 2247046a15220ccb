"""
A certificate authority for tests, which issues certificates with their keys.
"""

from __future__ import annotations

import contextlib
import datetime
from ipaddress import ip_address
from typing import Any

# TLS is an optional dependency.
with contextlib.suppress(ImportError):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """
    A CA for a test.
    """

    def __init__(self, name: str = "Test CA") -> None:
        """
        @param name: its common name.
        """
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = commonName(name)
        self.certificate = self._signed(self._name, self._key, mayIssue(None), -1, 30)

    def _signed(
        self, subject: Any, key: Any, extensions: list[Any], begin: int, end: int
    ) -> bytes:
        """
        Make a certificate.

        @param begin: when its validity begins, in days from now.
        @param end: when its validity ends, in days from now.
        @return: PEM.
        """
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin * DAY)
            .not_valid_after(now + end * DAY)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        # RFC 5280, sections 4.2.1.1 to 4.2.1.3: strict verification needs these.
        identifiers: list[Any] = [
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        ]
        for identifier in identifiers:
            builder = builder.add_extension(identifier, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issue(
        self,
        name: str = "test",
        hosts: tuple[str, ...] = ("localhost",),
        addresses: tuple[str, ...] = ("127.0.0.1", "::1"),
        begin: int = -1,
        end: int = 30,
        purposes: tuple[Any, ...] = (),
    ) -> bytes:
        """
        Issue a certificate for a new key.

        @param name: its common name.
        @param hosts: the host names that it is valid for.
        @param addresses: the addresses that it is valid for.
        @param begin: when its validity begins, in days from now.
        @param end: when its validity ends, in days from now.
        @param purposes: its extended key usages; none for all purposes.
        @return: the key and the certificate, PEM.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        names += [x509.IPAddress(ip_address(address)) for address in addresses]
        extensions: list[Any] = [x509.SubjectAlternativeName(names)]
        if purposes:
            extensions.append(x509.ExtendedKeyUsage(purposes))
        return pem(key) + self._signed(commonName(name), key, extensions, begin, end)

    def intermediate(self) -> tuple[Authority, bytes]:
        """
        Make a CA that this one has signed.

        @return: the other CA, and its certificate, signed by this one.
        """
        other = Authority("Intermediate")
        return other, self._signed(other._name, other._key, mayIssue(0), -1, 30)


def mayIssue(length: int | None) -> list[Any]:
    """
    Make the extensions of a CA's certificate.

    @param length: how many CAs may follow it in a chain; L{None} for any number.
    """
    no = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    usage = x509.KeyUsage(key_cert_sign=True, crl_sign=True, **no)
    return [x509.BasicConstraints(True, length), usage]


def commonName(name: str) -> Any:
    """
    Make an X.509 name, with a common name for each part between slashes.
    """
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, part) for part in name.split("/")]
    )


def pem(key: Any, passphrase: bytes = b"") -> bytes:
    """
    Write a private key.
    """
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return found
