"""TLS: nothing is lost when a connection ends, and memory is bounded."""

from __future__ import annotations

import signal
import socket
import threading
import time
from contextlib import ExitStack

from echostamp.tls.transport import CLOSE_GRACE
from tests import tlspeers
from tests.filling import fillAll
from tests.harness import DEADLINE, figure, until, withoutStamps
from tests.tlspeers import VERSIONS, Peer


class ClosingTests(tlspeers.TlsCase):
    """
    Nothing is lost when a connection ends.
    """

    def test_closeNotifyBehindTheLines(self) -> None:
        """Two lines and a close_notify in one segment are all answered, 50 times, with
        a FIN behind them or not."""
        daemon = self.shared()
        for version in VERSIONS:
            for hasFin in False, True:
                answered = 0
                for _ in range(50):
                    with Peer(daemon.port, self.files.ca, version) as peer:
                        peer.send(b"a\nb\n", isLast=True)
                        if hasFin:
                            peer.socket.shutdown(socket.SHUT_WR)
                        answered += withoutStamps(peer.readAll()) == b"a\nb\n"
                fin = " and FIN" if hasFin else ""
                figure(
                    f"{version.name}: two lines, close_notify{fin} in one segment: "
                    f"{answered} of 50 answered"
                )
                self.assertEqual(answered, 50)

    def test_tenMegabytesBeforeCloseNotify(self) -> None:
        """A peer sends 10 MB and a close_notify, and reads nothing at first: it gets
        every line, however long it waits."""
        daemon = self.shared()
        text = b"".join(b"%063d\n" % number for number in range(160_000))
        with ExitStack() as stack:
            peers = [
                stack.enter_context(Peer(daemon.port, self.files.ca, version))
                for version in VERSIONS
            ]
            senders = [
                threading.Thread(
                    target=peer.socket.sendall, args=(peer.records(text, isLast=True),)
                )
                for peer in peers
            ]
            for sender in senders:
                sender.start()
            # Longer than the time to close: that does not count before the last reply.
            time.sleep(CLOSE_GRACE + 0.5)
            for version, peer, sender in zip(VERSIONS, peers, senders, strict=True):
                self.assertTrue(sender.is_alive())
                answered = withoutStamps(peer.readAll())
                sender.join(DEADLINE)
                self.assertEqual(answered, text)
                figure(
                    f"{version.name}: 10 MB and close_notify by a peer that reads "
                    f"late: {answered.count(10)} of 160000 lines"
                )

    def test_drained(self) -> None:
        """A peer sends all that fits and reads nothing before SIGTERM.  Then it reads:
        every line is answered, and the daemon ends in time."""
        daemon = self.daemon("--grace=60")
        with Peer(daemon.port, self.files.ca) as peer:
            chunk = b"".join(b"%063d\n" % number for number in range(256))
            filler = peer.filler(chunk)
            fillAll([filler], daemon.process.pid)
            peer.socket.settimeout(DEADLINE)
            began = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM" in daemon.log())
            sender = threading.Thread(target=peer.socket.sendall, args=(filler.rest,))
            sender.start()
            answered = withoutStamps(peer.readAll())
            sender.join(DEADLINE)
            status = daemon.process.wait(DEADLINE)
            seconds = time.monotonic() - began
        self.assertEqual(answered, chunk * filler.chunks)
        self.assertEqual(status, 0)
        self.assertLess(seconds, 61)
        figure(
            f"TLS: SIGTERM with {len(answered)} octets of one peer unread: all "
            f"answered, ended after {seconds:.1f} s"
        )

    def test_memoryIsBounded(self) -> None:
        """The daemon holds little for peers that send and do not read."""
        count = 50
        for name, chunk in [
            ("lines", b"%063d\n" % 7 * 256),
            ("bare newlines", b"\n" * (1 << 14)),
            ("one line without an end", b"x" * (1 << 14)),
        ]:
            daemon = self.daemon()
            with ExitStack() as stack:
                peers = [
                    stack.enter_context(Peer(daemon.port, self.files.ca))
                    for _ in range(count)
                ]
                before = daemon.memory()
                fillers = [peer.filler(chunk) for peer in peers]
                fillAll(fillers, daemon.process.pid)
                each = (daemon.memory() - before) / count / 1024
            written = sum(filler.chunks for filler in fillers) * len(chunk)
            figure(
                f"TLS, {count} peers that do not read, {name}: "
                f"{written // count} octets sent by each, {each:.0f} KiB held for each"
            )
            self.assertLess(each, 256)
            daemon.stop()
