"""
The interfaces of this room: a dialer makes links, a link carries probes, a prober owns
both and reports to a sink.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from twisted.python.failure import Failure
from zope.interface import Interface

from echostamp.measure.block import Probe
from echostamp.measure.result import Outage
from echostamp.probe.messages import Reply
from echostamp.tcpinfo import TcpInfo
from echostamp.times import Moment, SetUp, Times


class LossCounts(NamedTuple):
    """
    Probes that were lost, by direction.

    @ivar forward: on the way there.
    @ivar backward: on the way back.
    @ivar unknown: of which that cannot be known, or that were answered late.
    """

    forward: int = 0
    backward: int = 0
    unknown: int = 0


class Link(Protocol):
    """
    Carries probes: a connection, or a UDP port.
    """

    @property
    def address(self) -> str:
        """The far end's address and port."""

    @property
    def source(self) -> str:
        """Our own address and port."""

    @property
    def setUp(self) -> SetUp:
        """How long it took to make the link."""

    @property
    def isBlocked(self) -> bool:
        """Whether a probe would have to wait in a buffer."""

    @property
    def kernel(self) -> TcpInfo | None:
        """The kernel's last figures of the TCP connection; L{None} for none."""

    @property
    def isConnection(self) -> bool:
        """
        Whether it is a connection, which may be dead unnoticed.  A new one may then
        work.
        """

    @property
    def isPrompt(self) -> bool:
        """
        Whether replies are timed when they arrive, not when this process reads them.
        """

    @property
    def isRefused(self) -> bool:
        """Whether the system refused to send the last probe."""

    @property
    def losses(self) -> LossCounts | None:
        """
        Of the probes that were lost and L{forget} was called for, those whose direction
        is decided; L{None} where the link never knows one.
        """

    @property
    def invalid(self) -> int:
        """
        How many packets came that are no replies to ours; 0 for a connection, which
        reports them by C{strange}.
        """

    @property
    def certificateEnd(self) -> int | None:
        """
        When the far end's certificate expires, in seconds since the UNIX epoch; L{None}
        without TLS.
        """

    def send(self, seq: int) -> Moment:
        """
        Send a probe.

        @return: when it was sent.
        """

    def settle(self, seq: int) -> None:
        """Called when the timeout of a probe is over, before it counts as lost."""

    def forget(self, oldest: int) -> None:
        """
        Forget the probes before one: they are no longer in flight, and a reply to them
        need not count as late.

        @param oldest: the number of the oldest probe to remember.
        """

    def close(self) -> bool:
        """
        Finish: no more probes will be sent, and each one was answered or lost.

        @return: whether the link waits for something; it calls C{closed} afterwards.
        """

    def finish(self) -> bool:
        """
        Disconnect: no more probes will be sent.

        @return: whether that takes a while; the owner's C{linkDown} follows then.
        """

    def askKernel(self) -> None:
        """Read the kernel's figures of the connection into C{kernel}."""

    def details(self) -> object | None:
        """
        Give what the link found besides round trips, as plain data; L{None} for none.
        """

    def abort(self, reason: str) -> None:
        """
        Close the link at once.

        @param reason: what the owner's C{linkDown} is called with.
        """


class LinkOwner(Protocol):
    """
    Sends probes by the links that a dialer makes.
    """

    def linkUp(self, link: Link) -> None:
        """
        Called when there is a link.  If there was one, the owner closes that.
        """

    def linkReady(self) -> None:
        """Called when a blocked link takes probes again."""

    def answered(self, reply: Reply, at: Moment) -> bool:
        """
        Called with each reply to a probe; there may be several.

        @param at: when the reply was received.
        @return: whether the probe has an RTT by this reply.
        """

    def corrected(self, seq: int, times: Times) -> bool:
        """
        Called when more exact times are known of a probe that has an RTT.

        @return: whether they can be true.  If not, those from before remain.
        """

    def strange(self, count: int) -> None:
        """Called with the number of lines that are no replies to probes."""

    def linkDown(self, link: Link, reason: str) -> None:
        """Called when the link is lost."""

    def dialing(self) -> None:
        """Called when an attempt to make a connection begins."""

    def dialFailed(self, failure: Failure) -> None:
        """Called when an attempt to make a link has failed.  The dialer retries."""

    def closed(self) -> None:
        """Called when the link has received what it waited for in L{Link.close}."""


class Dialer(Protocol):
    """
    Makes a link, and another one whenever it is lost.  It retries with backoff, and
    looks the name up each time.
    """

    @property
    def isLookingUp(self) -> bool:
        """Whether a name is being looked up, which cannot be cancelled."""

    def start(self, owner: LinkOwner) -> None:
        """
        Begin to dial.

        @param owner: gets the links.
        """

    def redial(self) -> None:
        """
        Make another link in place of the present one, which is used until then: the
        name has other addresses now.
        """

    def stop(self) -> None:
        """Stop dialing."""


class Fate(Enum):
    """
    The fate of a probe.
    """

    #: Its reply came in time.
    ANSWERED = "answered"
    #: Its reply came in time, and differs from what was sent.
    ALTERED = "altered"
    #: Its reply came in time, but this process was suspended or blocked meanwhile.
    STALLED = "stalled"
    #: Its reply came in time, and gives no RTT: our own clock was set meanwhile, or the
    #: far end's times cannot be true.
    UNTIMED = "untimed"
    #: No reply came within the timeout.
    TIMED_OUT = "timed out"
    #: The connection was lost while it was in flight.
    DISCONNECTED = "disconnected"
    #: Its reply came after it had been counted as lost.
    LATE = "late"
    #: Another reply to it came.
    DUPLICATE = "duplicate"


class IProbeSink(Interface):
    """
    Takes what a prober finds, as it happens.
    """

    def connected(link: Link) -> None:
        """
        Called when there is a link: the first one, or one after an outage.
        """

    def outstanding(seq: int) -> None:
        """
        Called when the next probe is due and this one was not answered yet.
        """

    def sent(late: int) -> None:
        """
        Called when a probe was sent.

        @param late: how long after it was due, in nanoseconds.
        """

    def skipped(seq: int, outage: Outage | None, isStall: bool) -> None:
        """
        Called when a probe that was due could not be sent in its time.

        @param seq: its number among all that were due.
        @param outage: why, if there is no connection.
        @param isStall: whether this process was suspended or blocked when it was due.
        """

    def waiting(why: str) -> None:
        """
        Called when an attempt to make the first link has failed, and others follow.
        """

    def settled(probe: Probe, fate: Fate, reason: str = "") -> None:
        """
        Called when the fate of a probe is known.

        @param probe: numbered among all that were due, as in L{outstanding}.
        @param reason: why the connection was lost, for L{Fate.DISCONNECTED}.
        """

    def disconnected(outage: Outage) -> None:
        """
        Called when the link is lost, or when the first attempt to make one has failed.
        The probes that were in flight are settled first.
        """
