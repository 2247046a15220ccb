"""
Daemons with a room in their web site, and a program that joins it by a WebSocket.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

from tests.harness import DEADLINE, Daemon, freePort, until, withoutStamps


class WebRoomCase(SynchronousTestCase):
    """
    A daemon with an intercom and a web site.

    @ivar daemon: the daemon.
    @ivar web: the port of its web site.
    """

    def begin(self, *options: str, env: dict[str, str] | None = None) -> None:
        """
        Start the daemon.

        @param options: those that it has beside.
        @param env: additions to its environment.
        """
        self.web = freePort()
        web = f"--web=127.0.0.1:{self.web}"
        self.daemon = Daemon(self, "--port=0", "--intercom", web, *options, env=env)
        until(lambda: "serving web pages" in self.daemon.log())

    def connect(self, port: int = 0) -> socket.socket:
        """
        Connect to the web site.

        @param port: its port; 0 for that of L{begin}.
        """
        where = "127.0.0.1", port or self.web
        peer = socket.create_connection(where, DEADLINE)
        self.addCleanup(peer.close)
        return peer


class RoomClient:
    """
    A client without a browser.

    @ivar socket: its connection.
    @ivar octets: what it has read.
    @ivar status: the status of the answer to its request; 101 where it is connected.
    @ivar body: what that answer said.
    @ivar closed: the code of the daemon's Close frame; L{None} before it.
    @ivar hasEnded: whether the connection has ended.
    """

    def __init__(
        self,
        peer: socket.socket,
        host: str = "localhost",
        headers: Iterable[tuple[bytes, bytes]] = (),
        path: str = "/room/stream",
    ) -> None:
        """
        @param peer: a connection to the web site.
        @param host: the header Host.
        @param headers: more headers.
        @param path: where it connects.
        """
        self.socket = peer
        self.octets = b""
        self.status = 0
        self.body = b""
        self.closed: int | None = None
        self.hasEnded = False
        self._frames = WSConnection(ConnectionType.CLIENT)
        self._send(Request(host, path, extra_headers=[*headers]))
        while not (self.status == 101 or self.hasEnded or self.body):
            self.read()

    def _send(self, event: Event) -> None:
        """
        Send a frame.
        """
        self.socket.sendall(self._frames.send(event))

    def say(self, text: str) -> None:
        """Send a text."""
        self._send(TextMessage(text))

    def close(self) -> None:
        """Send a Close frame."""
        self._send(CloseConnection(1000))

    def read(self) -> None:
        """Wait for something, and read it; fail behind the end of the connection."""
        assert not self.hasEnded, self.octets
        data = self.socket.recv(1 << 16)
        self._frames.receive_data(data or None)
        for event in self._frames.events():
            if isinstance(event, AcceptConnection):
                self.status = 101
            elif isinstance(event, RejectConnection):
                self.status = event.status_code
            elif isinstance(event, RejectData):
                self.body += event.data
            elif isinstance(event, BytesMessage):
                self.octets += event.data
            elif isinstance(event, CloseConnection) and data:
                self.closed = int(event.code)
        self.hasEnded = not data

    def lines(self, count: int) -> list[bytes]:
        """Read until there are so many lines, and give them without their stamps."""
        while self.octets.count(b"\n") < count:
            self.read()
        return withoutStamps(self.octets).split(b"\n")[:count]

    def rest(self) -> list[bytes]:
        """Read until the connection ends, answer the daemon's Close frame, and give the
        lines without their stamps."""
        while not self.hasEnded:
            self.read()
            if self.closed is not None and self._frames.state.name == "REMOTE_CLOSING":
                self._send(CloseConnection(self.closed))
        return withoutStamps(self.octets).split(b"\n")
