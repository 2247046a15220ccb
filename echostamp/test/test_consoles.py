"""Tests for L{echostamp.talk.consoles}."""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from echostamp.exitstatus import Outcome
from echostamp.talk.consoles import PipeConsole, TerminalConsole
from echostamp.talk.conversation import Conversation
from echostamp.talk.terminal import Painter
from echostamp.talk.typedrows import TypedRows
from echostamp.test.conversations import BLOCKED, CLOSED, TalkCase, terminalConsole

LEAVING = "(Ctrl-D or /quit leaves)\n"

#: What erases one row above the cursor.
ONE_UP = "\x1b[1A\r\x1b[J"


class FakeRows(TypedRows):
    """
    Rows of a terminal that is 20 columns wide.

    @ivar columns: how many columns it has.
    @ivar isMore: whether more whole lines were typed.
    """

    columns = 20
    isMore = False

    def width(self) -> int:
        """Give the columns."""
        return self.columns

    def isMoreTyped(self) -> bool:
        """Say whether there is more."""
        return self.isMore


class TerminalTests(TalkCase):
    """
    The console on a terminal.
    """

    def setUp(self) -> None:
        """Connect a terminal."""
        self.begin(terminalConsole)

    def assertScreen(self, screen: str) -> None:
        """Assert what the terminal shows, including what was typed."""
        self.assertEqual(self.near.screen, screen)

    def test_promptComesFirst(self) -> None:
        """The prompt is shown before anything is typed."""
        self.assertScreen("> ")
        self.assertEqual(self.far.sent, b"")

    def test_replyStandsUnderItsLine(self) -> None:
        """Enter sends a line; the reply appears below it, then the next prompt."""
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
        """A reply that comes while the prompt is shown gets its own line, and the
        prompt is shown again below it."""
        self.near.type("hello\n")
        self.reactor.advance(1)
        self.reply(b"[1] hello\n")
        self.assertScreen("> hello\n> \n[1] hello\n> ")

    def test_lateReplyInPieces(self) -> None:
        """The pieces of a late reply are on one line."""
        self.near.type("hello\n")
        self.reactor.advance(1)
        self.reply(b"[1] ", b"hello\n")
        self.assertScreen("> hello\n> \n[1] hello\n> ")

    def test_replyThatDoesNotEnd(self) -> None:
        """A reply without a newline and the prompt are on different lines."""
        self.near.type("hello\n")
        self.reply(b"[1] hel")
        self.assertScreen("> hello\n[1] hel")
        self.reactor.advance(1)
        self.assertScreen("> hello\n[1] hel\n> ")
        self.reply(b"lo\n")
        self.assertScreen("> hello\n[1] hel\n> \nlo\n> ")

    def test_lineTypedWhileAReplyStandsUnfinished(self) -> None:
        """After Enter, the next output begins a line, whatever was on that line
        before."""
        self.near.type("aa\n")
        self.reply(b"[1] a")
        self.near.type("b\n")
        self.reply(b"a\n[1] b\n")
        self.assertScreen("> aa\n[1] ab\na\n[1] b\n> ")

    def test_severalLinesPasted(self) -> None:
        """Pasted lines are all sent; the prompt comes after the last reply."""
        self.near.type("a\nb\nc\n")
        self.assertEqual(self.far.sent, b"a\nb\nc\n")
        self.reply(b"[1] a\n", b"[1] b\n[1] c\n")
        self.assertScreen("> a\nb\nc\n[1] a\n[1] b\n[1] c\n> ")

    def test_lineInPieces(self) -> None:
        """A line is sent whole, however it is read."""
        for piece in "hel", "lo", "\n":
            self.near.type(piece)
        self.assertEqual(self.far.sent, b"hello\n")

    def test_farEndThatSaysMore(self) -> None:
        """Lines that answer nothing are shown, too, above the prompt."""
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
        """A far end that has answered everything and stays connected is disconnected
        after a second."""
        self.near.type("a\n")
        self.reply(b"[1] a\n")
        self.near.type("\n")
        self.reactor.advance(0.99)
        self.assertNotOver()
        self.reactor.advance(0.02)
        self.assertOver(0)
        self.assertScreen("> a\n[1] a\n> \n")

    def test_emptyLineAfterOthers(self) -> None:
        """After an empty line the missing replies are still shown; later lines are not
        sent."""
        self.near.type("a\n\nb\n")
        self.near.type("c\n")
        self.assertEqual(self.far.sent, b"a\n")
        self.reply(b"[1] a\n")
        self.farEndCloses()
        self.assertOver(0)
        self.assertScreen("> a\n\nb\nc\n[1] a\n")

    def test_endOfInput(self) -> None:
        """Ctrl-D at the prompt ends it with status 0, on a new line."""
        self.endInput()
        self.farEndCloses()
        self.assertOver(0)
        self.assertScreen("> \n")

    def test_endOfInputBehindALine(self) -> None:
        """Ctrl-D after text without a newline sends the text as a line."""
        self.near.type("hello")
        self.endInput()
        self.assertEqual(self.far.sent, b"hello\n")
        self.reply(b"[1] hello\n")
        self.farEndCloses()
        self.assertOver(0)
        self.assertScreen("> hello\n[1] hello\n")

    def test_endOfInputAfterTheEnd(self) -> None:
        """Ctrl-D after an empty line, or after the end, changes nothing."""
        self.near.type("\n")
        self.endInput()
        self.farEndCloses()
        self.endInput()
        self.assertOver(0)
        self.assertScreen("> \n")

    def test_interruptedBeforeTheEndOfInput(self) -> None:
        """Text that was typed before the conversation was abandoned is not sent."""
        self.near.type("hello")
        self.conversation.abandon(Outcome(130))
        self.endInput()
        self.assertEqual(self.far.sent, b"")

    def test_interruptedBeforeThePrompt(self) -> None:
        """A prompt that waits for a reply is not shown after the conversation was
        abandoned."""
        self.near.type("hello\n")
        self.conversation.abandon(Outcome(130))
        self.reactor.advance(1)
        self.assertScreen("> hello\n")

    def test_whoLeavesHasSeenWhatIsNotAnswered(self) -> None:
        """A user who leaves while replies are missing gets a message, but status 0."""
        self.near.type("a\n")
        self.reactor.advance(1)
        self.near.type("\n")
        self.reactor.advance(1)
        self.assertTrue(self.far.isHalfClosed)
        self.reactor.advance(9)
        self.assertOver(0, "far:7: 1 message not answered within 10 s")
        self.assertScreen("> a\n> \n")

    def test_farEndClosesAtThePrompt(self) -> None:
        """A far end that disconnects ends it with status 1, on a new line."""
        self.farEndCloses()
        self.assertOver(1, CLOSED)
        self.assertScreen("> \n")

    def test_farEndClosesWithinAReply(self) -> None:
        """The received part of a reply is shown, including an incomplete character."""
        self.near.type("\u4e2d\n")
        self.reply(b"[1] \xe4\xb8")
        self.assertScreen("> \u4e2d\n[1] ")
        self.farEndCloses()
        self.assertOver(1, f"{CLOSED}, 1 message not answered")
        self.assertScreen("> \u4e2d\n[1] \\xe4\\xb8\n")

    def test_nothingIsTypedAfterTheEnd(self) -> None:
        """Lines that are typed after the end are not sent."""
        self.farEndCloses()
        self.near.type("late\n")
        self.assertEqual(self.far.sent, b"")

    def test_hostileText(self) -> None:
        """Controls and overrides from the far end are escaped."""
        self.near.type("a\n")
        self.reply(b"[1]\t\x1b[2J\r\x00\xff", "\x9b\u202e\n".encode())
        self.assertScreen("> a\n[1]\t\\x1b[2J\\r\\x00\\xff\\x9b\\u202e\n> ")

    def test_everyScript(self) -> None:
        """Chinese, emoji and combining characters pass both ways, however they are
        cut."""
        text = "\u4e2d\u6587 \U0001f469\u200d\U0001f52c e\u0301\n"
        self.near.type(text)
        self.assertEqual(self.far.sent, text.encode())
        for octet in text.encode():
            self.reply(bytes([octet]))
        self.assertScreen(f"> {text}{text}> ")

    def test_cutCharacterAtThePrompt(self) -> None:
        """An incomplete character alone does not change the screen."""
        self.reply(b"\xe4")
        self.assertScreen("> ")
        self.reply(b"\xb8\xad\n")
        self.assertScreen("> \n\u4e2d\n> ")

    def test_terminalsEncoding(self) -> None:
        """Characters that the terminal's encoding lacks are escaped."""
        self.begin(
            lambda conversation: TerminalConsole(conversation, Painter({}), "latin-1")
        )
        self.reply("\u00fc \u4e2d\n".encode())
        self.assertEqual(self.near.sent, b"> \n\xfc \\u4e2d\n> ")

    def test_connectionIsLost(self) -> None:
        """A lost connection is reported."""
        self.near.type("a\n")
        self.far.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertOver(1, "far:7: the connection was lost, 1 message not answered")


class IntercomTests(TalkCase):
    """
    A terminal in the intercom.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(terminalConsole)

    def test_othersWhileTyping(self) -> None:
        """Other members' messages and notices have their own lines, and the prompt is
        shown once below them."""
        self.reply(b"[1] * b joined\n[1] <b> hi\n[1] <b> again\n")
        self.assertEqual(
            self.near.screen,
            f"> \n{LEAVING}[1] * b joined\n[1] <b> hi\n[1] <b> again\n> ",
        )

    def test_hint(self) -> None:
        """A line of another member that splits what is being typed brings a hint, the
        first time.  A reply of our own does not."""
        self.begin(
            lambda conversation: TerminalConsole(conversation, Painter({}), hint="(so)")
        )
        self.near.type("mine\n")
        self.reply(b"[1] <b> hi\n[1] mine\n")
        self.assertEqual(self.near.screen, f"> mine\n{LEAVING}[1] <b> hi\n[1] mine\n> ")
        self.reply(b"[2] late\n")
        self.assertNotIn("(so)", self.near.screen)
        before = self.near.screen
        self.reply(b"[3] <b> you\n")
        self.reply(b"[4] <b> there\n")
        self.assertEqual(
            self.near.screen,
            f"{before}\n(so)\n[3] <b> you\n> \n[4] <b> there\n> ",
        )

    def test_hintOfArrows(self) -> None:
        """A line with an arrow key in it brings the hint, the first time."""
        self.begin(
            lambda conversation: TerminalConsole(conversation, Painter({}), hint="(so)")
        )
        for _ in range(2):
            self.near.type("helo\x1b[D\n")
            self.reply(b"[1] helo\x1b[D\n")
            self.assertEqual(self.near.screen.count("(so)"), 1)
        self.assertIn("helo\x1b[D\n(so)\n[1] helo", self.near.screen)

    def test_othersAnswerNothing(self) -> None:
        """Other members' lines are no replies: the prompt and the end wait for our
        own."""
        self.near.type("mine\n")
        self.reply(b"[1] <b> hi\n")
        self.assertEqual(self.near.screen, f"> mine\n{LEAVING}[1] <b> hi\n")
        self.endInput()
        self.reply(b"[1] <b> again\n")
        self.assertNotOver()
        self.reply(b"[1] mine\n")
        self.farEndCloses()
        self.assertOver(0)

    def test_name(self) -> None:
        """The name is sent first; its reply is not shown, however it is cut."""
        for cut in range(12):
            self.begin(terminalConsole)
            self.conversation.introduce("ann")
            self.assertEqual(self.far.sent, b"/name ann\n")
            stream = b"[1] * b joined\n[1] /name ann\n[1] * you are ann-2: taken\n"
            self.reply(stream[: 15 + cut], stream[15 + cut :])
            self.assertEqual(
                self.near.screen,
                f"> \n{LEAVING}[1] * b joined\n> \n[1] * you are ann-2: taken\n> ",
            )
            self.assertEqual(self.conversation.replies.unanswered, 0)
            self.near.type("a\n")
            self.reply(b"[1] a\n")
            self.assertIn("[1] a\n> ", self.near.screen)

    def test_rowsOfAnUnfinishedLine(self) -> None:
        """The rest of a line that the prompt parts begins with an edge."""
        self.near.type("mine\n")
        self.reply(b"[1] <b> one ")
        self.reactor.advance(1)
        self.reply(b"[1] <c> two\n")
        shown = "[1] <b> one \n> \n|       [1] <c> two\n> "
        self.assertEqual(self.near.screen[-len(shown) :], shown)

    def test_typedBehindAnUnfinishedLine(self) -> None:
        """The rest of a line that a typed one parts begins with an edge."""
        self.reply(b"[1] <b> one ")
        self.near.type("mine\n")
        self.reply(b"two\n")
        shown = "[1] <b> one mine\n|       two\n"
        self.assertEqual(self.near.screen[-len(shown) :], shown)

    def test_colours(self) -> None:
        """Each origin has its colour."""
        self.begin(
            lambda conversation: TerminalConsole(
                conversation, Painter({"TERM": "xterm"})
            )
        )
        self.reply(b"[1] * b joined\n[1] <b> hi\n[1] me\n")
        self.assertEqual(
            self.near.screen,
            f"> \n{LEAVING}\x1b[33m[1] * b joined\x1b[0m\n\x1b[1;36m[1] <b>\x1b[0m"
            "\x1b[36m hi\x1b[0m\n[1] me\n> ",
        )

    def test_leavingHint(self) -> None:
        """Before the first prompt, if a name is asked for, or else before the first
        line of another member, it is said once how to leave."""

        def named(conversation: Conversation) -> TerminalConsole:
            conversation.introduce("ann")
            return terminalConsole(conversation)

        self.begin(named)
        self.assertEqual(self.near.screen, f"{LEAVING}> ")
        self.reply(b"[1] /name ann\n[1] <b> hi\n")
        self.assertEqual(self.near.screen, f"{LEAVING}> \n[1] <b> hi\n> ")

    def test_emptyLine(self) -> None:
        """In an intercom an empty line does nothing.  Ctrl-D ends the conversation."""
        self.reply(b"[1] * b joined\n")
        before = self.near.screen
        self.near.type("\n")
        self.assertEqual(self.near.screen, f"{before}\n> ")
        self.near.type("a\n\n")
        self.assertEqual(self.near.screen, f"{before}\n> a\n\n")
        self.reply(b"[1] a\n")
        self.assertEqual(self.near.screen, f"{before}\n> a\n\n[1] a\n> ")
        self.assertEqual(self.far.sent, b"a\n")
        self.assertNotOver()
        self.endInput()
        self.farEndCloses()
        self.assertOver(0)

    def test_quit(self) -> None:
        """The intercom closes behind C{/quit}: all is well."""
        self.reply(b"[1] * b joined\n")
        self.near.type("/quit\n")
        self.reply(b"[1] /quit\n")
        self.farEndCloses()
        self.assertOver(0)


class ErasingTests(TalkCase):
    """
    A terminal that can move its cursor shows own lines once, where their replies are.
    """

    def setUp(self) -> None:
        """Connect a terminal of 20 columns to an intercom."""
        self.rows = FakeRows()
        self.begin(
            lambda conversation: TerminalConsole(
                conversation, Painter({}), typedRows=self.rows
            )
        )

    def test_echo(self) -> None:
        """A plain echo's terminal shows each line and its reply."""
        self.near.type("a\n")
        self.reply(b"[1] a\n")
        self.assertEqual(self.near.screen, "> a\n[1] a\n> ")

    def turn(self) -> None:
        """Let the prompt reach the terminal."""
        self.reactor.pump([0, 0])

    def type(self, line: str) -> None:
        """Type a line behind what has reached the terminal."""
        self.turn()
        self.near.type(line)

    def assertShows(self, *shown: str) -> None:
        """Assert what was shown since the first notice."""
        self.assertEqual(
            self.near.screen, "".join([f"> \n{LEAVING}[1] * b joined\n> ", *shown])
        )

    def test_typed(self) -> None:
        """A typed line is erased at Enter, and so is an empty one."""
        self.reply(b"[1] * b joined\n")
        for line in "mine\n", "\u65e5\u672c\n":
            self.type(line)
            self.reply(f"[1] {line}".encode())
        self.type("\n")
        self.assertShows(
            *("mine\n", ONE_UP, "[1] mine\n> "),
            *("\u65e5\u672c\n", ONE_UP, "[1] \u65e5\u672c\n> "),
            *("\n", ONE_UP, "> "),
        )

    def test_typedAhead(self) -> None:
        """A line that is typed before the reply to the one before is erased, too, but
        not behind a part of something else."""
        self.reply(b"[1] * b joined\n")
        self.type("a\n")
        self.type("b\n")
        self.reply(b"[1] a\n")
        self.type("c\n")
        self.reply(b"[1] b\n[1] c\n")
        self.assertShows(*("a\n", ONE_UP, "b\n", ONE_UP, "[1] a\nc\n[1] b\n[1] c\n> "))

    def test_pasted(self) -> None:
        """Lines that are typed together are erased together: the terminal shows all of
        them before the first one is read."""
        self.reply(b"[1] * b joined\n")
        lines = ["a\n", "x" * 21 + "\n", "c\n"]
        self.turn()
        self.near.write("".join(lines).encode())
        for line in lines:
            self.rows.isMore = line != lines[-1]
            self.near.protocol.dataReceived(line.encode())
        self.assertShows(*lines, "\x1b[4A\r\x1b[J")

    def test_enterTwice(self) -> None:
        """Empty lines that are typed together leave one prompt."""
        self.reply(b"[1] * b joined\n")
        self.turn()
        self.near.write(b"\n\n")
        for self.rows.isMore in True, False:
            self.near.protocol.dataReceived(b"\n")
        self.assertShows("\n\n\x1b[2A\r\x1b[J> ")

    def test_typedBeforeThePrompt(self) -> None:
        """A line that was typed before the prompt reached the terminal stays: above the
        prompt there is what was received."""
        self.reply(b"[1] * b joined\n")
        self.near.type("a\n")
        self.reply(b"[1] a\n")
        self.turn()
        self.reply(b"[1] <b> x\n")
        self.near.type("b\n")
        self.reply(b"[1] b\n")
        self.rows.isMore = True
        self.turn()
        self.rows.isMore = False
        self.near.type("c\n")
        self.assertShows(
            "a\n[1] a\n> \n[1] <b> x\n> b\n[1] b\n> c\n",
        )

    def test_notAnswered(self) -> None:
        """A line that was erased and is not answered is shown at the end, on a row of
        its own."""
        self.reply(b"[1] * b joined\n")
        for line in "a\n", "b\n", "c\n":
            self.type(line)
        self.reply(b"[1] a\n[1] b")
        self.farEndCloses()
        self.assertOver(1, f"{CLOSED}, 2 messages not answered")
        self.assertTrue(
            self.near.screen.endswith(
                "[1] a\n[1] b\n(not answered) b\n(not answered) c\n"
            ),
            self.near.screen,
        )

    def test_noPromptBeforeMore(self) -> None:
        """There is no prompt while whole lines were typed and not read: their replies
        would be behind it."""
        self.reply(b"[1] * b joined\n")
        self.turn()
        self.near.write(b"a\n")
        self.rows.isMore = True
        self.reply(b"[1] <b> x\n")
        self.rows.isMore = False
        self.near.protocol.dataReceived(b"a\n")
        self.reply(b"[1] a\n")
        self.assertShows("a\n\n[1] <b> x\n[1] a\n> ")

    def test_kept(self) -> None:
        """A line stays where it is not sure which rows it takes: where it is longer
        than a row, since a part may be typed before the prompt, and where terminals
        differ, or have no known width."""
        self.reply(b"[1] * b joined\n")
        for line, columns in [("x" * 19, 20), ("a\x1b[D", 20), ("a", 0)]:
            self.rows.columns = columns
            before = self.near.screen
            self.type(f"{line}\n")
            self.assertEqual(self.near.screen, f"{before}{line}\n")
            self.reply(f"[1] {line}\n".encode())


class PipeConsoleTests(TalkCase):
    """
    The console that is not a terminal.
    """

    def setUp(self) -> None:
        """Connect."""
        self.begin(PipeConsole)

    def test_octetsPassAsTheyAre(self) -> None:
        """All octets of the input are sent and all octets of a reply are written,
        without a prompt."""
        data = bytes(range(256)) + b"\n\n"
        self.read(data)
        self.assertEqual(self.far.sent, data)
        self.reply(data)
        self.assertEqual(self.near.sent, data)
        self.assertNotOver()

    def test_unfinishedLineIsSentAtOnce(self) -> None:
        """A line of any length is passed on before it ends."""
        self.read(b"x" * 100_000)
        self.assertEqual(self.far.sent, b"x" * 100_000)

    def test_slowFarEnd(self) -> None:
        """Input is not read while the far end does not read."""
        self.far.fill()
        self.assertFalse(self.near.isRead)
        self.far.drain()
        self.assertTrue(self.near.isRead)
        self.read(b"a\n")
        self.assertEqual(self.far.sent, b"a\n")

    def test_slowFarEndOnATerminal(self) -> None:
        """Pasted lines wait while the far end does not read."""
        self.begin(terminalConsole)
        self.far.fill()
        self.near.type("a\nb\n")
        self.assertEqual(self.far.sent, b"")
        self.far.drain()
        self.assertEqual(self.far.sent, b"a\nb\n")

    def test_outputIsClosed(self) -> None:
        """Closed output ends it at once, with status 1."""
        self.read(b"a\n")
        self.near.protocol.writeConnectionLost()
        self.assertOver(1, BLOCKED)

    def test_outputIsClosedAtTheEnd(self) -> None:
        """Output that fails at the end ends it with status 1."""
        self.endInput()
        self.farEndCloses()
        self.near.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertOver(1, BLOCKED)

    def test_interface(self) -> None:
        """A console handles the end of its input and of its output separately."""
        verifyObject(IHalfCloseableProtocol, self.near.protocol)
