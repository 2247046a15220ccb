"""
A connection that carries probes over the line protocol.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from echostamp.addresses import peerName
from echostamp.baresocket import isBareSocket
from echostamp.connect.failures import whatFailed
from echostamp.connect.tls import certificateEnd
from echostamp.line.draining import LINGER
from echostamp.line.sending import ReplySender, replySender
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.linehooks import Shortcut, Unblocking
from echostamp.probe.messages import LARGEST, Messages, Reply
from echostamp.tcpinfo import TcpInfo, tcpInfo
from echostamp.times import Moment, SetUp, moment

#: The longest line that is read, in octets.  A longer one ends the connection.
LONGEST_LINE = 2 * LARGEST

#: Octets by which a reply may be longer than its message.  Of a line that has not ended
#: yet no more is kept: a longer one is no reply, or an altered one.
MOST_BESIDE = 256

#: Of how many of the last unanswered probes a line may be the altered reply.
MOST_MISSING = 4096


class LineLink(Protocol):
    """
    A connection that carries probes.

    Replies come in the order of the probes.  A line that names no probe in flight may
    be an altered reply, or no reply at all.  The link keeps it: the next reply shows
    whether one is missing.

    @ivar whyAborted: why this end aborted the connection; empty if it did not.
    @ivar kernel: the kernel's last figures of the TCP connection; L{None} for none.
    @ivar setUp: how long it took to make the connection.
    @ivar lost: called when the connection was lost; set by the dialer.
    @ivar isEcho: whether any line was a reply to a probe.
    """

    lost: Callable[[], object]
    kernel: TcpInfo | None = None
    isConnection = True
    isPrompt = isRefused = False
    losses = None
    invalid = 0

    transport: Any
    whyAborted = ""
    _deadline: IDelayedCall | None = None

    def __init__(
        self,
        reactor: Any,
        owner: LinkOwner,
        messages: Messages,
        setUp: SetUp,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param reactor: runs the timer of the end.
        @param owner: sends the probes.
        @param messages: makes and reads their messages.
        @param setUp: how long it took to make the connection.
        @param clocks: reads our clocks.
        """
        self._reactor = reactor
        self._owner = owner
        self._messages = messages
        self.setUp = setUp
        self._clocks = clocks
        # The beginning of a line that has not ended yet, and the octets of that line.
        self._partial = b""
        self._length = 0
        # The numbers of the probes whose replies are missing, in the order of sending.
        self._missing = array("q")
        # Lines that may be altered replies.
        self._kept: list[tuple[Reply, Moment]] = []
        self.isEcho = False

    def connectionMade(self) -> None:
        """Turn Nagle's algorithm off, and report the link to the owner."""
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._sender: ReplySender = replySender(self.transport, Unblocking(self._owner))
        if isBareSocket(self.transport):
            self.transport.protocol = Shortcut(self, self.transport.protocol)
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
        """Whether a probe would have to wait in a buffer."""
        return self._sender.isBlocked

    def send(self, seq: int) -> Moment:
        """
        Send a probe.

        @return: when it was sent: the clocks are read just before the socket gets it.
        """
        message, sender = self._messages.message(seq), self._sender
        self._missing.append(seq)
        if len(self._missing) > MOST_MISSING:
            self._forgetOldest()
        at = self._clocks()
        if sender.isBlocked:
            sender.send(iter([message]))
        else:
            sender.put(message)
        return at

    def dataReceived(self, data: bytes) -> None:
        """Read lines from the far end."""
        at, missing = self._clocks(), self._missing
        if len(missing) == 1 and not (self._partial or self._kept):
            # The usual case, in the least time.
            reply = self._messages.replyTo(missing[0], data)
            if reply is not None:
                self.isEcho = True
                missing.pop()
                self._owner.answered(reply, at)
                return
        *lines, rest = (self._partial + data).split(b"\n")
        self._length = len(rest) if lines else self._length + len(data)
        self._partial = rest[: self._messages.size + MOST_BESIDE]
        for line in lines:
            self._lineReceived(self._messages.read(line + b"\n"), at)
        if self._length > LONGEST_LINE:
            self.abort("the far end sends no lines")

    def _lineReceived(self, reply: Reply, at: Moment) -> None:
        """
        Find the probe to which a line is the reply.
        """
        seq = reply.seq
        if seq is not None:
            self.isEcho = True
        if seq is None or seq not in self._missing:
            if seq is None or reply.isAltered:
                self._keep(reply, at)
            else:
                self._owner.answered(reply, at)
            return
        while self._missing[0] != seq:
            self._answerOldest()
        self._missing.pop(0)
        self._owner.answered(reply, at)
        self._countStrange()

    def _keep(self, reply: Reply, at: Moment) -> None:
        """
        Keep a line that may be an altered reply: at most one for each missing reply.
        """
        self._kept.append((reply, at))
        self._dropKept()

    def _dropKept(self) -> None:
        """
        Count the oldest kept line as strange, if there are more than missing replies.
        """
        if len(self._kept) > len(self._missing):
            self._kept.pop(0)
            self._owner.strange(1)

    def _forgetOldest(self) -> None:
        """
        Look no longer for the reply to the oldest probe: a far end that repeats one
        reply would make the missing ones more and more.  If it comes, it is still read.
        """
        self._missing.pop(0)
        self._dropKept()

    def _answerOldest(self) -> None:
        """
        Take the oldest kept line, if there is one, for the reply to the oldest probe.
        """
        seq = self._missing.pop(0)
        if self._kept:
            reply, at = self._kept.pop(0)
            self._owner.answered(reply._replace(seq=seq, isAltered=True), at)

    def _countStrange(self) -> None:
        """
        Count the kept lines as strange: no reply is missing.
        """
        if self._kept:
            self._owner.strange(len(self._kept))
            self._kept.clear()

    @property
    def certificateEnd(self) -> int | None:
        """When the far end's certificate expires."""
        return certificateEnd(self.transport)

    def settle(self, seq: int) -> None:
        """
        Take a kept line for the reply to a probe whose timeout is over: no later reply
        will show what the line is.  If the far end has never echoed a probe, its lines
        are no replies.
        """
        if self._kept and self.isEcho and self._missing[0] == seq:
            self._answerOldest()

    def forget(self, oldest: int) -> None:
        """Do nothing: a connection answers in order."""

    def close(self) -> bool:
        """Wait for nothing: the last reply is the last line."""
        return False

    def finish(self) -> bool:
        """
        Disconnect with FIN: a reset could kill the far end.  While replies are missing,
        read on until the far end closes; a far end that is stuck is aborted.
        """
        self._deadline = self._reactor.callLater(LINGER, self._lingered)
        self._sender.detach()
        if self._missing and isBareSocket(self.transport):
            # A close would answer late replies with a reset.
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()
        return True

    def _lingered(self) -> None:
        """
        Close a connection that the far end has not closed.
        """
        self._deadline = None
        if self._missing or not isBareSocket(self.transport):
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def details(self) -> None:
        """The line protocol reports nothing beyond round trips."""

    def askKernel(self) -> None:
        """Read the kernel's figures of the connection into C{kernel}."""
        self.kernel = tcpInfo(getattr(self.transport, "socket", None)) or self.kernel

    def abort(self, reason: str) -> None:
        """Close the connection at once."""
        # The kernel has no figures of a closed socket.
        self.askKernel()
        self.whyAborted = reason
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report to the owner why the connection was lost."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._partial = b""
        self._countStrange()
        why = "the far end closed the connection"
        if reason.check(type(connectionDone.value)) is None:
            why = whatFailed(reason)
        self._owner.linkDown(self, self.whyAborted or why)
        self.lost()
