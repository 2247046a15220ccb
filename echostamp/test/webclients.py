"""
A web site in memory: its clients, and figures to show.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from echostamp.monitor.peer import WebPlace
from echostamp.monitor.snapshot import DaemonSnapshot, PeerSnapshot
from echostamp.test.fakes import FakeReactor, FakeSocketConnection
from echostamp.test.histories import FakeHistory, FakeHistoryReader
from echostamp.test.snapshots import fullDaemon, fullPeer
from echostamp.web.site import WebSite


class FakeWatched:
    """
    A peer that is watched.

    @ivar asked: how often its figures were asked for.
    """

    def __init__(self, found: PeerSnapshot) -> None:
        """
        @param found: its figures.
        """
        self.found = found
        self.asked = 0

    def snapshot(self) -> PeerSnapshot:
        """Give its figures."""
        self.asked += 1
        return self.found


class BrokenWatched(FakeWatched):
    """
    A peer whose figures cannot be had.
    """

    def snapshot(self) -> PeerSnapshot:
        """Fail."""
        raise RuntimeError("on purpose")


class FakeSource:
    """
    Has figures.

    @ivar selfName: the name of this daemon.
    @ivar peers: the peers by name.
    @ivar kept: the history.
    @ivar history: reads it.
    @ivar hasHistory: whether rows are kept.
    @ivar hasRoom: whether there is a conversation.
    @ivar isUp: whether it is ready.
    """

    selfName = "hub"
    hasRoom = False

    def __init__(self, names: Iterable[str] = ("ams", "fra")) -> None:
        """
        @param names: of its peers.
        """
        self.peers = {each: FakeWatched(fullPeer(each)) for each in names}
        self.kept = FakeHistory()
        self.history = FakeHistoryReader(self.kept)
        self.hasHistory = True
        self.isUp = True

    def webs(self) -> dict[str, WebPlace]:
        """Give where other rows are."""
        return {}

    def labels(self) -> list[str]:
        """Give the labels."""
        return ["site"]

    def daemon(self) -> DaemonSnapshot:
        """Give the daemon's figures."""
        return fullDaemon()

    def isReady(self) -> bool:
        """Tell whether it is ready."""
        return self.isUp


class Answer(NamedTuple):
    """
    An answer.

    @ivar status: its status.
    @ivar headers: its headers, with names in lower case.
    @ivar body: its body, without chunks and compression.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class FakeWebConnection(FakeSocketConnection):
    """
    The socket of a web client.
    """

    def getHost(self) -> object:
        """Give no address."""
        return None


class WebClient:
    """
    A client with a connection.

    @ivar connection: the connection.
    """

    def __init__(self, site: WebSite, reactor: FakeReactor, room: int = 1 << 30):
        """
        @param site: makes the server's protocol.
        @param reactor: writes.
        @param room: see L{FakeSocketConnection}.
        """
        self.connection = FakeWebConnection(reactor, room)
        protocol = site.buildProtocol(None)
        assert protocol is not None
        self.protocol = self.connection.protocol = protocol
        protocol.makeConnection(self.connection)
        self._read = 0

    def send(self, data: bytes) -> None:
        """Send octets, and let the server write."""
        self.protocol.dataReceived(data)
        self.connection.turn()

    def get(
        self,
        path: str,
        *headers: str,
        method: str = "GET",
        host: str = "127.0.0.1:9862",
    ) -> None:
        """Send a request."""
        lines = f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""
        self.send("\r\n".join(lines).encode("latin-1"))

    def finish(self) -> None:
        """Send nothing more, and read on."""
        self.connection.readConnectionLost(Failure(ConnectionDone()))
        self.connection.turn()

    def leave(self) -> None:
        """Close the connection."""
        self.connection.connectionLost(Failure(ConnectionDone()))

    def answer(self, hasBody: bool = True) -> Answer:
        """
        Read the next answer.

        @param hasBody: whether it has a body.
        @raise ValueError: it is not complete.
        """
        head, found, rest = bytes(self.connection.sent[self._read :]).partition(
            b"\r\n\r\n"
        )
        if not found:
            raise ValueError(f"no complete head: {head!r}")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            if name.lower() in headers:
                raise ValueError(f"two headers {name}")
            headers[name.lower()] = value
        body = b""
        if hasBody:
            body, rest = _body(headers, rest)
        self._read = len(self.connection.sent) - len(rest)
        if headers.get("content-encoding") == "gzip":
            body = zlib.decompress(body, 31)
        return Answer(int(first.split()[1]), headers, body)


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes]:
    """
    Split a body from what follows.

    @raise ValueError: it is not complete.
    """
    if "content-length" in headers:
        length = int(headers["content-length"])
        if len(rest) < length:
            raise ValueError("the body is not complete")
        return rest[:length], rest[length:]
    if headers.get("transfer-encoding") != "chunked":
        return rest, b""
    body = b""
    while True:
        size, found, rest = rest.partition(b"\r\n")
        if not found or len(rest) < int(size, 16) + 2:
            raise ValueError("the body is not complete")
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            return body, rest
