"""Tests for L{echostamp.talk.conversation}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from echostamp.exitstatus import Outcome
from echostamp.line.stamper import Stamper
from echostamp.talk.consoles import PipeConsole
from echostamp.test.conversations import CLOSED, TalkCase, terminalConsole

STAMP = b"[1] "


class PipeTests(TalkCase):
    """
    The client on pipes.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole)

    def test_everyLineAnswered(self) -> None:
        """When all lines are answered the FIN goes out; the far end's own ends it."""
        self.read(b"a\nb\n")
        self.endInput()
        self.reply(b"[1] a\n")
        self.assertFalse(self.far.isHalfClosed)
        self.reply(b"[1] b\n")
        self.assertTrue(self.far.isHalfClosed)
        self.assertNotOver()
        self.farEndCloses()
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a\n[1] b\n")

    def test_repliesBeforeTheEndOfTheInput(self) -> None:
        """The FIN goes out with the end of the input where nothing is owed."""
        self.read(b"a\n")
        self.reply(b"[1] a\n")
        self.assertFalse(self.far.isHalfClosed)
        self.endInput()
        self.assertTrue(self.far.isHalfClosed)

    def test_emptyInput(self) -> None:
        """Nothing to send is nothing owed."""
        self.endInput()
        self.assertTrue(self.far.isHalfClosed)
        self.farEndCloses()
        self.assertOver(0)

    def test_farEndThatStays(self) -> None:
        """A far end that has answered everything and stays is left after a second."""
        self.read(b"a\n")
        self.endInput()
        self.reply(b"[1] a\n")
        self.reactor.advance(0.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(0)

    def test_lastLineWithoutANewline(self) -> None:
        """An unterminated last line is sent as it is.  The FIN goes out behind the
        other lines' replies, and its own reply is waited for."""
        self.read(b"a\nlast")
        self.endInput()
        self.assertEqual(self.far.sent, b"a\nlast")
        self.assertFalse(self.far.isHalfClosed)
        self.reply(b"[1] a\n")
        self.assertTrue(self.far.isHalfClosed)
        self.reply(b"[1] last")
        self.assertNotOver()
        self.farEndCloses()
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a\n[1] last")

    def test_farEndThatWaitsForTheEnd(self) -> None:
        """After a second of quiet the FIN goes out: some answer nothing before."""
        self.read(b"a\n")
        self.endInput()
        self.reactor.advance(0.99)
        self.assertFalse(self.far.isHalfClosed)
        self.reactor.advance(0.02)
        self.assertTrue(self.far.isHalfClosed)
        self.reply(b"[1] a\n")
        self.farEndCloses()
        self.assertOver(0)

    def test_timeOut(self) -> None:
        """Replies that do not come within the time-out are counted: status 1."""
        self.read(b"a\nb\nc")
        self.endInput()
        self.reply(b"[1] a\n")
        self.reactor.advance(1)
        self.reactor.advance(8.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(1, "far:7: 2 messages not answered within 10 s")

    def test_shortTimeOut(self) -> None:
        """A time-out below a second is kept."""
        self.begin(PipeConsole, timeout=0.25)
        self.read(b"a\n")
        self.endInput()
        self.reactor.advance(0.24)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.reactor.advance(0)
        self.assertOver(1, "far:7: 1 message not answered within 0.25 s")

    def test_timeOutCountsFromTheLastReply(self) -> None:
        """Every reply begins the time-out anew."""
        self.read(b"a\n" * 5)
        self.endInput()
        for _ in range(4):
            self.reactor.advance(1)
            self.reactor.advance(8)
            self.reply(b"[1] a\n")
        self.reactor.advance(1)
        self.reactor.advance(8)
        self.assertNotOver()
        self.reactor.advance(1)
        self.assertOver(1, "far:7: 1 message not answered within 10 s")

    def test_noTimeOutWhileTheInputLasts(self) -> None:
        """Who still types, or a slow program, is waited for."""
        self.read(b"a\n")
        self.reactor.advance(3600)
        self.assertNotOver()

    def test_farEndClosesEarly(self) -> None:
        """A far end that closes owes what it has not answered; status 1."""
        for data, replies, owed in [
            (b"", b"", ""),
            (b"a\n", b"[1] a\n", ""),
            (b"a\n", b"", ", 1 message not answered"),
            (b"a\nb\nc", b"[1] a\n", ", 2 messages not answered"),
        ]:
            self.begin(PipeConsole)
            self.read(data)
            self.reply(replies)
            self.farEndCloses()
            self.assertOver(1, CLOSED + owed)

    def test_farEndClosesBeforeItHasAnswered(self) -> None:
        """The same when the input has ended before."""
        self.read(b"a\n")
        self.endInput()
        self.farEndCloses()
        self.assertOver(1, f"{CLOSED}, 1 message not answered")

    def test_inputEndsOnce(self) -> None:
        """A second end of the input changes nothing."""
        self.endInput()
        self.endInput()
        self.farEndCloses()
        self.assertOver(0)

    @given(st.lists(st.binary(max_size=20)), st.lists(st.integers(1, 50)))
    def test_everyReplyIsWritten(self, reads: list[bytes], cuts: list[int]) -> None:
        """However the input and the replies are cut, each octet passes, and when all
        has been answered the status is 0."""
        self.begin(PipeConsole)
        stamper, replies = Stamper(), b""
        for data in reads:
            if data:
                self.read(data)
                replies += stamper.feed(data, STAMP)
        self.endInput()
        replies += stamper.endMessage()
        rest = replies
        for cut in cuts:
            if rest[:cut]:
                self.reply(rest[:cut])
            rest = rest[cut:]
        if rest:
            self.reply(rest)
        self.farEndCloses()
        self.assertOver(0)
        self.assertEqual(self.far.sent, b"".join(reads))
        self.assertEqual(self.near.sent, replies)


class FlowTests(TalkCase):
    """
    Each side holds back the other, and either may go away.
    """

    def setUp(self) -> None:
        """Connect pipes."""
        self.begin(PipeConsole)

    def test_slowReaderStopsTheClock(self) -> None:
        """No reply is late while we do not read; the time-out begins anew after."""
        self.read(b"a\n")
        self.endInput()
        self.near.fill()
        self.reactor.advance(3600)
        self.assertNotOver()
        self.assertFalse(self.far.isHalfClosed)
        self.near.drain()
        self.reactor.advance(1)
        self.reactor.advance(8.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(1, "far:7: 1 message not answered within 10 s")

    def test_farEndClosesWhileTheReaderIsSlow(self) -> None:
        """What is still to be written is written before the end."""
        self.read(b"a\n")
        self.endInput()
        self.near.fill()
        self.reply(b"[1] a\n")
        self.farEndCloses()
        self.assertNoResult(self.conversation.done)
        self.assertOver(0)

    def test_endIsToldOnce(self) -> None:
        """What comes after the end changes nothing."""
        outcomes: list[Outcome] = []
        self.conversation.done.addCallback(outcomes.append)
        self.farEndCloses()
        self.near.flush()
        self.near.protocol.writeConnectionLost()
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.conversation.finish(Outcome(0))
        self.assertEqual(outcomes, [Outcome(1, CLOSED)])

    def test_eitherSideGoesAway(self) -> None:
        """A transport that is gone stops its producer, which says nothing: the end has
        ways of its own."""
        self.far.protocol.stopProducing()
        self.near.protocol.stopProducing()
        self.assertNotOver()

    def test_abandoned(self) -> None:
        """After a signal neither side is listened to any more."""
        self.read(b"a\n")
        self.endInput()
        self.conversation.abandon(Outcome(130))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.farEndCloses()
        self.assertNoResult(self.conversation.done)


class TlsTests(TalkCase):
    """
    A far end under TLS, which has no half-close.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole, isTls=True)

    def test_endsWhenAllIsAnswered(self) -> None:
        """It ends by counting replies; the connection is never closed half."""
        self.read(b"a\nb\n")
        self.endInput()
        self.reply(b"[1] a\n")
        self.assertNotOver()
        self.reply(b"[1] b\n")
        self.assertOver(0)
        self.assertFalse(self.far.isHalfClosed)
        self.assertEqual(self.near.sent, b"[1] a\n[1] b\n")

    def test_emptyInput(self) -> None:
        """Nothing to send is nothing owed; but a far end that has said nothing has a
        second to refuse us."""
        self.endInput()
        self.reactor.advance(0.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(0)

    def test_refusedWithoutInput(self) -> None:
        """Who is refused hears it, though nothing was owed."""
        self.endInput()
        self.far.protocol.connectionLost(Failure(Exception("certificate required")))
        self.assertOver(1, "far:7: certificate required")

    def test_lostWhenAllIsAnswered(self) -> None:
        """How a connection ends that has served its purpose does not matter."""
        self.read(b"a")
        self.reply(b"[1] ")
        self.endInput()
        self.reply(b"a\n")
        self.far.protocol.connectionLost(Failure(Exception("lost")))
        self.assertOver(0)

    def test_lastLineWithoutANewline(self) -> None:
        """An unterminated last line is sent with a newline, which is taken out again
        of what is shown."""
        self.read(b"a\nlast")
        self.endInput()
        self.assertEqual(self.far.sent, b"a\nlast\n")
        self.reply(b"[1] a\n[1] la", b"st\n")
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a\n[1] last")
        self.assertFalse(self.far.isHalfClosed)

    def test_repliesInOneRead(self) -> None:
        """The newline that is taken out is the added one, not another of the same
        read; what comes behind it stays."""
        self.read(b"a\nb\nlast")
        self.endInput()
        self.reply(b"[1] a\n[1] b\n[1] last\nbye\n")
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a\n[1] b\n[1] lastbye\n")

    def test_timeOut(self) -> None:
        """Replies that do not come are counted after the time-out, not before."""
        self.read(b"a\nlast")
        self.endInput()
        self.reply(b"[1] a\n")
        self.reactor.advance(1)
        self.reactor.advance(8.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(1, "far:7: 1 message not answered within 10 s")
        self.assertFalse(self.far.isHalfClosed)

    def test_slowReaderStopsTheEnd(self) -> None:
        """While nobody takes the replies it does not end."""
        self.read(b"a\n")
        self.endInput()
        self.near.fill()
        self.reply(b"[1] a\n")
        self.assertNotOver()
        self.near.drain()
        self.assertOver(0)

    def test_terminal(self) -> None:
        """On a terminal it is the same: Ctrl-D ends it when all is answered."""
        self.begin(terminalConsole, isTls=True)
        self.near.type("a\n")
        self.reply(b"[1] a\n")
        self.endInput()
        self.assertOver(0)
        self.assertEqual(self.near.screen, "> a\n[1] a\n> \n")


class IntercomTests(TalkCase):
    """
    A pipe in the intercom.
    """

    def test_restAtTheEnd(self) -> None:
        """What might have become another's line is shown when no more can come."""
        self.begin(PipeConsole)
        self.read(b"<c\n")
        self.reply(b"[1] <c")
        self.farEndCloses()
        self.assertOver(1, CLOSED + ", 1 message not answered")
        self.assertEqual(self.near.sent, b"[1] <c")
