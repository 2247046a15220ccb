"""Workers that stop, die and are replaced again and again, under load."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack
from statistics import median

from twisted.trial.unittest import SynchronousTestCase

from tests.arrivals import Arrivals
from tests.filling import isAsleep
from tests.harness import (
    DEADLINE,
    figure,
    memory,
    openMany,
    readAll,
    until,
    withoutStamps,
)
from tests.timelimits import isServed
from tests.workers import LOOPBACK, Workers, areServed, isAlive

#: How often something is done.
STOPS, KILLS, RELOADS = 50, 50, 100

#: Connections a second.
RATE = 500.0


class StopTests(SynchronousTestCase):
    """
    SIGTERM under load.
    """

    def test_stops(self) -> None:
        """Of 50 stops under load none loses a line that had arrived: of a connection
        that was there before, or of one that had been made just then."""
        lines = b"".join(b"%07d\n" % number for number in range(1000))
        counts = Counter[str]()
        for _ in range(STOPS):
            daemon = Workers(self, f"-e{LOOPBACK}", "--grace=60")
            with ExitStack() as stack:
                served = daemon.served(stack, 20)
                arrivals = stack.enter_context(Arrivals(daemon.port, RATE))
                until(lambda: len(arrivals.outcomes) > 50)  # noqa: B023
                for peer in served:
                    peer.sendall(lines)
                began = time.monotonic()
                daemon.process.send_signal(signal.SIGTERM)
                for peer in served:
                    self.assertEqual(withoutStamps(readAll(peer)), lines)
                self.assertEqual(daemon.process.wait(DEADLINE), 0)
                arrivals.stop()
            counts.update(
                each.what
                for each in arrivals.outcomes
                if 0 < each.connected < began or each.what == "answered"
            )
        figure(f"{STOPS} stops under {RATE:g} connections a second: {dict(counts)}")
        self.assertEqual(set(counts), {"answered"})


class KillTests(SynchronousTestCase):
    """
    C{kill -9} of workers.
    """

    def test_kills(self) -> None:
        """50 kills of a worker end its own connections only.  Those that waited for it
        to accept them are served, and none of the others ends."""
        workers = 10
        daemon = Workers(self, workers=workers)
        ended = waited = 0
        for number in range(KILLS):
            worker = 1 + number % workers
            before = daemon.alive()
            with ExitStack() as stack:
                served = daemon.served(stack, 3 * workers)
                os.kill(before[worker], signal.SIGSTOP)
                peers = [stack.enter_context(daemon.connect()) for _ in served]
                for peer in peers:
                    peer.sendall(b"hello\nworld")
                    peer.shutdown(socket.SHUT_WR)
                until(
                    lambda: all(
                        map(isAsleep, set(before.values()) - {before[worker]})  # noqa: B023
                    )
                )
                waited += len(peers) - len(select.select(peers, [], [], 0)[0])
                os.kill(before[worker], signal.SIGKILL)
                for peer in peers:
                    self.assertEqual(withoutStamps(readAll(peer)), b"hello\nworld")
                for peer, process in served.items():
                    self.assertEqual(isServed(peer), process != before[worker])
                    ended += process == before[worker]
            daemon.replaced(before, worker)
        figure(
            f"{KILLS} kills: {ended} connections of the dead workers ended, {waited} "
            "waited for them and were served"
        )
        self.assertGreater(waited, KILLS)


class ReloadTests(SynchronousTestCase):
    """
    SIGUSR2 under load.
    """

    def test_reloads(self) -> None:
        """100 rolling reloads under 500 connections a second: none is refused, reset or
        lost.  The parent's memory does not grow."""
        daemon = Workers(self)
        seconds, grown = [], []
        with Arrivals(daemon.port, RATE) as arrivals:
            for number in range(1, RELOADS + 1):
                began = time.monotonic()
                daemon.process.send_signal(signal.SIGUSR2)
                until(
                    lambda: daemon.log().count("all workers are replaced") == number  # noqa: B023
                )
                seconds.append(time.monotonic() - began)
                grown.append(daemon.memory())
            counts = arrivals.stop()
            arrived = [each.began for each in arrivals.outcomes]
        rate = len(arrived) / (max(arrived) - min(arrived))
        figure(
            f"{RELOADS} reloads of 2 workers under {rate:.0f} connections a second: "
            f"{dict(counts)}; {median(seconds):.1f} to {max(seconds):.1f} s each; the "
            f"parent {(grown[-1] - grown[9]) / 1024:.0f} KiB larger"
        )
        self.assertEqual(set(counts), {"answered"})
        self.assertGreater(rate, 0.8 * RATE)
        self.assertLess(grown[-1] - grown[9], 2 << 20)
        self.assertNotIn("Traceback", daemon.log())


class StoppedTests(SynchronousTestCase):
    """
    The machine, or the parent, stands still.
    """

    def test_stopped(self) -> None:
        """Time in which the parent, or all processes, were stopped kills no worker."""
        daemon = Workers(self)
        before = daemon.alive()
        with ExitStack() as stack:
            served = daemon.served(stack, 20)
            for stopped in (
                [daemon.process.pid],
                [daemon.process.pid, *before.values()],
            ):
                for process in stopped:
                    os.kill(process, signal.SIGSTOP)
                end = time.monotonic() + 12
                until(lambda: time.monotonic() > end)  # noqa: B023
                for process in reversed(stopped):
                    os.kill(process, signal.SIGCONT)
                end = time.monotonic() + 3
                until(lambda: time.monotonic() > end)  # noqa: B023
                self.assertTrue(all(areServed(served)))
        self.assertEqual(daemon.alive(), before)
        self.assertNotIn("has not answered", daemon.log())


class SizeTests(SynchronousTestCase):
    """
    Many workers, and many connections.
    """

    def test_most(self) -> None:
        """64 workers start, serve and stop."""
        daemon = Workers(self, workers=64)
        workers = daemon.alive()
        resident = [memory(each, "VmRSS") for each in workers.values()]
        own = [_ownMemory(each) for each in workers.values()]
        with ExitStack() as stack:
            daemon.served(stack, 200)
        began = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        figure(
            f"64 idle workers: {median(resident) / 1e6:.1f} MB resident each, "
            f"{median(own) / 1e6:.1f} MB of its own; stopped within "
            f"{time.monotonic() - began:.1f} s"
        )
        self.assertFalse(any(map(isAlive, workers.values())))

    def test_descriptors(self) -> None:
        """By default the workers together serve more connections than the limit of open
        files leaves to one process."""
        count, limit = 3000, 2000
        openMany(self, count + 200)
        daemon = Workers(
            self,
            command=("prlimit", f"--nofile={limit}", "twistd", "-n", "--pidfile="),
        )
        with ExitStack() as stack:
            peers = [stack.enter_context(daemon.connect()) for _ in range(count)]
            self.assertTrue(all(areServed(peers)))
            counts = daemon.accepted(*peers)
        figure(f"{count} connections of 2 workers, {limit} files each: {counts}")
        self.assertEqual(counts.total(), count)


def _ownMemory(process: int) -> int:
    """
    Give the memory that only this process has, in octets.
    """
    with open(f"/proc/{process}/smaps_rollup") as rollup:
        lines = [line for line in rollup if line.startswith("Private_")]
    return sum(int(line.split()[1]) * 1024 for line in lines)
