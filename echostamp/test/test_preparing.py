"""Tests for L{echostamp.listen.preparing}."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp.listen import preparing, sockets
from echostamp.listen.preparing import (
    BACKLOG,
    ListeningService,
    PreparedPort,
    PreparingReactor,
    preparedPort,
)
from echostamp.test.fakes import FakePort, FakeReactor, FakeSockets, osError

REUSE = (socket.SOL_SOCKET, socket.SO_REUSEADDR)
V6ONLY = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


class TransportsCase(SynchronousTestCase):
    """
    A machine without a network.
    """

    def setUp(self) -> None:
        """Make a reactor, and sockets that are not there."""
        self.reactor = FakeReactor()
        self.sockets = FakeSockets()
        self.factory = Factory()
        self.patch(sockets, "socket", self.sockets)

    def prepare(self, description: str) -> PreparedPort:
        """Prepare to listen."""
        return preparedPort(PreparingReactor(self.reactor), description, self.factory)


class TcpTests(TransportsCase):
    """
    TCP sockets are bound before they listen.
    """

    def test_everyAddressByOneSocket(self) -> None:
        """Without an interface one dual-stack socket is bound, whatever the system's
        default; and it does not listen."""
        self.prepare("tcp:8002")
        (made,) = self.sockets.made
        self.assertEqual(made.family, socket.AF_INET6)
        self.assertEqual(made.address, ("::", 8002, 0, 0))
        self.assertEqual(made.options, {REUSE: 1, V6ONLY: 0})
        self.assertFalse(made.isBlocking)
        self.assertFalse(made.isClosed)
        self.assertEqual(self.sockets.listening, [])
        self.assertEqual(self.reactor.adoptedPorts, [])

    def test_bareNumber(self) -> None:
        """A bare number is a TCP port."""
        self.prepare("8002")
        self.assertEqual(self.sockets.made[0].address, ("::", 8002, 0, 0))

    def test_reactorTakesTheSocketOver(self) -> None:
        """To listen gives the reactor the open socket, and closes our own of it."""
        prepared = self.prepare("tcp:8002:backlog=2000")
        (made,) = self.sockets.made
        number = made.fileno()
        port = prepared.listen()
        self.assertEqual(made.backlog, 2000)
        self.assertEqual(
            self.reactor.adoptedPorts, [(number, socket.AF_INET6, self.factory)]
        )
        self.assertTrue(made.isClosed)
        self.assertEqual(port.getHost(), IPv6Address("TCP", "::", 1234))

    def test_machineWithoutIpv6(self) -> None:
        """Where the machine has no IPv6, or no address of it, IPv4 alone is bound."""
        for refused, number in [
            (socket.AF_INET6, errno.EAFNOSUPPORT),
            ("::", errno.EADDRNOTAVAIL),
        ]:
            self.sockets.made.clear()
            self.sockets.refusals = {refused: osError(number)}
            prepared = self.prepare("tcp:8002")
            *failed, made = self.sockets.made
            self.assertEqual(made.family, socket.AF_INET)
            self.assertEqual(made.address, ("0.0.0.0", 8002))
            self.assertEqual(made.options, {REUSE: 1})
            self.assertTrue(all(other.isClosed for other in failed))
            self.assertEqual(
                prepared.listen().getHost(), IPv4Address("TCP", "0.0.0.0", 1234)
            )

    def test_otherErrorsPass(self) -> None:
        """A taken port, say, is no reason to try IPv4; the socket is closed."""
        for number in errno.EADDRINUSE, errno.EACCES:
            self.sockets.made.clear()
            self.sockets.refusals = {"::": osError(number)}
            error = self.assertRaises(OSError, self.prepare, "tcp:8002")
            self.assertEqual(error.errno, number)
            (made,) = self.sockets.made
            self.assertTrue(made.isClosed)

    def test_fallbackFails(self) -> None:
        """What keeps IPv4 from being bound is told, and no socket stays open."""
        self.sockets.refusals = {
            "::": osError(errno.EADDRNOTAVAIL),
            "0.0.0.0": osError(errno.EADDRINUSE),
        }
        error = self.assertRaises(OSError, self.prepare, "tcp:8002")
        self.assertEqual(error.errno, errno.EADDRINUSE)
        self.assertEqual([made.isClosed for made in self.sockets.made], [True, True])

    def test_interface(self) -> None:
        """An address is bound as it is, by a socket of its own family."""
        self.sockets.links = {"eth0": 7}
        for interface, family, address in [
            ("127.0.0.1", socket.AF_INET, ("127.0.0.1", 80)),
            (r"\:\:1", socket.AF_INET6, ("::1", 80, 0, 0)),
            (r"fe80\:\:1%eth0", socket.AF_INET6, ("fe80::1", 80, 0, 7)),
        ]:
            self.sockets.made.clear()
            self.prepare(f"tcp:80:interface={interface}")
            (made,) = self.sockets.made
            self.assertEqual((made.family, made.address), (family, address))

    def test_interfaceHasNoFallback(self) -> None:
        """An IPv6 address that is not there is not IPv4's matter."""
        self.sockets.refusals = {"::1": osError(errno.EADDRNOTAVAIL)}
        error = self.assertRaises(OSError, self.prepare, r"tcp:80:interface=\:\:1")
        self.assertEqual(error.errno, errno.EADDRNOTAVAIL)

    def test_linkThatIsNotThere(self) -> None:
        """An address on a link that is not there cannot be had."""
        error = self.assertRaises(
            OSError, self.prepare, r"tcp:80:interface=fe80\:\:1%eth9"
        )
        self.assertIn("interface", str(error))
        self.assertTrue(self.sockets.made[0].isClosed)

    def test_addressThatIsBoundAlready(self) -> None:
        """Two endpoints of one daemon cannot share an address: that is seen before
        either of them listens."""
        any4, any6, ours = "0.0.0.0", r"\:\:", "192.0.2.1"
        for one, other, clash in [
            ("", "", True),
            ("", ours, True),
            (any6, any4, True),
            (any4, ours, True),
            (ours, r"\:\:ffff\:192.0.2.1", True),
            (any4, r"\:\:1", False),
            (ours, "192.0.2.2", False),
        ]:
            reactor = PreparingReactor(self.reactor)
            preparedPort(reactor, f"tcp:80:interface={one}", self.factory)
            preparedPort(reactor, f"tcp:81:interface={other}", self.factory)
            again = f"tcp:80:interface={other}"
            if clash:
                error = self.assertRaises(
                    OSError, preparedPort, reactor, again, self.factory
                )
                self.assertEqual(error.errno, errno.EADDRINUSE)
            else:
                preparedPort(reactor, again, self.factory)

    def test_portOutOfRange(self) -> None:
        """A port that cannot be is a wrong description; the socket is closed."""
        for description in "tcp:70000", "tcp:-1", "70000":
            self.sockets.made.clear()
            error = self.assertRaises(ValueError, self.prepare, description)
            self.assertIn("port must be 0-65535", str(error))
            self.assertTrue(self.sockets.made[0].isClosed)


class OtherKindsTests(TransportsCase):
    """
    Endpoints of other kinds.
    """

    def test_tls(self) -> None:
        """Twisted's C{ssl:} binds a TCP socket; its connections are as those of
        C{tls:}."""
        try:
            from twisted.internet.ssl import CertificateOptions

            from echostamp.tls.server import TlsFactory
        except ImportError as error:
            raise SkipTest(f"the extra 'tls' is not installed: {error}") from None
        prepared = PreparingReactor(self.reactor).listenSSL(
            8443, self.factory, CertificateOptions(), 7, "127.0.0.1"
        )
        (made,) = self.sockets.made
        self.assertEqual(made.address, ("127.0.0.1", 8443))
        prepared.listen()
        ((_, family, factory),) = self.reactor.adoptedPorts
        self.assertEqual((family, made.backlog), (socket.AF_INET, BACKLOG))
        self.assertIsInstance(factory, TlsFactory)
        self.assertIs(factory.wrappedFactory, self.factory)

    def test_unixSocketIsMadeWhenTheServiceStarts(self) -> None:
        """A UNIX socket makes a file: not before the service starts."""
        folder = Path(self.mktemp())
        folder.mkdir()
        prepared = self.prepare(f"unix:{folder}/s:mode=600")
        self.assertEqual(self.reactor.unixServers, [])
        port = prepared.listen()
        ((address, factory, _, mode, _),) = self.reactor.unixServers
        self.assertEqual((address, mode), (f"{folder}/s", 0o600))
        self.assertIs(factory, self.factory)
        self.assertEqual(port.getHost(), UNIXAddress(f"{folder}/s"))

    def test_unixSocketInTheWorkingFolder(self) -> None:
        """A bare name is a file in the working folder."""
        self.prepare("unix:s").listen()
        self.assertEqual(self.reactor.unixServers[0][0], "s")

    def test_unixSocketsFolderIsMissing(self) -> None:
        """A folder that is not there is found before anything listens."""
        folder = self.mktemp()
        error = self.assertRaises(FileNotFoundError, self.prepare, f"unix:{folder}/s")
        self.assertEqual(error.filename, folder)

    def test_unixSocketsFolderIsNotWritable(self) -> None:
        """A folder that may not be written is found before anything listens."""
        asked: list[tuple[str, int]] = []

        def access(path: str, mode: int) -> bool:
            asked.append((path, mode))
            return False

        self.patch(os, "access", access)
        error = self.assertRaises(PermissionError, self.prepare, "unix:/s")
        self.assertEqual(error.errno, errno.EACCES)
        self.assertEqual(asked, [("/", os.W_OK)])

    def test_unixSocketsNameIsTaken(self) -> None:
        """A file of another kind, or a socket that somebody serves, is left alone."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = os.path.relpath(folder / "s")
        (folder / "s").write_bytes(b"precious")
        self.assertRaises(OSError, self.prepare, f"unix:{path}")
        self.assertEqual((folder / "s").read_bytes(), b"precious")
        (folder / "s").unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            other.listen()
            error = self.assertRaises(OSError, self.prepare, f"unix:{path}")
            self.assertEqual(error.errno, errno.EADDRINUSE)

    def test_unixSocketOfAKilledDaemon(self) -> None:
        """A socket that nobody serves any more is in nobody's way, nor is its lock,
        also where the process id in it is of somebody who lives."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = os.path.relpath(folder / "s")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
        (folder / "s.lock").symlink_to(str(os.getpid()))
        prepared = self.prepare(f"unix:{path}")
        self.assertEqual(len(list(folder.iterdir())), 2)
        prepared.listen()
        self.assertEqual(len(self.reactor.unixServers), 1)
        self.assertEqual(list(folder.iterdir()), [])

    def test_lockThatIsNone(self) -> None:
        """A file that has a lock's name is left alone."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "s.lock").write_bytes(b"precious")
        self.prepare(f"unix:{os.path.relpath(folder)}/s").listen()
        self.assertEqual((folder / "s.lock").read_bytes(), b"precious")

    def test_unixSocketInTheFolderToBe(self) -> None:
        """A relative path is looked for where the service will run."""
        folder = Path(self.mktemp())
        folder.mkdir()
        preparing = PreparingReactor(self.reactor, folder=os.path.relpath(folder))
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(os.path.relpath(folder / "s"))
            other.listen()
            for path in "unix:s", "unix:missing/s":
                self.assertRaises(OSError, preparedPort, preparing, path, self.factory)
        preparedPort(preparing, "unix:t", self.factory).listen()
        self.assertEqual(self.reactor.unixServers[0][0], "t")

    def test_endpointThatDoesNotListen(self) -> None:
        """What makes a connection at once, or not yet, is nothing for a daemon."""

        class Immediate:
            def __init__(self, *results: object) -> None:
                self.results = results

            def listen(self, factory: object) -> Deferred[object]:
                deferred: Deferred[object] = Deferred()
                for result in self.results:
                    deferred.callback(result)
                return deferred

        for results in ["a connection"], []:
            self.patch(
                preparing,
                "serverFromString",
                lambda *args, results=results: Immediate(*results),
            )
            error = self.assertRaises(ValueError, self.prepare, "stdio:")
            self.assertEqual(str(error), "it does not wait for connections")

    def test_socketThatSystemdBound(self) -> None:
        """An endpoint closes the descriptor that it gives away: what the reactor
        takes over when the service starts must still be open."""
        isOpen: list[bool] = []

        class Adopting(FakeReactor):
            def adoptStreamPort(self, fileno: int, *args: Any) -> object:
                try:
                    os.fstat(fileno)
                except OSError:
                    isOpen.append(False)
                else:
                    isOpen.append(True)
                return super().adoptStreamPort(fileno, *args)

        ours = socket.socket(socket.AF_INET)
        set_: list[socket.socket] = []
        preparing: Any = PreparingReactor(Adopting(), prepareSocket=set_.append)
        endpoint = AdoptedStreamServerEndpoint(preparing, ours.detach(), socket.AF_INET)
        prepared: Any = self.successResultOf(endpoint.listen(self.factory))
        # Its connections are watched as those of any other.
        self.assertEqual([each.family for each in set_], [socket.AF_INET])
        prepared.listen()
        self.assertEqual(isOpen, [True])

    def test_allElseIsTheReactors(self) -> None:
        """What does not listen is the reactor's own."""
        preparing = PreparingReactor(self.reactor)
        self.assertEqual(preparing.seconds(), self.reactor.seconds())
        self.assertRaises(AttributeError, lambda: preparing.nonsense)


class DescriptionTests(TransportsCase):
    """
    Wrong descriptions.
    """

    def test_wrongDescriptions(self) -> None:
        """Each wrong description gives a ValueError whose text says in one line what
        is wrong, and binds nothing."""
        for description, text in [
            ("", "Unknown endpoint type"),
            ("nonsense", "Unknown endpoint type: 'nonsense'"),
            ("nonsense:8002", "Unknown endpoint type: 'nonsense'"),
            ("tcp:", "''"),
            ("tcp:http", "'http'"),
            ("tcp", "TypeError: "),
            ("tcp:80:nonsense=1", "'nonsense'"),
            ("tcp:80:backlog=x", "'x'"),
            ("tcp:1:2:3:4:5", "TypeError: "),
            ("tcp:80:backlog=99999999999", "backlog is a number from 0 to 65535"),
            ("unix:s:mode=rw", "'rw'"),
            ("unix:s:mode=-1", "mode is an octal number from 0 to 777"),
            ("unix:s:mode=1777", "mode is an octal number from 0 to 777"),
            ("unix:s:backlog=-1", "backlog is a number"),
            ("proxy:proxy:tcp:80", "proxy: stands there twice"),
            ("-1", "Unknown endpoint type: '-1'"),
            ("\u00b2", "Unknown endpoint type"),
        ]:
            error = self.assertRaises(ValueError, self.prepare, description)
            self.assertIn(text, str(error))
            self.assertNotIn("\n", str(error))
        self.assertEqual(self.sockets.listening, [])

    def test_tlsIsNotThere(self) -> None:
        """Where the extra is not installed, one line says what to do."""
        with patch.dict(sys.modules, {"echostamp.tls.server": None}):
            for description in "tls:1:privateKey=a:certKey=b", "ssl:1:privateKey=a":
                error = self.assertRaises(ValueError, self.prepare, description)
                self.assertIn("pip install 'echostamp[tls]'", str(error))

    def test_parsersErrorsOfEveryKind(self) -> None:
        """A parser, a plugin's perhaps, may fail in any way: the kind is told, except
        of a ValueError; an error of the system's passes."""

        def refuse(error: Exception) -> Exception:
            def serverFromString(reactor: object, description: str) -> object:
                raise error

            self.patch(preparing, "serverFromString", serverFromString)
            refused: Exception = self.assertRaises(
                type(raised), self.prepare, "plugin:"
            )
            return refused

        raised: Exception = ValueError()
        self.assertEqual(str(refuse(ValueError("no key"))), "no key")
        for error in KeyError("key"), ImportError("no OpenSSL"), StopIteration():
            expected = f"{type(error).__name__}: {error}"
            self.assertEqual(str(refuse(error)), expected)
        raised = FileNotFoundError(errno.ENOENT, "No such file", "key.pem")
        self.assertIs(refuse(raised), raised)

    def test_endpointFailsToListen(self) -> None:
        """What an endpoint's C{listen} says in a Deferred is told all the same."""

        class Endpoint:
            def __init__(self, error: Exception) -> None:
                self._error = error

            def listen(self, factory: object) -> object:
                return fail(self._error)

        for error, expected, text in [
            (RuntimeError("broken"), ValueError, "RuntimeError: broken"),
            (osError(errno.EACCES), PermissionError, os.strerror(errno.EACCES)),
        ]:
            endpoint = Endpoint(error)
            self.patch(preparing, "serverFromString", lambda *_, e=endpoint: e)
            raised = self.assertRaises(expected, self.prepare, "plugin:")
            self.assertIn(text, str(raised))


class ListeningServiceTests(SynchronousTestCase):
    """
    The service listens while it runs.
    """

    def setUp(self) -> None:
        """Prepare two ports, and listen to the log."""
        self.log = EventLoggingObserver()
        globalLogPublisher.addObserver(self.log)
        self.addCleanup(globalLogPublisher.removeObserver, self.log)
        self.ports: list[FakePort] = []
        self.accepted: list[object] = []
        self.service = ListeningService(
            [
                self.prepared(IPv6Address("TCP", "::", 8002)),
                self.prepared(UNIXAddress("/run/a\nb")),
            ],
            self.accepted.append,
        )

    def prepared(self, address: object) -> PreparedPort:
        """Prepare a port that is noted when it listens."""

        def listen() -> IListeningPort:
            port = FakePort(address)
            port.startListening()
            self.ports.append(port)
            return port

        return PreparedPort(listen)

    @property
    def lines(self) -> list[str]:
        """What stands in the log."""
        return [formatEvent(event) for event in self.log]

    def test_nothingListensBeforeTheStart(self) -> None:
        """A service that was made does not listen."""
        self.assertEqual(self.ports, [])

    def test_listensWithPrivileges(self) -> None:
        """As C{twistd} starts it, it listens while it has its privileges, once."""
        self.service.privilegedStartService()
        self.assertEqual([port.isListening for port in self.ports], [True, True])
        self.service.startService()
        self.assertEqual(len(self.ports), 2)
        self.assertTrue(self.service.running)

    def test_listensWithoutPrivileges(self) -> None:
        """As C{twist} starts it, without privileges, it listens too."""
        self.service.startService()
        self.assertEqual([port.isListening for port in self.ports], [True, True])

    def test_logSaysWhereItListens(self) -> None:
        """The log names each address, and a file's name cannot forge a line."""
        self.service.startService()
        self.assertEqual(
            self.lines, ["listening on [::]:8002", r"listening on '/run/a\nb'"]
        )

    def test_stops(self) -> None:
        """A service that was stopped does not listen any more; who waited at its ports
        is let in before."""
        self.service.startService()
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.accepted, self.ports)
        self.assertEqual([port.isListening for port in self.ports], [False, False])
        self.assertFalse(self.service.running)

    def test_stopsWithoutHavingStarted(self) -> None:
        """To stop what does not run is no error."""
        self.assertEqual(self.successResultOf(self.service.stopService()), [])
