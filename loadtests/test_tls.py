"""TLS: peers that send the shortest records, and read nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from echostamp.test.tlsmessages import CLIENT, KEY_UPDATE, MessageWriter
from tests.filling import Filler, fillAll
from tests.harness import figure
from tests.tlspeers import Peer, TlsCase

#: How many peers there are, and the seconds that they may take to fill the buffers of
#: the kernel.
COUNT, SECONDS = 5, 600.0

#: Octets of records that are sent at once.
PIECE = 1 << 14


class ShortRecordTests(TlsCase):
    """
    A record of one octet costs 23 octets on the wire, and a kibibyte of Python.
    """

    def assertBounded(self, what: str, filler: Callable[[Peer, Path], Filler]) -> None:
        """
        Assert that little is held for peers, however long they send.

        @param what: what they send.
        @param filler: makes what sends over a new connection.
        """
        daemon = self.daemon(f"--peer-timeout={SECONDS:g}")
        keylog = Path(self.mktemp()).absolute()
        with ExitStack() as stack:

            def another() -> Filler:
                peer = Peer(daemon.port, self.files.ca, keylog=keylog)
                return filler(stack.enter_context(peer), keylog)

            # The memory that the process has for its work, and not for a peer, depends
            # on how its reads fall.  After one peer has filled up it has that.
            fillAll([another()], daemon.process.pid, seconds=SECONDS)
            fillers = [another() for _ in range(COUNT)]
            before = daemon.memory()
            fillAll(fillers, daemon.process.pid, seconds=SECONDS)
            each = (daemon.memory() - before) / COUNT / 1024
        sent = sum(filler.sent for filler in fillers) // COUNT
        figure(f"TLS, {what}: {sent} octets sent by each, {each:.0f} KiB held for each")
        self.assertLess(each, 256)
        daemon.stop()

    def test_newlines(self) -> None:
        """Newlines in records of one octet, whose replies are 28 times as long."""
        self.assertBounded(
            "newlines in records of one octet",
            lambda peer, keylog: peer.filler(b"\n" * (PIECE // 23), 1),
        )

    def test_line(self) -> None:
        """A line without an end in records of one octet."""
        self.assertBounded(
            "a line in records of one octet",
            lambda peer, keylog: peer.filler(b"x" * (PIECE // 23), 1),
        )

    def test_keyUpdates(self) -> None:
        """Key updates, each of which asks for an answer as long as itself."""

        def updating(peer: Peer, keylog: Path) -> Filler:
            writer = MessageWriter(keylog, CLIENT)
            return Filler(
                peer.socket,
                lambda: b"".join(
                    [writer.record(KEY_UPDATE) for _ in range(PIECE // 27)]
                ),
            )

        self.assertBounded("key updates", updating)
