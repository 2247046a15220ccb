"""
Peers that do not say what is expected of them are closed in time, with a bound of the
suite's own for lateness.
"""

from __future__ import annotations

import contextlib
import time

from twisted.trial.unittest import SynchronousTestCase

from echostamp.tls.handshakes import HANDSHAKE_TIMEOUT
from echostamp.tls.transport import CLOSE_GRACE
from tests import tlspeers
from tests.harness import DEADLINE, Daemon, figure, until
from tests.tlspeers import Peer

#: A daemon that expects a PROXY header.
PROXIED = ("-e", "proxy:tcp:0:interface=127.0.0.1", "--proxy-from=127.0.0.0/8")

#: Seconds for a PROXY header, and seconds between two octets of a slow drip.
HEADER_TIMEOUT, STEP = 5.0, 0.2


class HeaderCase(SynchronousTestCase):
    """
    PROXY headers that do not come.

    @cvar late: seconds by which the daemon may be late.
    """

    late: float

    def test_noHeader(self) -> None:
        """A peer that sends no PROXY header is closed when its time is over."""
        daemon = Daemon.shared(self, *PROXIED)
        began = time.monotonic()
        with daemon.connect() as peer, contextlib.suppress(ConnectionError):
            self.assertEqual(peer.recv(100), b"")
        seconds = time.monotonic() - began
        figure(
            f"no PROXY header: closed after {seconds:.2f} s "
            f"(limit {HEADER_TIMEOUT:g} s)"
        )
        self.assertGreater(seconds, HEADER_TIMEOUT - 0.1)
        self.assertLess(seconds, HEADER_TIMEOUT + self.late)


class HandshakeCase(tlspeers.TlsCase):
    """
    TLS handshakes, and closes, that do not come.

    @cvar late: seconds by which the daemon may be late.
    """

    late: float

    def test_noHandshake(self) -> None:
        """A handshake that does not come, or comes octet by octet, has its time."""
        daemon = self.daemon()
        began = time.monotonic()
        with daemon.connect() as silent, daemon.connect() as dripping:
            dripping.settimeout(STEP)
            for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99):
                try:
                    dripping.send(bytes([octet]))
                    dripping.recv(1)
                    break
                except TimeoutError:
                    pass
                except OSError:
                    break
            seconds = time.monotonic() - began
            silent.settimeout(DEADLINE)
            self.assertRaises(ConnectionError, silent.recv, 1)
            last = time.monotonic() - began
        figure(
            f"a slow drip instead of a TLS handshake: closed after {seconds:.2f} s; "
            f"a silent peer after {last:.2f} s (limit {HANDSHAKE_TIMEOUT:g} s)"
        )
        self.assertGreater(seconds, HANDSHAKE_TIMEOUT - 0.2)
        self.assertLess(last, HANDSHAKE_TIMEOUT + self.late)
        self.assertEqual(
            self.refusals(daemon, 2),
            [f"no TLS handshake within {HANDSHAKE_TIMEOUT:g} s"] * 2,
        )

    def test_peerThatNeverCloses(self) -> None:
        """A peer that does not close its side is cut when its time is over."""
        daemon = self.daemon("--idle-timeout=2")
        with Peer(daemon.port, self.files.ca) as peer:
            peer.answer(b"a\n")
            self.assertEqual(peer.readAll(), b"")
            began = time.monotonic()
            until(lambda: " disconnected" in daemon.log())
            seconds = time.monotonic() - began
        figure(f"a peer that does not answer close_notify: gone after {seconds:.2f} s")
        self.assertLess(seconds, CLOSE_GRACE + self.late)
