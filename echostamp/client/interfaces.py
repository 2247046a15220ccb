"""
How probes get to the far end: a L{Way} makes a L{Link} that carries them, and another
one when that is gone.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from echostamp.client.connecting import SetUp
from echostamp.client.measurement import Moment
from echostamp.client.probes import Reply
from echostamp.client.tcpinfo import TcpInfo


class Link(Protocol):
    """
    What carries probes.

    @ivar address: of the far end.
    @ivar source: of this end.
    @ivar isBlocked: whether a probe would have to wait for those before it.
    @ivar kernel: what the kernel last knew of the connection, if it is TCP's.
    @ivar isConnection: whether it may be dead without anybody saying so, and another
        one may do better.
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

    @ivar setUp: how long it took to make the last one.
    @ivar isLookingUp: whether a name is being looked up, which cannot be given up.
    @ivar whyNot: why the last attempt failed; empty since it was made empty.
    """

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

    def strange(self, count: int) -> None:
        """Lines have come that answer nothing."""

    def linkDown(self, link: Link, reason: str) -> None:
        """The connection is gone."""

    def closed(self) -> None:
        """What there was still to come has come."""
