"""
A certificate authority for tests, which issues certificates with their keys.
"""

from __future__ import annotations

import datetime

import trustme

DAY = datetime.timedelta(days=1)

#: How the subjects of its certificates end, after their common name.
ORGANIZATION = ",OU=Tests,O=EchoStamp"


class Authority:
    """
    A CA for a test.
    """

    def __init__(self, ca: trustme.CA | None = None) -> None:
        """
        @param ca: makes the certificates; L{None} for a new one.
        """
        self._ca = ca or trustme.CA()
        self.certificate = self._ca.cert_pem.bytes()

    def issue(
        self,
        name: str = "test",
        hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1"),
        begin: int = -1,
        end: int = 30,
        isRsa: bool = False,
    ) -> bytes:
        """
        Issue a certificate for a new key.

        @param name: its common name.
        @param hosts: the names and addresses that it is valid for.
        @param begin: when its validity begins, in days from now.
        @param end: when its validity ends, in days from now.
        @param isRsa: whether its key is of RSA, not on an elliptic curve.
        @return: the key, the certificate, and those between it and its root, PEM.
        """
        now = datetime.datetime.now(datetime.UTC)
        issued = self._ca.issue_cert(
            *hosts,
            common_name=name,
            organization_name="EchoStamp",
            organization_unit_name="Tests",
            not_before=now + begin * DAY,
            not_after=now + end * DAY,
            key_type=trustme.KeyType.RSA if isRsa else trustme.KeyType.ECDSA,
        )
        return issued.private_key_and_cert_chain_pem.bytes()

    def intermediate(self) -> Authority:
        """
        Make a CA that this one has signed.
        """
        return Authority(self._ca.create_child_ca())
