"""
The seams of this room: a dialer makes links, a link carries probes, a prober owns them
and reports to a sink.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from echostamp.measure.block import Probe
from echostamp.measure.result import Outage
from echostamp.probe.messages import Reply
from echostamp.tcpinfo import TcpInfo
from echostamp.times import Moment, SetUp, Times


class Link(Protocol):
    """
    What carries probes.

    @ivar address: the far end's address and port.
    @ivar source: our own address and port.
    @ivar setUp: how long it took to make it.
    @ivar isBlocked: whether a probe would have to wait for those before it.
    @ivar kernel: what the kernel last knew of the connection, if it is TCP's.
    @ivar isConnection: whether it may be dead without anybody knowing, so that another
        one may do better.
    @ivar isPrompt: whether times are taken when replies come, and not when this process
        reads them.
    """

    @property
    def address(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def setUp(self) -> SetUp: ...
    @property
    def isBlocked(self) -> bool: ...
    @property
    def kernel(self) -> TcpInfo | None: ...
    @property
    def isConnection(self) -> bool: ...
    @property
    def isPrompt(self) -> bool: ...

    def send(self, seq: int) -> Moment:
        """
        Send a probe.

        @return: when it was sent.
        """

    def settle(self, seq: int) -> None:
        """The timeout of a probe is over."""

    def forget(self, oldest: int) -> None:
        """
        No probe before one is in flight any more.

        @param oldest: the number of the oldest probe in flight, or of the next one.
        """

    def close(self) -> bool:
        """
        Nothing more will be sent, and all probes were answered or lost.

        @return: whether something is still to come: C{closed} follows then.
        """

    def askKernel(self) -> None:
        """Read what the kernel knows of the connection now."""

    def details(self) -> object | None:
        """
        Give what the link found beside round trips, as plain data; L{None} for nothing.
        """

    def abort(self, reason: str) -> None:
        """Give the link up."""


class LinkOwner(Protocol):
    """
    Sends probes by the links that a dialer makes.
    """

    def linkUp(self, link: Link) -> None:
        """There is a link."""

    def linkReady(self) -> None:
        """The link takes probes again."""

    def answered(self, reply: Reply, at: Moment) -> None:
        """
        A probe was answered, perhaps not for the first time.

        @param at: when the reply came.
        """

    def corrected(self, seq: int, times: Times) -> None:
        """The times of a probe that was answered are known better now."""

    def strange(self, count: int) -> None:
        """Lines have come that answer nothing."""

    def linkDown(self, link: Link, reason: str) -> None:
        """The link is gone."""

    def dialFailed(self, failure: Failure) -> None:
        """An attempt to make a link has failed; the dialer tries again."""

    def closed(self) -> None:
        """All that was still to come has come."""


class Dialer(Protocol):
    """
    Makes a link, and another one whenever it is gone: with backoff, and with a new look
    at the name each time.

    @ivar isLookingUp: whether a name is being looked up, which cannot be cancelled.
    """

    @property
    def isLookingUp(self) -> bool: ...

    def start(self, owner: LinkOwner) -> None:
        """
        Begin to dial.

        @param owner: gets the links.
        """

    def stop(self) -> None:
        """Dial no more."""


class Fate(Enum):
    """
    What became of a probe.
    """

    #: Its reply came in time.
    ANSWERED = "answered"
    #: The same, but it was not what had been sent.
    ALTERED = "altered"
    #: The same, but this process was suspended or blocked meanwhile.
    STALLED = "stalled"
    #: No reply came within the timeout.
    TIMED_OUT = "timed out"
    #: The connection was lost while it was in flight.
    DISCONNECTED = "disconnected"
    #: Its reply came after it had been counted as lost.
    LATE = "late"
    #: Another reply came.
    DUPLICATE = "duplicate"


class IProbeSink(Interface):
    """
    Takes what a prober finds, as it happens.
    """

    def connected(link: Link) -> None:
        """
        There is a link, or there is one again.
        """

    def outstanding(seq: int) -> None:
        """
        The next probe is due, and this one was not answered yet.
        """

    def settled(probe: Probe, fate: Fate, reason: str = "") -> None:
        """
        The fate of a probe is known.

        @param reason: why the connection was lost, for L{Fate.DISCONNECTED}.
        """

    def disconnected(outage: Outage) -> None:
        """
        The link is gone.  The probes that were in flight are settled first.
        """


@implementer(IProbeSink)
class MemorySink:
    """
    Keeps what a prober finds.

    @ivar events: each call, as the name of the event and its subject: the number of a
        probe, an address, or a reason.
    @ivar probes: the probes that were settled, in order.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, int | str]] = []
        self.probes: list[Probe] = []

    def connected(self, link: Link) -> None:
        """Keep the far end's address."""
        self.events.append(("connected", link.address))

    def outstanding(self, seq: int) -> None:
        """Keep the probe's number."""
        self.events.append(("outstanding", seq))

    def settled(self, probe: Probe, fate: Fate, reason: str = "") -> None:
        """Keep the probe."""
        self.events.append((fate.value, probe.seq))
        self.probes.append(probe)

    def disconnected(self, outage: Outage) -> None:
        """Keep the reason."""
        self.events.append(("outage", outage.reason))
