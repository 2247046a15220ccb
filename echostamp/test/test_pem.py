"""Tests for L{echostamp.tls.pem}."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.authority import Authority
from echostamp.test.pems import LOCKED_KEYS, STRANGE_CURVE
from echostamp.tls.pem import PemError, PemFile, loadChain, trust


class PemCase(SynchronousTestCase):
    """
    A folder with a key and a certificate.
    """

    def setUp(self) -> None:
        """Make a CA, which issues a certificate."""
        self.authority = Authority()
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.server = self.file("server.pem", self.authority.issue())

    def file(self, name: str, content: bytes) -> PemFile:
        """Write a file that the option --file names."""
        (self.folder / name).write_bytes(content)
        return self.named(name)

    def named(self, name: str) -> PemFile:
        """Give a file of the folder, which need not exist."""
        return PemFile("--file ", os.path.relpath(self.folder / name))


class PemFileTests(PemCase):
    """
    One file is read.
    """

    def assertWrong(self, file: PemFile, why: str) -> None:
        """Assert that neither certificates nor a key are read, in one line each."""
        for read in file.certificates, file.checkKey:
            text = str(self.assertRaises(PemError, read))
            self.assertTrue(text.startswith(f"{file}: "), text)
            self.assertIn(why, text)
            self.assertNotIn("\n", text)

    def test_name(self) -> None:
        """Messages name the option and the path as they were given."""
        self.assertEqual(str(PemFile("--ca ", "a\nb")), r"--ca 'a\nb'")
        self.assertEqual(str(PemFile("certKey=", "c.pem")), "certKey='c.pem'")

    def test_missing(self) -> None:
        """A file that does not exist is an error; so are an empty path and a folder."""
        self.assertWrong(self.named("missing"), "No such file or directory")
        self.assertWrong(PemFile("--ca ", ""), "--ca '': No such file or directory")
        self.assertWrong(PemFile("--ca ", str(self.folder)), "Is a directory")

    def test_notPem(self) -> None:
        """A file without PEM is an error."""
        self.assertWrong(self.file("text", b"hello\n"), "no PEM ")
        self.assertWrong(self.file("empty", b""), "no PEM ")

    def test_brokenPem(self) -> None:
        """A damaged certificate is an error."""
        broken = b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"
        for content in broken, self.authority.certificate + broken:
            error = self.assertRaises(
                PemError, self.file("broken", content).certificates
            )
            self.assertIn("no PEM certificate that can be read", str(error))

    def test_comments(self) -> None:
        """Text around the certificates is skipped, in any encoding."""
        file = self.file("text", "Für\n".encode("latin-1") + self.authority.certificate)
        self.assertEqual(len(file.certificates()), 1)
        trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file)

    def test_trusted(self) -> None:
        """A certificate with OpenSSL's notes on trust is refused as a CA's: it would be
        passed over."""
        plain = self.authority.certificate
        noted = plain.replace(b" CERTIFICATE", b" TRUSTED CERTIFICATE")
        file = self.file("trusted.pem", plain + noted)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        error = self.assertRaises(PemError, trust, context, file)
        why = "a TRUSTED CERTIFICATE cannot be read as a CA's"
        self.assertEqual(str(error), f"{file}: {why}")

    def test_workingFolderChanges(self) -> None:
        """A relative path is meant in the folder where the process was before."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        file = PemFile("--file ", "server.pem")
        os.chdir("/")
        self.assertEqual(len(file.certificates()), 1)


class LoadChainTests(PemCase):
    """
    A certificate, its chain and its key are loaded.
    """

    def load(self, certificates: PemFile, key: PemFile) -> None:
        """Load a certificate and its key."""
        loadChain(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificates, key)

    def assertRefused(self, certificates: PemFile, key: PemFile, why: str) -> None:
        """Assert that they are not loaded, and why."""
        error = self.assertRaises(PemError, self.load, certificates, key)
        self.assertEqual(str(error), why)

    def test_orderInTheFileIsFree(self) -> None:
        """A key is found after its certificate, and after its curve's parameters."""
        key, end, certificate = self.authority.issue().partition(
            b"-----END EC PRIVATE KEY-----\n"
        )
        parameters = (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
            b"-----END EC PARAMETERS-----\n"
        )
        turned = self.file("reversed", certificate + parameters + key + end)
        self.load(turned, turned)

    def test_passphrase(self) -> None:
        """A key with a passphrase is refused: nobody is asked for it."""
        for key in LOCKED_KEYS:
            locked = self.file("locked", key)
            self.assertRefused(
                self.server, locked, f"{locked}: the private key has a passphrase"
            )

    def test_brokenKey(self) -> None:
        """A damaged key is an error."""
        broken = self.file(
            "broken",
            b"-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n",
        )
        self.assertRefused(
            self.server, broken, f"{broken}: no PEM private key that can be read"
        )

    def test_curveThatIsTooSmall(self) -> None:
        """A certificate whose key is too small is refused in OpenSSL's words."""
        strange = self.file("strange", STRANGE_CURVE)
        self.assertRefused(strange, self.server, f"{strange}: ee key too small")

    def test_keyOfAnother(self) -> None:
        """A key of another certificate is an error that names both files."""
        for isRsa in False, True:
            other = self.file("other", self.authority.issue(isRsa=isRsa))
            self.assertRefused(
                self.server, other, f"{other}: not the key of {self.server}"
            )
