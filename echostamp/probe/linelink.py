"""
How probes travel over the line protocol.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from echostamp.addresses import peerName
from echostamp.connect.failures import sourceHint, whatFailed
from echostamp.connect.target import Target
from echostamp.connect.timed import TimedEndpoint
from echostamp.exitstatus import FAR_END_FAILED, Outcome
from echostamp.line.sending import ReplySender, replySender
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import LARGEST, Probes, Reply
from echostamp.tcpinfo import TcpInfo, tcpInfo
from echostamp.times import Moment, SetUp, moment

#: Octets without a newline beyond which nothing that comes can be an answer.
LONGEST_LINE = 2 * LARGEST


class LineLink(Protocol):
    """
    A connection that carries probes.

    Replies come in the order of the probes.  So a line that names none of them may be
    an altered reply, or nobody's: it is kept until the next reply shows whether there
    is one too few.

    @ivar whyAborted: why we gave it up, if we did.
    @ivar kernel: what the kernel last knew of the connection, if it is TCP's.
    """

    kernel: TcpInfo | None = None
    isConnection = True
    isPrompt = False

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
        self._owed: deque[int] = deque()
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
        """Of the far end."""
        return peerName(self.transport.getPeer())

    @property
    def source(self) -> str:
        """Of this end."""
        return peerName(self.transport.getHost())

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
        self._owed.append(seq)
        at = self._clocks()
        self._sender.send(message)
        return at

    def dataReceived(self, data: bytes) -> None:
        """Read the lines that have come back."""
        at = self._clocks()
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._heard(self._probes.read(line + b"\n"), at)
        if len(self._begun) > LONGEST_LINE:
            self.abort("the far end sends no lines")

    def _heard(self, reply: Reply, at: Moment) -> None:
        """
        See what a line answers.
        """
        owed, seq = self._owed, reply.seq
        if seq is not None:
            self._isEcho = True
        if not owed or (seq != owed[0] and seq not in owed):
            if seq is None or reply.isAltered:
                self._keep(reply, at)
            else:
                self._owner.answered(reply, at)
            return
        while owed[0] != seq:
            self._answer()
        owed.popleft()
        self._owner.answered(reply, at)
        self._forgetKept()

    def _keep(self, reply: Reply, at: Moment) -> None:
        """
        Keep a line that may be an altered reply: as many as there are probes.
        """
        self._kept.append((reply, at))
        if len(self._kept) > len(self._owed):
            self._kept.popleft()
            self._owner.strange(1)

    def _answer(self) -> None:
        """
        Take the oldest line that was kept, if there is one, for the oldest reply that
        is owed.
        """
        seq = self._owed.popleft()
        if self._kept:
            reply, at = self._kept.popleft()
            self._owner.answered(reply._replace(seq=seq, isAltered=True), at)

    def _forgetKept(self) -> None:
        """
        Nothing is missing: what was kept is nobody's.
        """
        if self._kept:
            self._owner.strange(len(self._kept))
            self._kept.clear()

    def settle(self, seq: int) -> None:
        """
        The time of a probe is over: no other reply will show what a line that was kept
        is.  Of a far end that has never sent anything of ours back, it is nothing.
        """
        if self._kept and self._isEcho and self._owed[0] == seq:
            self._answer()

    def close(self) -> bool:
        """Nothing more will be sent: nothing more will come."""
        return False

    def askKernel(self) -> None:
        """See what the kernel knows of the connection now."""
        self.kernel = tcpInfo(getattr(self.transport, "socket", None)) or self.kernel

    def abort(self, reason: str) -> None:
        """Give the connection up."""
        # Then it is too late.
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


class LineWay:
    """
    The line protocol, over one connection after the other.
    """

    unit = "message"

    def __init__(
        self,
        reactor: Any,
        endpoint: TimedEndpoint,
        probes: Probes,
        target: Target,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param reactor: waits between two attempts.
        @param endpoint: how to connect.
        @param probes: makes and reads the messages.
        @param target: what it connects to.
        @param clocks: reads our clocks.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._probes = probes
        self._target = target
        self._clocks = clocks

    @property
    def setUp(self) -> SetUp:
        """How long it took to make the last connection."""
        return self._endpoint.setUp

    @property
    def isLookingUp(self) -> bool:
        """Whether a name is being looked up."""
        return self._endpoint.isLookingUp

    @property
    def whyNot(self) -> str:
        """Why the last attempt failed."""
        return self._endpoint.whyNot

    @whyNot.setter
    def whyNot(self, text: str) -> None:
        self._endpoint.whyNot = text

    def start(self, owner: LinkOwner) -> Deferred[Any]:
        """
        Connect, and again with backoff.
        """
        self._service = ClientService(
            self._endpoint,
            Factory.forProtocol(lambda: LineLink(owner, self._probes, self._clocks)),
            backoffPolicy(0.5, 15.0),
            self._reactor,
        )
        self._service.startService()
        connected: Deferred[Any] = self._service.whenConnected(failAfterFailures=1)
        return connected

    def stop(self) -> None:
        """
        Connect no more.
        """
        # Not within the service's own doing: it is in no state to be stopped.
        self._reactor.callLater(0, self._service.stopService)

    def told(self, found: Measurement) -> Iterator[str]:
        """
        There is nothing else to be said.
        """
        return iter(())

    def record(self, found: Measurement) -> None:
        """
        Nor here.
        """

    def hint(
        self, failure: BaseException | None, outcome: Outcome, found: Measurement
    ) -> str:
        """
        Say what else could be tried where nobody listens or answers, or where we may
        not come from.
        """
        isPlain = self._target.tlsOptions is None
        if self._target.host is None or outcome.status != FAR_END_FAILED:
            return sourceHint(failure)
        if isinstance(failure, ConnectionRefusedError):
            return "another port, as HOST:PORT" + (
                ", or tls:HOST:PORT?" if isPlain else "?"
            )
        if found.outages and isPlain and not found.strange:
            return f"{found.outages[-1].reason}; tls:HOST:PORT?"
        return ""
