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
    A conversation on pipes.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole)

    def test_everyLineAnswered(self) -> None:
        """When all lines are answered, our FIN is sent; the far end's FIN ends it."""
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
        """If everything is answered, our FIN is sent at the end of the input."""
        self.read(b"a\n")
        self.reply(b"[1] a\n")
        self.assertFalse(self.far.isHalfClosed)
        self.endInput()
        self.assertTrue(self.far.isHalfClosed)

    def test_emptyInput(self) -> None:
        """An empty input needs no reply."""
        self.endInput()
        self.assertTrue(self.far.isHalfClosed)
        self.farEndCloses()
        self.assertOver(0)

    def test_farEndThatStays(self) -> None:
        """A far end that has answered everything and stays connected is disconnected
        after a second."""
        self.read(b"a\n")
        self.endInput()
        self.reply(b"[1] a\n")
        self.reactor.advance(0.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(0)

    def test_lastLineWithoutANewline(self) -> None:
        """An unterminated last line is sent as it is.  Our FIN is sent after the other
        lines' replies; then its own reply is awaited."""
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
        """After a second without a reply our FIN is sent: some servers answer only
        then."""
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
        """Replies that do not come within the timeout are counted: status 1."""
        self.read(b"a\nb\nc")
        self.endInput()
        self.reply(b"[1] a\n")
        self.reactor.advance(1)
        self.reactor.advance(8.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(1, "far:7: 2 messages not answered within 10 s")

    def test_suspended(self) -> None:
        """Replies that came while the process was suspended are read before the timeout
        counts."""
        self.read(b"a\n")
        self.endInput()
        self.reactor.advance(1)
        self.reactor.advance(60)
        self.reply(b"[1] a\n")
        self.reactor.advance(0)
        self.farEndCloses()
        self.assertOver(0)

    def test_shortTimeOut(self) -> None:
        """A timeout below a second is exact."""
        self.begin(PipeConsole, timeout=0.25)
        self.read(b"a\n")
        self.endInput()
        self.reactor.advance(0.24)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.reactor.advance(0)
        self.assertOver(1, "far:7: 1 message not answered within 0.25 s")

    def test_timeOutCountsFromTheLastReply(self) -> None:
        """Every reply restarts the timeout."""
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
        """There is no timeout before the end of the input."""
        self.read(b"a\n")
        self.reactor.advance(3600)
        self.assertNotOver()

    def test_farEndClosesEarly(self) -> None:
        """A far end that closes before the input ends is reported, with the number of
        unanswered messages; status 1."""
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
        """The same holds after the end of the input, if a reply is missing."""
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
        """However the input and the replies are cut, all octets pass; the status is 0
        when all is answered."""
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
    Each side stops the other while it is slow, and each may close.
    """

    def setUp(self) -> None:
        """Connect pipes."""
        self.begin(PipeConsole)

    def test_slowReaderStopsTheClock(self) -> None:
        """There is no timeout while the output is blocked; it restarts afterwards."""
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
        """Buffered output is written before the end."""
        self.read(b"a\n")
        self.endInput()
        self.near.fill()
        self.reply(b"[1] a\n")
        self.farEndCloses()
        self.assertNoResult(self.conversation.done)
        self.assertOver(0)

    def test_endIsToldOnce(self) -> None:
        """Events after the end change nothing."""
        outcomes: list[Outcome] = []
        self.conversation.done.addCallback(outcomes.append)
        self.farEndCloses()
        self.near.flush()
        self.near.protocol.writeConnectionLost()
        self.far.protocol.connectionLost(Failure(ConnectionDone()))
        self.conversation.finish(Outcome(0))
        self.assertEqual(outcomes, [Outcome(1, CLOSED)])

    def test_eitherSideGoesAway(self) -> None:
        """A closed transport stops its producer, and the conversation goes on: its end
        is reported in other ways."""
        self.far.protocol.stopProducing()
        self.near.protocol.stopProducing()
        self.assertNotOver()

    def test_abandoned(self) -> None:
        """After a signal both sides are ignored."""
        self.read(b"a\n")
        self.endInput()
        self.conversation.abandon(Outcome(130))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.farEndCloses()
        self.assertNoResult(self.conversation.done)


class TlsTests(TalkCase):
    """
    A conversation over TLS, which has no half-close.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole, isTls=True)

    def test_endsWhenAllIsAnswered(self) -> None:
        """It ends when all is answered, without a half-close."""
        self.read(b"a\nb\n")
        self.endInput()
        self.reply(b"[1] a\n")
        self.assertNotOver()
        self.reply(b"[1] b\n")
        self.assertOver(0)
        self.assertFalse(self.far.isHalfClosed)
        self.assertEqual(self.near.sent, b"[1] a\n[1] b\n")

    def test_emptyInput(self) -> None:
        """An empty input needs no reply, but a far end that has sent nothing has a
        second to refuse us."""
        self.endInput()
        self.reactor.advance(0.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(0)

    def test_refusedWithoutInput(self) -> None:
        """A refusal is reported even if no message is unanswered."""
        self.endInput()
        self.far.protocol.connectionLost(Failure(Exception("certificate required")))
        self.assertOver(1, "far:7: certificate required")

    def test_lostWhenAllIsAnswered(self) -> None:
        """When everything is answered, it does not matter how the connection ends."""
        self.read(b"a")
        self.reply(b"[1] ")
        self.endInput()
        self.reply(b"a\n")
        self.far.protocol.connectionLost(Failure(Exception("lost")))
        self.assertOver(0)

    def test_lastLineWithoutANewline(self) -> None:
        """An unterminated last line is sent with a newline, which is not shown in the
        reply."""
        self.read(b"a\nlast")
        self.endInput()
        self.assertEqual(self.far.sent, b"a\nlast\n")
        self.reply(b"[1] a\n[1] la", b"st\n")
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a\n[1] last")
        self.assertFalse(self.far.isHalfClosed)

    def test_repliesInOneRead(self) -> None:
        """Only the added newline is removed, not another one of the same read; what
        follows stays."""
        self.read(b"a\nb\nlast")
        self.endInput()
        self.reply(b"[1] a\n[1] b\n[1] last\nbye\n")
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a\n[1] b\n[1] lastbye\n")

    def test_timeOut(self) -> None:
        """Missing replies are counted after the timeout, not before."""
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
        """It does not end while the output is blocked."""
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
        """The beginning of what may be another member's line is shown at the end."""
        self.begin(PipeConsole)
        self.read(b"<c\n")
        self.reply(b"[1] <c")
        self.farEndCloses()
        self.assertOver(1, CLOSED + ", 1 message not answered")
        self.assertEqual(self.near.sent, b"[1] <c")

    def test_notices(self) -> None:
        """A notice is shown when it has ended, or the connection has, or when it is
        very long.  What it tells is known from then on."""
        self.begin(PipeConsole)
        self.reply(b"[1] * bob joi")
        self.assertEqual(self.near.sent, b"")
        self.assertFalse(self.conversation.members.isIntercom)
        self.reply(b"ned\n[1] <carol> h")
        self.assertEqual(self.near.sent, b"[1] * bob joined\n[1] <carol> h")
        self.assertTrue(self.conversation.members.isIntercom)
        names = self.conversation.members.beginningWith("")
        self.assertEqual(names, ["carol", "bob"])
        long = b"i\n[1] * " + b"x" * 5000
        self.reply(long)
        self.assertTrue(self.near.sent.endswith(b"] <carol> h" + long))
        self.reply(b"\n[1] * bob le")
        self.assertTrue(self.near.sent.endswith(b"x\n"))
        self.farEndCloses()
        self.assertTrue(self.near.sent.endswith(b"x\n[1] * bob le"))

    def test_ownName(self) -> None:
        """The own name is the one that was asked for first, then what notices say: a
        later request may not be granted, and another member may have that name."""
        self.begin(PipeConsole)
        members = self.conversation.members
        for line, own in [
            (b"/name 127.0.0.1:7\n", ""),
            (b"/name ann\r\n", "ann"),
            (b"/name a b\n", "ann"),
            (b"/names bob\n", "ann"),
            (b"/name bob\n", "ann"),
        ]:
            self.read(line)
            self.assertEqual(members.own, own)
        self.reply(b"[1] * bob is now carol\n")
        self.assertEqual(members.own, "ann")
        self.reply(b"[1] * ann is now bob\n")
        self.assertEqual(members.own, "bob")
        self.begin(PipeConsole)
        members = self.conversation.members
        self.conversation.introduce("bob")
        self.assertEqual(members.own, "bob")
        self.reply(b"[1] * you are bob-2: bob is taken\n")
        self.assertEqual(members.own, "bob-2")

    def test_quit(self) -> None:
        """When the intercom closes behind the reply to C{/quit}, all is well, also if
        the input goes on.  What was sent behind it is not answered."""
        for sent, status, owed in [
            (b"a\n/quit\n", 0, ""),
            (b"a\n/quit\r\n", 0, ""),
            (b"a\n/quit\nb\n\nc", 1, ", 3 messages not answered"),
            (b"a\n/quit\n/quit\n", 1, ", 1 message not answered"),
        ]:
            for cut in range(len(sent)):
                self.begin(PipeConsole)
                for piece in sent[:cut], sent[cut:]:
                    if piece:
                        self.read(piece)
                self.reply(b"[1] a\n[1] * b joined\n", sent[2 : sent.index(b"\n", 2)])
                self.assertNotOver()
                self.reply(b"\n")
                self.farEndCloses()
                self.assertOver(status, status * CLOSED + owed)

    def test_quitAlone(self) -> None:
        """A member that is alone hears nothing that tells an intercom.  It leaves as
        well, with a name and without."""
        for name, hidden in ("ann", b"[1] /name ann\n"), ("", b""):
            self.begin(PipeConsole)
            if name:
                self.conversation.introduce(name)
            self.read(b"/quit\n")
            self.reply(hidden + b"[1] /quit\n")
            self.farEndCloses()
            self.assertOver(0)
            self.assertEqual(self.near.sent, b"[1] /quit\n")

    def test_quitAgain(self) -> None:
        """A daemon without commands passes C{/quit} on.  A later one, behind a restart
        with commands or not, is found, too."""
        self.begin(PipeConsole)
        self.conversation.introduce("ann")
        self.reply(b"[1] /name ann\n")
        for line in b"/quit\n", b"a\n", b"/quit\n":
            self.read(line)
            self.reply(b"[1] " + line)
        self.farEndCloses()
        self.assertOver(0)

    def test_otherwiseQuitIsALine(self) -> None:
        """C{/quit} excuses no end before its reply or behind another one, and no other
        message that has it within."""
        for sent, replies, owed in [
            (b"/quit\n", b"[1] <b> hi\n", ", 1 message not answered"),
            (b"x/quit\n", b"[1] <b> hi\n[1] x/quit\n", ""),
            (b"/quit x\n", b"[1] <b> hi\n[1] /quit x\n", ""),
            (b" /quit\n", b"[1] <b> hi\n[1]  /quit\n", ""),
            (b"/quit", b"[1] <b> hi\n[1] /quit", ""),
            (b"/quit\na\n", b"[1] <b> hi\n[1] /quit\n[1] a\n", ""),
        ]:
            for cut in range(len(sent)):
                self.begin(PipeConsole)
                for piece in sent[:cut], sent[cut:]:
                    if piece:
                        self.read(piece)
                self.reply(replies)
                self.farEndCloses()
                self.assertOver(1, CLOSED + owed)
