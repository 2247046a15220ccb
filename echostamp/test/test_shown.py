"""Tests for L{echostamp.talk.shown}."""

from __future__ import annotations

from echostamp.line.replies import Replies
from echostamp.talk.consoles import PipeConsole
from echostamp.talk.shown import ShownReplies
from echostamp.test.conversations import CLOSED, TalkCase, terminalConsole


class HiddenTests(TalkCase):
    """
    Replies that are left out.
    """

    def setUp(self) -> None:
        """Show replies without round-trip times."""
        self.replies = Replies()
        self.shown = ShownReplies(self.replies, showTimes=False)

    def receive(self, data: bytes) -> bytes:
        """Let octets of replies come, and give what is shown of them."""
        before = self.replies.receivedLines
        self.replies.received(data)
        return self.shown.shown(data, before)

    def test_everything(self) -> None:
        """Everything is shown as it came, and nothing is left at the end."""
        for data in b"[1] a\r\n[1] b\r", b"\n", b"", b"[1] last":
            self.assertEqual(self.receive(data), data)
        self.assertEqual(self.shown.rest(isAnswered=True), b"")

    def test_first(self) -> None:
        """The first reply is hidden, in however many pieces it comes."""
        self.shown.hideNext()
        self.assertEqual(self.receive(b"[1] /name"), b"")
        self.assertEqual(self.shown.hidden, 1)
        self.assertEqual(self.receive(b" ann\n[1] a\n"), b"[1] a\n")
        self.assertEqual(self.shown.hidden, 0)
        self.assertEqual(self.receive(b"[1] b\n"), b"[1] b\n")

    def test_hidden(self) -> None:
        """Replies among others are hidden, however they are cut."""
        stream = b"[1] a\r\n[1] /name ann\n\n[1] /name ann\n[1] b\n[1] c"
        for cut in range(len(stream)):
            self.setUp()
            for line in b"a\r\n", b"/name ann\n", b"\n", b"/name ann\n", b"b\nc\n":
                if line.startswith(b"/name"):
                    self.shown.hideNext()
                self.replies.sent(line)
            shown = self.receive(stream[:cut]) + self.receive(stream[cut:])
            self.assertEqual(shown, b"[1] a\r\n\n[1] b\n[1] c")
            self.assertEqual(self.shown.hidden, 0)

    def test_newline(self) -> None:
        """Only the newline of the reply to the line that was sent last is hidden."""
        self.replies.sent(b"a\nb\n")
        self.shown.hideNewline()
        self.assertEqual(self.receive(b"[1] a\n[1] "), b"[1] a\n[1] ")
        self.assertEqual(self.receive(b"b\nmore\n"), b"bmore\n")


class RoundTripTimeTests(TalkCase):
    """
    C{--time} on pipes.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole, showTimes=True)

    def test_eachReplyHasItsTime(self) -> None:
        """The time counts from the write of the message to the read of the end of its
        reply."""
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
        """The time is before the CR of a CR LF, and after any other CR."""
        self.read(b"a\r\nb\r\r\n\r\n")
        self.reactor.advance(0.001)
        self.reply(b"[1] a\r\n[1] b\r\r\n[1] \r\n")
        self.assertEqual(
            self.near.sent,
            b"[1] a  (1.000 ms)\r\n[1] b\r  (1.000 ms)\r\n[1]   (1.000 ms)\r\n",
        )

    def test_carriageReturnInAReadOfItsOwn(self) -> None:
        """The time is before the CR of a CR LF also when they are read separately."""
        self.read(b"a\r\n")
        self.reactor.advance(0.001)
        self.reply(b"[1] a\r", b"\n")
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\r\n")

    def test_lastReplyWithoutANewline(self) -> None:
        """An unterminated last reply has its time at the end."""
        self.read(b"a\nlast")
        self.endInput()
        self.reactor.advance(0.001)
        self.reply(b"[1] a\n[1] la", b"st")
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\n[1] last")
        self.farEndCloses()
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\n[1] last  (1.000 ms)")

    def test_replyThatNeverCame(self) -> None:
        """A missing reply has no time."""
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

    def test_terminal(self) -> None:
        """On a terminal it is the same."""
        self.begin(terminalConsole, showTimes=True)
        self.near.type("a\n")
        self.reactor.advance(0.0125)
        self.reply(b"[1] a\n")
        self.assertEqual(self.near.screen, "> a\n[1] a  (12.500 ms)\n> ")

    def test_tls(self) -> None:
        """Over TLS, an unterminated last reply has its time, too."""
        self.begin(PipeConsole, isTls=True, showTimes=True)
        self.read(b"a\nlast")
        self.endInput()
        self.reactor.advance(0.001)
        self.reply(b"[1] a\n[1] last\n")
        self.assertOver(0)
        self.assertEqual(self.near.sent, b"[1] a  (1.000 ms)\n[1] last  (1.000 ms)")

    def test_intercom(self) -> None:
        """Replies have round-trip times; other members' lines have none."""
        self.begin(PipeConsole, showTimes=True)
        self.read(b"a\n")
        self.reactor.advance(0.001)
        self.reply(b"[1] <b> hi\n[1] * c left\n[1] a\n")
        self.near.flush()
        self.assertEqual(
            self.near.sent, b"[1] <b> hi\n[1] * c left\n[1] a  (1.000 ms)\n"
        )
