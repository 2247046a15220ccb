"""
A UDP port that carries probes over STAMP (RFC 8762).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from echostamp.addresses import addressName, socketName
from echostamp.probe.interfaces import LinkOwner, LossCounts
from echostamp.probe.messages import replyOf
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.sender import SessionSender
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.sharedports import MakePort
from echostamp.rfc8762.tlvvalues import FOLLOW_UP_TELEMETRY
from echostamp.times import Moment, SetUp, Times, moment

#: Seconds to wait for the reply to the first packet, which is discarded.
WARM_UP = 0.5

#: Seconds to wait for the reply to a last packet that only shows what was lost.  A far
#: end that is gone does not hold up the end of the run for a whole timeout.
LAST_WAIT = 1.0

#: The tokens of the first packet and the last.  Those of probes are their numbers, from
#: 0 on.
_FIRST, _LAST = -1, -2


class UdpPath(NamedTuple):
    """
    A UDP port and both its ends.

    @ivar makePort: makes the port.
    @ivar peer: the reflector's address and port, as the system has them.
    @ivar source: our address.
    """

    makePort: MakePort
    peer: Any
    source: str


class StampLink:
    """
    A UDP port that sends test packets to one reflector.

    @ivar lost: called when the owner has given up the link; set by the dialer.
    @ivar unanswered: called with the link when the first packet gets no reply, in place
        of the owner's C{linkUp}; set by the dialer, if at all.
    @ivar sender: sends the packets and reads the replies.
    @ivar setUp: how long it took to make the link.
    """

    isBlocked = False
    isConnection = False
    kernel = None
    certificateEnd = None
    lost: Callable[[], object]
    unanswered: Callable[[StampLink], object] | None = None

    def __init__(
        self,
        reactor: Any,
        path: UdpPath,
        session: SenderSession,
        setUp: SetUp,
        owner: LinkOwner,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param reactor: reads from the port.
        @param path: the port and both its ends.
        @param session: the fields of the packets.
        @param setUp: how long it took to make the link; kept.
        @param owner: sends the probes.
        @param clocks: reads our clocks.
        """
        self._reactor = reactor
        self._owner = owner
        self._session = session
        self.setUp = setUp
        self._clocks = clocks
        self._warmUp: Any = None
        self._lastWait: Any = None
        self._isClosed = False
        self.address = socketName(path.peer)
        clock = time.time_ns if clocks is moment else lambda: clocks().realtime
        self.sender = SessionSender(path.peer, session, self, clock)
        self.sender.port = path.makePort(self.sender)
        self.isPrompt = self.sender.port.stampsArrivals
        self.source = addressName(path.source, self.sender.port.address[1])

    def start(self) -> None:
        """
        Start receiving, and send a packet whose reply is discarded: the first timestamp
        of a socket can be wrong.
        """
        self.sender.port.startReading()
        self._warmUp = self._reactor.callLater(WARM_UP, self._isWarm)
        self.sender.send(_FIRST)

    def _isWarm(self) -> None:
        """
        Report the link to its owner, which then sends probes.
        """
        self._warmUp = None
        if self.unanswered is None or self.sender.hasReplies:
            self._owner.linkUp(self)
        else:
            self.unanswered(self)

    def send(self, seq: int) -> Moment:
        """Send a probe."""
        at = self._clocks()
        self.sender.send(seq)
        return at

    @property
    def isRefused(self) -> bool:
        """Whether the system refused the last packet."""
        return self.sender.isRefused

    @property
    def losses(self) -> LossCounts:
        """The lost probes whose direction is decided."""
        return LossCounts(*self.sender.losses.counts)

    @property
    def invalid(self) -> int:
        """How many packets came that are no replies to ours."""
        return sum(count for _, count in self.sender.findings().invalid)

    def settle(self, seq: int) -> None:
        """Do nothing: a late reply is read like others."""

    def close(self) -> bool:
        """
        Send one more packet.  Its reply has the follow-up of the last probe's, and its
        number shows whether the last lost packets arrived.
        """
        isAsked = FOLLOW_UP_TELEMETRY in self._session.tlvs
        if not (self.sender.hasReplies and (isAsked or self.sender.hasLosses)):
            return False
        self.sender.send(_LAST)
        if not isAsked:
            self._lastWait = self._reactor.callLater(LAST_WAIT, self._owner.closed)
        return True

    def finish(self) -> bool:
        """Close the port at once."""
        self.abort("")
        return False

    def forget(self, oldest: int) -> None:
        """Forget packets that are no longer in flight."""
        self.sender.settled(oldest)

    def askKernel(self) -> None:
        """Do nothing: the kernel has no figures of a UDP path."""

    def details(self) -> Findings:
        """Give the findings from packets, besides their times."""
        return self.sender.findings()

    def abort(self, reason: str) -> None:
        """Close the port at once.  With a reason, the link counts as lost."""
        if self._warmUp is not None:
            self._warmUp.cancel()
            self._warmUp = None
        if self._lastWait is not None and self._lastWait.active():
            self._lastWait.cancel()
        if not self._isClosed:
            self._isClosed = True
            self.sender.close()
            if reason:
                self._owner.linkDown(self, reason)
                self.lost()

    def replied(self, token: int, times: Times) -> bool:
        """Report a reply to a probe to the owner."""
        if token == _FIRST:
            if self._warmUp is not None:
                self._warmUp.cancel()
                # In the next turn, after the packet's other timestamps were read.
                self._warmUp = self._reactor.callLater(0, self._isWarm)
        elif token == _LAST:
            self._reactor.callLater(0, self._owner.closed)
        else:
            reply = replyOf((token, None, False, times))
            return self._owner.answered(reply, self._clocks())
        return False

    def corrected(self, token: int, times: Times) -> bool:
        """Report more exact times of a probe to the owner."""
        return self._owner.corrected(token, times)
