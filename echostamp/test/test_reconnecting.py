"""Tests for L{echostamp.talk.reconnecting}."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.python.failure import Failure

from echostamp.exitstatus import Outcome
from echostamp.talk.conversation import Conversation
from echostamp.talk.reconnecting import ReconnectingConversation
from echostamp.test.conversations import CLOSED, TalkCase, terminalConsole

LEAVING = "(Ctrl-D or /quit leaves)\n"
LOST = "(far:7: the connection was lost; trying again)\n"
AGAIN = "(far:7: connected again)\n"


class ReconnectingCase(TalkCase):
    """
    A conversation at a terminal whose connections are lost.

    @ivar attempts: the attempts to connect again.
    """

    conversation: ReconnectingConversation

    def setUp(self) -> None:
        """Connect, ask for a name, and get it."""
        self.start()
        self.reply(b"[1] /name ann\n")
        self.shown = len(f"{LEAVING}> ")

    def start(self, name: str = "ann") -> None:
        """Connect, and ask for a name if there is one."""
        self.attempts: list[Deferred[Any]] = []

        def console(conversation: Conversation) -> Any:
            if name:
                conversation.introduce(name)
            return terminalConsole(conversation)

        self.begin(console)
        self.shown = 0

    def newConversation(self, timeout: float, showTimes: bool) -> Conversation:
        """Make the conversation."""

        def connect() -> Deferred[Any]:
            self.attempts.append(Deferred())
            return self.attempts[-1]

        return ReconnectingConversation(
            self.reactor, "far:7", timeout, connect, showTimes, self.now
        )

    def lose(self) -> None:
        """Lose the connection."""
        self.far.protocol.connectionLost(Failure(ConnectionLost()))

    def acceptAgain(self) -> None:
        """Let the last attempt to connect succeed."""
        self.accept()
        self.attempts[-1].callback(self.far.protocol)

    def assertShows(self, text: str) -> None:
        """Assert what is shown since the last time."""
        shown = self.near.screen[self.shown :]
        self.shown = len(self.near.screen)
        self.assertEqual(shown, text)


class ReconnectingTests(ReconnectingCase):
    """
    The conversation goes on.
    """

    def test_again(self) -> None:
        """It says that the connection is lost and why, connects after a second, says
        so, and asks for the same name, whose reply is not shown."""
        for _ in range(2):
            self.lose()
            self.assertShows(f"\n{LOST}> ")
            self.reactor.advance(0.99)
            self.assertEqual(self.attempts, [])
            self.reactor.advance(0.02)
            self.acceptAgain()
            self.assertShows(f"\n{AGAIN}> ")
            self.assertEqual(self.far.sent, b"/name ann\n")
            self.reply(b"[1] /name ann\n")
            self.near.type("hello\n")
            self.reply(b"[1] hello\n")
            self.assertShows("hello\n[1] hello\n> ")
            self.attempts.clear()
        self.assertNotOver()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_closed(self) -> None:
        """A far end that closes the connection is left, and connected to again."""
        self.farEndCloses()
        self.assertShows(f"\n({CLOSED}; trying again)\n> ")
        self.assertTrue(self.far.isHalfClosed)
        before = self.far
        before.protocol.readConnectionLost()
        before.protocol.connectionLost(Failure(ConnectionLost()))
        self.reactor.advance(1)
        self.assertEqual(len(self.attempts), 1)
        self.assertShows("")

    def test_backoff(self) -> None:
        """The attempts are 1, 2, 4 and at last 30 s apart, until something comes."""
        self.lose()
        for seconds in 1, 2, 4, 8, 16, 30, 30:
            self.attempts.clear()
            self.reactor.advance(seconds - 0.01)
            self.assertEqual(self.attempts, [])
            self.reactor.advance(0.02)
            self.attempts[0].errback(Failure(ConnectionRefusedError(111)))
        for isHeard, seconds in (False, 30), (True, 30), (False, 1):
            self.attempts.clear()
            self.reactor.advance(seconds - 0.01)
            self.assertEqual(self.attempts, [])
            self.reactor.advance(0.02)
            self.acceptAgain()
            if isHeard:
                self.reply(b"[1] /name ann\n")
            self.lose()

    def test_notAnswered(self) -> None:
        """Lines that were not answered are shown, and not sent again; among them is no
        request for a name that nobody typed."""
        for _ in range(2):
            for line in "one\n", "two\n", "three\n":
                self.near.type(line)
            self.reply(b"[1] * b joined\n[1] one\n[1] tw")
            self.assertShows("one\ntwo\nthree\n[1] * b joined\n[1] one\n[1] tw")
            self.lose()
            self.assertShows(f"\n{LOST}(not answered) two\n(not answered) three\n> ")
            self.reactor.advance(1)
            self.acceptAgain()
            self.lose()
            self.assertShows(f"\n{AGAIN}> \n{LOST}> ")
            self.reactor.advance(2)
            self.acceptAgain()
            self.assertEqual(self.far.sent, b"/name ann\n")
            self.reply(b"[1] /name ann\n")
            self.assertShows(f"\n{AGAIN}> ")
            self.assertEqual(self.conversation.replies.unanswered, 0)

    def test_noticeInPieces(self) -> None:
        """The beginning of a notice is shown, if the connection is lost within it."""
        self.reply(b"[1] * b jo")
        self.assertShows("")
        self.lose()
        self.assertShows(f"\n[1] * b jo\n{LOST}> ")

    def test_typedWithoutConnection(self) -> None:
        """A line that is typed while there is no connection is shown as not sent."""
        self.lose()
        self.near.type("hello\n")
        self.assertShows(f"\n{LOST}> hello\n(no connection, not sent) hello\n> ")
        self.reactor.advance(1)
        self.acceptAgain()
        self.assertEqual(self.far.sent, b"/name ann\n")

    def test_slowFarEnd(self) -> None:
        """Typed lines are read again, although the far end had not read."""
        self.far.fill()
        self.assertFalse(self.near.isRead)
        self.lose()
        self.assertTrue(self.near.isRead)
        self.reactor.advance(1)
        self.acceptAgain()
        self.far.fill()
        self.assertFalse(self.near.isRead)
        self.far.drain()
        self.assertTrue(self.near.isRead)

    def test_blockedOutput(self) -> None:
        """A terminal that takes nothing while the connection is lost stops the new far
        end as it did the former one."""
        self.near.fill()
        self.lose()
        self.reactor.advance(1)
        self.acceptAgain()
        self.near.fill()
        self.assertFalse(self.far.isRead)
        self.near.drain()
        self.assertTrue(self.far.isRead)

    def test_withoutName(self) -> None:
        """Without a name, none is asked for; nothing need have come before."""
        self.start("")
        self.lose()
        self.reactor.advance(1)
        self.acceptAgain()
        self.assertEqual(self.far.sent, b"")
        self.assertShows(f"> \n{LOST}> \n{AGAIN}> ")

    def test_plainEcho(self) -> None:
        """A plain echo is asked for no name, whatever was typed."""
        self.start("")
        self.near.type("/name bob\n")
        self.reply(b"[1] /name bob\n")
        self.lose()
        self.reactor.advance(1)
        self.acceptAgain()
        self.assertEqual(self.far.sent, b"")

    def test_times(self) -> None:
        """Each reply has the round-trip time of its own line."""
        self.begin(terminalConsole, showTimes=True)
        self.conversation.introduce("ann")
        self.reply(b"[1] /name ann\n[1] * b joined\n")
        self.near.type("lost\n")
        self.lose()
        self.reactor.advance(1)
        self.acceptAgain()
        self.reactor.advance(0.5)
        self.reply(b"[1] /name ann\n")
        self.near.type("hello\n")
        self.shown = len(self.near.screen)
        self.reactor.advance(0.25)
        self.reply(b"[1] hello\n")
        self.assertShows("[1] hello  (250.000 ms)\n> ")

    def test_quitOfAPlainEcho(self) -> None:
        """To a plain echo C{/quit} is a line like any other."""
        self.start("")
        self.near.type("/quit\n")
        self.reply(b"[1] /quit\n")
        self.lose()
        self.reactor.advance(1)
        self.assertEqual(len(self.attempts), 1)

    def test_quitThatWasPassedOn(self) -> None:
        """It connects again to a daemon that has taken C{/quit} for a message."""
        for line in "/quit\n", "a\n":
            self.near.type(line)
            self.reply(f"[1] {line}".encode())
        self.lose()
        self.reactor.advance(1)
        self.acceptAgain()
        self.assertEqual(self.far.sent, b"/name ann\n")

    def test_typedName(self) -> None:
        """A name that the user asked for is asked for again."""
        self.near.type("/name bob\n")
        self.reply(b"[1] /name bob\n[1] * ann is now bob\n")
        self.lose()
        self.reactor.advance(1)
        self.acceptAgain()
        self.assertEqual(self.far.sent, b"/name bob\n")


class EndTests(ReconnectingCase):
    """
    The conversation ends.
    """

    def test_firstConnection(self) -> None:
        """A first connection on which nothing comes ends it, as one that is refused."""
        self.start()
        self.lose()
        self.assertOver(1, "far:7: the connection was lost")

    def test_left(self) -> None:
        """It does not connect again when the user was leaving."""
        self.near.type("/quit\n")
        self.reply(b"[1] /quit\n")
        self.farEndCloses()
        self.assertOver(0)
        self.setUp()
        self.near.type("/quit\n")
        self.farEndCloses()
        self.assertOver(1, f"{CLOSED}, 1 message not answered")
        self.setUp()
        self.near.type("a\n")
        self.endInput()
        self.lose()
        self.assertOver(1, "far:7: the connection was lost, 1 message not answered")

    def test_leftWithoutConnection(self) -> None:
        """Ctrl-D and C{/quit} end it while there is no connection, with status 1."""
        for isQuit in False, True:
            self.setUp()
            self.near.type("a\n")
            self.lose()
            self.reactor.advance(1)
            self.attempts[0].errback(Failure(ConnectionRefusedError(111)))
            self.far.isClosed = True
            if isQuit:
                self.near.type("/quit\n")
            else:
                self.endInput()
            self.assertOver(1, f"far:7: {os.strerror(111)}")

    def test_interrupted(self) -> None:
        """After a signal nothing is tried, and an attempt that is under way comes to
        nothing."""
        for isUnderWay, isRefused in (False, False), (True, False), (True, True):
            self.setUp()
            self.lose()
            if isUnderWay:
                self.reactor.advance(1)
            self.shown = len(self.near.screen)
            self.conversation.abandon(Outcome(130))
            self.assertEqual(self.reactor.getDelayedCalls(), [])
            if isRefused:
                self.attempts[0].errback(Failure(ConnectionRefusedError(111)))
            elif isUnderWay:
                self.acceptAgain()
                self.assertEqual(self.far.sent, b"")
            self.assertEqual(self.reactor.getDelayedCalls(), [])
            self.assertShows("")


class NameTests(ReconnectingCase):
    """
    The lost connection may still have the name.
    """

    def setUp(self) -> None:
        """Connect again, and find the name taken."""
        super().setUp()
        self.lose()
        self.reactor.advance(1)
        self.acceptAgain()
        self.reply(b"[1] /name ann\n[1] * you are ann-2: ann is taken\n")
        self.assertShows(
            f"\n{LOST}> \n{AGAIN}> \n[1] * you are ann-2: ann is taken\n> "
        )

    def asked(self) -> int:
        """Count the requests."""
        return self.far.sent.count(b"/name ann\n")

    def test_back(self) -> None:
        """It is asked for every 10 s.  That is not shown, until it is given."""
        for number in range(1, 4):
            self.assertEqual(self.asked(), number)
            self.reactor.advance(9.99)
            self.assertEqual(self.asked(), number)
            self.reactor.advance(0.02)
            self.assertEqual(self.asked(), number + 1)
            self.reply(b"[1] /name ann\n", b"[1] * you are ann-2: ann is taken\n")
        self.assertShows("")
        self.near.type("hello\n")
        self.reply(b"[1] hello\n")
        self.assertShows("hello\n[1] hello\n> ")
        self.reactor.advance(10)
        self.reply(b"[1] /name ann\n[1] * ann-2 is now ann\n")
        self.assertShows("\n[1] * ann-2 is now ann\n> ")
        self.reactor.advance(10)
        self.reactor.advance(10)
        self.assertEqual((self.asked(), self.reactor.getDelayedCalls()), (5, []))

    def test_noAnswer(self) -> None:
        """A daemon that answers a later request by no notice tells it to the others: it
        is asked no more."""
        self.reactor.advance(10)
        self.reply(b"[1] /name ann\n")
        self.reactor.advance(10)
        self.reactor.advance(10)
        self.assertEqual((self.asked(), self.reactor.getDelayedCalls()), (2, []))
        self.assertShows("")

    def test_late(self) -> None:
        """A daemon that does not answer at all is not asked before it does."""
        for _ in range(5):
            self.reactor.advance(10)
            self.assertEqual(self.asked(), 2)
        self.reply(b"[1] /name ann\n[1] * you are ann-2: ann is taken\n")
        self.reactor.advance(10)
        self.assertEqual(self.asked(), 3)

    def test_lostAgain(self) -> None:
        """On the next connection it is the same name that is asked for."""
        self.lose()
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.reactor.advance(1)
        self.acceptAgain()
        self.assertEqual(self.far.sent, b"/name ann\n")
        self.reply(b"[1] /name ann\n")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_otherName(self) -> None:
        """It is asked for no more, once the user asks for another one."""
        self.near.type("/name bob\n")
        self.reply(b"[1] /name bob\n[1] * ann-2 is now bob\n")
        self.reactor.advance(10)
        self.assertEqual((self.asked(), self.reactor.getDelayedCalls()), (1, []))
