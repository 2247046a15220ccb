"""Rooms of the intercom that tests share, one after the other."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import Daemon, until

#: States of a TCP connection that a process still has to close: established, and
#: closed by the peer.
_OPEN = ("01", "08")


def shareRoom(case: SynchronousTestCase, *options: str) -> Daemon:
    """
    Share a daemon with an intercom, whose room is empty.

    @param case: leaves the room empty at its end.
    @param options: the daemon's.
    """
    daemon = Daemon.shared(case, "--port=0", "--intercom", *options)
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
