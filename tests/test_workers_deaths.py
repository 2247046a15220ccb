"""A worker dies, is stuck, or loses its parent."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests.filling import isAsleep
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    figure,
    freePort,
    readAll,
    readLines,
    script,
    shortFolder,
    until,
    withoutStamps,
)
from tests.pinging import STATEFUL
from tests.reflecting import PLAIN, Asker, Reflecting
from tests.timelimits import isServed
from tests.websites import readPage
from tests.workers import LOOPBACK, Workers, areServed, children, isAlive, workersOf


class DeathCase(SynchronousTestCase):
    """
    Workers that end.
    """

    def stopped(self, process: int) -> None:
        """Suspend a worker, up to the end of the test."""
        os.kill(process, signal.SIGSTOP)

        def goOn() -> None:
            if isAlive(process):
                os.kill(process, signal.SIGCONT)

        self.addCleanup(goOn)


class KillTests(DeathCase):
    """
    C{kill -9} of a worker.
    """

    def test_ownConnections(self) -> None:
        """Only its own connections end, and another process takes its place."""
        daemon = Workers(self)
        before = daemon.alive()
        with ExitStack() as stack:
            served = daemon.served(stack, 40)
            os.kill(before[1], signal.SIGKILL)
            after = daemon.replaced(before, 1)
            for peer, process in served.items():
                self.assertEqual(isServed(peer), process == before[2])
            daemon.served(stack, 40)
        self.assertEqual(after[2], before[2])
        self.assertIn(f"worker 1, process {before[1]}, has ended: ", daemon.log())

    def test_waiting(self) -> None:
        """Connections that wait in the kernel for a worker that dies are served by its
        successor, with what they have sent."""
        daemon = Workers(self)
        before = daemon.alive()
        with ExitStack() as stack:
            self.stopped(before[1])
            peers = [stack.enter_context(daemon.connect()) for _ in range(100)]
            for peer in peers:
                peer.sendall(b"hello\nworld")
                peer.shutdown(socket.SHUT_WR)
            until(lambda: isAsleep(before[2]))
            waited = 100 - len(select.select(peers, [], [], 0)[0])
            os.kill(before[1], signal.SIGKILL)
            answers = [withoutStamps(readAll(peer)) for peer in peers]
        figure(f"{waited} connections waited for a worker that was killed: answered")
        self.assertGreater(waited, 20)
        self.assertEqual(answers, [b"hello\nworld"] * 100)

    def test_drained(self) -> None:
        """SIGTERM to a worker drains it: its connections are answered and closed, and
        another process takes its place."""
        daemon = Workers(self)
        before = daemon.alive()
        with ExitStack() as stack:
            served = daemon.served(stack, 20)
            for peer in served:
                peer.sendall(b"a\nlast")
                readLines(peer, 1)
            os.kill(before[1], signal.SIGTERM)
            for peer, process in served.items():
                if process == before[1]:
                    self.assertRegex(readAll(peer), b"^" + STAMP + b"last$")
            daemon.replaced(before, 1)
            daemon.served(stack, 20)

    def test_flows(self) -> None:
        """The kernel's choice of a worker for a source of STAMP packets stays, when one
        dies: only sessions of the dead one begin again.  What comes meanwhile is
        answered later."""

        def both(daemon: Daemon) -> dict[int, int] | None:
            return found if len(found := workersOf(daemon)) == 2 else None

        daemon = Reflecting(self, "--workers=2", *STATEFUL)
        before = until(lambda: both(daemon))
        with ExitStack() as stack:
            askers = [stack.enter_context(Asker()) for _ in range(40)]
            restarted = []
            for _ in range(2):
                for _ in range(3):
                    numbers = [self.number(daemon, asker) for asker in askers]
                os.kill(before[1], signal.SIGKILL)
                again = [self.number(daemon, asker) for asker in askers]
                restarted.append(
                    [
                        asker
                        for asker, old, new in zip(askers, numbers, again, strict=True)
                        if new != old + 1
                    ]
                )
                before = until(lambda: both(daemon))
            self.assertEqual(restarted[0], restarted[1])
            self.assertTrue(0 < len(restarted[0]) < 40)

    def number(self, daemon: Reflecting, asker: Asker) -> int:
        """Ask, and give the number of the reply in its session."""
        return int.from_bytes(asker.ask(PLAIN, daemon.place).octets[:4], "big")

    def test_again(self) -> None:
        """A worker that dies more than 5 times in a minute is tried every 30 s, which
        the log says once.  The other worker reads its sockets meanwhile."""
        daemon = Workers(self)
        before = daemon.alive()
        took = []
        for _ in range(6):
            os.kill(daemon.alive()[1], signal.SIGKILL)
            began = time.monotonic()
            until(
                lambda: (
                    daemon.alive().get(1, before[1]) != before[1]
                    or "more than 5 times" in daemon.log()
                )
            )
            took.append(time.monotonic() - began)
            before[1] = daemon.alive().get(1, 0)
        figure("restarts after " + ", ".join(f"{each:.1f}" for each in took) + " s")
        self.assertEqual(daemon.log().count("more than 5 times in 60 s"), 1)
        until(lambda: "worker 2 reads the sockets of worker 1 as well" in daemon.log())
        with ExitStack() as stack:
            served = daemon.served(stack, 40)
        self.assertEqual(set(served.values()), {before[2]})
        self.assertNotIn(1, daemon.alive())

    def test_none(self) -> None:
        """While no worker is there the daemon is not ready, and does not kick the
        watchdog.  Connections wait, and are served at last."""
        folder = shortFolder(self)
        web = freePort()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(folder / "notify"))
            daemon = Workers(
                self,
                *(f"-e{LOOPBACK}", f"--web={web}"),
                env={
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": "200000",
                },
            )
            self.assertEqual(readPage(web, "/readyz")[0], 200)
            for _ in range(4):
                self.killAll(before := daemon.alive())
                daemon.replaced(before)
            # At its fifth death a worker is away for 2 s.
            self.killAll(daemon.alive())
            with daemon.connect() as peer:
                peer.sendall(b"hello\n")
                until(lambda: readPage(web, "/readyz")[0] == 503)
                systemd.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    # Messages that were sent before.
                    while True:
                        systemd.recv(1000)
                systemd.settimeout(0.4)
                self.assertRaises(TimeoutError, systemd.recv, 1000)
                self.assertRegex(readLines(peer, 1), STAMP + b"hello\n")
            until(lambda: readPage(web, "/readyz")[0] == 200)
            systemd.settimeout(DEADLINE)
            self.assertEqual(systemd.recv(1000), b"WATCHDOG=1")

    def killAll(self, workers: dict[int, int]) -> None:
        """Kill workers."""
        for process in workers.values():
            os.kill(process, signal.SIGKILL)

    def test_metrics(self) -> None:
        """The metrics are sums over all workers.  They never fall, also when a worker
        is killed."""
        web = freePort()
        daemon = Workers(self, f"-e{LOOPBACK}", f"--web={web}")
        names = ("connections", "messages", "received_bytes")

        def counts() -> list[float]:
            text = readPage(web, "/metrics")[1].decode()
            lines = dict(
                line.rpartition(" ")[::2] for line in text.splitlines() if line
            )
            return [float(lines[f"echostamp_{name}_total"]) for name in names]

        with ExitStack() as stack:
            daemon.served(stack, 30)
            until(lambda: counts() == [30.0, 30.0, 180.0])
        for _ in range(3):
            before, last = daemon.alive(), counts()
            os.kill(before[1], signal.SIGKILL)

            def restarted() -> bool:
                nonlocal last
                now = counts()
                for old, new in zip(last, now, strict=True):
                    self.assertGreaterEqual(new, old)
                last = now
                return daemon.alive().get(1, before[1]) != before[1]  # noqa: B023

            until(restarted)
        self.assertEqual(last[0], 30)


class StuckTests(DeathCase):
    """
    A worker that does nothing any more.
    """

    def test_stuck(self) -> None:
        """A worker that does not answer for 10 s is ended, says where it was, and is
        started again.  Connections of the other one go on."""
        daemon = Workers(self)
        before = daemon.alive()
        with ExitStack() as stack:
            served = daemon.served(stack, 20)
            self.stopped(before[1])
            began = time.monotonic()
            others = [peer for peer in served if served[peer] == before[2]]
            self.assertTrue(others)

            def replaced() -> bool:
                self.assertTrue(all(areServed(others)))
                return daemon.alive().get(1, before[1]) != before[1]

            until(replaced)
            seconds = time.monotonic() - began
        figure(f"a worker that was stopped: replaced after {seconds:.1f} s")
        # It may have answered up to 2 s before it was stopped.
        self.assertGreater(seconds, 7)
        said = f"worker 1, process {before[1]}, has not answered for 10 s: ending it"
        self.assertIn(said, daemon.log())
        self.assertRegex(daemon.log(), r"worker 1: Fatal Python error: Aborted")
        self.assertRegex(daemon.log(), r'worker 1:   File "')


class ParentTests(DeathCase):
    """
    The parent ends.
    """

    def test_stop(self) -> None:
        """SIGTERM and SIGINT drain all workers: connections that they have not accepted
        yet are answered, too."""
        for number in signal.SIGTERM, signal.SIGINT:
            daemon = Workers(self, f"-e{LOOPBACK}", "--grace=60")
            for process in daemon.alive().values():
                self.stopped(process)
            with ExitStack() as stack:
                peers = [stack.enter_context(daemon.connect()) for _ in range(200)]
                for peer in peers:
                    peer.sendall(b"hello\nworld")
                workers = daemon.alive().values()
                daemon.process.send_signal(number)
                until(lambda: ": stopping" in daemon.log())  # noqa: B023
                for process in workers:
                    os.kill(process, signal.SIGCONT)
                answers = [withoutStamps(readAll(peer)) for peer in peers]
            self.assertEqual(answers, [b"hello\nworld"] * 200)
            self.assertEqual(daemon.process.wait(DEADLINE), 0)
            self.assertNotIn("Traceback", daemon.log())

    def test_group(self) -> None:
        """Ctrl-C in a terminal goes to all processes at once.  The parent's own stop
        decides: nothing that has arrived is lost."""
        daemon = Workers(
            self,
            *(f"-e{LOOPBACK}", "--grace=60"),
            command=("setsid", script("twistd"), "-n", "--pidfile="),
        )
        workers = daemon.alive().values()
        with ExitStack() as stack:
            peers = list(daemon.served(stack, 20))
            for process in workers:
                self.stopped(process)
            peers += [stack.enter_context(daemon.connect()) for _ in range(100)]
            for peer in peers:
                peer.sendall(b"hello\nworld")
            os.killpg(daemon.process.pid, signal.SIGINT)
            for process in workers:
                os.kill(process, signal.SIGCONT)
            answers = [withoutStamps(readAll(peer)) for peer in peers]
        self.assertEqual(answers, [b"hello\nworld"] * 120)
        self.assertEqual(daemon.process.wait(DEADLINE), 0)

    def test_away(self) -> None:
        """Where a worker is away when the daemon stops, another one accepts what waits
        for it."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--grace=60")
        for _ in range(4):
            os.kill((before := daemon.alive())[1], signal.SIGKILL)
            daemon.replaced(before, 1)
        os.kill(daemon.alive()[1], signal.SIGKILL)
        until(lambda: "again in 2 s" in daemon.log())
        with ExitStack() as stack:
            peers = [stack.enter_context(daemon.connect()) for _ in range(100)]
            for peer in peers:
                peer.sendall(b"hello\nworld")
            daemon.process.send_signal(signal.SIGTERM)
            answers = [withoutStamps(readAll(peer)) for peer in peers]
        self.assertEqual(answers, [b"hello\nworld"] * 100)
        self.assertEqual(daemon.process.wait(DEADLINE), 0)

    def test_killedAtTheStop(self) -> None:
        """The same where it is killed just before, and the parent may not know yet."""
        for _ in range(5):
            daemon = Workers(self, f"-e{LOOPBACK}", "--grace=60")
            worker = daemon.alive()[1]
            self.stopped(worker)
            with ExitStack() as stack:
                peers = [stack.enter_context(daemon.connect()) for _ in range(40)]
                for peer in peers:
                    peer.sendall(b"hello\nworld")
                os.kill(worker, signal.SIGKILL)
                daemon.process.send_signal(signal.SIGTERM)
                answers = [withoutStamps(readAll(peer)) for peer in peers]
            self.assertEqual(answers, [b"hello\nworld"] * 40)
            self.assertEqual(daemon.process.wait(DEADLINE), 0)

    def test_workersSignals(self) -> None:
        """SIGHUP, SIGUSR1 and SIGUSR2 to a worker do nothing."""
        daemon = Workers(self)
        with ExitStack() as stack:
            served = daemon.served(stack, 10)
            for process in daemon.alive().values():
                for number in signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2:
                    os.kill(process, number)
            self.assertTrue(all(areServed(served)))

    def test_beginningWorker(self) -> None:
        """Signals to a process that is only about to be a worker, as where all of a
        group or a unit get them, do not end it: they wait, or are ignored."""
        daemon = Workers(self)
        before = daemon.alive()
        for number in signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2:
            known = set(before.values())
            daemon.process.send_signal(signal.SIGUSR2)
            new = until(lambda: set(children(daemon.process.pid)) - known)  # noqa: B023
            os.kill(min(new), number)
            before = daemon.replaced(before)
            until(lambda: len(children(daemon.process.pid)) == 2)
        self.assertNotIn("is not replaced", daemon.log())

    def test_again(self) -> None:
        """A second signal ends connections that do not read, at once."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--grace=60")
        with ExitStack() as stack:
            for peer in daemon.served(stack, 10):
                peer.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        peer.send(b"\n" * 65536)
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: ": stopping" in daemon.log())
            self.assertIsNone(daemon.process.poll())
            began = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.process.wait(DEADLINE), 0)
        self.assertLess(time.monotonic() - began, 30)

    def test_killed(self) -> None:
        """After C{kill -9} of the parent the workers answer what has arrived, close,
        and end within the grace.  The port is free then."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--grace=20")
        workers = daemon.alive().values()
        with ExitStack() as stack:
            served = daemon.served(stack, 20)
            for process in workers:
                self.stopped(process)
            for peer in served:
                peer.sendall(b"last\n")
            waiting = [stack.enter_context(daemon.connect()) for _ in range(20)]
            for peer in waiting:
                peer.sendall(b"last\n")
            daemon.stop(signal.SIGKILL)
            began = time.monotonic()
            for process in workers:
                os.kill(process, signal.SIGCONT)
            for peer in [*served, *waiting]:
                self.assertEqual(withoutStamps(readAll(peer)), b"last\n")
            until(lambda: not any(map(isAlive, workers)))
        figure(
            f"kill -9 of the parent: its workers end in "
            f"{time.monotonic() - began:.1f} s"
        )
        again = Daemon(self, f"-etcp:{daemon.port}:interface=127.0.0.1")
        with again.connect() as peer:
            self.assertTrue(isServed(peer))
