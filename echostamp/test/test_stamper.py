"""Tests for L{echostamp.line.stamper}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.line.stamper import SLICE, Stamper

S1, S2, S3 = b"[1] ", b"[2] ", b"[3] "


class StamperTests(SynchronousTestCase):
    """
    The rules of the line protocol, in order.
    """

    def test_lineComesBackStamped(self) -> None:
        """Rule 1: a message comes back as its stamp, then the message."""
        self.assertEqual(Stamper().feed(b"hello\n", S1), b"[1] hello\n")

    def test_octetsStayAsTheyAre(self) -> None:
        """Rule 1: CR LF, NULs and every other octet come back."""
        line = bytes(range(256)).replace(b"\n", b"") + b"\r\n"
        self.assertEqual(Stamper().feed(line, S1), S1 + line)

    def test_emptyMessage(self) -> None:
        """Rule 2: a lone newline is an empty message."""
        self.assertEqual(Stamper().feed(b"\n\n", S1), b"[1] \n[1] \n")

    def test_messagesOfOneReadShareAStamp(self) -> None:
        """Rule 4: messages that end in one read share a stamp, and keep their order."""
        self.assertEqual(
            Stamper().feed(b"a\nb\nc", S1) + Stamper().feed(b"\n", S2),
            b"[1] a\n[1] b\n[2] \n",
        )

    def test_lineThatTheNetworkSplits(self) -> None:
        """Rules 2 and 4: a split line has one stamp, of its last read."""
        stamper = Stamper()
        self.assertEqual(stamper.feed(b"he", S1), b"")
        self.assertEqual(stamper.feed(b"ll", S2), b"")
        self.assertEqual(stamper.feed(b"o\n", S3), b"[3] hello\n")

    def test_endOfMessageHasStampOfItsLastRead(self) -> None:
        """Rule 4: a pause or the end of the input does not change the stamp."""
        stamper = Stamper()
        stamper.feed(b"he", S1)
        stamper.feed(b"llo", S2)
        self.assertTrue(stamper.isOpen)
        self.assertEqual(stamper.endMessage(), b"[2] hello")
        self.assertFalse(stamper.isOpen)

    def test_emptyRestGetsNoStamp(self) -> None:
        """Rule 2: without an open message, the end gives no reply."""
        stamper = Stamper()
        self.assertEqual(stamper.endMessage(), b"")
        stamper.feed(b"hello\n", S1)
        self.assertFalse(stamper.isOpen)
        self.assertEqual(stamper.endMessage(), b"")

    def test_newlineIsRemembered(self) -> None:
        """Rule 2: the stamper knows whether a newline has been read."""
        stamper = Stamper()
        stamper.feed(b"a", S1)
        self.assertFalse(stamper.newlineSeen)
        stamper.feed(b"b\nc", S1)
        self.assertTrue(stamper.newlineSeen)

    def test_longMessageIsStampedByTheReadThatPassedTheLimit(self) -> None:
        """Rule 3: beyond the limit a message is stamped, then passed on."""
        stamper = Stamper(maxLength=4)
        self.assertEqual(stamper.feed(b"abcd", S1), b"")
        self.assertEqual(stamper.feed(b"e", S2), b"[2] abcde")
        self.assertTrue(stamper.isOpen and stamper.isPassing)
        self.assertEqual(stamper.feed(b"fg", S3), b"fg")
        self.assertEqual(stamper.feed(b"h\ni\n", S3), b"h\n[3] i\n")
        self.assertFalse(stamper.isOpen or stamper.isPassing)

    def test_longMessageMayEndWithoutANewline(self) -> None:
        """Rule 3: a long message ends like any other; the next one has a stamp."""
        stamper = Stamper(maxLength=4)
        self.assertEqual(stamper.feed(b"abcdef", S1), b"[1] abcdef")
        self.assertEqual(stamper.endMessage(), b"")
        self.assertFalse(stamper.isOpen)
        self.assertEqual(stamper.feed(b"gh", S2) + stamper.endMessage(), b"[2] gh")

    def test_messagesAreCounted(self) -> None:
        """Each message is counted once."""
        stamper = Stamper(maxLength=4)
        for data in b"a\nb\nc", b"d", b"efghij", b"k\n", b"l":
            stamper.feed(data, S1)
        stamper.endMessage()
        self.assertEqual(stamper.messages, 4)


def stampedByTheLetter(
    events: list[bytes | None], maxLength: int
) -> tuple[list[bytes], int]:
    """
    Apply the rules octet by octet, in the simplest way.

    @param events: C{bytes} are a read, whose stamp is its number; C{None} ends a
        message.
    @return: the reply to each event, and the number of stamps.
    """
    replies, held, stamp, passing, count = [], b"", b"", False, 0
    for number, event in enumerate(events):
        reply = b""
        if event is None:
            if held:
                reply, count = stamp + held, count + 1
            held, passing = b"", False
        for octet in event or b"":
            stamp = b"[%d] " % number
            if passing:
                reply += bytes([octet])
            else:
                held += bytes([octet])
            if octet == ord("\n"):
                if held:
                    reply, count = reply + stamp + held, count + 1
                held, passing = b"", False
            elif len(held) > maxLength:
                reply, count = reply + stamp + held, count + 1
                held, passing = b"", True
        replies.append(reply)
    return replies, count


class StamperPropertyTests(SynchronousTestCase):
    """
    Properties of every stream, however it is cut into reads.
    """

    @given(
        st.lists(
            st.none() | st.text("ab\n", min_size=1, max_size=9).map(str.encode),
            max_size=12,
        ),
        st.integers(1, 6),
    )
    def test_repliesFollowTheRules(
        self, events: list[bytes | None], maxLength: int
    ) -> None:
        """The reply to each read and each pause is that of the rules."""
        stamper = Stamper(maxLength)
        replies = [
            stamper.endMessage() if event is None else stamper.feed(event, b"[%d] " % n)
            for n, event in enumerate(events)
        ]
        self.assertEqual(
            (replies, stamper.messages), stampedByTheLetter(events, maxLength)
        )

    @given(st.lists(st.binary(min_size=1, max_size=30)), st.integers(1, 40))
    def test_repliesWithoutStampsAreTheStream(
        self, reads: list[bytes], maxLength: int
    ) -> None:
        """The replies without their stamps are the input, whatever octets it has."""
        stamp = b"[\x00stamp that no input holds\xff" + b"\x00" * 30 + b"] "
        stamper = Stamper(maxLength)
        replies = b"".join(stamper.feed(read, stamp) for read in reads)
        replies += stamper.endMessage()
        self.assertEqual(replies.replace(stamp, b""), b"".join(reads))


class SlicesTests(SynchronousTestCase):
    """
    How the replies to a read are sliced, so that each is bounded.
    """

    @given(
        st.lists(st.tuples(st.sampled_from([b"\n", b"x"]), st.integers(0, 40_000))),
        st.integers(1, 63),
        st.integers(0, 40),
    )
    def test_slicesAreTheWholeReplyAndBounded(
        self, runs: list[tuple[bytes, int]], stampLength: int, growth: int
    ) -> None:
        """The slices are the reply to the read, and stamps add little to each."""
        data = b"".join(octet * count for octet, count in runs)
        stamp = b"s" * stampLength
        whole, sliced = Stamper(10_000), Stamper(10_000)
        expected = whole.feed(data, stamp) if data else b""
        parts = list(sliced.replies(data, stamp, growth))
        self.assertEqual(b"".join(parts), expected)
        self.assertEqual(sliced.messages, whole.messages)
        for part in parts:
            most = part.count(b"\n") + 1
            self.assertLessEqual(most * (stampLength + growth), SLICE + 128)

    def test_readOfLinesIsOneSlice(self) -> None:
        """A full read of lines of 32 octets, the stamp being C{ctime}'s, is not cut."""
        data = (b"x" * 31 + b"\n") * 2048
        [reply] = Stamper().replies(data, b"[Mon Dec 14 09:30:00 2015] ")
        self.assertEqual(len(reply), 2048 * (32 + 27))

    def test_limitLeavesEverythingAsItWas(self) -> None:
        """Where too many messages end in a read, nothing of it is processed."""
        stamper = Stamper()
        stamper.feed(b"he", S1)
        self.assertIsNone(stamper.feed(b"llo\n\n\n", S2, 2))
        self.assertEqual(
            (stamper.messages, stamper.newlineSeen, stamper.endMessage()),
            (0, False, b"[1] he"),
        )
