"""
Certificates and private keys in PEM files.

The daemon and the client load their files with this.  Each error is one line that names
the option and the file.
"""

from __future__ import annotations

import io
import re
import ssl
from contextlib import AbstractContextManager

from echostamp.keyfiles import DISK, Files
from echostamp.text import sslText

#: A certificate in a file.
_CERTIFICATE = re.compile(
    r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----\s.*?"
    r"-----END (?:TRUSTED |X509 )?CERTIFICATE-----",
    re.DOTALL,
)

#: How a certificate begins for which OpenSSL also notes what it is trusted for.
_TRUSTED = "-----BEGIN TRUSTED"

#: How a private key of any kind begins.
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:\w+ )*PRIVATE KEY-----")

#: What OpenSSL calls the key of another certificate; the last where it is of another
#: kind.
_NOT_ITS_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")

_NO_CERTIFICATE = "no PEM certificate that can be read"
_NO_KEY = "no PEM private key that can be read"


class PemError(ValueError):
    """
    A PEM file cannot be read, or its content is wrong.  The text says which file and
    what is wrong with it.
    """


class _Passphrase(Exception):
    """
    OpenSSL has asked for a passphrase.
    """


class PemFile:
    """
    A PEM file that an option names.  It is found again after the process has changed
    its working directory.

    @ivar path: its absolute path; empty where it has none.
    """

    def __init__(self, option: str, path: str, files: Files = DISK) -> None:
        """
        @param option: how messages begin, up to the path: C{"--ca "} or C{"certKey="}.
        @param path: where the file is.
        @param files: reads it.
        """
        self._option = option
        self._path = path
        self._files = files
        self.path = files.absolute(path)

    def __str__(self) -> str:
        return f"{self._option}{self._path!r}"

    def wrong(self, why: str) -> PemError:
        """
        Make the error that reports what is wrong with the file.

        @param why: what is wrong.
        """
        return PemError(f"{self}: {why}")

    def certificates(self) -> list[str]:
        """
        Read the certificates.

        @return: at least one, each as PEM, in the file's order.
        @raise PemError: there is none, or one is wrong.
        """
        found = _CERTIFICATE.findall(self._read())
        if not found:
            raise self.wrong(_NO_CERTIFICATE)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
                cadata="\n".join(found)
            )
        except ssl.SSLError:
            raise self.wrong(_NO_CERTIFICATE) from None
        return found

    def checkKey(self) -> None:
        """
        Check that there is a private key.

        @raise PemError: there is none.
        """
        if not _PRIVATE_KEY.search(self._read()):
            raise self.wrong(_NO_KEY)

    @property
    def isExposed(self) -> bool:
        """Whether others than the owner and the group may read the file."""
        return self._files.isExposed(self.path)

    def named(self) -> AbstractContextManager[str]:
        """
        Give a path where OpenSSL finds the file, which was read, while the context
        lasts.
        """
        return self._files.named(self.path)

    def _read(self) -> str:
        """
        Read the file.

        @raise PemError: it cannot be read.
        """
        try:
            content = self._files.read(self.path)
        except OSError as error:
            raise self.wrong(error.strerror or str(error)) from None
        # What is not ASCII can only be a comment.
        return io.TextIOWrapper(io.BytesIO(content), "ascii", "replace").read()


def trust(context: ssl.SSLContext, authorities: PemFile) -> None:
    """
    Have a context trust the CAs in a file, and no others.

    @raise PemError: the file cannot be read, or is wrong.
    """
    found = authorities.certificates()
    if any(each.startswith(_TRUSTED) for each in found):
        # Python passes over these, and the peers of this CA would be refused.
        raise authorities.wrong("a TRUSTED CERTIFICATE cannot be read as a CA's")
    context.load_verify_locations(cadata="\n".join(found))


def loadChain(context: ssl.SSLContext, certificates: PemFile, key: PemFile) -> None:
    """
    Have a context show a certificate.

    @param certificates: the certificate, then those between it and its CA.
    @param key: the certificate's private key; it may be the same file.
    @raise PemError: a file cannot be read or is wrong, the key does not belong to the
        certificate or has a passphrase, or OpenSSL refuses one of them.
    """
    certificates.certificates()
    key.checkKey()
    try:
        with certificates.named() as shown, key.named() as own:
            context.load_cert_chain(shown, own, _noPassphrase)
    except _Passphrase:
        raise key.wrong("the private key has a passphrase") from None
    except ssl.SSLError as error:
        if error.reason in _NOT_ITS_KEY:
            raise key.wrong(f"not the key of {certificates}") from None
        if error.reason is None:
            # The certificates were read: so it is the key that cannot be.
            raise key.wrong(_NO_KEY) from None
        raise certificates.wrong(sslText(error)) from None
    except OSError as error:
        raise key.wrong(error.strerror or str(error)) from None


def _noPassphrase() -> str:
    """
    Refuse to give a passphrase.  Without this OpenSSL would ask on the terminal.
    """
    raise _Passphrase
