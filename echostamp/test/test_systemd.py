"""Tests for L{echostamp.daemon.systemd}."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.systemd import Notifier, NotifyingService
from echostamp.test.fakes import FakeReactor

READY = "READY=1\nSTATUS=Listening"
STOPPING = "STOPPING=1\nSTATUS=Draining connections"


class SystemdCase(SynchronousTestCase):
    """
    A systemd that only receives.
    """

    def setUp(self) -> None:
        """Bind its socket, and record the log."""
        # A socket's path must be short.
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = str(self.folder / "notify")
        self.systemd = self.bind(self.path)
        self.log = EventLoggingObserver()
        globalLogPublisher.addObserver(self.log)
        self.addCleanup(globalLogPublisher.removeObserver, self.log)
        self.made: list[socket.socket] = []

    def bind(self, path: str) -> socket.socket:
        """Bind a socket for notifications."""
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(bound.close)
        bound.setblocking(False)
        bound.bind(path)
        return bound

    def makeSocket(self, family: int, kind: int) -> socket.socket:
        """Make a socket that is closed when the test ends."""
        made = socket.socket(family, kind)
        self.addCleanup(made.close)
        self.made.append(made)
        return made

    def notifier(self, **environ: str) -> Notifier:
        """Make a notifier of process 42, in an environment with the socket."""
        return Notifier(
            {"NOTIFY_SOCKET": self.path, **environ},
            self.makeSocket,
            lambda: 42,
            lambda: 1_234_567_890,
        )

    @property
    def heard(self) -> list[str]:
        """The notifications since the last call."""
        messages = []
        while True:
            try:
                messages.append(self.systemd.recv(1000).decode())
            except BlockingIOError:
                return messages

    @property
    def lines(self) -> list[str]:
        """The lines of the log."""
        return [formatEvent(event) for event in self.log]


class NotifierTests(SystemdCase):
    """
    Notifications.
    """

    def test_messages(self) -> None:
        """Each message is one datagram. A reload names its time in microseconds of the
        monotonic clock."""
        notifier = self.notifier()
        self.assertEqual(self.heard, [])
        notifier.ready()
        notifier.reloading()
        notifier.kick()
        notifier.stopping()
        self.assertEqual(
            self.heard,
            [
                READY,
                "RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=Reloading",
                "WATCHDOG=1",
                STOPPING,
            ],
        )
        self.assertEqual(self.lines, [])

    def test_reloadedAfterTheStop(self) -> None:
        """A daemon that stops is not ready any more, though a reload ends."""
        notifier = self.notifier()
        notifier.stopping()
        notifier.ready()
        self.assertEqual(self.heard, [STOPPING])

    def test_abstractSocket(self) -> None:
        """An address that begins with an at sign is not a file."""
        name = f"echostamp-test-{os.getpid()}"
        self.systemd = self.bind(f"\0{name}")
        self.notifier(NOTIFY_SOCKET=f"@{name}").ready()
        self.assertEqual(self.heard, [READY])

    def test_nobodyToTell(self) -> None:
        """Without an address there is no socket, no message and no watchdog."""
        for environ in {}, {"NOTIFY_SOCKET": ""}:
            environ["WATCHDOG_USEC"] = "1000000"
            notifier = Notifier(environ, self.makeSocket)
            notifier.ready()
            notifier.kick()
            self.assertIsNone(notifier.watchdogInterval)
        self.assertEqual((self.made, self.lines), ([], []))

    def test_environmentIsCleared(self) -> None:
        """The variables for this process are removed from the environment; the others
        stay."""
        environ = {
            "NOTIFY_SOCKET": self.path,
            "WATCHDOG_USEC": "1000000",
            "WATCHDOG_PID": "42",
            "LISTEN_FDS": "1",
        }
        Notifier(environ, self.makeSocket)
        self.assertEqual(environ, {"LISTEN_FDS": "1"})

    def test_socketIsNotThere(self) -> None:
        """A socket that cannot be reached is logged once, in one line whatever its
        name. The daemon continues without notifications."""
        missing = f"{self.folder}/a\nb"
        notifier = self.notifier(NOTIFY_SOCKET=missing, WATCHDOG_USEC="1000000")
        notifier.ready()
        notifier.stopping()
        self.assertEqual(
            self.lines,
            [f"cannot notify systemd at {missing!r}: {os.strerror(errno.ENOENT)}"],
        )
        self.assertIsNone(notifier.watchdogInterval)
        self.assertEqual([made.fileno() for made in self.made], [-1])

    def test_pathIsTooLong(self) -> None:
        """An error that Python raises itself is logged, too."""
        self.notifier(NOTIFY_SOCKET="/" + "x" * 200)
        (line,) = self.lines
        self.assertTrue(line.endswith(": AF_UNIX path too long"), line)

    def test_socketGoes(self) -> None:
        """A socket that has disappeared is logged once."""
        notifier = self.notifier()
        self.systemd.close()
        notifier.ready()
        notifier.kick()
        self.assertEqual(
            self.lines,
            [
                f"cannot notify systemd at {self.path!r}: "
                f"{os.strerror(errno.ECONNREFUSED)}"
            ],
        )

    def test_systemdIsBusy(self) -> None:
        """The daemon does not wait for a systemd that does not read; later messages are
        sent."""
        notifier = self.notifier()
        while not self.lines:
            notifier.kick()
        self.assertIn(os.strerror(errno.EAGAIN), self.lines[0])
        self.assertEqual(set(self.heard), {"WATCHDOG=1"})
        notifier.stopping()
        self.assertEqual(self.heard, [STOPPING])

    def test_watchdogInterval(self) -> None:
        """The interval is half the time that systemd waits, if it waits for this
        process."""
        for pid in {}, {"WATCHDOG_PID": "42"}:
            notifier = self.notifier(WATCHDOG_USEC="3000000", **pid)
            self.assertEqual(notifier.watchdogInterval, 1.5)

    def test_noWatchdog(self) -> None:
        """There is no interval without a watchdog, for one of another process, and for
        a wrong value."""
        for environ in (
            {},
            {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "43"},
            {"WATCHDOG_USEC": "0"},
            {"WATCHDOG_USEC": "-1"},
            {"WATCHDOG_USEC": "soon"},
        ):
            self.assertIsNone(self.notifier(**environ).watchdogInterval, environ)


class SlowService(Service):
    """
    A service that stops later.
    """

    def __init__(self) -> None:
        self.stopped: Deferred[None] = Deferred()

    def stopService(self) -> Deferred[None]:
        """Begin to stop."""
        super().stopService()
        return self.stopped


class NotifyingServiceTests(SystemdCase):
    """
    The daemon's services under systemd.
    """

    def start(self, **environ: str) -> tuple[NotifyingService, SlowService]:
        """Start a service, before the reactor runs."""
        self.reactor = FakeReactor()
        services = NotifyingService(self.reactor, self.notifier(**environ))
        slow = SlowService()
        slow.setServiceParent(services)
        services.privilegedStartService()
        services.startService()
        return services, slow

    def test_readyWhenAllRuns(self) -> None:
        """The daemon is ready when its services have started and the reactor runs, not
        before."""
        services, slow = self.start()
        self.assertTrue(services.running and slow.running)
        self.assertEqual(self.heard, [])
        self.reactor.run()
        self.assertEqual(self.heard, [READY])

    def test_watchdog(self) -> None:
        """The reactor kicks the watchdog at once, and then after half its time each."""
        self.start(WATCHDOG_USEC="3000000")
        self.reactor.run()
        self.assertEqual(self.heard, [READY, "WATCHDOG=1"])
        self.reactor.advance(1.4)
        self.assertEqual(self.heard, [])
        for _ in range(3):
            self.reactor.advance(1.5)
            self.assertEqual(self.heard, ["WATCHDOG=1"])

    def test_noWatchdog(self) -> None:
        """Without a watchdog there is no timer."""
        self.start()
        self.reactor.run()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stops(self) -> None:
        """Systemd is notified before the services stop."""
        services, slow = self.start(WATCHDOG_USEC="3000000")
        self.reactor.run()
        heard: list[str] = []
        self.patch(slow, "stopService", lambda: heard.extend(self.heard))
        services.stopService()
        self.assertEqual(heard, [READY, "WATCHDOG=1", STOPPING])

    def test_watchdogWhileServicesStop(self) -> None:
        """The watchdog is kicked until the last service has stopped; then no timer is
        left."""
        services, slow = self.start(WATCHDOG_USEC="3000000")
        self.reactor.run()
        stopped = services.stopService()
        self.assertEqual(self.heard, [READY, "WATCHDOG=1", STOPPING])
        self.reactor.advance(1.5)
        self.assertEqual(self.heard, ["WATCHDOG=1"])
        self.assertNoResult(stopped)
        slow.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stopsWithoutWatchdog(self) -> None:
        """The services stop without a watchdog, too."""
        services, slow = self.start()
        slow.stopped.callback(None)
        self.successResultOf(services.stopService())
        self.assertEqual(self.heard, [STOPPING])
