"""Tests for L{echostamp.tls.servercontext}."""

from __future__ import annotations

import contextlib
import os
import ssl

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent

from echostamp.keyfiles import GivenFiles, OpenFiles
from echostamp.test.pems import LOCKED_KEYS, WEAK
from echostamp.test.tlsservers import Client, TlsServerCase
from echostamp.tls import servercontext
from echostamp.tls.engine import Engine, State
from echostamp.tls.servercontext import Credentials


def shown(credentials: Credentials) -> bytes | None:
    """Give the certificate that a client is shown."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client.wrap_bio(back, there)
    server = Engine(credentials.context, True)
    for _ in range(2):
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        server.feed(there.read())
        server.shake()
        back.write(server.take())
    return tls.getpeercert(True)


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
        for key in LOCKED_KEYS:
            path = self.file("locked", key)
            self.assertWrong("has a passphrase", path, self.server, None)

    def test_keyOfAnother(self) -> None:
        """The key must belong to the certificate."""
        for isRsa in False, True:
            path = self.file("other", self.authority.issue(isRsa=isRsa))
            self.assertWrong("not the key of certKey=", path, self.server, None)

    def test_keyThatIsNoUse(self) -> None:
        """A certificate that OpenSSL refuses is an error with OpenSSL's text."""
        path = self.file("weak", WEAK)
        self.assertWrong(f"certKey={path!r}: ee key too small", path, path, None)

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

    def test_onlyTheReaderOfTheDiskWarns(self) -> None:
        """A process that gets the files from another one does not warn again."""
        events = EventLoggingObserver()
        self.patch(servercontext, "log", Logger(observer=events))
        os.chmod(self.server, 0o644)
        kept = OpenFiles()
        Credentials(self.server, self.server, None, files=kept)
        self.assertEqual(len(list(events)), 1)
        given = GivenFiles(kept.contents, os.getcwd())
        Credentials(self.server, self.server, None, files=given)
        self.assertEqual(len(list(events)), 1)

    def test_filesOfAnotherProcess(self) -> None:
        """A process that may not read the files uses what another one has read, at its
        start and at a reload.  What that one has refused is not used."""
        self.addCleanup(os.chdir, os.getcwd())
        self.folder = self.folder.absolute()
        os.chdir(self.folder)
        names = "server.pem", "server.pem", "ca.pem"
        kept = OpenFiles()
        reading = Credentials(*names, files=kept)
        given = GivenFiles(dict(kept.contents), os.getcwd())
        os.rename("server.pem", "hidden")
        os.chdir("/")
        serving = Credentials(*names, files=given)
        self.assertEqual(shown(serving), shown(reading))
        self.assertEqual(serving.context.cert_store_stats()["x509_ca"], 1)
        before = shown(serving)
        for content, isRenewed in (b"half a fi", False), (self.authority.issue(), True):
            self.file("server.pem", content)
            if isRenewed:
                reading.reload()
            else:
                self.assertRaises(ValueError, reading.reload)
            given.replace(dict(kept.contents))
            serving.reload()
            self.assertEqual(shown(serving), shown(reading))
            self.assertEqual(shown(serving) != before, isRenewed)

    def test_chain(self) -> None:
        """The certificates after the first are sent to the client."""
        root = self.ca
        self.server = self.file("server.pem", self.authority.intermediate().issue())

        def strict(context: ssl.SSLContext) -> None:
            context.load_verify_locations(root)
            context.verify_mode = ssl.CERT_REQUIRED

        self.assertIsNone(Client(self.factory(), prepare=strict).shake().error)

    def test_everySuiteIsAead(self) -> None:
        """All cipher suites have authenticated encryption."""
        suites = Credentials(self.server, self.server, None).context.get_ciphers()
        self.assertGreater(len(suites), 5)
        for suite in suites:
            self.assertRegex(
                suite["name"], r"^(ECDHE-.*|TLS_.*)(GCM|CHACHA20[-_]POLY1305)"
            )

    def test_reloadForgetsSessions(self) -> None:
        """TLS 1.3 has no sessions to resume.  Those of TLS 1.2 can be resumed, until
        the files are reloaded."""

        def resumed(version: ssl.TLSVersion, credentials: Credentials) -> bool:
            client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            client.load_verify_locations(self.ca)
            client.minimum_version = client.maximum_version = version
            first = self.visit(client, credentials, None)
            if reloads:
                credentials.reload()
            return bool(self.visit(client, credentials, first.session).session_reused)

        credentials = Credentials(self.server, self.server, None, True)
        for reloads in False, True:
            for version, isResumed in [
                (ssl.TLSVersion.TLSv1_3, False),
                (ssl.TLSVersion.TLSv1_2, not reloads),
            ]:
                self.assertIs(resumed(version, credentials), isResumed)

    def visit(
        self,
        context: ssl.SSLContext,
        credentials: Credentials,
        session: ssl.SSLSession | None,
    ) -> ssl.SSLObject:
        """Do a handshake, and end the connection in order."""
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(
            back, there, server_hostname="localhost", session=session
        )
        server = Engine(credentials.context, True)
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            server.feed(there.read())
            if server.state is State.HANDSHAKE:
                server.shake()
            back.write(server.take())
        with contextlib.suppress(ssl.SSLWantReadError):
            client.unwrap()
        server.feed(there.read())
        server.read()
        server.close()
        return client

    def test_sameWithEveryPython(self) -> None:
        """What a later Python would set by itself is set here, or not at all."""
        context = Credentials(self.server, self.server, self.ca).context
        self.assertEqual(
            context.verify_flags, ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
        )
        self.assertEqual(context.num_tickets, 0)
        for option in (
            ssl.OP_NO_COMPRESSION,
            ssl.OP_NO_RENEGOTIATION,
            ssl.OP_NO_TICKET,
            ssl.OP_CIPHER_SERVER_PREFERENCE,
        ):
            self.assertTrue(context.options & option)
