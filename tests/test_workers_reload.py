"""SIGUSR2: the workers are replaced, one after the other."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.arrivals import Arrivals
from tests.filling import fill
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    figure,
    readAll,
    readLines,
    script,
    shortFolder,
    until,
    withoutStamps,
)
from tests.pinging import STATEFUL
from tests.reflecting import PLAIN, Asker, Reflecting
from tests.systemdsockets import giving
from tests.timelimits import isServed
from tests.tlspeers import Peer, TlsCase
from tests.workers import (
    LOOPBACK,
    Installation,
    Workers,
    areServed,
    children,
    isAlive,
    withoutPrivileges,
    workersOf,
)


def reload(daemon: Daemon, meanwhile: Callable[[], object] = bool) -> None:
    """
    Replace the workers, and wait until that is done.

    @param meanwhile: is called again and again until then.
    """
    count = daemon.log().count("all workers are replaced")
    daemon.process.send_signal(signal.SIGUSR2)

    def isDone() -> bool:
        meanwhile()
        return daemon.log().count("all workers are replaced") > count

    until(isDone)


class ReloadTests(SynchronousTestCase):
    """
    A rolling reload.
    """

    def test_replaced(self) -> None:
        """Each worker is a new process of the same parent.  New connections are served
        all the time: none is refused, reset or lost."""
        daemon = Workers(self)
        before = daemon.alive()
        with Arrivals(daemon.port, rate=100) as arrivals:
            for _ in range(3):
                reload(daemon)
            # A fast machine has reloaded before so many have come.
            until(lambda: len(arrivals.outcomes) > 100)
            counts = arrivals.stop()
        after = daemon.alive()
        self.assertEqual(set(before) & set(after), {1, 2})
        self.assertFalse(set(before.values()) & set(after.values()))
        until(lambda: sorted(children(daemon.process.pid)) == sorted(after.values()))
        figure(f"3 reloads under 100 connections a second: {dict(counts)}")
        self.assertEqual(set(counts), {"answered"})
        self.assertGreater(counts["answered"], 100)
        self.assertIn("reloading the workers", daemon.log())
        self.assertNotIn("has ended", daemon.log())

    def test_drained(self) -> None:
        """An old worker drains: a connection is answered, and closed when nothing has
        arrived for a while."""
        daemon = Workers(self)
        with ExitStack() as stack:
            served = daemon.served(stack, 10)
            for peer in served:
                peer.sendall(b"a\nlast")
                readLines(peer, 1)
            reload(daemon)
            for peer in served:
                self.assertRegex(readAll(peer), b"^" + STAMP + b"last$")

    def test_unread(self) -> None:
        """The reload does not wait for a peer that has not read its replies.  The old
        worker keeps it until it has, or the grace is over."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--grace=60")
        lines = b"".join(b"%07d\n" % number for number in range(2_000_000))
        with ExitStack() as stack:
            ((peer, process),) = daemon.served(stack, 1).items()
            sent = fill(peer, lines, process)
            began = time.monotonic()
            reload(daemon)
            seconds = time.monotonic() - began
            self.assertEqual(daemon.server(peer), process)
            self.assertNotIn(process, daemon.alive().values())
            self.assertEqual(withoutStamps(readAll(peer)), lines[:sent])
        until(lambda: not isAlive(process))
        figure(f"2 workers replaced in {seconds:.1f} s, though a peer did not read")

    def test_twice(self) -> None:
        """Two signals at once reload at least once more, and the daemon serves."""
        daemon = Workers(self)
        for _ in range(2):
            daemon.process.send_signal(signal.SIGUSR2)
        until(lambda: "all workers are replaced" in daemon.log())
        with ExitStack() as stack:
            daemon.served(stack, 10)
        self.assertEqual(daemon.stop(), 0)

    def test_stopped(self) -> None:
        """SIGTERM during a reload ends everything."""
        daemon = Workers(self)
        with daemon.connect() as peer:
            self.assertTrue(isServed(peer))
            daemon.process.send_signal(signal.SIGUSR2)
            until(lambda: "reloading the workers" in daemon.log())
            peer.sendall(b"hello\n")
            self.assertEqual(daemon.stop(), 0)
            self.assertRegex(readAll(peer), STAMP + b"hello\n")
        self.assertNotIn("Traceback", daemon.log())

    def test_stamp(self) -> None:
        """No STAMP packet is lost by a reload.  Stateful sessions begin at zero, once,
        and the log counts them."""
        daemon = Reflecting(self, "--workers=2", *STATEFUL)
        until(lambda: len(workersOf(daemon)) == 2)
        with ExitStack() as stack:
            askers = [stack.enter_context(Asker()) for _ in range(10)]
            numbers: dict[Asker, list[int]] = {asker: [] for asker in askers}

            def ask() -> None:
                for asker in askers:
                    answer = asker.ask(PLAIN, daemon.place).octets
                    numbers[asker].append(int.from_bytes(answer[:4], "big"))

            ask()
            reload(daemon, ask)
            ask()
            for asker in askers:
                self.assertTrue(asker.hasNothing())
        for found in numbers.values():
            restart = found.index(0, 1)
            self.assertEqual(found[:restart], list(range(restart)))
            self.assertEqual(found[restart:], list(range(len(found) - restart)))
        said = re.findall(
            r"worker [12]: (\d+) STAMP sessions? beg\w+ again at zero", daemon.log()
        )
        self.assertEqual(sum(map(int, said)), 10)


class SharedTests(SynchronousTestCase):
    """
    Sockets that all workers share.
    """

    def test_inherited(self) -> None:
        """Of connections to a socket of systemd's none is refused, reset or lost by a
        reload or a kill: another worker accepts them."""
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as held:
            daemon = Workers(
                self,
                "-esystemd:name=a",
                command=(
                    *giving("a", held),
                    *(script("twistd"), "-n", "--pidfile="),
                ),
                inherited=[held.fileno()],
            )
            with Arrivals(held.getsockname()[1], rate=100) as arrivals:
                for _ in range(3):
                    reload(daemon)
                counts = arrivals.stop()
        self.assertEqual(set(counts), {"answered"})

    def test_unix(self) -> None:
        """A UNIX socket stays where it is, and each connection is answered."""
        path = shortFolder(self) / "s"
        daemon = Workers(self, f"-eunix:{path}")
        before = path.stat().st_ino

        def visit() -> None:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(DEADLINE)
                peer.connect(str(path))
                self.assertTrue(isServed(peer))

        reload(daemon, visit)
        self.assertEqual(path.stat().st_ino, before)


class SecretTests(TlsCase):
    """
    Files that only root may read.
    """

    def test_rootsKey(self) -> None:
        """The parent reads a key before it drops its privileges.  Workers that begin
        later serve with it, though they could not read it."""
        self.ownFiles()
        daemon = withoutPrivileges(self, *self.files.endpoint())
        os.kill((before := daemon.alive())[1], signal.SIGKILL)
        daemon.replaced(before, 1)
        reload(daemon)
        for process in daemon.alive().values():
            command = Path(f"/proc/{process}/cmdline").read_text()
            environ = Path(f"/proc/{process}/environ").read_text()
            self.assertNotIn(self.files.server, command + environ)
        for _ in range(20):
            with Peer(daemon.port, self.files.ca) as peer:
                self.assertRegex(peer.answer(b"a\n"), STAMP + b"a\n")


class NotReplacedTests(SynchronousTestCase):
    """
    The new worker cannot take the old one's place.
    """

    def assertStays(self, why: str) -> None:
        """Assert that a reload fails with one line, and the old workers go on."""
        daemon = self.daemon
        before = daemon.alive()
        with ExitStack() as stack:
            served = daemon.served(stack, 10)
            daemon.process.send_signal(signal.SIGUSR2)
            said = until(
                lambda: re.findall(r"worker 1 is not replaced: (.*)\n", daemon.log())
            )
            self.assertEqual(len(said), 1)
            self.assertRegex(said[0], why)
            self.assertIn(f"the old process {before[1]} stays", said[0])
            self.assertTrue(all(areServed(served)))
            daemon.served(stack, 10)
        self.assertEqual(daemon.alive(), before)
        until(lambda: sorted(children(daemon.process.pid)) == sorted(before.values()))

    def setUp(self) -> None:
        """Start a daemon of an installation that changes."""
        self.installation = Installation(self)
        self.daemon = Workers(self, env=self.installation.env)

    def test_broken(self) -> None:
        """A new version that ends at once replaces nobody."""
        self.installation.worker.write_text("raise SystemExit('broken')\n")
        self.assertStays("has ended: exit status 1")
        self.assertIn("worker 1: broken", self.daemon.log())

    def test_slow(self) -> None:
        """One that is not ready within 10 s is ended."""
        self.installation.worker.write_text("import time\ntime.sleep(600)\n")
        began = time.monotonic()
        self.assertStays("not ready within 10 s")
        figure(f"a worker that is not ready: {time.monotonic() - began:.1f} s")

    def test_otherVersion(self) -> None:
        """A version whose messages are others is refused, in a line that asks for a
        restart.  A worker that dies then has no successor, and the others serve."""
        daemon = self.daemon
        self.installation.speakOtherwise()
        self.assertStays("restart")
        before = daemon.alive()
        os.kill(before[1], signal.SIGKILL)
        line = r"worker 1, process \d+, cannot start: .*: restart the daemon; "
        until(lambda: re.search(line, daemon.log()))
        with ExitStack() as stack:
            served = daemon.served(stack, 10)
            self.assertEqual(set(served.values()), {before[2]})

    def test_newVersion(self) -> None:
        """A reload runs the version that is installed now, with the parent that there
        was."""
        folder = self.installation.folder
        with (folder / "echostamp" / "__init__.py").open("a") as file:
            file.write(f"\nimport os\nopen(f'{folder}/ran-{{os.getpid()}}', 'w')\n")
        before = self.daemon.alive()
        reload(self.daemon)
        self.assertIsNone(self.daemon.process.poll())
        with ExitStack() as stack:
            self.daemon.served(stack, 10)
        after = self.daemon.alive()
        self.assertFalse(set(before.values()) & set(after.values()))
        self.assertEqual(
            {each.name for each in folder.glob("ran-*")},
            {f"ran-{each}" for each in after.values()},
        )
