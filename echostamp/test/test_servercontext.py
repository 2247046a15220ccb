"""Tests for L{echostamp.tls.servercontext}."""

from __future__ import annotations

import os

from twisted.internet.protocol import Protocol
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent

from echostamp.test.authority import commonName, pem
from echostamp.test.pems import STRANGE_CURVE
from echostamp.test.tlsservers import Client, TlsServerCase

try:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from echostamp.tls import servercontext
    from echostamp.tls.server import TlsProtocol
    from echostamp.tls.servercontext import Credentials
except ImportError:
    # The test case skips.
    pass


class CredentialsTests(TlsServerCase):
    """
    The files of keys and certificates.
    """

    def assertWrong(self, why: str, *files: str | None) -> None:
        """Assert that files are refused, in one line that says which and how."""
        text = str(self.assertRaises(ValueError, Credentials, *files))
        self.assertIn(why, text)
        self.assertNotIn("\n", text)

    def test_missingFile(self) -> None:
        """The error names a missing file, whichever it is."""
        missing = str(self.folder / "missing")
        for name, files in [
            ("privateKey", (missing, self.server, None)),
            ("certKey", (self.server, missing, None)),
            ("clientCA", (self.server, self.server, missing)),
        ]:
            self.assertWrong(f"{name}={missing!r}: No such file or directory", *files)

    def test_notPem(self) -> None:
        """The error names a file without PEM, whichever it is."""
        other = self.file("other", b"hello\n")
        for name, files in [
            ("privateKey", (other, self.server, None)),
            ("certKey", (self.server, other, None)),
            ("clientCA", (self.server, self.server, other)),
        ]:
            self.assertWrong(f"{name}={other!r}: no PEM ", *files)

    def test_passphrase(self) -> None:
        """A key with a passphrase is refused: nobody is asked for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.file("locked", pem(key, b"secret"))
        self.assertWrong("has a passphrase", path, self.server, None)

    def test_keyOfAnother(self) -> None:
        """The key must belong to the certificate."""
        for key in (
            ec.generate_private_key(ec.SECP256R1()),
            rsa.generate_private_key(65537, 2048),
        ):
            path = self.file("other", pem(key))
            self.assertWrong("not the key of certKey=", path, self.server, None)

    def test_keyThatIsNoUse(self) -> None:
        """A certificate that OpenSSL refuses is an error with OpenSSL's text."""
        key = rsa.generate_private_key(65537, 1024)
        signed = self.authority._signed(commonName("weak"), key, [], -1, 30)
        path = self.file("weak", pem(key) + signed)
        self.assertWrong(f"certKey={path!r}: ee key too small", path, path, None)

    def test_keyOfAKindThatIsNotKnown(self) -> None:
        """The error names a certificate with an unknown kind of key, whichever file it
        is in."""
        strange = self.file("strange", STRANGE_CURVE)
        for name, files in [
            ("certKey", (self.server, strange, None)),
            ("clientCA", (self.server, self.server, strange)),
        ]:
            self.assertWrong(f"{name}={strange!r}: a certificate's key is of", *files)

    def test_reloadWhereverTheDaemonIs(self) -> None:
        """The files are found again after the daemon has changed its working
        directory."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        credentials = Credentials("server.pem", "server.pem", "ca.pem")
        os.chdir("/")
        credentials.reload()

    def test_keyThatOthersMayRead(self) -> None:
        """The log warns of a private key that others may read, at each reload."""
        events = EventLoggingObserver()
        self.patch(servercontext, "log", Logger(observer=events))
        for mode, isWarned in (0o600, False), (0o640, False), (0o644, True):
            os.chmod(self.server, mode)
            credentials = Credentials(self.server, self.server, None)
            credentials.reload()
            line = f"privateKey={self.server!r}: others may read it; chmod o= it"
            expected = [line] * 2 if isWarned else []
            self.assertEqual([formatEvent(event) for event in events], expected)

    def test_chain(self) -> None:
        """The certificates after the first are sent to the client."""
        intermediate, certificate = self.authority.intermediate()
        self.server = self.file("server.pem", intermediate.issue() + certificate)
        client = Client(self.factory()).shake()
        chain = client.tls.get_peer_cert_chain()
        assert chain is not None
        self.assertEqual(len(chain), 2)

    def test_everySuiteIsAead(self) -> None:
        """All cipher suites have authenticated encryption."""
        connection = Credentials(self.server, self.server, None).serverConnectionForTLS(
            TlsProtocol(self.factory(), Protocol())
        )
        suites = connection.get_cipher_list()
        self.assertGreater(len(suites), 5)
        for suite in suites:
            self.assertRegex(suite, r"^(ECDHE-.*|TLS_.*)(GCM|CHACHA20[-_]POLY1305)")
