"""Tests for L{echostamp.daemon.service} and the plugin that names it."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any

import twisted.internet
from twisted.application.service import IService, IServiceMaker
from twisted.logger import capturedLogs, formatEvent
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.daemon import service
from echostamp.daemon.service import makeService
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.listen import sockets
from echostamp.test.daemonoptions import fakeSignals, parsed
from echostamp.test.fakes import FakeReactor, FakeSockets, osError
from echostamp.test.zones import setZone


class MakeServiceTests(SynchronousTestCase):
    """
    The daemon's parts are put together.
    """

    def setUp(self) -> None:
        """Replace the reactor and the sockets."""
        from twisted.internet import reactor  # noqa: F401  # there is one to replace

        fakeSignals(self)
        self.reactor = FakeReactor()
        self.sockets = FakeSockets()
        self.patch(twisted.internet, "reactor", self.reactor)
        self.patch(sockets, "socket", self.sockets)

    def make(self, *arguments: str) -> Any:
        """Make the service of a command line."""
        return makeService(parsed(*arguments))

    def refused(self, *arguments: str) -> str:
        """Make a service that cannot be made, and give the line that says why."""
        line = self.assertRaises(SystemExit, self.make, *arguments).code
        assert isinstance(line, str)
        self.assertEqual(len(line.splitlines()), 1, line)
        self.assertEqual(self.sockets.listening, [])
        self.assertEqual(self.reactor.adoptedPorts, [])
        self.assertEqual(self.reactor.unixServers, [])
        return line

    def test_service(self) -> None:
        """The service listens on each endpoint when it has started, not before."""
        made = self.make("-p", "7", "-e", "tcp:8:interface=127.0.0.1", "-e", "unix:s")
        verifyObject(IService, made)
        self.assertEqual(self.sockets.listening, [])
        made.startService()
        self.assertEqual(
            [bound.address for bound in self.sockets.listening],
            [("::", 7, 0, 0), ("127.0.0.1", 8)],
        )
        self.assertEqual(len(self.reactor.unixServers), 1)

    def test_everyEndpointSharesOneFactory(self) -> None:
        """The endpoints share a factory, which has the values of the options."""
        self.make(
            *["--pause", "0.5", "--max-length", "99", "-f", "%H", "--utc"],
            *["-e", "7", "-e", "8"],
        ).startService()
        gates: list[Any] = [port[2] for port in self.reactor.adoptedPorts]
        one, other = gates
        self.assertIs(one._factory, other._factory)
        self.assertIs(one._counts, other._counts)
        factory = one._factory
        assert isinstance(factory, TimestampEchoFactory)
        self.assertIs(factory.reactor, self.reactor)
        self.assertEqual((factory.pause, factory.maxLength), (0.5, 99))
        self.assertRegex(factory.stamp(), rb"\A\[\d\d\] \Z")

    def test_wrongEndpoints(self) -> None:
        """One line quotes an endpoint that cannot be parsed. Nothing listens, also
        where other endpoints are right."""
        for description in "nonsense:1", "tcp:x", "70000", "", "tcp:x\n:1":
            line = self.refused("-e", "tcp:7", "-e", description, "-e", "unix:s")
            self.assertTrue(
                line.startswith(f"echostamp: --endpoint {description!r}: "), line
            )

    def test_takenPort(self) -> None:
        """One line names the address of a taken port. Nothing listens."""
        self.sockets.refusals = {"127.0.0.1": osError(errno.EADDRINUSE)}
        line = self.refused("-p", "7", "-e", "tcp:8:interface=127.0.0.1")
        self.assertEqual(
            line,
            "echostamp: cannot listen on 'tcp:8:interface=127.0.0.1': "
            + os.strerror(errno.EADDRINUSE),
        )

    def test_errorWithoutANumber(self) -> None:
        """An error without a number keeps its own text."""
        line = self.refused("-i", "fe80::1%eth9")
        self.assertIn("cannot listen on", line)
        self.assertTrue(line.endswith(": no interface with this name"), line)

    def test_addressFamilyOfTheInterface(self) -> None:
        """The address of C{--interface} is bound."""
        self.make("-i", "::1")
        (bound,) = self.sockets.made
        self.assertEqual(bound.family, socket.AF_INET6)
        self.assertEqual(bound.address, ("::1", 8002, 0, 0))

    def test_noZoneData(self) -> None:
        """The log says if the zone that TZ names has no data."""
        with capturedLogs() as events:
            for zone in "Europe/Nowhere", "UTC":
                setZone(self, zone)
                self.make("-p", "7")
        (line,) = [formatEvent(event) for event in events]
        self.assertTrue(line.startswith("TZ=Europe/Nowhere: there is no data"), line)

    def test_timers(self) -> None:
        """The timers run by the monotonic clock from the start of the service. Making
        the service does not change the reactor."""
        before = self.reactor.seconds
        made = self.make("-p", "7")
        self.assertEqual(self.reactor.seconds, before)
        made.privilegedStartService()
        self.assertIs(self.reactor.seconds, time.monotonic)


class PluginTests(SynchronousTestCase):
    """
    Twisted finds the daemon.
    """

    def test_pluginIsFound(self) -> None:
        """C{twistd} lists one C{echostamp}, and it is this daemon."""
        makers = [
            maker for maker in getPlugins(IServiceMaker) if maker.tapname == "echostamp"
        ]
        self.assertEqual(len(makers), 1)
        (maker,) = makers
        verifyObject(IServiceMaker, maker)
        self.assertTrue(maker.description)
        self.assertIs(maker.options, service.Options)
        self.assertIs(maker.makeService, service.makeService)
