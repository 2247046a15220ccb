"""
What a connection that carries probes calls in place of its link.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocol

from echostamp.probe.interfaces import LinkOwner


class Unblocking:
    """
    Tells the owner of a link when that takes probes again.  The link itself would be in
    a cycle with its sender, and be freed later.
    """

    def __init__(self, owner: LinkOwner) -> None:
        self._owner = owner

    def repliesGone(self) -> None:
        """Called when the transport has taken what was blocked."""
        self._owner.linkReady()


class Shortcut:
    """
    The protocol of a transport, in place of the one with which an endpoint wraps a
    link.  That one needs to know only that the connection was lost; what is received
    goes straight to the link.
    """

    def __init__(self, link: IProtocol, wrapper: Any) -> None:
        """
        @param link: gets what is received.
        @param wrapper: the outermost protocol around the link.
        """
        self.dataReceived = link.dataReceived
        self.connectionLost = wrapper.connectionLost
