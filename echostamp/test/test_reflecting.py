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
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import optionvalues, reflecting, service
from echostamp.daemon.reflecting import (
    ReflectingService,
    boundSockets,
    parsePlace,
    reflectingService,
)
from echostamp.daemon.service import Options, makeService
from echostamp.listen import sockets
from echostamp.rfc8762 import ancillary, port
from echostamp.rfc8762 import sockets as udpSockets
from echostamp.rfc8762.packets import SenderPacket, senderPacket
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.test.fakes import FakeReactor, FakeSockets, osError
from echostamp.test.udpsockets import PEER, FakePoll, FakeSocketModule, timestamp

ONE, TWO = bytes([1] * 16), bytes([2] * 16)


def parsed(*arguments: str) -> Options:
    """Read a command line."""
    options = Options()
    options.parseOptions(list(arguments))
    return options


class PlaceTests(SynchronousTestCase):
    """
    Where to answer.
    """

    def test_places(self) -> None:
        """A port is at all addresses, an address alone has STAMP's port."""
        for text, places in [
            ("862", [("0.0.0.0", 862), ("::", 862)]),
            ("0", [("0.0.0.0", 0), ("::", 0)]),
            ("00862", [("0.0.0.0", 862), ("::", 862)]),
            ("192.0.2.1", [("192.0.2.1", 862)]),
            ("192.0.2.1:65535", [("192.0.2.1", 65535)]),
            ("0.0.0.0:5", [("0.0.0.0", 5)]),
            ("2001:db8::1", [("2001:db8::1", 862)]),
            ("[2001:db8::1]", [("2001:db8::1", 862)]),
            ("[2001:db8::1]:5", [("2001:db8::1", 5)]),
            ("[::]:5", [("::", 5)]),
            ("fe80::1%eth0", [("fe80::1%eth0", 862)]),
            ("[fe80::1%eth0]:5", [("fe80::1%eth0", 5)]),
        ]:
            self.assertEqual(parsePlace(text), places)

    def test_wrong(self) -> None:
        """What is no place is said to be none; so are names, which are not looked up,
        and addresses of several machines, or that nobody could have."""
        for text in [
            *("", ":", "x", "localhost", "localhost:862", "-1", "1.5", "0x10"),
            *("65536", "9" * 9999, "192.0.2.1:65536", "192.0.2.1:", "192.0.2.1:-1"),
            *("192.0.2", "192.0.2.256", "01.2.3.4", "192.0.2.1:862:1", "192.0.2.1/24"),
            *("[192.0.2.1]:5", "[]:5", "[::1]:", "[::1", "[::1]5", "::1::2"),
            *("192.0.2.1:\u0661", "\u0661", "1\n", "192.0.2.1\n"),
            *("224.0.0.1", "239.1.2.3:862", "255.255.255.255", "ff02::1"),
            *("[ff02::1%eth0]:5", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:5"),
            *("fe80::1", "[fe80::1]:5"),
        ]:
            self.assertRaises(ValueError, parsePlace, text)

    @given(st.text() | st.from_regex(r"\A[\[\]0-9a-f.:%]{,40}\Z"))
    def test_any(self, text: str) -> None:
        """Any text is a place, or is not with one line that says why."""
        try:
            places = parsePlace(text)
        except ValueError:
            places = []
        for _, number in places:
            assert 0 <= number <= 65535


class OptionsTests(SynchronousTestCase):
    """
    What the command line says of STAMP.
    """

    def refused(self, *arguments: str) -> str:
        """Read a wrong command line, and give the one line that says so."""
        line = self.assertRaises(SystemExit, parsed, *arguments).code
        assert isinstance(line, str), f"status {line} for {arguments}"
        self.assertEqual(len(line.splitlines()), 1, line)
        self.assertTrue(line.startswith("echostamp: "), line)
        return line.removeprefix("echostamp: ")

    def test_defaults(self) -> None:
        """Nothing answers STAMP that was not asked to."""
        options = parsed()
        self.assertEqual((options.reflectors, options.allowed), ([], []))
        self.assertEqual((options.perSource, options.total), (5000, 50_000))

    def test_repeatable(self) -> None:
        """C{--reflector} and C{--allow} may be repeated; what one command line says
        does not reach the next."""
        options = parsed(
            *("--reflector", "192.0.2.1", "--reflector=[::1]:5", "--reflector=7"),
            *("--allow", "192.0.2.0/24", "--allow=2001:db8::/32", "--allow=192.0.2.9"),
        )
        self.assertEqual(
            options.reflectors,
            [("192.0.2.1", 862), ("::1", 5), ("0.0.0.0", 7), ("::", 7)],
        )
        self.assertEqual(
            options.allowed,
            [
                ip_network("192.0.2.0/24"),
                ip_network("2001:db8::/32"),
                ip_network("192.0.2.9/32"),
            ],
        )
        self.assertEqual((parsed().reflectors, parsed().allowed), ([], []))

    def test_wrongValues(self) -> None:
        """Each wrong value gets one line, which names the option and the value."""
        for option, values in {
            "reflector": ["", "x", "localhost:862", "70000", "224.0.0.1", "a\nb"],
            "allow": [
                *("", "x", "192.0.2.1/24", "192.0.2.0/33", "a\nb"),
                "::ffff:10.0.0.0/104",
            ],
            "max-pps": ["", "x", "0", "-1", "1.5", "10000001", "nan", "9" * 5000],
            "max-total-pps": ["", "x", "0", "-1", "1.5", "10000001", "nan"],
            "ptp-timescale": ["", "x", "TAI", "gps"],
        }.items():
            for value in values:
                line = self.refused("--reflector=7", f"--{option}={value}")
                self.assertTrue(line.startswith(f"--{option} {value!r}: "), line)

    def test_boundsAreTold(self) -> None:
        """The line says what would be right, in numbers as people write them."""
        line = self.refused("--reflector=7", "--max-pps=0")
        self.assertTrue(line.endswith("not a whole number from 1 to 10000000"), line)
        options: Any = {"x": "0"}
        for least, most, text in [
            (0.1, 31_536_000.0, "from 0.1 to 31536000"),
            (0.5, 3600, "from 0.5 to 3600"),
        ]:
            error: object = self.assertRaises(
                UsageError, optionvalues.number, options, "x", float, least, most
            )
            self.assertTrue(str(error).endswith(text), error)

    def test_whatGoesTogether(self) -> None:
        """What says something of a reflector needs one; who counts sessions has to say
        whose."""
        for option in [
            *("--stateful", "--allow-dscp", "--allow=192.0.2.0/24"),
            *("--reflector-key=keys", "--max-pps=7", "--max-total-pps=8"),
            "--ptp-timescale=utc",
        ]:
            line = self.refused(option)
            name = option.partition("=")[0]
            self.assertEqual(line, f"{name} goes with --reflector")
        line = self.refused("--reflector=7", "--stateful")
        self.assertEqual(line, "--stateful goes with --allow or --reflector-key")
        parsed("--reflector=7", "--stateful", "--allow=192.0.2.0/24")
        parsed("--reflector=7", "--stateful", "--reflector-key=keys")

    def test_descriptors(self) -> None:
        """Each port of STAMP's leaves one connection less, and another where it has an
        epoll."""
        asked: list[int] = []

        def most(ports: int) -> int:
            asked.append(ports)
            return 5

        self.patch(service, "mostConnections", most)
        parsed()
        parsed("--reflector=192.0.2.1", "--reflector=7")
        self.assertEqual(asked, [1, 1 + 2 * 3])


class FakeSystemTestCase(SynchronousTestCase):
    """
    What makes sockets here makes fakes.
    """

    def setUp(self) -> None:
        """Put in sockets, an epoll and a log of our own."""
        self.sockets = FakeSocketModule()
        self.patch(udpSockets, "socket", self.sockets)
        fake = SimpleNamespace(
            epoll=FakePoll, EPOLLIN=select.EPOLLIN, EPOLLERR=select.EPOLLERR
        )
        self.patch(port, "select", fake)
        self.events = EventLoggingObserver()
        self.patch(reflecting, "log", Logger(observer=self.events))
        self.reactor = FakeReactor()

    def addresses(self) -> list[tuple[Any, ...]]:
        """Give where the sockets are."""
        return [each.address[:2] for each in self.sockets.made]

    def log(self) -> list[str]:
        """Give the lines of the log, and begin a new one."""
        lines = [str(formatEvent(event)) for event in self.events]
        self.events._events.clear()
        return lines

    def keyFile(self, *keys: bytes) -> str:
        """Write a key file."""
        path: str = self.mktemp()
        self.write(path, *keys)
        return path

    def write(self, path: str, *keys: bytes) -> None:
        """Write it anew."""
        with open(path, "w") as file:
            file.writelines(f"* {key.hex()}\n" for key in keys)
        os.chmod(path, 0o600)


class SocketsTests(FakeSystemTestCase):
    """
    The sockets of a session-reflector.
    """

    def test_each(self) -> None:
        """Each place has one."""
        boundSockets([("192.0.2.1", 862), ("::1", 863)])
        self.assertEqual(self.addresses(), [("192.0.2.1", 862), ("::1", 863)])

    def test_anyPort(self) -> None:
        """Of a port at all addresses that the system picks, both families have the
        same."""
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
        """A system without IPv6 answers at all addresses of IPv4; one that was asked
        for by name is missed."""
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
        """An address that cannot be had is named, and no socket remains."""
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

    def setUp(self) -> None:
        """Note the handlers of signals."""
        super().setUp()
        self.handlers: dict[int, Any] = {}

    def setHandler(self, number: int, handler: Any) -> Any:
        """Install one, and give the one before it."""
        before = self.handlers.get(number, signal.SIG_DFL)
        self.handlers[number] = handler
        return before

    def started(self, shared: Shared | None = None) -> ReflectingService:
        """Start a service with two ports."""
        self.shared = shared or Shared()
        bound = boundSockets([("192.0.2.1", 862), ("::1", 863)])
        made = ReflectingService(
            self.reactor, bound, self.shared, None, self.setHandler
        )
        made.startService()
        return made

    def receive(self, packet: bytes) -> list[Any]:
        """Let a packet come at the first port, and give what is sent."""
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
        """From its start to its end it answers, and it says where."""
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

    def test_clocks(self) -> None:
        """It says which clocks take its timestamps, and its mode."""
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
        self.patch(ancillary.SocketOptions, "_try", lambda *arguments: False)
        self.started(Shared(policy))
        for line in self.log():
            self.assertTrue(
                line.endswith(
                    "arrivals stamped by this program, departures by this program"
                ),
                line,
            )

    def test_counts(self) -> None:
        """SIGUSR1 has the counts logged, by reason, in the reactor's next turn."""
        self.started()
        self.receive(b"")
        for _ in range(2):
            self.receive(senderPacket(SenderPacket(1, 2, 3)))
        self.log()
        self.handlers[signal.SIGUSR1](signal.SIGUSR1, None)
        self.assertEqual(self.log(), [])
        self.reactor.advance(0)
        self.assertEqual(self.log(), ["STAMP packets: 2 answered, 1 too short"])

    def test_noPackets(self) -> None:
        """Where nothing came, it says so."""
        made = self.started()
        self.log()
        made.stopService()
        self.assertEqual(self.log(), ["STAMP packets: none"])

    def test_otherMeaningOfTheSignal(self) -> None:
        """Where SIGUSR1 means something already it goes on to: twistd begins a new log
        file at it."""
        rotated: list[int] = []
        self.handlers[signal.SIGUSR1] = lambda number, frame: rotated.append(number)
        self.started()
        self.handlers[signal.SIGUSR1](signal.SIGUSR1, None)
        self.assertEqual(rotated, [signal.SIGUSR1])

    def test_reloadWithoutAFile(self) -> None:
        """Without a key file there is nothing to read again."""
        self.started().reload()
        self.assertEqual(self.shared.keys, {})

    def test_failure(self) -> None:
        """What goes wrong with one packet is logged, and the next one is answered."""
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
        """Make one that cannot be, and give what is said."""
        error: object = self.assertRaises(ValueError, self.make, *arguments)
        self.assertTrue(all(each.isClosed for each in self.sockets.made))
        return str(error)

    def test_policy(self) -> None:
        """The options reach the reflector."""
        made = self.make("--reflector=862")
        self.assertEqual(made._shared.policy, Policy([]))
        path = self.keyFile(ONE, TWO)
        made = self.make(
            *("--reflector=862", "--allow=192.0.2.0/24", "--max-pps=7"),
            *("--max-total-pps=8", "--allow-dscp", "--stateful"),
            *("--ptp-timescale=utc", f"--reflector-key={path}"),
        )
        self.assertEqual(
            made._shared.policy,
            Policy([ip_network("192.0.2.0/24")], 7, 8, True, True, 0),
        )
        self.assertEqual(made._shared.keys, {None: [ONE, TWO]})

    def test_reload(self) -> None:
        """The key file is read again, also from where twistd has gone since; a wrong
        one changes nothing."""
        path = self.keyFile(ONE)
        made = self.make("--reflector=862", f"--reflector-key={path}")
        os.mkdir(folder := self.mktemp())
        self.addCleanup(os.chdir, os.getcwd())
        absolute = os.path.abspath(path)
        os.chdir(folder)
        self.write(absolute, ONE, TWO)
        made.reload()
        self.assertEqual(made._shared.keys, {None: [ONE, TWO]})
        self.write(absolute)
        error: object = self.assertRaises(ValueError, made.reload)
        self.assertEqual(
            str(error), f"--reflector-key {absolute!r}: there is no key in it"
        )
        self.assertEqual(made._shared.keys, {None: [ONE, TWO]})

    def test_wrongKeyFile(self) -> None:
        """A key file that is wrong is named, and there is no socket."""
        path = self.mktemp()
        self.assertEqual(
            self.refused("--reflector=862", f"--reflector-key={path}"),
            f"--reflector-key {path!r}: No such file or directory",
        )
        self.assertEqual(self.sockets.made, [])

    def test_takenPort(self) -> None:
        """An address that cannot be had is named, with what the system says."""
        self.sockets.refusal = osError(errno.EADDRINUSE)
        self.assertEqual(
            self.refused("--reflector=192.0.2.1"),
            "--reflector: cannot receive at 192.0.2.1:862: Address already in use",
        )

    def test_daemon(self) -> None:
        """In the daemon it starts and stops with the others, its sockets are there
        before, and SIGHUP has its keys read again."""
        from twisted.internet import reactor  # noqa: F401  # there is one to replace

        self.patch(twisted.internet, "reactor", self.reactor)
        self.patch(sockets, "socket", FakeSockets())
        before = signal.getsignal(signal.SIGUSR1)
        handled = {each: signal.getsignal(each) for each in signal.valid_signals()}
        self.addCleanup(
            lambda: [
                signal.signal(each, handler)
                for each, handler in handled.items()
                if handler is not None and signal.getsignal(each) is not handler
            ]
        )
        path = self.keyFile(ONE)
        made: Any = makeService(
            parsed("-p7", "--reflector=192.0.2.1", f"--reflector-key={path}")
        )
        self.assertEqual(self.addresses(), [("192.0.2.1", 862)])
        self.assertIs(signal.getsignal(signal.SIGUSR1), before)
        made.startService()
        self.assertIsNot(signal.getsignal(signal.SIGUSR1), before)
        reflector = made.getServiceNamed("reflecting")
        self.assertTrue(reflector.running)
        self.write(path, TWO)
        made.getServiceNamed("draining")._reload()
        self.assertEqual(reflector._shared.keys, {None: [TWO]})
        self.sockets.refusal = osError(errno.EACCES)
        line = self.assertRaises(
            SystemExit, makeService, parsed("-p7", "--reflector=192.0.2.1")
        ).code
        self.assertEqual(
            line,
            "echostamp: --reflector: cannot receive at 192.0.2.1:862: "
            "Permission denied",
        )
