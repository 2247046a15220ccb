"""
A connection that carries probes over the line protocol.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from echostamp.addresses import peerName
from echostamp.connect.failures import whatFailed
from echostamp.line.sending import ReplySender, replySender
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.messages import LARGEST, Messages, Reply
from echostamp.ring import Ring
from echostamp.tcpinfo import TcpInfo, tcpInfo
from echostamp.times import Moment, SetUp, moment

#: Octets without a newline after which the far end is taken to send no lines.
LONGEST_LINE = 2 * LARGEST


class LineLink(Protocol):
    """
    A connection that carries probes.

    Replies come in the order of the probes.  So a line that names none of them may be
    an altered reply, or a line that answers nothing.  It is kept until the next reply
    shows whether one is missing.

    @ivar whyAborted: why this end gave the connection up; empty if it did not.
    @ivar kernel: what the kernel last knew of the connection, if it is TCP's.
    @ivar setUp: how long it took to make it.
    """

    kernel: TcpInfo | None = None
    isConnection = True
    isPrompt = False

    transport: Any
    whyAborted = ""

    def __init__(
        self,
        owner: LinkOwner,
        messages: Messages,
        setUp: SetUp,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param owner: sends the probes.
        @param messages: makes and reads their messages.
        @param setUp: how long it took to make the connection.
        @param clocks: reads our clocks.
        """
        self._owner = owner
        self._messages = messages
        self.setUp = setUp
        self._clocks = clocks
        self._begun = b""
        # The numbers of the probes that were sent and not answered, in their order.
        self._owed = Ring("q")
        self._kept: deque[tuple[Reply, Moment]] = deque()
        self._isEcho = False

    def connectionMade(self) -> None:
        """Send small messages at once."""
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._sender: ReplySender = replySender(self.transport, self)
        self._owner.linkUp(self)

    @property
    def address(self) -> str:
        """The far end's address and port."""
        return peerName(self.transport.getPeer())

    @property
    def source(self) -> str:
        """Our own address and port."""
        return peerName(self.transport.getHost())

    @property
    def isBlocked(self) -> bool:
        """Whether a probe would have to wait for those before it."""
        return self._sender.isBlocked

    def repliesGone(self) -> None:
        """The transport has taken what was blocked."""
        self._owner.linkReady()

    def send(self, seq: int) -> Moment:
        """
        Send a probe.

        @return: when it was sent: the clocks are read just before the socket gets it.
        """
        message = iter([self._messages.message(seq)])
        self._owed.append(seq)
        at = self._clocks()
        self._sender.send(message)
        return at

    def dataReceived(self, data: bytes) -> None:
        """Read the lines that came back."""
        at = self._clocks()
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._heard(self._messages.read(line + b"\n"), at)
        if len(self._begun) > LONGEST_LINE:
            self.abort("the far end sends no lines")

    def _heard(self, reply: Reply, at: Moment) -> None:
        """
        Find the probe that a line answers.
        """
        seq = reply.seq
        if seq is not None:
            self._isEcho = True
        if seq is None or not self._isOwed(seq):
            if seq is None or reply.isAltered:
                self._keep(reply, at)
            else:
                self._owner.answered(reply, at)
            return
        while self._oldestOwed() != seq:
            self._answerOldest()
        self._owed.drop(self._owed.first + 1)
        self._owner.answered(reply, at)
        self._forgetKept()

    def _oldestOwed(self) -> int:
        """
        Give the number of the probe whose reply is to come next.

        @raise IndexError: no reply is to come.
        """
        owed = self._owed
        return owed.columns[0][owed.place(owed.first)]

    def _isOwed(self, seq: int) -> bool:
        """
        Say whether the reply to a probe is still to come.
        """
        owed = self._owed
        numbers = range(owed.first, owed.end)
        return any(owed.columns[0][owed.place(number)] == seq for number in numbers)

    def _keep(self, reply: Reply, at: Moment) -> None:
        """
        Keep a line that may be an altered reply: at most one for each reply to come.
        """
        self._kept.append((reply, at))
        if len(self._kept) > len(self._owed):
            self._kept.popleft()
            self._owner.strange(1)

    def _answerOldest(self) -> None:
        """
        Take the oldest line that was kept, if there is one, for the reply that was to
        come next.
        """
        seq = self._oldestOwed()
        self._owed.drop(self._owed.first + 1)
        if self._kept:
            reply, at = self._kept.popleft()
            self._owner.answered(reply._replace(seq=seq, isAltered=True), at)

    def _forgetKept(self) -> None:
        """
        No reply is missing: the lines that were kept answer nothing.
        """
        if self._kept:
            self._owner.strange(len(self._kept))
            self._kept.clear()

    def settle(self, seq: int) -> None:
        """
        The timeout of a probe is over: no later reply will show what a kept line is.
        The lines of a far end that never sent a message of ours back answer nothing.
        """
        if self._kept and self._isEcho and self._oldestOwed() == seq:
            self._answerOldest()

    def forget(self, oldest: int) -> None:
        """Nothing is kept by number: a connection answers in order."""

    def close(self) -> bool:
        """Nothing more will come once all probes were answered."""
        return False

    def details(self) -> None:
        """The line protocol reports nothing beside round trips."""

    def askKernel(self) -> None:
        """Read what the kernel knows of the connection now."""
        self.kernel = tcpInfo(getattr(self.transport, "socket", None)) or self.kernel

    def abort(self, reason: str) -> None:
        """Give the connection up."""
        # Once the socket is closed it is too late.
        self.askKernel()
        self.whyAborted = reason
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._begun = b""
        self._forgetKept()
        why = "the far end closed the connection"
        if reason.check(type(connectionDone.value)) is None:
            why = whatFailed(reason)
        self._owner.linkDown(self, self.whyAborted or why)
