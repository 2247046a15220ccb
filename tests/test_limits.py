"""Limits: how many peers may connect and for how long, and what the others get."""

from __future__ import annotations

import re
import resource
import socket
import time
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.boundedlog import LINES_A_SECOND
from tests import timelimits
from tests.clocks import Clock
from tests.harness import DEADLINE, Daemon, cpu, figure, until
from tests.timelimits import connected, isServed


class LimitTests(SynchronousTestCase):
    """
    How many peers may connect.
    """

    def test_mostConnections(self) -> None:
        """C{--max-connections} closes the others at once, until one leaves."""
        daemon = Daemon(self, "-p0", "--max-connections=2")
        with daemon.connect() as one, daemon.connect() as two:
            self.assertTrue(isServed(one))
            self.assertTrue(isServed(two))
            with connected(daemon) as three:
                self.assertFalse(isServed(three))
            two.close()
            until(lambda: "disconnected" in daemon.log())
            with daemon.connect() as four:
                self.assertTrue(isServed(four))
        self.assertRegex(
            daemon.log(), r"127.0.0.1:\d+ refused: more than 2 connections"
        )

    def test_clockIsSet(self) -> None:
        """A clock that is set by an hour makes no limit come sooner or later, and the
        stamps have the new time."""
        clock = Clock(self)
        daemon = Daemon(
            self, *["-p0", "-funix", "--idle-timeout=2", "--max-age=60"], env=clock.env
        )
        for ahead in 3600, 0:
            with daemon.connect() as peer:
                peer.sendall(b"hello\n")
                peer.recv(100)
                clock.set(ahead)
                began = time.monotonic()
                peer.sendall(b"hello\n")
                stamp = float(peer.recv(100).split(b"]")[0][1:])
                self.assertLess(abs(stamp - time.time() - ahead), 60)
                self.assertEqual(peer.recv(1), b"")
                seconds = time.monotonic() - began
                self.assertTrue(1.9 < seconds < DEADLINE, seconds)

    def test_mostPerHost(self) -> None:
        """C{--max-per-host} keeps one host from taking the place of another."""
        daemon = Daemon(self, "-p0", "--max-per-host=1")
        source = ("127.0.0.2", 0)
        address = ("127.0.0.1", daemon.port)
        with daemon.connect() as one:
            self.assertTrue(isServed(one))
            with connected(daemon) as two:
                self.assertFalse(isServed(two))
            with socket.create_connection(address, DEADLINE, source) as other:
                self.assertTrue(isServed(other))
            with daemon.connect("::1") as six:
                self.assertTrue(isServed(six))
        self.assertRegex(daemon.log(), "more than 1 connection of 127.0.0.1")

    def test_descriptorsRunOut(self) -> None:
        """64 descriptors, 200 clients, one port or several: each client is served or
        refused, and a new one is served when another leaves.  The idle daemon does not
        spin, and its log stays short."""
        for ports in 1, 8:
            daemon = Daemon(
                self,
                *["-e", "tcp:0:interface=127.0.0.1"] * ports,
                command=("prlimit", "--nofile=64", "twistd", "-n", "--pidfile="),
            )
            with ExitStack() as stack:
                peers = [stack.enter_context(connected(daemon)) for _ in range(200)]
                served = [peer for peer in peers if isServed(peer)]
                refused = len(peers) - len(served)
                figure(f"{ports} ports: {len(served)} served, {refused} refused of 200")
                self.assertGreater(len(served), 20)
                before, began = cpu(daemon.process.pid), time.monotonic()
                time.sleep(0.5)  # what is measured is how much work it does meanwhile
                busy = (cpu(daemon.process.pid) - before) / (time.monotonic() - began)
                self.assertLess(busy, 0.05)
                served.pop().close()
                until(lambda: self.isNextServed(daemon, stack))  # noqa: B023
                for peer in served:
                    self.assertTrue(isServed(peer))
            self.assertLess(len(daemon.log().splitlines()), 600)
            self.assertNotIn("cannot accept", daemon.log())
            self.assertNotIn("Traceback", daemon.log())

    def isNextServed(self, daemon: Daemon, stack: ExitStack) -> bool:
        """Connect, and say whether that connection is served."""
        return isServed(stack.enter_context(connected(daemon)))

    def test_noDescriptorWhileItRuns(self) -> None:
        """Where the limit of open files is lowered, connections wait until there are
        descriptors, with a line in the log at each attempt, and without work."""
        daemon = Daemon(self)
        with ExitStack() as stack:
            served = stack.enter_context(connected(daemon))
            self.assertTrue(isServed(served))
            process = daemon.process.pid
            before = resource.prlimit(process, resource.RLIMIT_NOFILE)
            resource.prlimit(process, resource.RLIMIT_NOFILE, (8, before[1]))
            waiting = [stack.enter_context(daemon.connect()) for _ in range(50)]
            until(lambda: daemon.log().count("Too many open files") >= 2)
            self.assertLess(daemon.log().count("\n"), 20)
            self.assertTrue(isServed(served))
            resource.prlimit(process, resource.RLIMIT_NOFILE, before)
            for peer in waiting:
                self.assertTrue(isServed(peer))
        self.assertNotIn("Traceback", daemon.log())

    def test_descriptorsForNobody(self) -> None:
        """Where the limit leaves no connection, the daemon ends with one line."""
        for descriptors in 8, 16:
            daemon = Daemon(
                self,
                command=(
                    *("prlimit", f"--nofile={descriptors}"),
                    *("twistd", "-n", "--pidfile="),
                ),
            )
            self.assertNotEqual(daemon.process.wait(DEADLINE), 0)
            self.assertEqual(
                daemon.log(),
                "echostamp: the limit of open files leaves no connection\n",
            )

    def test_logIsBounded(self) -> None:
        """A flood of connections leaves a bounded number of lines, and their count."""
        daemon = Daemon(self, "-p0", "--max-connections=1")
        with daemon.connect() as one, ExitStack() as stack:
            self.assertTrue(isServed(one))
            began = time.monotonic()
            for _ in range(1000):
                peer = stack.enter_context(socket.socket())
                peer.setblocking(False)
                peer.connect_ex(("127.0.0.1", daemon.port))

            def counted() -> int:
                left = re.findall(r"(\d+) more lines left out: refusals", daemon.log())
                return daemon.log().count("refused:") + sum(map(int, left))

            until(lambda: counted() == 1000)
            seconds = time.monotonic() - began
        lines = daemon.log().count("refused:")
        figure(f"1000 refusals in {seconds:.1f} s: {lines} lines, the others counted")
        self.assertLessEqual(lines, LINES_A_SECOND * (seconds + 1))
        self.assertLess(lines, 1000)


class TimeTests(timelimits.TimeCase):
    """
    Limits of time, on a machine that may be busy.
    """

    late = 10.0
