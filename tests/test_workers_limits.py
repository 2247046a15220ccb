"""Limits that hold over all workers together, and what goes with workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import echostamp
from tests.harness import DEADLINE, figure, run, script, until
from tests.reflecting import PLAIN, Asker, Reflecting
from tests.refusing import refusal
from tests.timelimits import connected, isServed
from tests.workers import (
    LOOPBACK,
    Installation,
    Workers,
    areServed,
    droppingTwistd,
    pathWith,
    workersOf,
)

#: Of the tests of packets: how many a second all sources may have, and the seconds.
TOTAL, SECONDS = 200, 5


class ConnectionTests(SynchronousTestCase):
    """
    Limits of connections.
    """

    def opened(
        self, daemon: Workers, stack: ExitStack, count: int
    ) -> list[socket.socket]:
        """Open connections, all before the first is used, and use each."""
        peers = [stack.enter_context(connected(daemon)) for _ in range(count)]
        areServed(peers)
        return peers

    def test_mostConnections(self) -> None:
        """C{--max-connections} holds over all workers, within their number; also when
        one was killed, whose connections count no more."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--max-connections=20", workers=4)
        for _ in range(3):
            with ExitStack() as stack:
                peers = self.opened(daemon, stack, 100)
                before = daemon.alive()
                served = [daemon.accepted(*peers).total()]
                os.kill(before[1], signal.SIGKILL)
                daemon.replaced(before, 1)
                # What is left, and new ones in the place of those that ended.
                peers += self.opened(daemon, stack, 100)
                served.append(daemon.accepted(*peers).total())
                figure(f"4 workers, at most 20 connections: {served} of 100")
                for count in served:
                    self.assertTrue(20 <= count <= 24, served)
            until(lambda: not daemon.accepted())
        self.assertRegex(daemon.log(), r"refused: more than 20 connections")

    def test_mostOneByOne(self) -> None:
        """Connections that are opened one after the other are counted exactly."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--max-connections=20", workers=4)
        with ExitStack() as stack:
            served = [
                isServed(stack.enter_context(connected(daemon))) for _ in range(60)
            ]
        self.assertEqual(served, [True] * 20 + [False] * 40)

    def test_mostPerHost(self) -> None:
        """C{--max-per-host} holds over all workers, within their number, and leaves
        other hosts their share."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--max-per-host=5", workers=4)
        address = ("127.0.0.1", daemon.port)
        with ExitStack() as stack:
            served = daemon.accepted(*self.opened(daemon, stack, 60)).total()
            figure(f"4 workers, at most 5 connections of a host: {served} of 60")
            self.assertTrue(5 <= served <= 9, served)
            for host in range(2, 12):
                source = (f"127.0.0.{host}", 0)
                peers = [
                    stack.enter_context(
                        socket.create_connection(address, DEADLINE, source)
                    )
                    for _ in range(5)
                ]
                self.assertTrue(all(areServed(peers)))
        self.assertRegex(daemon.log(), "more than 5 connections of 127.0.0.1")

    def test_default(self) -> None:
        """By default the workers together serve more than the descriptors of one
        process allow, and refuse the rest."""
        daemon = Workers(
            self, command=("prlimit", "--nofile=64", "twistd", "-n", "--pidfile=")
        )
        with ExitStack() as stack:
            served = daemon.accepted(*self.opened(daemon, stack, 300)).total()
        figure(f"2 workers with 64 descriptors each: {served} served of 300")
        self.assertTrue(64 < served < 128, served)
        self.assertNotIn("cannot accept", daemon.log())
        self.assertNotIn("Traceback", daemon.log())

    def test_defaultOfManyPorts(self) -> None:
        """The default also leaves room for the ports that a worker reads: those beyond
        it are refused, and do not wait."""
        daemon = Workers(
            self,
            *[f"-e{LOOPBACK}"] * 15,
            command=("prlimit", "--nofile=160", "twistd", "-n", "--pidfile="),
        )
        with ExitStack() as stack:
            served = daemon.accepted(*self.opened(daemon, stack, 300)).total()
        figure(f"2 workers with 160 descriptors and 15 ports each: {served} of 300")
        self.assertGreater(served, 0)
        self.assertNotIn("cannot accept", daemon.log())


class PacketTests(SynchronousTestCase):
    """
    Limits of packets.
    """

    def test_total(self) -> None:
        """C{--max-total-pps} holds over all workers within 10 %."""
        daemon = Reflecting(self, "--workers=2", f"--max-total-pps={TOTAL}")
        until(lambda: len(workersOf(daemon)) == 2)
        answered = Counter[int]()
        with ExitStack() as stack:
            askers = [stack.enter_context(Asker()) for _ in range(16)]
            for asker in askers:
                asker.setblocking(False)
            # The limit is one of each second of the monotonic clock.
            first = int(time.monotonic()) + 1
            while (second := int(time.monotonic())) < first + SECONDS:
                for asker in askers if second >= first else ():
                    asker.sendto(PLAIN, daemon.place)
                    try:
                        while asker.recv(100):
                            answered[second] += 1
                    except BlockingIOError:
                        pass
                time.sleep(0.005)
        counts = daemon.counts()
        figure(f"{TOTAL} packets a second at most, 2 workers: {dict(answered)}")
        self.assertGreater(counts.total(), 2 * TOTAL * SECONDS)
        self.assertLessEqual(counts["answered"], 1.1 * TOTAL * SECONDS)
        self.assertGreaterEqual(counts["answered"], 0.9 * TOTAL * SECONDS)

    def test_oneSource(self) -> None:
        """C{--max-pps} is each worker's own: a source with many ports is answered at
        the rates of both workers."""
        rate = 100
        daemon = Reflecting(self, "--workers=2", f"--max-pps={rate}")
        until(lambda: len(workersOf(daemon)) == 2)
        began = time.monotonic()
        with ExitStack() as stack:
            askers = [stack.enter_context(Asker()) for _ in range(32)]
            for _ in range(100):
                for asker in askers:
                    asker.sendto(PLAIN, daemon.place)
        until(lambda: daemon.counts()["answered"] >= 2 * rate)
        counts = daemon.counted()
        seconds = int(time.monotonic() - began) + 2
        figure(f"one source over its rate of {rate}, 2 workers: {dict(counts)}")
        self.assertGreater(counts["over the rate"], 0)
        self.assertLessEqual(counts["answered"], 2 * rate * seconds)


class OptionTests(SynchronousTestCase):
    """
    What C{--workers} refuses.
    """

    def test_numbers(self) -> None:
        """It takes 1 to 64, or C{auto}."""
        for value in "0", "65", "x", "-1", "1.5", "", "AUTO", "\u0661":
            self.assertEqual(
                refusal(f"--workers={value}"),
                f"echostamp: --workers {value!r}: not a whole number from 1 to 64, "
                "or auto",
            )

    def test_others(self) -> None:
        """It is refused with options that it does not go with, in one line that names
        both."""
        for before, after, line in [
            ((f"--chroot={os.getcwd()}",), (), "does not go with --chroot"),
            (("--profile=profile",), (), "does not go with --profile"),
            ((), ("--intercom",), "with --intercom needs --relay"),
            (
                (),
                ("--no-echo", "--peers=/dev/null"),
                "goes with an echo or a reflector",
            ),
        ]:
            refused = run(
                *(script("twistd"), "-n", "--pidfile=", *before, "echostamp"),
                "--workers=2",
                *after,
            )
            said = (refused.stdout + refused.stderr).decode()
            self.assertNotEqual(refused.returncode, 0)
            self.assertEqual(said, f"echostamp: --workers {line}\n")

    def test_user(self) -> None:
        """It is refused for a user who may not run Python, or not read the package: no
        worker could start."""
        python, *options = droppingTwistd(self)
        copy = Installation(self).folder
        (copy / "echostamp").chmod(0o700)
        paths = pathWith(Path(echostamp.__file__).parents[1])

        def assertRefused(path: str, what: str) -> None:
            """Assert that one line says what the user may not do."""
            refused = run(
                *("env", f"PYTHONPATH={path}", python, *options),
                *("echostamp", "--workers=2", "--port=0"),
            )
            said = (refused.stdout + refused.stderr).decode()
            self.assertEqual(refused.returncode, 1)
            self.assertEqual(said, f"echostamp: --workers: user 65534 may not {what}\n")

        assertRefused(f"{copy}:{paths}", f"read '{copy}/echostamp/__init__.py'")
        Path(python).parents[1].chmod(0o700)
        assertRefused(paths, f"run {python!r}")

    def test_twist(self) -> None:
        """C{twist} has no parent that could start them."""
        refused = run(script("twist"), "echostamp", "--workers=2", "--port=0")
        said = (refused.stdout + refused.stderr).decode()
        self.assertNotEqual(refused.returncode, 0)
        self.assertEqual(said, "echostamp: --workers needs twistd\n")

    def test_mostConnections(self) -> None:
        """C{--max-connections} may be as great as all workers' descriptors allow, and
        no greater."""
        limited = ("prlimit", "--nofile=100", "twistd", "-n", "--pidfile=")
        Workers(self, "--port=0", "--max-connections=140", command=limited)
        refused = run(
            *("prlimit", "--nofile=100", script("twistd"), "-n", "--pidfile="),
            *("echostamp", "--workers=2", "--port=0", "--max-connections=201"),
        )
        said = (refused.stdout + refused.stderr).decode()
        self.assertNotEqual(refused.returncode, 0)
        self.assertTrue(re.fullmatch(r"echostamp: --max-connections.*\n", said), said)
