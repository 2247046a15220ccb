"""
Clients that arrive all the time: each sends a line, and reads to the end.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.harness import DEADLINE, withoutStamps

#: What a client sends, with its FIN.
LINES = b"hello\nworld\n"


@dataclass(eq=False)
class Arrival:
    """
    One client.

    @ivar began: when it began to connect, by the monotonic clock.
    @ivar connected: when the kernel had connected it; 0 before.
    """

    peer: socket.socket
    began: float
    connected: float = 0.0
    received: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Outcome:
    """
    What became of a client.

    @ivar began: when it began to connect.
    @ivar connected: when it was connected; 0 if it never was.
    @ivar what: C{answered}, C{refused}, C{reset}, or C{lost} where the replies were not
        complete.
    """

    began: float
    connected: float
    what: str


class Arrivals:
    """
    Clients that arrive at a fixed rate, in a thread of their own.

    @ivar outcomes: those of the clients that have ended.
    """

    def __init__(self, port: int, rate: float) -> None:
        """
        @param port: the TCP port on loopback.
        @param rate: clients a second.
        """
        self.outcomes: list[Outcome] = []
        self._address = ("127.0.0.1", port)
        self._step = 1 / rate
        self._selector = selectors.DefaultSelector()
        self._isComing = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> Counter[str]:
        """
        Let no more clients come, and wait until all have ended.

        @return: how many had which outcome.
        """
        self._isComing = False
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "a client waits without end"
        return Counter(each.what for each in self.outcomes)

    def _run(self) -> None:
        due = time.monotonic()
        while self._isComing or self._selector.get_map():
            moment = time.monotonic()
            # A process that was held up catches up in part only: a burst would test
            # the backlog.
            due = max(due, moment - 20 * self._step)
            while self._isComing and due <= moment:
                due += self._step
                self._arrive()
            wait = max(due - time.monotonic(), 0) if self._isComing else None
            for key, _ in self._selector.select(wait):
                self._goOn(key.data)

    def _arrive(self) -> None:
        peer = socket.socket()
        peer.setblocking(False)
        self._selector.register(
            peer, selectors.EVENT_WRITE, arrival := Arrival(peer, time.monotonic())
        )
        with suppress(BlockingIOError):
            try:
                peer.connect(self._address)
            except ConnectionRefusedError:
                self._end(arrival, "refused")

    def _goOn(self, arrival: Arrival) -> None:
        """Do what a client can do now."""
        try:
            if arrival.connected:
                data = arrival.peer.recv(1 << 16)
                arrival.received += data
                if not data:
                    self._end(arrival, self._judged(bytes(arrival.received)))
                return
            if error := arrival.peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, "connect")
            arrival.connected = time.monotonic()
            self._selector.modify(arrival.peer, selectors.EVENT_READ, arrival)
            arrival.peer.send(LINES)
            arrival.peer.shutdown(socket.SHUT_WR)
        except ConnectionRefusedError:
            self._end(arrival, "refused")
        except ConnectionError:
            self._end(arrival, "reset")

    def _judged(self, received: bytes) -> str:
        isWhole = received.count(b"\n") == LINES.count(b"\n")
        return "answered" if isWhole and withoutStamps(received) == LINES else "lost"

    def _end(self, arrival: Arrival, what: str) -> None:
        self._selector.unregister(arrival.peer)
        arrival.peer.close()
        self.outcomes.append(Outcome(arrival.began, arrival.connected, what))
