"""Tests for L{echostamp.tls.handshakes}."""

from __future__ import annotations

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from echostamp.tls.handshakes import HANDSHAKE_TIMEOUT, Handshakes


class HandshakesTests(SynchronousTestCase):
    """
    What is reported about handshakes.
    """

    def test_log(self) -> None:
        """By default refusals and certificates are logged, with the peer's name."""
        handshakes = Handshakes()
        with capturedLogs() as events:
            handshakes.refused("far:1", "no shared cipher")
            handshakes.admitted("far:2", "CN=x")
        self.assertEqual(
            [event["log_format"].format(**event) for event in events],
            ["far:1 refused: no shared cipher", "far:2 is CN=x"],
        )
        self.assertEqual(handshakes.timeout, HANDSHAKE_TIMEOUT)
