"""
Certificates and private keys, read from PEM files.

The daemon and the client read their files with this.  Each error is one line that names
the option and the file.  The functions import C{cryptography} when they are called: it
is an optional dependency, and L{PemError} is caught where it may be missing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


class PemError(ValueError):
    """
    A PEM file cannot be read, or its content is wrong.  The text says which file and
    what is wrong with it.
    """


class PemFile:
    """
    A PEM file that an option names.  It is found again after the process has changed
    its working directory.
    """

    def __init__(self, option: str, path: str) -> None:
        """
        @param option: how messages begin, up to the path: C{"--ca "} or C{"certKey="}.
        @param path: where the file is.
        """
        self._option = option
        self._path = path
        # An empty path stays empty: it names no file, not the working directory.
        self._absolute = os.path.abspath(path) if path else ""

    def __str__(self) -> str:
        return f"{self._option}{self._path!r}"

    def wrong(self, why: str) -> PemError:
        """
        Make the error that reports what is wrong with the file.

        @param why: what is wrong.
        """
        return PemError(f"{self}: {why}")

    def certificates(self) -> list[Certificate]:
        """
        Read the certificates.

        @return: at least one, in the file's order.
        @raise PemError: there is none, or one is wrong.
        """
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm

        data = self._read()
        try:
            certificates = list(x509.load_pem_x509_certificates(data))
            for each in certificates:
                each.public_key()
        except ValueError:
            raise self.wrong("no PEM certificate that can be read") from None
        except UnsupportedAlgorithm as error:
            raise self.wrong(f"a certificate's key is of no use: {error}") from None
        return certificates

    def privateKey(self) -> Any:
        """
        Read the private key.

        @raise PemError: there is none, or it is wrong, or it has a passphrase.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        data = self._read()
        try:
            return load_pem_private_key(data, None)
        except TypeError:
            raise self.wrong("the private key has a passphrase") from None
        except (ValueError, UnsupportedAlgorithm):
            raise self.wrong("no PEM private key that can be read") from None

    @property
    def isExposed(self) -> bool:
        """Whether others than the owner and the group may read the file."""
        try:
            return bool(os.stat(self._absolute).st_mode & 0o007)
        except OSError:
            return False

    def _read(self) -> bytes:
        """
        Read the file.

        @raise PemError: it cannot be read.
        """
        try:
            with open(self._absolute, "rb") as file:
                return file.read()
        except OSError as error:
            raise self.wrong(error.strerror or str(error)) from None


def certificateAndKey(
    certificateFile: PemFile, keyFile: PemFile
) -> tuple[Certificate, list[Certificate], Any]:
    """
    Read a certificate, its chain and its private key.

    @param certificateFile: the certificate, then those between it and its CA.
    @param keyFile: the private key; it may be the same file.
    @return: the certificate, the others of its chain, and the key.
    @raise PemError: a file cannot be read or is wrong, or the key does not belong to
        the certificate.
    """
    certificate, *chain = certificateFile.certificates()
    key = keyFile.privateKey()
    if key.public_key() != certificate.public_key():
        raise keyFile.wrong(f"not the key of {certificateFile}")
    return certificate, chain, key
