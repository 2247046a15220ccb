"""
How probes get to the far end: a L{Way} makes a L{Link} that carries them, and another
one when that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred

from echostamp.exitstatus import Outcome
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.tcpinfo import TcpInfo
from echostamp.times import Moment, SetUp

if TYPE_CHECKING:
    from echostamp.times import Times


class Link(Protocol):
    """
    What carries probes.

    @ivar address: of the far end.
    @ivar source: of this end.
    @ivar isBlocked: whether a probe would have to wait for those before it.
    @ivar kernel: what the kernel last knew of the connection, if it is TCP's.
    @ivar isConnection: whether it may be dead without anybody saying so, and another
        one may do better.
    @ivar isPrompt: whether times are taken when replies come, and not when this program
        reads them.
    """

    @property
    def address(self) -> str: ...
    @property
    def source(self) -> str: ...
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

        @return: when it left.
        """

    def settle(self, seq: int) -> None:
        """The time of a probe is over."""

    def close(self) -> bool:
        """
        Nothing more will be sent, and all has been answered.

        @return: whether there is still something to come: the owner is told by
            C{closed}.
        """

    def askKernel(self) -> None:
        """See what the kernel knows of the connection now."""

    def abort(self, reason: str) -> None:
        """Give it up."""


class Way(Protocol):
    """
    What makes links.

    @ivar unit: what a probe is: a message, a packet.
    @ivar setUp: how long it took to make the last one.
    @ivar isLookingUp: whether a name is being looked up, which cannot be given up.
    @ivar whyNot: why the last attempt failed; empty since it was made empty.
    """

    unit: str
    whyNot: str

    @property
    def setUp(self) -> SetUp: ...
    @property
    def isLookingUp(self) -> bool: ...

    def start(self, owner: LinkOwner) -> Deferred[Any]:
        """
        Make a link, and another one whenever it is gone.

        @param owner: is told of them.
        @return: fails where there is none to begin with.
        """

    def stop(self) -> None:
        """Make no more."""

    def told(self, found: Measurement) -> Iterator[str]:
        """Say what is known of the way beside the times of probes."""

    def record(self, found: Measurement) -> dict[str, Any] | None:
        """Give it as JSON."""

    def hint(
        self, failure: BaseException | None, outcome: Outcome, found: Measurement
    ) -> str:
        """
        Say what else could be tried.

        @param failure: why there was no link to begin with, if there was none.
        @param outcome: how the run ended.
        @param found: what it has shown.
        @return: nothing, where there is nothing to be said.
        """


class LinkOwner(Protocol):
    """
    Who sends probes by a link.
    """

    def linkUp(self, link: Link) -> None:
        """There is a connection."""

    def linkReady(self) -> None:
        """It takes probes again."""

    def answered(self, reply: Reply, at: Moment) -> None:
        """
        A probe has been answered, perhaps not for the first time.

        @param at: when the reply came.
        """

    def corrected(self, seq: int, times: Times) -> None:
        """The times of a probe that has been answered are known better now."""

    def strange(self, count: int) -> None:
        """Lines have come that answer nothing."""

    def linkDown(self, link: Link, reason: str) -> None:
        """The connection is gone."""

    def closed(self) -> None:
        """What there was still to come has come."""
