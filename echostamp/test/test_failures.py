"""Tests for L{echostamp.connect.failures}."""

from __future__ import annotations

import errno
import os
import socket
import ssl

from twisted.internet.error import (
    ConnectBindError,
    ConnectError,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.failures import sourceHint, whatFailed


class WhatFailedTests(SynchronousTestCase):
    """
    The reasons for a failed connection, in a few words.
    """

    def test_texts(self) -> None:
        """Each failure is explained in one line of words that a user knows."""
        for error, text in [
            (DNSLookupError("nowhere"), "the name does not resolve"),
            (
                socket.gaierror(-2, "Name or service not known"),
                "the name does not resolve",
            ),
            (TimeoutError("no connection within 3 s"), "no connection within 3 s"),
            (
                ConnectionRefusedError(errno.ECONNREFUSED, "x"),
                os.strerror(errno.ECONNREFUSED),
            ),
            (ConnectError(errno.ENOENT, "x"), os.strerror(errno.ENOENT)),
            (
                ConnectError(errno.EINVAL, "x"),
                "Invalid argument: is its address link-local, without its link?",
            ),
            (ConnectionLost(), "the connection was lost"),
            (ValueError("invalid hostname: a b"), "invalid hostname: a b"),
            (KeyError(), "KeyError"),
        ]:
            self.assertEqual(whatFailed(Failure(error)), text)

    def test_connectErrorWithoutANumber(self) -> None:
        """A failure without an error number keeps its own text."""
        text = whatFailed(Failure(ConnectError(string="no luck")))
        self.assertIn("no luck", text)

    def test_whatOpenSslSays(self) -> None:
        """OpenSSL's errors keep their own texts."""
        for said, text in [
            ("[SSL: NO_CATS] no cats (_ssl.c:1006)", "TLS failed (no cats)"),
            ("", "TLS failed"),
            (
                "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)",
                "the far end does not speak TLS",
            ),
            (
                "[SSL: X] ssl/tls alert handshake failure (_ssl.c:1006)",
                "the far end refused TLS with us (handshake failure)",
            ),
            (
                "[SSL: X] tlsv1 alert unknown ca (_ssl.c:1006)",
                "the far end refused our certificate (unknown ca)",
            ),
        ]:
            self.assertEqual(whatFailed(Failure(ssl.SSLError(1, said))), text)


class SourceHintTests(SynchronousTestCase):
    """
    A question about C{--source}.
    """

    def test_notOurs(self) -> None:
        """Only a source address that this machine does not have is asked about."""
        self.assertIn("--source", sourceHint(ConnectBindError(errno.EADDRNOTAVAIL)))
        for error in (
            ConnectBindError(errno.EADDRINUSE),
            ConnectError(errno.EADDRNOTAVAIL),
            None,
        ):
            self.assertEqual(sourceHint(error), "")
