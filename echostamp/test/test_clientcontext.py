"""Tests for L{echostamp.tls.clientcontext}."""

from __future__ import annotations

import contextlib
import os
import sys
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.target import parseTarget
from echostamp.connect.tls import OptionError
from echostamp.test.authority import commonName, pem
from echostamp.test.fakes import FakeReactor
from echostamp.test.pems import STRANGE_CURVE
from echostamp.test.tlsclients import TlsClientCase
from echostamp.tls.clientcontext import TLS_MISSING

# Without it, the tests that need it are skipped.
with contextlib.suppress(ImportError):
    from cryptography.hazmat.primitives.asymmetric import ec, rsa


class MissingTlsTests(SynchronousTestCase):
    """
    The extra C{tls} is not installed completely.
    """

    def test_oneLineSaysSo(self) -> None:
        """A TARGET over TLS is refused, and the text names what to install."""
        for missing in "OpenSSL", "service_identity":
            for text in "tls:far:7", "tls:host=far:port=7", "ssl:far:7":
                with patch.dict(sys.modules, {missing: None}):
                    error = self.assertRaises(
                        ValueError, parseTarget, FakeReactor(), text, 3.0
                    )
                self.assertEqual(str(error), TLS_MISSING)

    def test_othersNeedNone(self) -> None:
        """Every other TARGET is accepted without it."""
        with patch.dict(sys.modules, {"OpenSSL": None}):
            self.assertEqual(parseTarget(FakeReactor(), "far:7", 3.0).name, "far:7")


class FilesTests(TlsClientCase):
    """
    The files that C{--ca}, C{--cert} and C{--key} name.
    """

    def test_wrongFiles(self) -> None:
        """The error for a wrong file names its option, its path and the reason."""
        other = self.file("other.pem", self.authority.issue())
        text = self.file("text", b"hello\n")
        strange = self.file("strange", STRANGE_CURVE)
        key = rsa.generate_private_key(65537, 1024)
        signed = self.authority._signed(commonName("weak"), key, [], -1, 30)
        weak = self.file("weak", pem(key) + signed)
        locked = self.file(
            "locked", pem(ec.generate_private_key(ec.SECP256R1()), b"secret")
        )
        for files, option, path, why in [
            ((str(self.folder / "no"),), "--ca", "no", "No such file or directory"),
            (("",), "--ca", "", "No such file or directory"),
            ((text,), "--ca", "text", "no PEM certificate that can be read"),
            ((None, text), "--cert", "text", "no PEM certificate that can be read"),
            ((None, self.ca), "--cert", "ca.pem", "no PEM private key that can"),
            ((None, self.ours, text), "--key", "text", "no PEM private key that can"),
            ((None, self.ours, other), "--key", "other.pem", "not the key of"),
            (
                (None, self.ours, locked),
                "--key",
                "locked",
                "the private key has a pass",
            ),
            ((None, self.ours, str(self.folder)), "--key", "", "Is a directory"),
            ((strange,), "--ca", "strange", "a certificate's key is of no use"),
            ((None, strange), "--cert", "strange", "a certificate's key is of no use"),
            ((None, weak), "--cert", "weak", "ee key too small"),
        ]:
            error = str(self.assertRaises(OptionError, self.parse, "tls:far", *files))
            self.assertTrue(error.startswith(f"{option} "), error)
            self.assertIn(f"{path}': {why}", error)
            self.assertNotIn("\n", error)

    def test_systemsAuthorities(self) -> None:
        """Without C{--ca} the system's CAs are trusted."""
        with patch.dict(os.environ, {"SSL_CERT_FILE": self.ca}):
            self.assertEqual(self.talk("tls:localhost"), "")

    def test_ourCertificate(self) -> None:
        """A server that wants a certificate gets ours."""
        chain, certificate = self.authority.intermediate()
        longer = self.file("longer.pem", chain.issue("ours") + certificate)
        for ours in self.ours, longer:
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, clientCA=self.ca), ""
            )
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, ours, clientCA=self.ca), ""
            )
