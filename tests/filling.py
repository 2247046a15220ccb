"""Peers that send to a daemon, and do not read, until nothing more fits."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.harness import DEADLINE

#: Looks in a row at which nothing may fit before the buffers count as full, and the
#: seconds between two looks.
LOOKS, PAUSE = 5, 0.02


class Filler:
    """
    Sends the same data again and again over one connection.

    @ivar chunks: how many times the data has been begun.
    @ivar rest: what is left of the data that has been begun last.
    @ivar sent: how many octets the kernel took.
    """

    def __init__(self, peer: socket.socket, chunk: Callable[[], bytes]) -> None:
        """
        @param peer: the connection.  It does not block from now on.
        @param chunk: gives the data.
        """
        peer.setblocking(False)
        self._peer = peer
        self._chunk = chunk
        self.chunks = self.sent = 0
        self.rest = memoryview(b"")

    def send(self) -> bool:
        """
        Send what fits at once.

        @return: whether anything did.
        """
        if not self.rest:
            self.rest = memoryview(self._chunk())
            self.chunks += 1
        try:
            count = self._peer.send(self.rest)
        except BlockingIOError:
            return False
        self.rest = self.rest[count:]
        self.sent += count
        return True


def fillAll(
    fillers: Iterable[Filler], *processes: int, seconds: float = DEADLINE
) -> None:
    """
    Send over all connections until nothing more fits.

    A pause alone does not show that: a process that waits for a processor may still
    read.  So each process has to sleep, too.

    @param processes: those that the data goes to.
    """
    waiting = list(fillers)
    end = time.monotonic() + seconds
    looks = 0
    while looks < LOOKS:
        assert time.monotonic() < end, f"everything fits for {seconds:g} s"
        if sum(filler.send() for filler in waiting):
            looks = 0
            continue
        looks = looks + 1 if all(map(isAsleep, processes)) else 0
        time.sleep(PAUSE)


def fill(peer: socket.socket, data: bytes, *processes: int) -> int:
    """
    Send the same data again and again until nothing more fits.

    @param processes: those that the data goes to.
    @return: how many octets were sent.
    """
    filler = Filler(peer, lambda: data)
    fillAll([filler], *processes)
    peer.settimeout(DEADLINE)
    return filler.sent


def isAsleep(process: int) -> bool:
    """
    Say whether all threads of a process wait for something.  One that only gets no
    processor does not.
    """
    try:
        return all(
            (task / "stat").read_text().rpartition(")")[2].split()[0] == "S"
            for task in Path(f"/proc/{process}/task").iterdir()
        )
    except (FileNotFoundError, ProcessLookupError):
        # A thread has just ended.
        return False
