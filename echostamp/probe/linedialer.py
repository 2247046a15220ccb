"""
Makes connections for probes over the line protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.timed import TimedEndpoint
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.linelink import LineLink
from echostamp.probe.messages import Messages
from echostamp.times import Moment, moment

#: The first and the longest wait between two attempts, in seconds.
FIRST_DELAY, LONGEST_DELAY = 0.5, 15.0


class LineDialer:
    """
    Makes connections to a far end of the line protocol, one at a time.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: TimedEndpoint,
        messages: Messages,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param reactor: waits between two attempts, and at the end of a connection.
        @param endpoint: connects, and looks the name up each time.
        @param messages: makes and reads the messages.
        @param clocks: reads our clocks.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._messages = messages
        self._clocks = clocks
        self._service: ClientService | None = None

    @property
    def isLookingUp(self) -> bool:
        """Whether a name is being looked up."""
        return self._endpoint.isLookingUp

    def start(self, owner: LinkOwner) -> None:
        """
        Connect, and connect again whenever the connection is lost.
        """

        def link() -> LineLink:
            return LineLink(
                self._reactor,
                owner,
                self._messages,
                self._endpoint.setUp,
                self._clocks,
            )

        self._service = ClientService(
            _Watched(self._endpoint, owner),
            Factory.forProtocol(link),
            backoffPolicy(FIRST_DELAY, LONGEST_DELAY),
            self._reactor,
        )
        self._service.startService()

    def stop(self) -> None:
        """
        Stop connecting, if that has begun.
        """
        if self._service is not None:
            # The service cannot be stopped within a callback of its own.
            self._reactor.callLater(0, self._service.stopService)


@implementer(IStreamClientEndpoint)
class _Watched:
    """
    An endpoint whose attempts and failures are reported.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, owner: LinkOwner) -> None:
        """
        @param endpoint: connects.
        @param owner: gets the reports.
        """
        self._endpoint = endpoint
        self._owner = owner

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and report a failure."""

        def failed(failure: Failure) -> Failure:
            self._owner.dialFailed(failure)
            return failure

        self._owner.dialing()
        connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        return connecting.addErrback(failed)
