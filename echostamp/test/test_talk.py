"""Tests for L{echostamp.talk.conversation} and L{echostamp.talk.run}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from echostamp.exitstatus import Outcome
from echostamp.line.stamper import Stamper
from echostamp.talk import run as talk
from echostamp.talk.conversation import Conversation
from echostamp.talk.farend import FarEnd
from echostamp.talk.run import PipeConsole, TerminalConsole
from echostamp.talk.terminal import Painter
from echostamp.test.fakes import (
    FakeFarTransport,
    FakeReactor,
    FakeStandardIO,
)

STAMP = b"[1] "
BLOCKED = "standard output was closed, or is full"
CLOSED = "far:7: the far end closed the connection"


def terminalConsole(conversation: Conversation) -> TerminalConsole:
    """Make a console on a terminal without colours."""
    return TerminalConsole(conversation, Painter({}))


class TalkCase(SynchronousTestCase):
    """
    A conversation between two sides in memory.

    @ivar far: the transport to the far end: what was sent stands there.
    @ivar near: standard input and output: what was shown stands there.
    """

    def begin(
        self,
        console: Callable[[Conversation], TerminalConsole | PipeConsole],
        isTls: bool = False,
        timeout: float = 10,
        showTimes: bool = False,
    ) -> None:
        """Connect both sides."""
        self.reactor = FakeReactor()
        self.conversation = Conversation(
            self.reactor,
            "far:7",
            timeout,
            showTimes,
            clock=lambda: round(self.reactor.seconds() * 1e9),
        )
        self.far = FakeFarTransport()
        alsoProvides(self.far, ISSLTransport if isTls else ITCPTransport)
        self.far.protocol = FarEnd(self.conversation)
        self.far.protocol.makeConnection(self.far)
        self.near = FakeStandardIO()
        self.near.protocol = console(self.conversation)
        self.near.protocol.makeConnection(self.near)

    def read(self, data: bytes) -> None:
        """Let input come that nobody sees."""
        self.near.protocol.dataReceived(data)

    def endInput(self) -> None:
        """End the input: Ctrl-D on a terminal, the end of a file or a pipe."""
        self.near.protocol.readConnectionLost()

    def reply(self, *data: bytes) -> None:
        """Let replies come."""
        for piece in data:
            self.far.protocol.dataReceived(piece)

    def farEndCloses(self) -> None:
        """Let the far end close the connection."""
        self.far.protocol.readConnectionLost()

    def assertNotOver(self) -> None:
        """Assert that the conversation goes on."""
        self.near.flush()
        self.assertNoResult(self.conversation.done)
        self.assertFalse(self.conversation.isOver)
        self.assertFalse(self.far.isClosed)

    def assertOver(self, status: int, line: str = "") -> None:
        """Assert that it has ended, how, and that nothing is left behind."""
        self.near.flush()
        outcome = self.successResultOf(self.conversation.done)
        self.assertEqual(outcome, Outcome(status, line))
        self.assertTrue(self.conversation.isOver)
        self.assertTrue(self.far.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class TerminalTests(TalkCase):
    """
    The client on a terminal.
    """

    def setUp(self) -> None:
        """Sit down."""
        self.begin(terminalConsole)

    def assertScreen(self, screen: str) -> None:
        """Assert what the terminal shows, what was typed included."""
        self.assertEqual(self.near.screen, screen)

    def test_promptComesFirst(self) -> None:
        """The prompt waits for a line."""
        self.assertScreen("> ")
        self.assertEqual(self.far.sent, b"")

    def test_replyStandsUnderItsLine(self) -> None:
        """A line goes out when Enter is pressed; its reply appears under it, then the
        next prompt."""
        self.near.type("hello\n")
        self.assertEqual(self.far.sent, b"hello\n")
        self.assertScreen("> hello\n")
        self.reply(b"[1] hello\n")
        self.assertScreen("> hello\n[1] hello\n> ")
        self.near.type("again\n")
        self.reply(b"[2] again\n")
        self.assertScreen("> hello\n[1] hello\n> again\n[2] again\n> ")
        self.assertEqual(self.far.sent, b"hello\nagain\n")
        self.assertNotOver()

    def test_replyInPieces(self) -> None:
        """The prompt waits for the end of a reply."""
        self.near.type("hello\n")
        self.reply(b"[1] ", b"hel", b"lo\n")
        self.assertScreen("> hello\n[1] hello\n> ")

    def test_promptComesBackWithoutAReply(self) -> None:
        """After a second without a reply the prompt comes back."""
        self.near.type("hello\n")
        self.reactor.advance(0.99)
        self.assertScreen("> hello\n")
        self.reactor.advance(0.02)
        self.assertScreen("> hello\n> ")
        self.reactor.advance(60)
        self.assertScreen("> hello\n> ")
        self.assertNotOver()

    def test_lateReply(self) -> None:
        """A reply that comes at the prompt has lines of its own; the prompt comes back
        under it."""
        self.near.type("hello\n")
        self.reactor.advance(1)
        self.reply(b"[1] hello\n")
        self.assertScreen("> hello\n> \n[1] hello\n> ")

    def test_lateReplyInPieces(self) -> None:
        """A late reply that comes in pieces stays on one line."""
        self.near.type("hello\n")
        self.reactor.advance(1)
        self.reply(b"[1] ", b"hello\n")
        self.assertScreen("> hello\n> \n[1] hello\n> ")

    def test_replyThatDoesNotEnd(self) -> None:
        """A reply without a newline does not share its line with the prompt."""
        self.near.type("hello\n")
        self.reply(b"[1] hel")
        self.assertScreen("> hello\n[1] hel")
        self.reactor.advance(1)
        self.assertScreen("> hello\n[1] hel\n> ")
        self.reply(b"lo\n")
        self.assertScreen("> hello\n[1] hel\n> \nlo\n> ")

    def test_lineTypedWhileAReplyStandsUnfinished(self) -> None:
        """Enter leaves the cursor at the start of a line, whatever stood there."""
        self.near.type("aa\n")
        self.reply(b"[1] a")
        self.near.type("b\n")
        self.reply(b"a\n[1] b\n")
        self.assertScreen("> aa\n[1] ab\na\n[1] b\n> ")

    def test_severalLinesPasted(self) -> None:
        """Lines that are pasted all go out; the prompt comes after the last reply."""
        self.near.type("a\nb\nc\n")
        self.assertEqual(self.far.sent, b"a\nb\nc\n")
        self.reply(b"[1] a\n", b"[1] b\n[1] c\n")
        self.assertScreen("> a\nb\nc\n[1] a\n[1] b\n[1] c\n> ")

    def test_lineInPieces(self) -> None:
        """A line goes out whole, however it is read."""
        for piece in "hel", "lo", "\n":
            self.near.type(piece)
        self.assertEqual(self.far.sent, b"hello\n")

    def test_farEndThatSaysMore(self) -> None:
        """What nobody asked for is shown too, above the prompt."""
        self.reply(b"welcome\n")
        self.assertScreen("> \nwelcome\n> ")

    def test_emptyLineEndsIt(self) -> None:
        """An empty line ends it with status 0, without a prompt."""
        self.near.type("\n")
        self.assertTrue(self.far.isHalfClosed)
        self.farEndCloses()
        self.assertOver(0)
        self.assertScreen("> \n")
        self.assertEqual(self.far.sent, b"")

    def test_farEndThatStays(self) -> None:
        """A far end that has answered everything and stays is left after a second."""
        self.near.type("a\n")
        self.reply(b"[1] a\n")
        self.near.type("\n")
        self.reactor.advance(0.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(0)
        self.assertScreen("> a\n[1] a\n> \n")

    def test_emptyLineAfterOthers(self) -> None:
        """The replies still owed are shown; what follows the empty line is not sent."""
        self.near.type("a\n\nb\n")
        self.near.type("c\n")
        self.assertEqual(self.far.sent, b"a\n")
        self.reply(b"[1] a\n")
        self.farEndCloses()
        self.assertOver(0)
        self.assertScreen("> a\n\nb\nc\n[1] a\n")

    def test_endOfInput(self) -> None:
        """Ctrl-D at the prompt ends it with status 0, on a fresh line."""
        self.endInput()
        self.farEndCloses()
        self.assertOver(0)
        self.assertScreen("> \n")

    def test_endOfInputBehindALine(self) -> None:
        """Ctrl-D behind what is not a line yet sends it as one."""
        self.near.type("hello")
        self.endInput()
        self.assertEqual(self.far.sent, b"hello\n")
        self.reply(b"[1] hello\n")
        self.farEndCloses()
        self.assertOver(0)
        self.assertScreen("> hello\n[1] hello\n")

    def test_endOfInputAfterTheEnd(self) -> None:
        """Ctrl-D after an empty line, or when it is over, changes nothing."""
        self.near.type("\n")
        self.endInput()
        self.farEndCloses()
        self.endInput()
        self.assertOver(0)
        self.assertScreen("> \n")

    def test_interruptedBeforeTheEndOfInput(self) -> None:
        """What was typed when it was abandoned is not sent."""
        self.near.type("hello")
        self.conversation.abandon(Outcome(130))
        self.endInput()
        self.assertEqual(self.far.sent, b"")

    def test_whoLeavesHasSeenWhatIsNotAnswered(self) -> None:
        """Somebody who leaves gets no error for lines without a reply, but a word."""
        self.near.type("a\n")
        self.reactor.advance(1)
        self.near.type("\n")
        self.reactor.advance(1)
        self.assertTrue(self.far.isHalfClosed)
        self.reactor.advance(9)
        self.assertOver(0, "far:7: 1 message not answered within 10 s")
        self.assertScreen("> a\n> \n")

    def test_farEndClosesAtThePrompt(self) -> None:
        """A far end that goes away ends it with status 1, and the prompt's line."""
        self.farEndCloses()
        self.assertOver(1, CLOSED)
        self.assertScreen("> \n")

    def test_farEndClosesWithinAReply(self) -> None:
        """What came of a reply is shown, a character that was cut included."""
        self.near.type("\u4e2d\n")
        self.reply(b"[1] \xe4\xb8")
        self.assertScreen("> \u4e2d\n[1] ")
        self.farEndCloses()
        self.assertOver(1, f"{CLOSED}, 1 message not answered")
        self.assertScreen("> \u4e2d\n[1] \\xe4\\xb8\n")

    def test_nothingIsTypedAfterTheEnd(self) -> None:
        """Lines that come when it is over go nowhere."""
        self.farEndCloses()
        self.near.type("late\n")
        self.assertEqual(self.far.sent, b"")

    def test_hostileText(self) -> None:
        """Controls and overrides that the far end sends are shown, not obeyed."""
        self.near.type("a\n")
        self.reply(b"[1]\t\x1b[2J\r\x00\xff", "\x9b\u202e\n".encode())
        self.assertScreen("> a\n[1]\t\\x1b[2J\\r\\x00\\xff\\x9b\\u202e\n> ")

    def test_everyScript(self) -> None:
        """Chinese, emoji and combining characters go both ways, however they are
        cut."""
        text = "\u4e2d\u6587 \U0001f469\u200d\U0001f52c e\u0301\n"
        self.near.type(text)
        self.assertEqual(self.far.sent, text.encode())
        for octet in text.encode():
            self.reply(bytes([octet]))
        self.assertScreen(f"> {text}{text}> ")

    def test_cutCharacterAtThePrompt(self) -> None:
        """As long as nothing can be shown, the prompt is not disturbed."""
        self.reply(b"\xe4")
        self.assertScreen("> ")
        self.reply(b"\xb8\xad\n")
        self.assertScreen("> \n\u4e2d\n> ")

    def test_roundTripTimes(self) -> None:
        """C{--time} puts the round-trip time after each reply."""
        self.begin(terminalConsole, showTimes=True)
        self.near.type("a\n")
        self.reactor.advance(0.0125)
        self.reply(b"[1] a\n")
        self.assertScreen("> a\n[1] a  (12.500 ms)\n> ")

    def test_terminalsEncoding(self) -> None:
        """What a terminal's encoding has no octets for is shown escaped."""
        self.begin(
            lambda conversation: TerminalConsole(conversation, Painter({}), "latin-1")
        )
        self.reply("\u00fc \u4e2d\n".encode())
        self.assertEqual(self.near.sent, b"> \n\xfc \\u4e2d\n> ")

    def test_connectionIsLost(self) -> None:
        """A connection that breaks is told as such, once."""
        self.near.type("a\n")
        self.far.protocol.connectionLost(Failure(ConnectionLost()))
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertOver(1, "far:7: the connection was lost, 1 message not answered")


class PipeTests(TalkCase):
    """
    The client on pipes.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole)

    def test_octetsPassAsTheyAre(self) -> None:
        """Every octet of the input is sent and every one of a reply written, without a
        prompt."""
        data = bytes(range(256)) + b"\n\n"
        self.read(data)
        self.assertEqual(self.far.sent, data)
        self.reply(data)
        self.assertEqual(self.near.sent, data)
        self.assertNotOver()

    def test_unfinishedLineIsSentAtOnce(self) -> None:
        """A line of any length passes through: it is not kept until it ends."""
        self.read(b"x" * 100_000)
        self.assertEqual(self.far.sent, b"x" * 100_000)

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

    def test_connectionIsClosedCleanly(self) -> None:
        """A transport that knows no half-close tells the same."""
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertOver(1, CLOSED)

    def test_noticeOfTheFinChangesNothing(self) -> None:
        """That our FIN is out ends nothing."""
        self.read(b"a\n")
        self.endInput()
        self.far.protocol.writeConnectionLost()
        self.assertNotOver()

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

    def test_slowFarEnd(self) -> None:
        """Input is not read while the far end does not take it."""
        self.far.fill()
        self.assertFalse(self.near.isRead)
        self.far.drain()
        self.assertTrue(self.near.isRead)
        self.read(b"a\n")
        self.assertEqual(self.far.sent, b"a\n")

    def test_slowFarEndOnATerminal(self) -> None:
        """Lines that were pasted wait while the far end does not take them."""
        self.begin(terminalConsole)
        self.far.fill()
        self.near.type("a\nb\n")
        self.assertEqual(self.far.sent, b"")
        self.far.drain()
        self.assertEqual(self.far.sent, b"a\nb\n")

    def test_slowReader(self) -> None:
        """Replies are not read while nobody takes them."""
        self.near.fill()
        self.assertFalse(self.far.isRead)
        self.near.drain()
        self.assertTrue(self.far.isRead)

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

    def test_outputIsClosed(self) -> None:
        """Without a reader it ends at once, with status 1."""
        self.read(b"a\n")
        self.near.protocol.writeConnectionLost()
        self.assertOver(1, BLOCKED)

    def test_outputIsClosedAtTheEnd(self) -> None:
        """What could not be written at the end is not done either."""
        self.endInput()
        self.farEndCloses()
        self.near.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertOver(1, BLOCKED)

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

    def test_smallMessagesLeaveAtOnce(self) -> None:
        """TCP_NODELAY is set, where there is TCP."""
        self.assertTrue(self.far.noDelay)
        local = FakeFarTransport()
        FarEnd(self.conversation).makeConnection(local)
        self.assertFalse(local.noDelay)

    def test_interfaces(self) -> None:
        """Both sides are what their transports ask of them."""
        for interface in IHalfCloseableProtocol, IPushProducer:
            verifyObject(interface, self.far.protocol)
        verifyObject(IHalfCloseableProtocol, self.near.protocol)


class RoundTripTimeTests(TalkCase):
    """
    C{--time} on pipes.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole, showTimes=True)

    def test_eachReplyHasItsTime(self) -> None:
        """The time counts from when its message was sent to when its end came."""
        self.read(b"a\n")
        self.reactor.advance(0.001)
        self.read(b"b\nc\n")
        self.reactor.advance(0.001)
        self.reply(b"[1] a\n[1]")
        self.reactor.advance(0.5)
        self.reply(b" b\n[1] c\n")
        self.assertEqual(
            self.near.sent,
            b"[1] a  (2.000 ms)\n[1] b  (501.000 ms)\n[1] c  (501.000 ms)\n",
        )

    def test_carriageReturn(self) -> None:
        """The time stands before the CR of a CR LF, behind any other."""
        self.read(b"a\r\nb\r\r\n\r\n")
        self.reactor.advance(0.001)
        self.reply(b"[1] a\r\n[1] b\r\r\n[1] \r\n")
        self.assertEqual(
            self.near.sent,
            b"[1] a  (1.000 ms)\r\n[1] b\r  (1.000 ms)\r\n[1]   (1.000 ms)\r\n",
        )

    def test_carriageReturnInAReadOfItsOwn(self) -> None:
        """The network may part a CR from its LF: the time stands before it still."""
        self.read(b"a\r\n")
        self.reactor.advance(0.001)
        self.reply(b"[1] a\r", b"\n")
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\r\n")

    def test_lastReplyWithoutANewline(self) -> None:
        """An unterminated last reply has its time at its end."""
        self.read(b"a\nlast")
        self.endInput()
        self.reactor.advance(0.001)
        self.reply(b"[1] a\n[1] la", b"st")
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\n[1] last")
        self.farEndCloses()
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\n[1] last  (1.000 ms)")

    def test_replyThatNeverCame(self) -> None:
        """What was not answered has no time."""
        self.read(b"a\nlast")
        self.endInput()
        self.reactor.advance(0.001)
        self.reply(b"[1] a\n[1] la")
        self.farEndCloses()
        self.assertOver(1, f"{CLOSED}, 1 message not answered")
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\n[1] la")

    def test_moreLinesThanMessages(self) -> None:
        """A line that answers no message has no time."""
        self.reply(b"welcome\n")
        self.assertEqual(self.near.sent, b"welcome\n")


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

    def test_roundTripTimes(self) -> None:
        """C{--time} puts the time after an unterminated last reply too."""
        self.begin(PipeConsole, isTls=True, showTimes=True)
        self.read(b"a\nlast")
        self.endInput()
        self.reactor.advance(0.001)
        self.reply(b"[1] a\n[1] last\n")
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\n[1] last  (1.000 ms)")


class IntercomTests(TalkCase):
    """
    The client in an intercom.
    """

    def setUp(self) -> None:
        """Begin with a name."""
        self.begin(terminalConsole)

    def test_othersWhileTyping(self) -> None:
        """What others say, and notices, come on lines of their own, and the prompt
        comes back once."""
        self.reply(b"[1] * b joined\n[1] <b> hi\n[1] <b> again\n")
        self.assertEqual(
            self.near.screen, "> \n[1] * b joined\n[1] <b> hi\n[1] <b> again\n> "
        )

    def test_othersAnswerNothing(self) -> None:
        """The prompt waits for our own reply, and so does the end."""
        self.near.type("mine\n")
        self.reply(b"[1] <b> hi\n")
        self.assertEqual(self.near.screen, "> mine\n[1] <b> hi\n")
        self.endInput()
        self.reply(b"[1] <b> again\n")
        self.assertNotOver()
        self.reply(b"[1] mine\n")
        self.farEndCloses()
        self.assertOver(0)

    def test_name(self) -> None:
        """The name is asked for first; the reply to that is not shown, however it
        comes."""
        for cut in range(12):
            self.begin(terminalConsole)
            self.conversation.introduce("ann")
            self.assertEqual(self.far.sent, b"/name ann\n")
            stream = b"[1] * b joined\n[1] /name ann\n[1] * you are ann-2: taken\n"
            self.reply(stream[: 15 + cut], stream[15 + cut :])
            self.assertEqual(
                self.near.screen,
                "> \n[1] * b joined\n> \n[1] * you are ann-2: taken\n> ",
            )
            self.assertEqual(self.conversation.replies.unanswered, 0)
            self.near.type("a\n")
            self.reply(b"[1] a\n")
            self.assertIn("[1] a\n> ", self.near.screen)

    def test_times(self) -> None:
        """Round-trip times stand behind replies, and not behind what others say."""
        self.begin(PipeConsole, showTimes=True)
        self.read(b"a\n")
        self.reactor.advance(0.001)
        self.reply(b"[1] <b> hi\n[1] * c left\n[1] a\n")
        self.near.flush()
        self.assertEqual(
            self.near.sent, b"[1] <b> hi\n[1] * c left\n[1] a  (1.000 ms)\n"
        )

    def test_restAtTheEnd(self) -> None:
        """What might have become another's line is shown when no more can come."""
        self.begin(PipeConsole)
        self.read(b"<c\n")
        self.reply(b"[1] <c")
        self.farEndCloses()
        self.assertOver(1, CLOSED + ", 1 message not answered")
        self.assertEqual(self.near.sent, b"[1] <c")

    def test_colours(self) -> None:
        """One sees who says what, by its colour."""
        self.begin(
            lambda conversation: TerminalConsole(
                conversation, Painter({"TERM": "xterm"})
            )
        )
        self.reply(b"[1] * b joined\n[1] <b> hi\n[1] me\n")
        self.assertEqual(
            self.near.screen,
            "> \n\x1b[33m[1] * b joined\x1b[0m\n\x1b[1;36m[1] <b>\x1b[0m"
            "\x1b[36m hi\x1b[0m\n[1] me\n> ",
        )


class BeginningTests(SynchronousTestCase):
    """
    What is looked at before there is a conversation.
    """

    def setUp(self) -> None:
        """Note what would be run."""
        self.runs: list[tuple[Any, ...]] = []
        self.patch(talk, "_run", self.run_)

    def run_(self, *arguments: Any) -> Outcome:
        """Note what would be run, and give a status that nothing else has."""
        self.runs.append(arguments)
        return Outcome(42)

    def test_conversation(self) -> None:
        """Target, time-out and C{--time} reach the conversation."""
        mine = FakeReactor()
        self.assertEqual(talk.talk(mine, "localhost:7", 3.0, True), Outcome(42))
        ((reactor, target, conversation, timeout, *_),) = self.runs
        self.assertIs(reactor, mine)
        self.assertEqual((target.name, timeout), ("localhost:7", 3.0))
        self.assertIs(conversation.reactor, reactor)
        self.assertEqual(conversation.name, "localhost:7")

    def test_wrongTarget(self) -> None:
        """A wrong target gets one line that quotes it, and status 2."""
        status, line = talk.talk(FakeReactor(), "a\n:0", 3.0, False)
        self.assertEqual(status, 2)
        self.assertTrue(line.startswith(r"TARGET 'a\n:0': "), line)
        self.assertEqual(self.runs, [])
