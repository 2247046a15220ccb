"""Tests for L{echostamp.line.replies}."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.line.replies import COMPARED, MOST_TIMED, Replies, SendTimes
from echostamp.line.stamper import Stamper


class RepliesTests(SynchronousTestCase):
    """
    How many messages have not been answered.
    """

    def setUp(self) -> None:
        """Begin a connection."""
        self.replies = Replies()

    def test_lineIsAnsweredByANewline(self) -> None:
        """A message with a newline is answered when one more newline is received."""
        self.replies.sent(b"a\nb\n")
        self.assertEqual(self.replies.unanswered, 2)
        self.replies.received(b"[1] a\n[1")
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"] b\n")
        self.assertEqual(self.replies.unanswered, 0)
        self.assertFalse(self.replies.isUnterminated)

    def test_unterminatedMessageIsAnsweredByItself(self) -> None:
        """An unterminated last message is answered when its octets are received."""
        self.replies.sent(b"a\nlast")
        self.replies.received(b"[1] a\n[1] la")
        self.assertTrue(self.replies.isUnterminated)
        self.assertEqual(self.replies.unansweredLines, 0)
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"st")
        self.assertEqual(self.replies.unanswered, 0)

    def test_unterminatedMessageWaitsForTheLinesBeforeIt(self) -> None:
        """Replies are in order: the last message is not answered before the others."""
        self.replies.sent(b"a\na")
        self.replies.received(b"[1] a")
        self.assertEqual(self.replies.unanswered, 2)

    def test_moreNewlinesThanLines(self) -> None:
        """Newlines that nobody has asked for answer no later message."""
        self.replies.received(b"hello\nthere\n")
        self.replies.sent(b"a\n")
        self.assertEqual(self.replies.unanswered, 0)

    def test_longUnterminatedMessage(self) -> None:
        """Memory is bounded: only the length and the end of a message are compared."""
        for _ in range(5):
            self.replies.sent(b"x" * COMPARED)
            self.replies.received(b"x" * COMPARED)
        self.replies.sent(b"end")
        self.replies.received(b"en")
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"d")
        self.assertEqual(self.replies.unanswered, 0)

    def test_longUnterminatedMessageOfOneLetter(self) -> None:
        """A message of equal octets is not answered while one of them is missing."""
        self.replies.sent(b"x" * 3 * COMPARED)
        self.replies.received(b"x" * (3 * COMPARED - 1))
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"x")
        self.assertEqual(self.replies.unanswered, 0)

    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=10), st.data())
    def test_allIsAnsweredWhenAllHasComeBackAndNotBefore(
        self, writes: list[bytes], data: st.DataObject
    ) -> None:
        """With the replies of the real stamper, cut anywhere: each newline answers one
        message, and all messages are answered in the end."""
        replies, stamper = Replies(), Stamper()
        for write in writes:
            replies.sent(write)
        stream = stamper.feed(b"".join(writes), b"[1] ") if writes else b""
        stream += stamper.endMessage()
        cut = data.draw(st.integers(0, len(stream)))
        replies.received(stream[:cut])
        lines = b"".join(writes).count(b"\n") - stream[:cut].count(b"\n")
        self.assertEqual(replies.unansweredLines, lines)
        replies.received(stream[cut:])
        self.assertEqual(replies.unanswered, 0)


class SendTimesTests(SynchronousTestCase):
    """
    When the messages were sent that replies answer.
    """

    def test_oldestFirst(self) -> None:
        """Replies are in the order of the messages; one write has one time."""
        times = SendTimes()
        times.sent(2, 100)
        times.sent(0, 150)
        times.sent(1, 200)
        self.assertEqual([times.answered() for _ in range(4)], [100, 100, 200, None])

    def test_neverAnswered(self) -> None:
        """Of more unanswered writes than may be kept the last ones have no time; those
        before them, and those after an answer, have one."""
        times = SendTimes()
        for each in range(3 * MOST_TIMED):
            times.sent(2, each)
        self.assertEqual(len(times._outstanding), MOST_TIMED + 1)
        found = [times.answered() for _ in range(6 * MOST_TIMED)]
        timed = 2 * MOST_TIMED
        self.assertEqual(found[:timed], [each // 2 for each in range(timed)])
        self.assertEqual(found[timed:], [None] * (6 * MOST_TIMED - timed))
        times.sent(1, 7)
        self.assertEqual(times.answered(), 7)
