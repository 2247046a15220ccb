"""Tests for L{echostamp.daemon.reflecting}."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import twisted.internet
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.addresses import scoped
from echostamp.daemon import reflectorrules
from echostamp.daemon.reflecting import (
    ReflectingService,
    boundSockets,
    reflectingService,
)
from echostamp.daemon.reflectoroptions import parsePlace
from echostamp.daemon.reflectorrules import ReflectorRules
from echostamp.daemon.service import makeService
from echostamp.listen import readers, sockets
from echostamp.listen.readers import Readers
from echostamp.rfc8762 import port
from echostamp.rfc8762 import sockets as udpSockets
from echostamp.rfc8762.ancillary import SocketOptions
from echostamp.rfc8762.packets import SenderPacket, senderPacket
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.test.daemonoptions import fakeSignals, parsed
from echostamp.test.fakes import FakeReactor, FakeSockets, osError
from echostamp.test.udpsockets import PEER, FakePoll, FakeSocketModule, timestamp

ONE, TWO = bytes([1] * 16), bytes([2] * 16)


class FakeSystemTestCase(SynchronousTestCase):
    """
    Sockets and epolls are fakes.
    """

    def setUp(self) -> None:
        """Replace the sockets, the epoll and the log."""
        self.sockets = FakeSocketModule()
        self.patch(port, "socket", self.sockets)
        self.patch(udpSockets, "socket", self.sockets)
        fake = SimpleNamespace(
            epoll=FakePoll, EPOLLIN=select.EPOLLIN, EPOLLERR=select.EPOLLERR
        )
        self.patch(port, "select", fake)
        self.patch(readers, "select", fake)
        self.events = EventLoggingObserver()
        self.patch(reflectorrules, "log", Logger(observer=self.events))
        self.reactor = FakeReactor()

    def addresses(self) -> list[tuple[Any, ...]]:
        """Give the addresses of the sockets."""
        return [each.address[:2] for each in self.sockets.made]

    def log(self) -> list[str]:
        """Give the lines of the log, and clear it."""
        lines = [str(formatEvent(event)) for event in self.events]
        self.events._events.clear()
        return lines

    def keyFile(self, *keys: bytes) -> str:
        """Write a key file."""
        path: str = self.mktemp()
        self.write(path, *keys)
        return path

    def write(self, path: str, *keys: bytes) -> None:
        """Replace the content of a key file."""
        with open(path, "w") as file:
            file.writelines(f"* {key.hex()}\n" for key in keys)
        os.chmod(path, 0o600)


class SocketsTests(FakeSystemTestCase):
    """
    The sockets of a session-reflector.
    """

    def test_each(self) -> None:
        """Each address gets a socket."""
        boundSockets([("192.0.2.1", 862), ("::1", 863)])
        self.assertEqual(self.addresses(), [("192.0.2.1", 862), ("::1", 863)])

    def test_anyPort(self) -> None:
        """When the system chooses the port for all addresses, both families get the
        same port."""
        bind = FakeSocketModule.socket

        def picking(module: FakeSocketModule, family: int, kind: int) -> Any:
            made = bind(module, family, kind)

            def pick(address: Any) -> None:
                made.address = (
                    address[0],
                    address[1] or 54320 + len(module.made),
                    *address[2:],
                )

            made.bind = pick
            return made

        self.patch(FakeSocketModule, "socket", picking)
        boundSockets(parsePlace("0"))
        self.assertEqual(self.addresses(), [("0.0.0.0", 54321), ("::", 54321)])

    def test_noIpv6(self) -> None:
        """Without IPv6, all addresses means those of IPv4; a single IPv6 address is an
        error."""
        made = FakeSocketModule.socket

        def without(module: FakeSocketModule, family: int, kind: int) -> Any:
            if family == socket.AF_INET6:
                raise osError(errno.EAFNOSUPPORT)
            return made(module, family, kind)

        self.patch(FakeSocketModule, "socket", without)
        self.assertEqual(len(boundSockets(parsePlace("862"))), 1)
        self.assertRaises(OSError, boundSockets, [("192.0.2.1", 1), ("::1", 862)])
        self.assertTrue(self.sockets.made[-1].isClosed)
        self.assertRaises(OSError, boundSockets, [("::", 862)])

    def test_refused(self) -> None:
        """The error names an address that cannot be bound, and all sockets are
        closed."""
        bind = FakeSocketModule.socket

        def refusing(module: FakeSocketModule, family: int, kind: int) -> Any:
            module.refusal = osError(errno.EADDRINUSE) if module.made else None
            return bind(module, family, kind)

        self.patch(FakeSocketModule, "socket", refusing)
        error: Any = self.assertRaises(
            OSError, boundSockets, [("192.0.2.1", 862), ("::1", 863)]
        )
        self.assertEqual(error.filename, "[::1]:863")
        self.assertTrue(all(each.isClosed for each in self.sockets.made))


class ServiceTests(FakeSystemTestCase):
    """
    STAMP is answered while the daemon runs.
    """

    def started(self, shared: Shared | None = None) -> ReflectingService:
        """Start a service with two ports."""
        self.shared = shared or Shared()
        bound = [each for (each,) in boundSockets([("192.0.2.1", 862), ("::1", 863)])]
        made = ReflectingService(self.reactor, bound, ReflectorRules(self.shared))
        made.startService()
        return made

    def receive(self, packet: bytes) -> list[Any]:
        """Deliver a packet at the first port, and give what is sent."""
        bound = self.sockets.made[0]
        bound.inbox = [(packet, [timestamp(5, 6)], PEER)]
        reader: Any = next(
            each
            for each in self.reactor.getReaders()
            if getattr(each, "address", None) == bound.address
        )
        reader.doRead()
        sent: list[Any] = bound.sent
        return sent

    def test_answers(self) -> None:
        """It answers from its start to its end, and logs where."""
        made = self.started()
        self.assertEqual(
            self.log(),
            [
                f"answering STAMP at {place}, unauthenticated; arrivals stamped by the "
                "kernel, departures by this program"
                for place in ("192.0.2.1:862", "[::1]:863")
            ],
        )
        self.assertEqual(len(self.receive(senderPacket(SenderPacket(1, 2, 3)))), 1)
        made.stopService()
        self.assertFalse(made.running)
        self.assertTrue(all(each.isClosed for each in self.sockets.made))
        self.assertEqual(self.reactor.getReaders(), [])
        self.assertEqual(self.log(), ["STAMP packets: 1 answered"])

    def test_link(self) -> None:
        """The log shows the link of an address."""
        [bound] = boundSockets([("fe80::1%1", 862)])
        rules = ReflectorRules(Shared())
        ReflectingService(self.reactor, bound, rules).startService()
        [line] = self.log()
        self.assertIn(f"at [{scoped('fe80::1', 1)}]:862, ", line)
        self.assertIn("%", line)

    def test_clocks(self) -> None:
        """The log names the clocks of the timestamps, and the mode."""
        policy = Policy([ip_network("192.0.2.0/24")], isStateful=True)
        self.started(Shared(policy, {None: [ONE]}))
        for line in self.log():
            self.assertTrue(
                line.endswith(
                    ", authenticated; arrivals stamped by the kernel, departures by "
                    "this program, in follow-ups by the kernel"
                ),
                line,
            )
        for name in "stampArrivals", "countDepartures":
            self.patch(SocketOptions, name, lambda options: False)
        self.started(Shared(policy))
        for line in self.log():
            self.assertTrue(
                line.endswith(
                    "arrivals stamped by this program, departures by this program"
                ),
                line,
            )

    def test_counts(self) -> None:
        """The counts are logged, each with its reason."""
        made = self.started()
        self.receive(b"")
        for _ in range(2):
            self.receive(senderPacket(SenderPacket(1, 2, 3)))
        self.log()
        made.logCounts()
        self.assertEqual(self.log(), ["STAMP packets: 2 answered, 1 too short"])

    def test_noPackets(self) -> None:
        """The log says so when there were no packets."""
        made = self.started()
        self.log()
        made.stopService()
        self.assertEqual(self.log(), ["STAMP packets: none"])

    def test_reloadWithoutAFile(self) -> None:
        """A reload without a key file does nothing."""
        self.started().reload()
        self.assertEqual(self.shared.keys, {})

    def test_failure(self) -> None:
        """An exception for one packet is logged, and the next packet is answered."""
        self.started()
        self.patch(self.shared.rates, "isOver", lambda host, now: 1 / 0)
        self.receive(senderPacket(SenderPacket(1, 2, 3)))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.patch(self.shared.rates, "isOver", lambda host, now: False)
        self.assertEqual(len(self.receive(senderPacket(SenderPacket(1, 2, 3)))), 1)


class MakingTests(FakeSystemTestCase):
    """
    From the command line to the service.
    """

    def make(self, *arguments: str) -> ReflectingService:
        """Make the service of a command line."""
        return reflectingService(self.reactor, parsed(*arguments))

    def refused(self, *arguments: str) -> str:
        """Make a service that cannot be made, and give the error."""
        error: object = self.assertRaises(ValueError, self.make, *arguments)
        self.assertTrue(all(each.isClosed for each in self.sockets.made))
        return str(error)

    def test_policy(self) -> None:
        """The reflector gets the values of the options."""
        made = self.make("--reflector=862")
        self.assertEqual(made.rules.shared.policy, Policy([]))
        path = self.keyFile(ONE, TWO)
        made = self.make(
            *("--reflector=862", "--allow=192.0.2.0/24", "--max-pps=7"),
            *("--max-total-pps=8", "--allow-dscp", "--stateful"),
            *("--ptp-timescale=utc", f"--reflector-key={path}", "--answer-port=861"),
        )
        self.assertEqual(
            made.rules.shared.policy,
            Policy(
                *([ip_network("192.0.2.0/24")], 7, 8, True, True),
                *(frozenset({861, 862}), 0),
            ),
        )
        self.assertEqual(made.rules.shared.keys, {None: [ONE, TWO]})

    def test_reload(self) -> None:
        """The key file is read again, also after twistd has changed the working
        directory. A wrong file changes nothing."""
        path = self.keyFile(ONE)
        made = self.make("--reflector=862", f"--reflector-key={path}")
        os.mkdir(folder := self.mktemp())
        self.addCleanup(os.chdir, os.getcwd())
        absolute = os.path.abspath(path)
        os.chdir(folder)
        self.write(absolute, ONE, TWO)
        made.reload()
        self.assertEqual(made.rules.shared.keys, {None: [ONE, TWO]})
        self.write(absolute)
        error: object = self.assertRaises(ValueError, made.reload)
        self.assertEqual(
            str(error), f"--reflector-key {absolute!r}: there is no key in it"
        )
        self.assertEqual(made.rules.shared.keys, {None: [ONE, TWO]})

    def test_wrongKeyFile(self) -> None:
        """The error names a wrong key file, and no socket is made."""
        path = self.mktemp()
        self.assertEqual(
            self.refused("--reflector=862", f"--reflector-key={path}"),
            f"--reflector-key {path!r}: No such file or directory",
        )
        self.assertEqual(self.sockets.made, [])

    def test_takenPort(self) -> None:
        """The error names an address that cannot be bound, with the system's reason."""
        self.sockets.refusal = osError(errno.EADDRINUSE)
        self.assertEqual(
            self.refused("--reflector=192.0.2.1"),
            "--reflector: cannot receive at 192.0.2.1:862: Address already in use",
        )

    def test_daemon(self) -> None:
        """The daemon binds the sockets before the start, starts and stops the
        reflector, reads from it as from connections, and reloads its keys at
        SIGHUP."""
        from twisted.internet import reactor  # noqa: F401  # there is one to replace

        self.patch(twisted.internet, "reactor", self.reactor)
        self.patch(sockets, "socket", FakeSockets())
        handlers = fakeSignals(self)
        path = self.keyFile(ONE)
        made: Any = makeService(
            parsed("-p7", "--reflector=192.0.2.1", f"--reflector-key={path}")
        )
        self.assertEqual(self.addresses(), [("192.0.2.1", 862)])
        made.startService()
        reflector = made.getServiceNamed("reflecting")
        self.assertTrue(reflector.running)
        (reading,) = self.reactor.getReaders()
        self.assertIsInstance(reading, Readers)
        self.write(path, TWO)
        for call, arguments, named in self.reactor.whenRunningHooks:
            call(*arguments, **named)
        handlers[signal.SIGHUP](signal.SIGHUP, None)
        self.reactor.advance(0)
        self.assertEqual(reflector.rules.shared.keys, {None: [TWO]})
        self.sockets.refusal = osError(errno.EACCES)
        line = self.assertRaises(
            SystemExit, makeService, parsed("-p7", "--reflector=192.0.2.1")
        ).code
        self.assertEqual(
            line,
            "echostamp: --reflector: cannot receive at 192.0.2.1:862: "
            "Permission denied",
        )
