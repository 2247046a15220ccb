"""
The options that limit the daemon's connections.
"""

from __future__ import annotations

from twisted.python import usage

from echostamp.daemon.optionvalues import number, optionalNumber
from echostamp.daemon.relayplace import RelayPlace
from echostamp.listen.gate import mostConnections
from echostamp.listen.sockets import PEER_TIMEOUT

#: The longest C{--idle-timeout} and C{--max-age}, in seconds: a year.
LONGEST_TIME = 31_536_000.0

#: The longest C{--peer-timeout}, in seconds: the kernel's limit of TCP_KEEPIDLE.
LONGEST_PEER_TIMEOUT = 32_767

#: Descriptors by which the parent of workers talks to one of them.
_OF_WORKER = 4

#: Descriptors of a relay: two connections, and attempts at several of its addresses.
_OF_RELAY = 10


class LimitOptions(usage.Options):
    """
    The limits of connections, as texts and as values.

    @ivar mostConnections: how many connections the limit of open files leaves to this
        process.
    @ivar mostOfWorker: how many it leaves to each process.
    @ivar maxConnections: how many there may be, in all processes.
    """

    optParameters = [
        [
            "max-connections",
            None,
            None,
            "Connections at a time (default: what the limit of open files allows).",
        ],
        [
            "max-per-host",
            None,
            None,
            "Connections of one host at a time: an IPv4 address or an IPv6 /64 "
            "(default: any number).",
        ],
        [
            "idle-timeout",
            None,
            None,
            "Close a connection after this many seconds without a complete message or "
            "a reply being read (default: never).",
        ],
        [
            "max-age",
            None,
            None,
            "Close a connection after this many seconds, even a busy one "
            "(default: never).",
        ],
        [
            "peer-timeout",
            None,
            str(PEER_TIMEOUT),
            "Close a connection whose peer acknowledges nothing for this many seconds.",
        ],
    ]

    endpoints: list[str]
    reflectors: list[tuple[str, int]]
    relay: RelayPlace | None
    workers: int
    mostConnections: int
    mostOfWorker: int
    maxConnections: int
    maxPerHost: int | None
    idleTimeout: float | None
    maxAge: float | None
    peerTimeout: int

    def checkLimits(self) -> None:
        """
        Convert the texts to values.

        @raise usage.UsageError: a value is wrong, or no connection is possible.
        """
        self.mostConnections = self.mostOfWorker = self.mostOfProcess()
        if self.mostOfWorker < 1:
            if self.workers > 1:
                raise usage.UsageError(
                    f"--workers {self.workers}: the limit of open files is too low "
                    "(ulimit -n)"
                )
            raise usage.UsageError("the limit of open files leaves no connection")
        most = self.mostOfWorker * self.workers
        self.maxConnections = (
            optionalNumber(self, "max-connections", int, 1, most) or most
        )
        self.maxPerHost = optionalNumber(self, "max-per-host", int, 1, most)
        self.idleTimeout = optionalNumber(
            self, "idle-timeout", float, 0.1, LONGEST_TIME
        )
        self.maxAge = optionalNumber(self, "max-age", float, 0.1, LONGEST_TIME)
        self.peerTimeout = number(self, "peer-timeout", int, 1, LONGEST_PEER_TIMEOUT)

    def mostOfProcess(self) -> int:
        """
        Give how many connections the limit of open files leaves to one process.
        """
        # Each of STAMP's ports has a socket, and perhaps an epoll.
        ports = len(self.endpoints) + 2 * len(self.reflectors)
        if self.relay is not None:
            ports += _OF_RELAY
        if self.workers > 1:
            # Each process has the sockets of all.  As many again are in use while a
            # worker is started, and in one that reads the sockets of others as well.
            sockets = len(self.endpoints) + len(self.reflectors)
            ports += (2 * sockets + _OF_WORKER) * self.workers
        return mostConnections(ports)
