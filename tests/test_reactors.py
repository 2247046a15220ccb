"""Twisted's reactors: the daemon keeps its promises on each."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import Daemon, readAll, withoutStamps
from tests.workers import Workers

#: More than the kernel holds for a connection.
LINES = memoryview(b"".join(b"line %d\n" % n for n in range(600_000)))


class ReactorTests(SynchronousTestCase):
    """
    C{twistd --reactor}.
    """

    def test_reactors(self) -> None:
        """On each reactor a peer that reads late gets every line while others are
        answered, a peer that vanishes is no error, and the daemon stops with status
        0."""
        for name in "epoll", "poll", "select", "asyncio":
            command = ("twistd", "-n", "--pidfile=", f"--reactor={name}")
            daemon = Daemon(self, command=command)
            with daemon.connect() as late, daemon.connect() as other:
                late.setblocking(False)
                sent = 0
                try:
                    while True:
                        sent += late.send(LINES[sent:])
                except BlockingIOError:
                    late.settimeout(30)
                other.sendall(b"one\ntwo")
                other.shutdown(socket.SHUT_WR)
                self.assertEqual(withoutStamps(readAll(other)), b"one\ntwo")
                daemon.connect().close()
                late.shutdown(socket.SHUT_WR)
                self.assertEqual(withoutStamps(readAll(late)), LINES[:sent])
            self.assertEqual(daemon.stop(), 0)
            self.assertNotIn("Traceback", daemon.log())

    def test_workers(self) -> None:
        """Workers run the reactor of their parent, and begin again on it."""
        for name in "poll", "select", "asyncio":
            daemon = Workers(
                self, command=("twistd", "-n", "--pidfile=", f"--reactor={name}")
            )
            os.kill((before := daemon.alive())[1], signal.SIGKILL)
            for process in daemon.replaced(before, 1).values():
                command = Path(f"/proc/{process}/cmdline").read_bytes()
                self.assertTrue(command.endswith(f"\0{name}\0".encode()), command)
            with ExitStack() as stack:
                daemon.served(stack, 20)
            self.assertEqual(daemon.stop(), 0)
            self.assertNotIn("Traceback", daemon.log())
