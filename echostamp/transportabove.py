"""
What transports that lie above another transport have in common.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, cast

from twisted.internet.interfaces import IAddress


class TransportAbove(ABC):
    """
    A transport above another one: TLS, or a WebSocket.

    It answers questions about the connection as the transport below does, and is the
    producer of what it reads.

    There is no C{__getattr__}: what a socket's transport has to write data would put it
    on the wire in the clear.

    @ivar transport: the transport below.
    """

    transport: Any
    _isPaused = _isClosing = False

    @property
    def socket(self) -> Any:
        """The socket, for what the kernel knows about the connection."""
        return getattr(self.transport, "socket", None)

    @property
    def isProxysOwn(self) -> bool:
        """Whether a proxy has made the connection for itself."""
        return bool(getattr(self.transport, "isProxysOwn", False))

    def getPeer(self) -> IAddress:
        """Give the far end's address."""
        return cast(IAddress, self.transport.getPeer())

    def getHost(self) -> IAddress:
        """Give our own address."""
        return cast(IAddress, self.transport.getHost())

    def getTcpNoDelay(self) -> bool:
        """Say whether Nagle's algorithm is off."""
        return bool(self.transport.getTcpNoDelay())

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Turn Nagle's algorithm off or on."""
        self.transport.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """Say whether the kernel probes an idle peer."""
        return bool(self.transport.getTcpKeepAlive())

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Have the kernel probe an idle peer, or not."""
        self.transport.setTcpKeepAlive(enabled)

    def pauseProducing(self) -> None:
        """Stop reading."""
        if not self._isClosing:
            self._isPaused = True
            self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read again."""
        self._isPaused = False
        self._readAgain()

    def stopProducing(self) -> None:
        """Close the connection."""
        self.loseConnection()

    @abstractmethod
    def loseConnection(self) -> None:
        """Close the connection behind what was written."""

    @abstractmethod
    def _readAgain(self) -> None:
        """
        Read again, unless something else is against it.
        """
