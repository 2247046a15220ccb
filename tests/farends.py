"""
Far ends for the client: TCP servers, and relays that lose and alter what passes.
"""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE

#: What a proxy does with a reply.  It takes the number of the connection, that of the
#: probe, and the line, and gives what to pass on; L{None} drops the connection.
Rule = Callable[[int, int, bytes], "bytes | None"]


def passOn(connection: int, seq: int, line: bytes) -> bytes:
    """Pass every reply on as it is."""
    return line


def hangUp(connection: socket.socket) -> None:
    """Close a connection in both directions, and wake the threads that read it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Server:
    """
    A TCP port with a thread for each connection.

    @ivar port: its number.
    @ivar accepted: when each connection was accepted, in nanoseconds since the epoch.
    """

    def __init__(
        self, case: SynchronousTestCase, serve: Callable[[int, socket.socket], None]
    ) -> None:
        """
        @param case: closes it at its end.
        @param serve: takes the number of a connection and the connection.
        """
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.accepted: list[int] = []
        self.port = self._listener.getsockname()[1]
        case.addCleanup(self._close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = len(self._connections)
            self._connections.append(connection)
            self.accepted.append(time.time_ns())
            threading.Thread(
                target=self._guarded, args=(number, connection), daemon=True
            ).start()

    def _guarded(self, number: int, connection: socket.socket) -> None:
        try:
            self._serve(number, connection)
        except OSError:
            pass
        finally:
            hangUp(connection)

    def _close(self) -> None:
        hangUp(self._listener)
        self._listener.close()
        for connection in self._connections:
            hangUp(connection)


class Proxy(Server):
    """
    A TCP proxy between the client and a daemon.

    @ivar heard: how many messages it has received from the client.
    @ivar passed: how many replies it has passed on whole.
    @ivar swallowed: how many replies it has not passed on.
    @ivar dropped: when it dropped connections, in nanoseconds since the epoch.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        port: int,
        delay: float = 0.0,
        rule: Rule = passOn,
    ) -> None:
        """
        @param port: the daemon's.
        @param delay: seconds that each direction takes.
        @param rule: what to do with replies.
        """
        self._far = port
        self._delay = delay
        self._rule = rule
        self.heard = self.passed = self.swallowed = 0
        self.dropped: list[int] = []
        super().__init__(case, self._between)

    def _between(self, number: int, near: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._far), DEADLINE) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._back, args=(number, far, near))
            back.start()
            self._pump(near, far, self._there)
            hangUp(far)
            back.join()

    def _back(self, number: int, far: socket.socket, near: socket.socket) -> None:
        def changed(line: bytes) -> bytes | None:
            found = re.search(rb" (\d+) [a-z]+$", line)
            seq = int(found[1]) if found else -1
            result = self._rule(number, seq, line)
            self.passed += result == line
            self.swallowed += not result
            return result

        self._pump(far, near, changed)
        hangUp(near)

    def _there(self, line: bytes) -> bytes:
        self.heard += 1
        return line

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        change: Callable[[bytes], bytes | None],
    ) -> None:
        """Carry lines from one connection to the other."""
        lines: queue.SimpleQueue[tuple[float, bytes | None]] = queue.SimpleQueue()
        writer = threading.Thread(target=self._write, args=(lines, source, sink))
        writer.start()
        begun = b""
        try:
            while data := source.recv(65536):
                due = time.monotonic() + self._delay
                *whole, begun = (begun + data).split(b"\n")
                for line in whole:
                    changed = change(line + b"\n")
                    if changed is None:
                        self.dropped.append(time.time_ns())
                    lines.put((due, changed))
                    if changed is None:
                        return
        except OSError:
            pass
        finally:
            lines.put((0, None))
            writer.join()

    def _write(
        self,
        lines: queue.SimpleQueue[tuple[float, bytes | None]],
        source: socket.socket,
        sink: socket.socket,
    ) -> None:
        """Write each line when its delay is over."""
        while True:
            due, line = lines.get()
            if line is None:
                break
            while (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            try:
                sink.sendall(line)
            except OSError:
                break
        hangUp(source)


class Relay:
    """
    A UDP relay to a reflector, which loses, doubles, delays and forges packets by a
    rule.

    @ivar port: its own.
    """

    def __init__(self, case: SynchronousTestCase, target: int, rule: Any) -> None:
        """
        @param case: closes it at its end.
        @param target: the reflector's port.
        @param rule: takes the direction, the number of the packet in it, and the
            packet; gives the packets to pass on.
        """
        self._target = ("127.0.0.1", target)
        self._rule = rule
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(("127.0.0.1", 0))
        self._far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._far.bind(("127.0.0.1", 0))
        self._peer: Any = None
        self.port = self._near.getsockname()[1]
        threads = [threading.Thread(target=each) for each in (self._there, self._back)]
        case.addCleanup(self._far.close)
        case.addCleanup(self._near.close)
        for each in threads:
            each.start()
            case.addCleanup(each.join, DEADLINE)
        case.addCleanup(self._wake)

    def _wake(self) -> None:
        """End both threads."""
        for each in self._near, self._far:
            address = each.getsockname()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"end", address)

    def _there(self) -> None:
        number = 0
        while (found := self._near.recvfrom(65536))[0] != b"end":
            packet, self._peer = found
            for each in self._rule("there", number, packet):
                self._far.sendto(each, self._target)
            number += 1

    def _back(self) -> None:
        number = 0
        while (packet := self._far.recv(65536)) != b"end":
            for each in self._rule("back", number, packet):
                self._near.sendto(each, self._peer)
            number += 1
