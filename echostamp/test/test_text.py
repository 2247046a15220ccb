"""Tests for L{echostamp.text}."""

from __future__ import annotations

import ssl

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.hostiletext import isSafe
from echostamp.text import (
    UNSAFE,
    counted,
    escaped,
    isOfCertificate,
    printable,
    sslAlert,
    sslText,
)


class TextTests(SynchronousTestCase):
    """
    Text from elsewhere is made safe.
    """

    def test_escaped(self) -> None:
        """What cannot be printed is written as Python writes it; the rest stays."""
        self.assertEqual(printable("a\nb\x1b[2J"), "a\\nb\\x1b[2J")
        self.assertEqual(printable("\u202e\udcff"), "\\u202e\\udcff")
        self.assertEqual(printable("\u4e2d \u00e9"), "\u4e2d \u00e9")
        self.assertEqual(escaped("\t"), "\\t")

    def test_counted(self) -> None:
        """One thing is no plural; none is."""
        words = [counted(count, "byte") for count in (0, 1, 2)]
        self.assertEqual(words, ["0 bytes", "1 byte", "2 bytes"])

    @given(st.text())
    def test_printable(self, text: str) -> None:
        """Any text becomes one printable line."""
        self.assertTrue(printable(text).isprintable())

    @given(st.characters())
    def test_unsafe(self, character: str) -> None:
        """The expression matches what Unicode calls a control or reorders text."""
        self.assertEqual(UNSAFE.fullmatch(character) is None, isSafe(character))

    def test_sslText(self) -> None:
        """Only OpenSSL's words are given: for a certificate those about it."""
        for text, words in [
            ("[SSL: NO_CATS] no cats (_ssl.c:1006)", "no cats"),
            ("[SSL] PEM lib (_ssl.c:3900)", "PEM lib"),
            ("unknown error (_ssl.c:1)", "unknown error"),
            ("no place", "no place"),
            ("[X509] a (b) c", "a (b) c"),
        ]:
            self.assertEqual(sslText(ssl.SSLError(1, text)), words)
        self.assertEqual(sslText(ssl.SSLError()), "")
        error = ssl.SSLCertVerificationError(1, "[SSL: X] verify failed: (_ssl.c:1)")
        error.verify_message = "it has expired"
        self.assertEqual(sslText(error), "it has expired")

    def test_sslAlert(self) -> None:
        """The far end's alert is found, and whether it is about our certificate."""
        for text, alert, isCertificates in [
            ("[SSL: X] tlsv1 alert unknown ca (_ssl.c:1006)", "unknown ca", True),
            ("[SSL: X] sslv3 alert bad certificate", "bad certificate", True),
            ("[SSL: X] ssl/tls alert internal error", "internal error", False),
            ("[SSL: X] no cats (_ssl.c:1006)", "", False),
        ]:
            self.assertEqual(sslAlert(ssl.SSLError(1, text)), alert)
            self.assertEqual(isOfCertificate(alert), isCertificates)
