"""Tests for L{echostamp.tls.pem}."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.authority import Authority, pem
from echostamp.test.pems import STRANGE_CURVE
from echostamp.tls.pem import PemError, PemFile, certificateAndKey

try:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
except ImportError as error:
    skip = f"the extra tls is not installed: {error}"


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
        for read in file.certificates, file.privateKey:
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
        """Damaged PEM is an error."""
        for what in b"CERTIFICATE", b"PRIVATE KEY":
            broken = b"-----BEGIN %b-----\naGVsbG8=\n-----END %b-----\n" % (what, what)
            self.assertWrong(self.file("broken", broken), "no PEM ")

    def test_passphrase(self) -> None:
        """A key with a passphrase is refused: nobody is asked for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        locked = self.file("locked", pem(key, b"secret"))
        error = self.assertRaises(PemError, locked.privateKey)
        self.assertEqual(str(error), f"{locked}: the private key has a passphrase")

    def test_keyOfAKindThatIsNotKnown(self) -> None:
        """A certificate whose key has an unknown curve is refused."""
        strange = self.file("strange", STRANGE_CURVE)
        error = self.assertRaises(PemError, strange.certificates)
        self.assertIn(f"{strange}: a certificate's key is of no use", str(error))

    def test_orderInTheFileIsFree(self) -> None:
        """A key is found after its certificate, and after its curve's parameters."""
        key, end, certificate = self.authority.issue().partition(
            b"-----END PRIVATE KEY-----\n"
        )
        parameters = (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
            b"-----END EC PARAMETERS-----\n"
        )
        turned = self.file("reversed", certificate + parameters + key + end)
        certificateAndKey(turned, turned)

    def test_workingFolderChanges(self) -> None:
        """A relative path is meant in the folder where the process was before."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        file = PemFile("--file ", "server.pem")
        os.chdir("/")
        self.assertEqual(len(file.certificates()), 1)


class CertificateAndKeyTests(PemCase):
    """
    A certificate, its chain and its key are read.
    """

    def test_chain(self) -> None:
        """The certificates after the first are its chain."""
        intermediate, certificate = self.authority.intermediate()
        file = self.file("chain.pem", intermediate.issue() + certificate)
        first, chain, key = certificateAndKey(file, file)
        self.assertEqual(first.public_key(), key.public_key())
        self.assertEqual([each.subject for each in chain], [first.issuer])

    def test_keyOfAnother(self) -> None:
        """A key of another certificate is an error that names both files."""
        for key in (
            ec.generate_private_key(ec.SECP256R1()),
            rsa.generate_private_key(65537, 2048),
        ):
            other = self.file("other", pem(key))
            error = self.assertRaises(PemError, certificateAndKey, self.server, other)
            self.assertEqual(str(error), f"{other}: not the key of {self.server}")
