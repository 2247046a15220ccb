"""
Makes connections for probes over the line protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from echostamp.connect.timed import TimedEndpoint
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.linelink import LineLink
from echostamp.probe.messages import Messages
from echostamp.probe.retries import Retries
from echostamp.times import SECOND, Moment, moment

#: A connection that was held for so long shows that the far end is there, in
#: nanoseconds.
LASTING = SECOND


class LineDialer:
    """
    Makes connections to a far end of the line protocol, one at a time.

    A far end that closes each connection at once, as it has too many, is tried after
    longer and longer waits, like one that refuses.
    """

    _owner: LinkOwner

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
        self._retries = Retries(reactor)
        # The attempt that goes on, and the connection.
        self._connecting: Deferred[Any] | None = None
        self._link: LineLink | None = None
        # When the connection was made.
        self._since = 0

    @property
    def isLookingUp(self) -> bool:
        """Whether a name is being looked up."""
        return self._endpoint.isLookingUp

    def start(self, owner: LinkOwner) -> None:
        """
        Connect, and connect again whenever the connection is lost.
        """
        self._owner = owner
        self._dial()

    def _dial(self) -> None:
        """
        Try to connect, unless an attempt goes on.
        """
        if self._connecting is not None:
            return
        self._owner.dialing()
        factory = Factory.forProtocol(self._made)
        factory.noisy = False
        connecting = self._endpoint.connect(factory)
        self._connecting = connecting
        connecting.addBoth(_forget, factory)
        connecting.addCallbacks(self._connected, self._failed)

    def _made(self) -> LineLink:
        """
        Make the protocol of a connection.
        """
        link = LineLink(
            *(self._reactor, self._owner, self._messages, self._endpoint.setUp),
            self._clocks,
        )
        link.lost = self._lost
        return link

    def _connected(self, link: Any) -> None:
        """
        Keep the connection.
        """
        if self._link is not None:
            # The owner closes it, as the new one has taken its place.
            self._link.lost = _nothing
        self._connecting, self._link = None, link
        self._since = self._clocks().after
        self._retries.cancel()

    def _failed(self, failure: Failure) -> None:
        """
        Report that an attempt has failed, and try again later.
        """
        self._connecting = None
        self._owner.dialFailed(failure)
        # The frames in which it was raised have it.  Without the cycle all are freed at
        # once.
        failure.cleanFailure()
        self._retries.retry(self._dial)

    def _lost(self) -> None:
        """
        Replace a connection that was lost.
        """
        link, self._link = self._link, None
        lasted = self._clocks().after - self._since
        if link is not None and (link.isEcho or lasted >= LASTING):
            self._retries.succeeded()
        self._retries.retry(self._dial)

    def redial(self) -> None:
        """Connect once more."""
        self._dial()

    def stop(self) -> None:
        """
        Stop connecting, and close the connection.
        """
        self._retries.stop()
        # An attempt cannot be cancelled from within its own callbacks.
        self._reactor.callLater(0, self._close)

    def _close(self) -> None:
        """
        Cancel the attempt that goes on, or close the connection.
        """
        if self._connecting is not None:
            self._connecting.cancel()
        elif self._link is not None:
            self._link.transport.loseConnection()


def _forget(result: Any, factory: Any) -> Any:
    """
    Let a factory forget what it makes: it makes no more.  Twisted leaves it in a cycle.
    """
    factory.protocol = None
    return result


def _nothing() -> None:
    """
    Do nothing: the connection that is lost has been replaced.
    """
