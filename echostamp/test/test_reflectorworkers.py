"""Tests for L{echostamp.daemon.reflectorworkers}."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.addresses import socketName
from echostamp.daemon import reflectorrules
from echostamp.daemon.reflecting import boundSockets
from echostamp.daemon.reflectorrules import ReflectorRules
from echostamp.daemon.reflectorworkers import (
    KeptReflector,
    WorkerReflector,
    keptReflector,
    workerReflector,
)
from echostamp.keyfiles import GivenFiles, OpenFiles
from echostamp.rfc8762.packets import (
    SenderPacket,
    readReflectorPacket,
    senderPacket,
)
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.sessions import LONGEST_SILENCE
from echostamp.test.daemonoptions import parsed
from echostamp.test.fakes import FakeReactor
from echostamp.test.udpsockets import SO_TIMESTAMPNS
from echostamp.times import SECOND

HOST = "127.0.0.1"
ONE, TWO = bytes([1] * 16), bytes([2] * 16)

#: So many flows are on both of two sockets, but once in 2^39 times.
FLOWS = 40

#: Seconds that something may take.
PATIENCE = 5


class WorkersCase(SynchronousTestCase):
    """
    Real sockets of two workers at one address; the log and the reactor are fakes.
    """

    def setUp(self) -> None:
        """Have a log, a reactor and a clock."""
        self.events = EventLoggingObserver()
        self.patch(reflectorrules, "log", Logger(observer=self.events))
        self.reactor = FakeReactor()
        self.now = time.monotonic_ns()
        self.shared = Shared(Policy([ip_network("127.0.0.0/8")], isStateful=True), {})

    def kept(self, *places: tuple[str, int]) -> KeptReflector:
        """Make the parent's part."""
        sockets = boundSockets(places or [(HOST, 0)], 2)
        made = KeptReflector(sockets, ReflectorRules(Shared(self.shared.policy)))
        self.addCleanup(made.close)
        return made

    def worker(self, kept: KeptReflector) -> WorkerReflector:
        """Make a worker's part, with descriptors of its own."""
        self.descriptors = [
            [os.dup(each.fileno()) for each in place] for place in kept.places
        ]
        rules = ReflectorRules(self.shared)
        made = WorkerReflector(self.reactor, self.descriptors, rules, lambda: self.now)
        self.addCleanup(made.close)
        return made

    def sender(self, kept: KeptReflector) -> socket.socket:
        """Make a session-sender's socket."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        made.connect(kept.places[0][0].getsockname())
        made.setblocking(False)
        return made

    def indexOf(self, kept: KeptReflector, sender: socket.socket) -> int:
        """Give which worker's socket a flow has: nothing reads yet."""
        sender.send(bytes(44))
        ((found,), _, _) = select.select(kept.places[0], [], [], PATIENCE)
        found.recv(100)
        return kept.places[0].index(found)

    def senders(self, kept: KeptReflector) -> list[socket.socket]:
        """Make a session-sender for each worker's socket."""
        found: dict[int, socket.socket] = {}
        for _ in range(FLOWS):
            made = self.sender(kept)
            found.setdefault(self.indexOf(kept, made), made)
            if len(found) == 2:
                break
        return [found[index] for index in range(2)]

    def ask(self, sender: socket.socket, number: int = 5) -> None:
        """Send a packet."""
        sender.send(senderPacket(SenderPacket(number, number << 32, 1)))

    def turn(self) -> None:
        """Have everything read that is there."""
        for reader in self.reactor.getReaders():
            reader.doRead()

    def answers(self, sender: socket.socket, count: int) -> list[int]:
        """Give the numbers of replies."""
        found: list[int] = []
        waiting = select.poll()
        waiting.register(sender, select.POLLIN)
        until = time.monotonic() + PATIENCE
        while len(found) < count and time.monotonic() < until:
            self.turn()
            if waiting.poll(20):
                found.append(readReflectorPacket(sender.recv(100)).sequence)
        return found

    def answer(self, sender: socket.socket, number: int = 5) -> int:
        """Send a packet, and give the number of its reply."""
        self.ask(sender, number)
        [found] = self.answers(sender, 1)
        return found

    def assertWaits(self, kept: KeptReflector, index: int, sent: socket.socket) -> None:
        """Assert that a packet is not answered, though it has come."""
        self.ask(sent)
        bound = [kept.places[0][index]]
        self.assertEqual(select.select(bound, [], [], PATIENCE)[0], bound)
        self.turn()
        self.assertRaises(BlockingIOError, sent.recv, 100)


class ReadingTests(WorkersCase):
    """
    Which sockets a worker reads.
    """

    def test_exactlyThese(self) -> None:
        """It reads those that it is told to and no others.  What waits at one is
        answered when it is read."""
        kept = self.kept()
        first, second = self.senders(kept)
        worker = self.worker(kept)
        self.assertEqual(self.reactor.getReaders(), [])
        worker.read([0])
        self.answer(first)
        self.assertWaits(kept, 1, second)
        worker.read({0, 1})
        self.assertEqual(self.answers(second, 1), [0])
        self.answer(first)
        worker.read([1])
        self.assertWaits(kept, 0, first)
        self.answer(second)
        worker.read([])
        self.assertEqual(self.reactor.getReaders(), [])

    def test_everyPlace(self) -> None:
        """Of each place it reads the socket with the same number."""
        kept = self.kept((HOST, 0), ("127.0.0.2", 0))
        worker = self.worker(kept)
        worker.read([1])
        readers: list[Any] = list(self.reactor.getReaders())
        self.assertEqual(
            sorted(reader.address for reader in readers),
            [place[1].getsockname() for place in kept.places],
        )

    def test_handover(self) -> None:
        """What comes while no worker reads is answered by the next one."""
        kept = self.kept()
        [first, _] = self.senders(kept)
        old, new = self.worker(kept), self.worker(kept)
        old.read([0])
        self.answer(first)
        old.close()
        self.assertWaits(kept, 0, first)
        new.read([0])
        self.ask(first, 6)
        self.assertEqual(self.answers(first, 2), [0, 1])

    def test_sessions(self) -> None:
        """It says how many sessions end with the sockets that it leaves, without those
        that have been silent for too long.  Those of other sockets go on."""
        kept = self.kept()
        first, second = self.senders(kept)
        worker = self.worker(kept)
        self.assertEqual(worker.read([0, 1]), 0)
        for number in range(3):
            self.assertEqual(self.answer(first, number + 5), number)
            self.assertEqual(self.answer(second, number + 5), number)
        self.assertEqual(worker.read([0, 1]), 0)
        self.assertEqual(worker.read([1]), 1)
        self.assertEqual(worker.read([1]), 0)
        self.assertEqual(self.answer(second, 8), 3)
        worker.read([0, 1])
        self.assertEqual(self.answer(first, 8), 0)
        self.now += LONGEST_SILENCE + PATIENCE * SECOND
        self.assertEqual(worker.read([]), 0)

    def test_others(self) -> None:
        """It can close the descriptors of the sockets that it does not read: these it
        cannot read again."""
        kept = self.kept()
        [_, second] = self.senders(kept)
        worker = self.worker(kept)
        [[one, two]] = self.descriptors
        worker.read([1])
        worker.closeOthers()
        self.assertRaises(OSError, os.fstat, one)
        self.assertRaises(KeyError, worker.read, [0, 1])
        self.answer(second)
        os.fstat(two)
        worker.close()
        self.assertRaises(OSError, os.fstat, two)
        self.assertEqual(self.reactor.getReaders(), [])

    def test_counts(self) -> None:
        """The counts of a worker go on, whichever sockets it reads."""
        kept = self.kept()
        worker = self.worker(kept)
        for index, sender in enumerate(self.senders(kept)):
            worker.read([index])
            self.answer(sender)
        self.assertEqual(worker.rules.counts, {"answered": 2})


class KeptTests(WorkersCase):
    """
    The parent's part.
    """

    def test_log(self) -> None:
        """Each place has one line, which only the parent writes."""
        kept = self.kept((HOST, 0), ("127.0.0.2", 0))
        self.worker(kept).read([0, 1])
        self.assertEqual(list(self.events), [])
        kept.logPlaces()
        self.assertEqual(
            [formatEvent(event) for event in self.events],
            [
                f"answering STAMP at {socketName(place[0].getsockname())}, "
                "unauthenticated; arrivals stamped by the kernel, departures by this "
                "program, in follow-ups by the kernel"
                for place in kept.places
            ],
        )

    def test_arrivals(self) -> None:
        """The kernel stamps a packet when it comes, not when a worker reads it."""
        kept = self.kept()
        sender = self.sender(kept)
        until = time.monotonic() + PATIENCE
        isStamped = False
        # The kernel begins a little after it was asked to.
        while not isStamped and time.monotonic() < until:
            self.ask(sender)
            (bound,), _, _ = select.select(kept.places[0], [], [], PATIENCE)
            come = now = time.time_ns()
            while now <= come:
                now = time.time_ns()
            [(_, _, octets)] = [
                each for each in bound.recvmsg(100, 512)[1] if each[1] == SO_TIMESTAMPNS
            ]
            seconds, rest = struct.unpack("@qq", octets)
            isStamped = seconds * SECOND + rest <= come
        self.assertTrue(isStamped)

    def test_close(self) -> None:
        """When the parent and the worker have closed them, others may have the
        address."""
        kept = self.kept()
        address = kept.places[0][0].getsockname()
        worker = self.worker(kept)
        worker.read([0, 1])
        kept.close()
        self.assertRaises(OSError, boundSockets, [address])
        worker.close()
        [[alone]] = boundSockets([address])
        alone.close()


class MakingTests(WorkersCase):
    """
    From the command line to both parts.
    """

    def setUp(self) -> None:
        """Have a key file in the working directory."""
        super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.write(ONE)

    def write(self, *keys: bytes) -> None:
        """Replace the content of the key file."""
        path = self.folder / "keys"
        path.write_text("".join(f"* {key.hex()}\n" for key in keys))
        path.chmod(0o600)

    def test_keys(self) -> None:
        """The parent reads and checks the key file.  A worker, which may not read it,
        has the same keys, at its start and at a reload."""
        options = parsed("--reflector=127.0.0.1:0", "--reflector-key=keys")
        files = OpenFiles()
        kept = keptReflector(options, 2, files)
        self.addCleanup(kept.close)
        self.assertEqual([len(place) for place in kept.places], [2])
        given = GivenFiles(dict(files.contents), os.getcwd())
        os.rename("keys", "hidden")
        os.chdir("/")
        worker = workerReflector(
            self.reactor, options, [], given, lambda second: second
        )
        self.assertEqual(worker.rules.shared.policy, kept.rules.shared.policy)
        self.assertEqual(worker.rules.shared.keys, {None: [ONE]})
        self.write()
        self.assertRaises(ValueError, kept.rules.reload)
        given.replace(dict(files.contents))
        worker.rules.reload()
        self.assertEqual(worker.rules.shared.keys, {None: [ONE]})
        self.write(TWO)
        kept.rules.reload()
        given.replace(dict(files.contents))
        worker.rules.reload()
        for part in kept, worker:
            self.assertEqual(part.rules.shared.keys, {None: [TWO]})

    def test_grant(self) -> None:
        """A worker takes shares of the total; without a key file it needs no files."""
        options = parsed("--reflector=862", "--max-total-pps=7")
        shares = [2, 0]
        worker = workerReflector(
            self.reactor, options, [], GivenFiles({}, "/"), lambda second: shares.pop(0)
        )
        isOver = worker.rules.shared.rates.isOver
        self.assertEqual([isOver(HOST, 0) for _ in range(4)], [False] * 2 + [True] * 2)
        self.assertEqual(worker.rules.shared.keys, {})

    def test_wrong(self) -> None:
        """The errors are those of a daemon with one process, and no socket stays."""
        kept = self.kept()
        _, port = kept.places[0][0].getsockname()
        for arguments, why in [
            (
                [f"--reflector={HOST}:{port}"],
                f"--reflector: cannot receive at {HOST}:{port}: Address already in use",
            ),
            (
                [f"--reflector={HOST}:{port}", "--reflector-key=other"],
                "--reflector-key 'other': No such file or directory",
            ),
        ]:
            options = parsed(*arguments)
            error: object = self.assertRaises(
                ValueError, keptReflector, options, 2, OpenFiles()
            )
            self.assertEqual(str(error), why)
