"""A daemon that was stopped, by SIGSTOP, with what arrives meanwhile."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import STAMP, Daemon, readLines, until

#: Seconds that the daemon is stopped: longer than a PROXY header may take.
STOPPED = 5.3


class StoppedTests(SynchronousTestCase):
    """
    Nothing that arrives while the process is stopped is lost.
    """

    def test_limitsThatAreOver(self) -> None:
        """An idle connection whose line waits in the kernel is answered, though its
        time is over; so is one whose PROXY header waits there."""
        daemon = Daemon(
            self,
            *("--idle-timeout=2", "--proxy-from=127.0.0.0/8"),
            *("-e", "proxy:tcp:0:interface=127.0.0.1"),
        )
        header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 8002\r\n"
        with ExitStack() as stack:
            idle, late = (stack.enter_context(daemon.connect()) for _ in range(2))
            idle.sendall(header + b"a\n")
            readLines(idle, 1)
            began = time.monotonic()
            daemon.process.send_signal(signal.SIGSTOP)
            idle.sendall(b"b\n")
            late.sendall(header + b"c\n")
            until(lambda: time.monotonic() > began + STOPPED)
            daemon.process.send_signal(signal.SIGCONT)
            self.assertRegex(readLines(idle, 1), b"^" + STAMP + b"b\n$")
            self.assertRegex(readLines(late, 1), b"^" + STAMP + b"c\n$")
