"""
How probes travel over the line protocol.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple
from typing import Protocol as Interface

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from echostamp.client.failures import whatFailed
from echostamp.client.measurement import Moment, moment
from echostamp.client.probes import LARGEST, Probes, Reply
from echostamp.line.sending import ReplySender, replySender

#: Octets without a newline beyond which nothing that comes can be an answer.
LONGEST_LINE = 2 * LARGEST


class TcpInfo(NamedTuple):
    """
    What the kernel knows of a TCP connection.

    @ivar smoothedRtt: its own estimate of the RTT (RFC 6298), in nanoseconds.
    @ivar retransmissions: segments that it has sent again.
    """

    smoothedRtt: int
    retransmissions: int


#: C{tcpi_rtt}, in microseconds, and C{tcpi_total_retrans} of C{struct tcp_info} in
#: C{linux/tcp.h}.
_TCP_INFO = Struct("=68xI28xI")


def tcpInfo(connection: Any) -> TcpInfo | None:
    """
    Ask the kernel of a TCP connection.

    @param connection: a socket.
    @return: L{None} where it is none of TCP's, or the system does not tell.
    """
    if getattr(connection, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        microseconds, retransmissions = _TCP_INFO.unpack(told)
    except (AttributeError, OSError, StructError):
        return None
    return TcpInfo(microseconds * 1000, retransmissions)


class LinkOwner(Interface):
    """
    Who sends probes by a link.
    """

    def linkUp(self, link: LineLink) -> None:
        """There is a connection."""

    def linkReady(self) -> None:
        """It takes probes again."""

    def answered(self, reply: Reply, at: Moment) -> None:
        """A line has come back."""

    def linkDown(self, link: LineLink, reason: str) -> None:
        """The connection is gone."""


class LineLink(Protocol):
    """
    A connection that carries probes.

    @ivar whyAborted: why we gave it up, if we did.
    @ivar kernel: what the kernel last knew of the connection, if it is TCP's.
    """

    kernel: TcpInfo | None = None

    transport: Any
    whyAborted = ""

    def __init__(
        self,
        owner: LinkOwner,
        probes: Probes,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param owner: sends the probes.
        @param probes: makes and reads their messages.
        @param clocks: reads our clocks.
        """
        self._owner = owner
        self._probes = probes
        self._clocks = clocks
        self._begun = b""

    def connectionMade(self) -> None:
        """Send small messages at once."""
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self._sender: ReplySender = replySender(self.transport, self)
        self._owner.linkUp(self)

    @property
    def isBlocked(self) -> bool:
        """Whether a probe would have to wait for those before it."""
        return self._sender.isBlocked

    def repliesGone(self) -> None:
        """What was blocked has gone."""
        self._owner.linkReady()

    def send(self, seq: int) -> Moment:
        """
        Send a probe.

        @return: when it left: nothing lies between the clock and the socket.
        """
        message = iter([self._probes.message(seq)])
        at = self._clocks()
        self._sender.send(message)
        return at

    def dataReceived(self, data: bytes) -> None:
        """Read the lines that have come back."""
        at = self._clocks()
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._owner.answered(self._probes.read(line + b"\n"), at)
        if len(self._begun) > LONGEST_LINE:
            self.abort("the far end sends no lines")

    def askKernel(self) -> None:
        """See what the kernel knows of the connection now."""
        self.kernel = tcpInfo(getattr(self.transport, "socket", None)) or self.kernel

    def abort(self, reason: str) -> None:
        """Give the connection up."""
        self.whyAborted = reason
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._begun = b""
        why = "the far end closed the connection"
        if reason.check(type(connectionDone.value)) is None:
            why = whatFailed(reason)
        self._owner.linkDown(self, self.whyAborted or why)
