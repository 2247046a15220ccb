"""
Conversations in memory, for the tests of C{echostamp talk}.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import ISSLTransport, ITCPTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from echostamp.exitstatus import Outcome
from echostamp.talk.consoles import PipeConsole, TerminalConsole
from echostamp.talk.conversation import Conversation
from echostamp.talk.farend import FarEnd
from echostamp.talk.terminal import Painter
from echostamp.test.fakes import FakeFarTransport, FakeReactor, FakeStandardIO

#: The errors where the reader of the output, or the far end, has gone.
BLOCKED = "standard output was closed, or is full"
CLOSED = "far:7: the far end closed the connection"


def terminalConsole(conversation: Conversation) -> TerminalConsole:
    """Make a console on a terminal without colours."""
    return TerminalConsole(conversation, Painter({}))


class TalkCase(SynchronousTestCase):
    """
    A conversation between two sides in memory.

    @ivar far: the transport to the far end, with what was sent.
    @ivar near: standard input and output, with what was shown.
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
        self.conversation = self.newConversation(timeout, showTimes)
        self.accept(isTls)
        self.near = FakeStandardIO()
        self.near.protocol = console(self.conversation)
        self.near.protocol.makeConnection(self.near)

    def newConversation(self, timeout: float, showTimes: bool) -> Conversation:
        """Make the conversation."""
        return Conversation(self.reactor, "far:7", timeout, showTimes, clock=self.now)

    def now(self) -> int:
        """Give the reactor's time in nanoseconds."""
        return round(self.reactor.seconds() * 1e9)

    def accept(self, isTls: bool = False) -> None:
        """Connect the far side."""
        self.far = FakeFarTransport()
        alsoProvides(self.far, ISSLTransport if isTls else ITCPTransport)
        self.far.protocol = FarEnd(self.conversation)
        self.far.protocol.makeConnection(self.far)

    def read(self, data: bytes) -> None:
        """Let input come from a pipe or a file."""
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
        """Assert how it has ended by the next turn, and that no timer is left."""
        self.reactor.advance(0)
        self.near.flush()
        outcome = self.successResultOf(self.conversation.done)
        self.assertEqual(outcome, Outcome(status, line))
        self.assertTrue(self.conversation.isOver)
        self.assertTrue(self.far.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
