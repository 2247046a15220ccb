"""Tests for L{echostamp.tls.clientcontext}."""

from __future__ import annotations

import os
from unittest.mock import patch

from echostamp.connect.tls import OptionError
from echostamp.test.pems import LOCKED_KEYS, STRANGE_CURVE, WEAK
from echostamp.test.tlsclients import TlsClientCase


class FilesTests(TlsClientCase):
    """
    The files that C{--ca}, C{--cert} and C{--key} name.
    """

    def test_wrongFiles(self) -> None:
        """The error for a wrong file names its option, its path and the reason."""
        other = self.file("other.pem", self.authority.issue())
        text = self.file("text", b"hello\n")
        strange = self.file("strange", STRANGE_CURVE)
        weak = self.file("weak", WEAK)
        locked = self.file("locked", LOCKED_KEYS[0])
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
            ((None, strange), "--cert", "strange", "no PEM private key"),
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
        longer = self.file("longer.pem", self.authority.intermediate().issue("ours"))
        for ours in self.ours, longer:
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, clientCA=self.ca), ""
            )
            self.assertEqual(
                self.talk("tls:localhost", self.ca, ours, ours, clientCA=self.ca), ""
            )
