"""Tests for L{echostamp.probe.messages}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.messages import LARGEST, SMALLEST, Messages, Reply
from echostamp.stamps import readStamp, stampFormat

STAMP = stampFormat("iso", utc=True).stamp(1_450_085_400_123_456_789)


class MessagesTests(SynchronousTestCase):
    """
    Tests for messages that carry their number.
    """

    @given(st.integers(SMALLEST, 200), st.integers(0, 10**19 - 1))
    def test_comesBack(self, size: int, seq: int) -> None:
        """A message is one line of the right size.  It is recognised after a stamp,
        after an unreadable stamp, and without a stamp."""
        probes = Messages(b"1a2b3c4d", size)
        message = probes.message(seq)
        self.assertEqual(len(message), size)
        self.assertEqual(message.find(b"\n"), size - 1)
        for stamp in STAMP, b"[half past nine] ", b"":
            reply = probes.read(stamp + message)
            self.assertEqual(reply, Reply(seq, readStamp(stamp), False))

    def test_largest(self) -> None:
        """The largest message has the right size."""
        self.assertEqual(len(Messages(b"x", LARGEST).message(7)), LARGEST)

    @given(st.data())
    def test_altered(self, data: st.DataObject) -> None:
        """A changed, added or missing octet is detected anywhere, even in the number.
        If the number can be read, the probe is known."""
        probes = Messages(b"1a2b3c4d", 64)
        message = probes.message(42)
        at = data.draw(st.integers(0, len(message) - 2))
        octet = data.draw(
            st.binary(min_size=1, max_size=1).filter(lambda x: x != b"\n")
        )
        changes = [
            message[:at] + message[at + 1 :],
            message[:at] + octet + message[at:],
        ]
        if octet[0] != message[at]:
            changes.append(message[:at] + octet + message[at + 1 :])
        for changed in changes:
            reply = probes.read(STAMP + changed)
            self.assertTrue(reply.isAltered, changed)
            if at > 12:
                self.assertEqual(reply.seq, 42)

    def test_strangeLines(self) -> None:
        """Other lines, and messages of another run, name no probe."""
        probes = Messages(b"aaaa", 32)
        for line in (
            b"\n",
            b"hello\n",
            STAMP + Messages(b"bbbb").message(1),
            b"aaaa x \n",
        ):
            reply = probes.read(line)
            self.assertEqual((reply.seq, reply.isAltered), (None, True))

    @given(st.integers(0, 99), st.sampled_from([32, 64, 500]), st.booleans())
    def test_replyTo(self, seq: int, size: int, hasStamp: bool) -> None:
        """The exact reply to a probe is read as any line; no other line is."""
        probes = Messages(b"aaaa", size)
        line = (STAMP if hasStamp else b"") + probes.message(seq)
        self.assertEqual(probes.replyTo(seq, line), probes.read(line))
        for other in (
            b"",
            b"x" + line,
            line + line,
            line[:-1],
            STAMP + STAMP + line,
            probes.message(seq + 1),
        ):
            self.assertIsNone(probes.replyTo(seq, other))
