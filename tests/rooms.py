"""
Rooms of the intercom, and their members.

Tests share a room one after the other.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, Daemon, until

#: An intercom whose stamps all differ.
INTERCOM = ("--port=0", "--intercom", "--format=unix")

#: Such a stamp.
UNIX = rb"\[\d{10}\.\d{9}\] "

#: States of a TCP connection that a process still has to close: established, and
#: closed by the peer.
_OPEN = ("01", "08")


def shareRoom(case: SynchronousTestCase, *options: str) -> Daemon:
    """
    Share a daemon with an intercom, whose room is empty.

    @param case: leaves the room empty at its end.
    @param options: the daemon's, with C{--intercom} among them.
    """
    daemon = Daemon.shared(case, *options)
    case.addCleanup(until, lambda: not connections(daemon.port))
    return daemon


def connections(port: int) -> int:
    """
    Count the connections of a server that it has not closed.

    @param port: the TCP port that it listens on.
    """
    count = 0
    for table in Path("/proc/net/tcp"), Path("/proc/net/tcp6"):
        rows = table.read_text().splitlines()[1:] if table.exists() else []
        for _, local, _, state, *_ in map(str.split, rows):
            isIts = int(local.rpartition(":")[2], 16) == port
            count += isIts and state in _OPEN
    return count


class Client:
    """
    A member that reads all it can, and writes what it has to as far as it can.

    @ivar socket: its connection.
    @ivar name: its name in the room.
    @ivar heard: the octets that were read, and not taken by L{lines}.
    @ivar unsaid: the octets that are still to be written.
    @ivar isOver: whether the connection has ended.
    """

    def __init__(self, peer: socket.socket, name: bytes = b"") -> None:
        """
        @param peer: a connection.
        @param name: the name that it asks for.
        """
        peer.setblocking(False)
        self.socket = peer
        self.name = name or b"%s:%d" % (
            peer.getsockname()[0].encode(),
            peer.getsockname()[1],
        )
        self.heard = bytearray()
        self.unsaid = bytearray(b"/name %s\n" % name if name else b"")
        self.isOver = False

    def lines(self) -> list[bytes]:
        """Take the whole lines that were read."""
        *lines, self.heard = self.heard.split(b"\n")
        return [bytes(line) for line in lines]

    def linesAsOthersHear(self) -> list[bytes]:
        """
        Take the whole lines that were read, with its name put into those that it has
        written itself, all of which have to begin with a letter.
        """
        own = re.compile(rb"(\[[^]]*\] )(?=[a-z])")
        begin = rb"\1<" + self.name + b"> "
        return [own.sub(begin, line, count=1) for line in self.lines()]

    def turn(self) -> None:
        """
        Write and read without blocking.
        """
        try:
            if self.unsaid:
                del self.unsaid[: self.socket.send(self.unsaid[: 1 << 18])]
        except BlockingIOError:
            pass
        except OSError:
            self.isOver = True
        try:
            data = self.socket.recv(1 << 18)
            self.heard += data
            self.isOver |= not data
        except BlockingIOError:
            pass
        except OSError:
            self.isOver = True


class Crowd:
    """
    Many members at once.
    """

    def __init__(self, case: SynchronousTestCase, daemon: Daemon) -> None:
        """
        @param case: closes them at its end.
        @param daemon: whose room they join.
        """
        self._case = case
        self._daemon = daemon
        self._selector = selectors.DefaultSelector()
        case.addCleanup(self._selector.close)

    def join(self, name: bytes = b"", peer: socket.socket | None = None) -> Client:
        """
        Add a member.

        @param name: the name that it asks for, if any.
        @param peer: its connection, unless it is to be made.
        """
        client = Client(peer or self._daemon.connect(), name)
        self._case.addCleanup(client.socket.close)
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        self.say(client, b"")
        return client

    def members(self, *names: bytes) -> list[Client]:
        """
        Add members with names, and wait until each has heard of all.
        """
        clients = [self.join(name) for name in names]
        self.until(lambda: all(each.heard.count(b"/name ") for each in clients))
        self.settle(clients)
        return clients

    def settle(self, clients: list[Client]) -> None:
        """
        Wait until members have read all that was written, and drop it.
        """
        self.say(clients[0], b"settle\n")
        self.until(lambda: all(each.heard.endswith(b"settle\n") for each in clients))
        for each in clients:
            each.heard.clear()

    def say(self, client: Client, words: bytes) -> None:
        """
        Give a member something to write.
        """
        client.unsaid += words
        self._watch(client)

    def _watch(self, client: Client) -> None:
        """
        Watch a member's connection for reading, and for writing if it has to.
        """
        events = selectors.EVENT_READ
        if client.unsaid:
            events |= selectors.EVENT_WRITE
        if self._selector.get_key(client.socket).events != events:
            self._selector.modify(client.socket, events, client)

    def leave(self, client: Client) -> None:
        """
        Neither read nor write for a member any more.
        """
        self._selector.unregister(client.socket)

    def turn(self) -> None:
        """
        Let all members do what they can, or wait for a moment.
        """
        for key, _ in self._selector.select(0.02):
            client: Client = key.data
            client.turn()
            if client.isOver:
                self.leave(client)
            else:
                self._watch(client)

    def until(self, condition: Callable[[], object], seconds: float = DEADLINE) -> None:
        """
        Let all members do what they can until a condition holds.
        """
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{condition} did not hold in {seconds} s"
            self.turn()
