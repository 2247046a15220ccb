"""Tests for L{echostamp.listen.endpoints}."""

from __future__ import annotations

import errno
import os
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory

from echostamp.keyfiles import OpenFiles
from echostamp.listen import endpoints, sockets
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.preparing import PortSettings, PreparingReactor
from echostamp.test.fakes import FakeSockets, osError
from echostamp.test.listencases import ListenCase
from echostamp.test.tlsservers import TlsServerCase


class DescriptionTests(ListenCase):
    """
    Wrong descriptions.
    """

    def test_wrongDescriptions(self) -> None:
        """Each wrong description gives a ValueError, whose text is one line that says
        what is wrong. Nothing listens."""
        for description, text in [
            ("", "'' is no kind of endpoint"),
            ("nonsense", "'nonsense' is no kind of endpoint"),
            ("nonsense:8002", "'nonsense' is no kind of endpoint"),
            (r"tcp\:0", "'tcp:0' is no kind of endpoint"),
            (r"tcp\:0:interface=::1", "'tcp:0' is no kind of endpoint"),
            (r"tcp\:0\:interface=127.0.0.1", "is no kind of endpoint"),
            (r"haproxy:tcp\:0\:interface=127.0.0.1", "is no kind of endpoint"),
            ("port=80", "'port=80' is no kind of endpoint"),
            ("tcp6:x", "'x' is not a port from 0 to 65535"),
            ("tcp6:80:nonsense=1", "unknown parameter 'nonsense'"),
            ("haproxy:tcp:x", "'x' is not a port from 0 to 65535"),
            ("haproxy", "'' is no kind of endpoint"),
            ("tcp:", "''"),
            ("tcp:http", "'http'"),
            ("tcp:80:backlog=99999", "backlog is a number from 0 to 65535"),
            ("tcp", "'' is not a port from 0 to 65535"),
            ("unix:s:mode=1777", "mode is an octal number from 0 to 777"),
            ("systemd:name=x", "systemd has passed no socket to this process"),
            ("=", "'=' is no kind of endpoint"),
            ("tcp6:70000", "'70000' is not a port from 0 to 65535"),
            ("haproxy:", "'' is no kind of endpoint"),
            ("haproxy:port=80", "'port=80' is no kind of endpoint"),
            ("haproxy:haproxy:tcp", "'' is not a port from 0 to 65535"),
            ("tcp:80\\", "nothing follows its last backslash"),
            ("proxy:proxy:tcp:80", "proxy: is given twice"),
            ("-1", "'-1' is no kind of endpoint"),
            ("\u00b2", "is no kind of endpoint"),
        ]:
            error = self.assertRaises(ValueError, self.prepare, description)
            self.assertIn(text, str(error))
            self.assertNotIn("\n", str(error))
        self.assertEqual(self.sockets.listening, [])

    def test_parsersErrorsOfEveryKind(self) -> None:
        """A parser, perhaps a plugin's, may raise any exception. The text names its
        type, except for a ValueError; an OSError passes unchanged."""

        def refuse(error: Exception) -> Exception:
            def serverFromString(reactor: object, description: str) -> object:
                raise error

            self.patch(endpoints, "serverFromString", serverFromString)
            refused: Exception = self.assertRaises(
                type(raised), self.prepare, "plugin:"
            )
            return refused

        raised: Exception = ValueError()
        self.assertEqual(str(refuse(ValueError("no key"))), "no key")
        for error in KeyError("key"), ImportError("no OpenSSL"), StopIteration():
            expected = f"it cannot be set up ({type(error).__name__}: {error})"
            self.assertEqual(str(refuse(error)), expected)
        raised = FileNotFoundError(errno.ENOENT, "No such file", "key.pem")
        self.assertIs(refuse(raised), raised)

    def test_endpointFailsToListen(self) -> None:
        """An error in the Deferred of an endpoint's C{listen} is raised, too."""

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
            self.patch(endpoints, "serverFromString", lambda *_, e=endpoint: e)
            raised = self.assertRaises(expected, self.prepare, "plugin:")
            self.assertIn(text, str(raised))

    def test_bareNumber(self) -> None:
        """A bare number is a TCP port."""
        self.prepare("8002")
        self.assertEqual(self.sockets.made[0].address, ("::", 8002, 0, 0))

    def test_portOutOfRange(self) -> None:
        """A port out of range is a wrong description; no socket is made."""
        for description in "tcp:70000", "tcp:-1", "70000":
            error = self.assertRaises(ValueError, self.prepare, description)
            self.assertIn("is not a port from 0 to 65535", str(error))
            self.assertEqual(self.sockets.made, [])

    def test_endpointThatDoesNotListen(self) -> None:
        """An endpoint that connects at once, or does not listen yet, is refused."""

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
                endpoints,
                "serverFromString",
                lambda *args, results=results: Immediate(*results),
            )
            error = self.assertRaises(ValueError, self.prepare, "stdio:")
            self.assertEqual(str(error), "it does not wait for connections")


class TlsTests(TlsServerCase):
    """
    C{tls:} descriptions.
    """

    def test_twistedsOwn(self) -> None:
        """Twisted's C{ssl:} is refused in one line that names C{tls:}."""
        error: object = self.assertRaises(
            ValueError,
            preparedPorts,
            PreparingReactor(self.reactor),
            f"ssl:7:privateKey={self.server}:certKey={self.server}",
            Factory(),
        )
        self.assertEqual(str(error), "ssl: is Twisted's; use tls:, with the same parts")

    def test_tls(self) -> None:
        """The endpoint reports handshakes as the settings say, and can be reloaded. A
        backslash takes the next character as it is."""
        self.patch(sockets, "socket", FakeSockets())
        settings = PortSettings(refused=lambda peer, reason: None)
        reactor = PreparingReactor(self.reactor, settings)
        server = self.file("a:b.pem", self.authority.issue()).replace(":", r"\:")
        preparedPorts(
            reactor, f"tls:7:privateKey={server}:certKey={server}", Factory()
        )[0].listen()
        factory: Any = self.reactor.adoptedPorts[0][2]
        self.assertIs(factory.handshakes.refused, settings.refused)
        (reload,) = reactor.reloads
        reload()
        self.file("a:b.pem", b"half a fi")
        error: object = self.assertRaises(ValueError, reload)
        self.assertIn("a:b.pem", str(error))

    def test_files(self) -> None:
        """The settings say how the files are read."""
        self.patch(sockets, "socket", FakeSockets())
        files = OpenFiles()
        reactor = PreparingReactor(self.reactor, PortSettings(files=files))
        description = f"tls:7:privateKey={self.server}:certKey={self.server}"
        preparedPorts(reactor, description, Factory())
        self.assertEqual(list(files.contents), [os.path.abspath(self.server)])

    def test_proxy(self) -> None:
        """Behind C{proxy:} the other guard is used; without one it is an error. All
        endpoints share what is reloaded."""
        self.patch(sockets, "socket", FakeSockets())
        guarded = Factory()
        settings = PortSettings(proxyGuard=lambda inner: guarded)
        reactor = PreparingReactor(self.reactor, settings)
        files = f"privateKey={self.server}:certKey={self.server}"
        preparedPorts(reactor, f"proxy:tls:7:{files}", Factory())[0].listen()
        self.assertIs(self.reactor.adoptedPorts[0][2], guarded)
        self.assertEqual(len(reactor.reloads), 1)
        again = "proxy:tcp:7"
        self.assertRaises(OSError, preparedPorts, reactor, again, Factory())
        error: object = self.assertRaises(
            ValueError, preparedPorts, PreparingReactor(self.reactor), again, Factory()
        )
        self.assertIn("--proxy-from", str(error))
