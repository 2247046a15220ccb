"""A daemon that keeps a history: real daemons, real probes, real files."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from echostamp.history.file import HistoryFile
from echostamp.history.interfaces import EventQuery
from echostamp.history.minutes import Counted
from echostamp.history.row import MINUTE, KeptRow
from tests.harness import (
    DEADLINE,
    Daemon,
    deadPort,
    freePort,
    lack,
    run,
    script,
    shortFolder,
    tool,
    until,
)
from tests.scraping import DUE, LOST, RECEIVED, SENT, MetricsCase, of

LATE, ERRORS = "echostamp_replies_late_total", "echostamp_write_errors_total"

#: Peers whose first probe is due no sooner than half a minute after the start, where
#: the interval is a minute or more: one that answers, and one that does not.
UP, DOWN = (
    next(f"{what}{n}" for n in range(9) if zlib.crc32(f"{what}{n}".encode()) >> 31)
    for what in ("up", "down")
)


class HistoryCase(MetricsCase):
    """
    A test of a daemon with a history.
    """

    def setUp(self) -> None:
        """Choose a file."""
        super().setUp()
        self.history = self.folder / "history"

    def keep(self, *options: str, **how: Any) -> Daemon:
        """Start a daemon with a history."""
        options = f"--peers={self.peers}", f"--history={self.history}", *options
        return Daemon(self, "-p0", *options, **how)

    def twistdWith(self, *options: str) -> tuple[int, str]:
        """Run a daemon with a history that should end at once, and give its status and
        what it says."""
        files = f"--peers={self.peers}", f"--history={self.history}"
        done = self.twistd("-p0", *files, *options)
        return done.returncode, (done.stdout + done.stderr).decode()

    def refusal(self, why: str) -> tuple[int, str]:
        """Give the status and the line of a history that cannot be used."""
        return 1, f"echostamp: --history {str(self.history)!r}: {why}\n"

    def rows(self, peer: str) -> Sequence[KeptRow]:
        """Give the rows of a peer so far."""
        with contextlib.closing(HistoryFile(str(self.history))) as history:
            return history.points(peer, 0, 1 << 40, MINUTE).rows

    def total(self, peer: str) -> Counted:
        """Add up the rows of a peer."""
        total = Counted()
        for row in self.rows(peer):
            total = total.with_(Counted._make(row[1:8]))
        return total

    def eventsOf(self, peer: str) -> list[str]:
        """Give the kinds of a peer's events in the history."""
        with contextlib.closing(HistoryFile(str(self.history))) as history:
            found = history.events(EventQuery(peer=peer))
        return [each.event.kind.value for each in reversed(found)]


class HistoryTests(HistoryCase):
    """
    Rows and events are kept.
    """

    def writeFor(self, port: int, dead: int, interval: str = "100ms") -> None:
        """Write the file of peers: one that answers, one that does not, and one that is
        paused."""
        every = f'interval = "{interval}"'
        self.write(
            **{
                UP: f'target = "stamp:127.0.0.1:{port}"\n{every}',
                DOWN: f'target = "127.0.0.1:{dead}"\n{every}',
                "paused": 'target = "192.0.2.1"\npaused = true\ninterval = "1h"',
            }
        )

    def counters(self, web: int) -> dict[str, Counted]:
        """Give the counters of the peers."""
        samples = self.scrape(web)
        ways = "forward", "backward", "unknown"
        return {
            peer: Counted._make(
                [
                    *(int(of(samples, name, peer)) for name in (DUE, SENT, RECEIVED)),
                    *(int(samples[LOST][peer, way]) for way in ways),
                    int(of(samples, LATE, peer)),
                ]
            )
            for peer in (UP, DOWN, "paused")
        }

    def test_rowsAndCounters(self) -> None:
        """At the end of a minute there is a row of each peer, and at the end of the
        daemon that of the minute that is not over: they add up to its counters.  The
        next daemon goes on."""
        far, _, _ = self.far()
        reflector, dead, web = far.port, deadPort(self), freePort()
        self.writeFor(reflector, dead)
        daemon = self.keep(f"--web={web}")
        minute = time.time() // MINUTE
        until(lambda: time.time() // MINUTE > minute, MINUTE + DEADLINE)
        # One that began just before the end of a minute has its first row later.
        until(lambda: self.rows(UP), MINUTE + DEADLINE)
        [row] = self.rows(UP)
        self.assertIn(row.sent - row.received, (0, 1))
        rtts = row.least, row.p10, row.p25, row.median, row.p75, row.p90, row.p99
        known = [each for each in (*rtts, row.most) if each is not None]
        self.assertEqual(len(known), 8)
        self.assertEqual(known, sorted(known))
        self.assertIsNotNone(row.offset)
        until(lambda: of(self.scrape(web), RECEIVED, UP) > row.received)
        # A changed peer keeps its counters, and its next probe is due much later.
        self.writeFor(reflector, dead, "1h")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "reload: 3 peers" in daemon.log())
        counters = until(lambda: self.settled(web))
        self.assertGreater(counters[UP].received, row.received)
        self.assertEqual(counters["paused"].due, 0)
        self.assertEqual(daemon.stop(), 0)
        for peer in UP, DOWN:
            self.assertEqual(self.total(peer), counters[peer], peer)
            ats = [each.at for each in self.rows(peer)]
            self.assertEqual(ats, sorted(set(ats)))
            self.assertEqual({at % MINUTE for at in ats}, {0})
        self.assertEqual(self.rows("paused"), [])
        self.assertEqual(self.eventsOf(DOWN), ["down"])
        self.assertEqual(self.eventsOf(""), ["reload"])
        self.writeFor(reflector, dead)
        daemon = self.keep(f"--web={web}")
        until(lambda: self.status(web, "readyz") == 200)
        until(lambda: of(self.scrape(web), RECEIVED, UP) > 5)
        self.assertEqual(daemon.stop(), 0)
        self.assertGreater(self.total(UP).received, counters[UP].received + 5)

    def settled(self, web: int) -> dict[str, Counted] | None:
        """Give the counters when no probe is in flight and none is due soon."""
        before = self.counters(web)
        samples = self.scrape(web)
        if any(samples["echostamp_probes_in_flight"].values()):
            return None
        until(lambda: of(self.scrape(web, f"?peer={UP}"), "echostamp_peer_up", UP) == 1)
        return before if before == self.counters(web) else None

    def test_briefly(self) -> None:
        """A peer that is there for a part of a minute has its row; a file that was
        deleted is said, and one that is back gets all."""
        far, _, _ = self.far()
        web, dead = freePort(), deadPort(self)
        self.writeFor(far.port, dead)
        daemon = self.keep(f"--web={web}")
        until(lambda: of(self.scrape(web), RECEIVED, UP) > 5)
        aside = self.history.rename(self.history.with_name("aside"))
        self.write(**{DOWN: f'target = "127.0.0.1:{dead}"'})
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "moved, deleted or replaced" in daemon.log())
        until(lambda: self.scrape(web)[ERRORS]["history",])
        aside.rename(self.history)
        self.assertEqual(daemon.stop(), 0)
        self.assertGreater(self.total(UP).received, 5)
        self.assertIn("written again", daemon.log())

    def test_killed(self) -> None:
        """What has happened is in the file soon: an event is there after a kill."""
        self.writeFor(freePort(), deadPort(self))
        daemon = self.keep()
        until(lambda: self.eventsOf(DOWN) == ["down"])
        daemon.stop(signal.SIGKILL)
        self.assertEqual(self.eventsOf(DOWN), ["down"])

    def test_backUp(self) -> None:
        """A copy that SQLite makes while the daemon runs is whole."""
        self.writeFor(freePort(), deadPort(self))
        self.keep()
        until(lambda: self.eventsOf(DOWN) == ["down"])
        with contextlib.closing(sqlite3.connect(self.history)) as other:
            self.history = self.folder / "copy"
            other.execute("VACUUM INTO ?", [str(self.history)])
        self.assertEqual(self.eventsOf(DOWN), ["down"])

    def test_otherProgram(self) -> None:
        """While another program holds the file, probes go on, and nothing is lost."""
        far, _, _ = self.far()
        web = freePort()
        self.writeFor(far.port, deadPort(self))
        daemon = self.keep(f"--web={web}")
        with contextlib.closing(sqlite3.connect(self.history)) as other:
            other.execute("BEGIN EXCLUSIVE")
            until(lambda: f"{DOWN} down" in daemon.log())
            until(lambda: "another program has locked it" in daemon.log())
            samples = self.scrape(web)
            self.assertGreaterEqual(samples[ERRORS]["history",], 1)
            # It has waited for five seconds at least.
            self.assertGreater(of(samples, SENT, UP), 40)
            other.execute("ROLLBACK")
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("stall", daemon.log())
        self.assertIn("written again", daemon.log())
        self.assertEqual(self.eventsOf(DOWN), ["down"])
        self.assertGreater(self.total(UP).sent, 40)

    def test_lockedAtTheEnd(self) -> None:
        """A daemon that cannot write at its end says so, and ends."""
        self.writeFor(freePort(), deadPort(self))
        daemon = self.keep()
        until(lambda: f"{DOWN} down" in daemon.log())
        with contextlib.closing(sqlite3.connect(self.history)) as other:
            other.execute("BEGIN EXCLUSIVE")
            self.assertEqual(daemon.stop(), 0)
        lines = [each for each in daemon.lines() if "--history" in each]
        self.assertRegex(lines[-1], "not written: [1-9][0-9]* rows and events$")
        self.assertNotIn("Traceback", daemon.log())

    def test_fullDisk(self) -> None:
        """A full disk is said once and counted, and all is written when there is
        room."""
        if os.geteuid():
            lack("root")
        disk = self.folder / "disk"
        disk.mkdir()
        mount = tool("mount", "mount"), "-t", "tmpfs", "-o", "size=1m", "none"
        if run(*mount, str(disk)).returncode:
            lack("the right to mount a tmpfs")
        # Lazily, whoever still has a file open there.
        self.addCleanup(run, "umount", "--lazy", str(disk))
        self.history = disk / "history"
        web, dead = freePort(), deadPort(self)
        peers = {"a": f'target = "127.0.0.1:{dead}"'}
        self.write(**peers)
        daemon = self.keep(f"--web={web}")
        fill(disk / "filler")
        for name in "b", "c":
            # Each brings an event, that it is down.
            peers[name] = peers["a"]
            self.write(**peers)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: f"{name} down" in daemon.log())  # noqa: B023
            if name == "b":
                until(lambda: self.errors(web))
                self.assertEqual(self.eventsOf("b"), [])
                (disk / "filler").unlink()
        until(lambda: "written again" in daemon.log())
        self.assertEqual(daemon.log().count("no space is left on its disk"), 1)
        until(lambda: self.eventsOf("c"))
        for name in peers:
            self.assertEqual(self.eventsOf(name), ["down"], name)
        self.assertEqual(daemon.stop(), 0)

    def errors(self, web: int) -> float:
        """Give how often the history could not be written."""
        return self.scrape(web)[ERRORS]["history",]


def fill(path: Path) -> None:
    """
    Write a file until the disk is full.
    """
    with path.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(b"x" * 4096):
            pass


class RefusedTests(HistoryCase):
    """
    A file that cannot be used is a line, and stays as it is.
    """

    def setUp(self) -> None:
        """Write a file of peers."""
        super().setUp()
        self.write(a='target = "192.0.2.1"')

    def test_foreignFiles(self) -> None:
        """Neither a text nor a database of another program is overwritten."""
        other = "it is no history of EchoStamp"
        self.history.write_text("Dear diary,\n" * 1000)
        with contextlib.closing(sqlite3.connect(self.folder / "database")) as database:
            database.execute("CREATE TABLE minutes (peer, at)")
        for path in self.history, self.folder / "database":
            self.history = path
            before = path.read_bytes()
            for options in [], ["--check"]:
                code, said = self.twistdWith(*options)
                self.assertEqual(code, 1)
                self.assertEqual(said.count("\n"), 1, said)
                self.assertIn(other, said)
            self.assertEqual(path.read_bytes(), before)

    def test_check(self) -> None:
        """--check makes no file, and says where none can be made."""
        code, said = self.twistdWith("--check")
        self.assertEqual((code, said.splitlines()[-1]), (0, "ok"))
        self.assertEqual(list(self.folder.iterdir()), [self.peers])
        self.history = self.folder / "none" / "history"
        code, said = self.twistdWith("--check")
        missing = f"{str(self.history.parent)!r}: No such file or directory\n"
        self.assertEqual((code, said), (1, f"echostamp: --history {missing}"))
        self.assertEqual(self.twistdWith()[0], 1)

    def test_twoDaemons(self) -> None:
        """A second daemon is refused, also where the first one has gone into the
        background.  A check is not."""
        pidFile, log = self.folder / "pid", self.folder / "log"
        done = run(
            *(script("twistd"), f"--pidfile={pidFile}", f"--logfile={log}"),
            *("echostamp", "-p0", f"--peers={self.peers}"),
            f"--history={self.history}",
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        until(lambda: pidFile.exists() and pidFile.read_text())
        pid = int(pidFile.read_text())
        self.addCleanup(self.end, pid)
        until(lambda: "watching 1 peer" in log.read_text())
        refusal = self.refusal("another daemon writes to it")
        self.assertEqual(self.twistdWith(), refusal)
        self.assertEqual(self.twistdWith("--check")[0], 0)
        self.end(pid)
        self.assertGreater(self.total("a").due, 0)

    def end(self, pid: int) -> None:
        """End a process, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        until(lambda: not Path(f"/proc/{pid}").exists())

    def test_rightsOfTheUser(self) -> None:
        """The file is made and opened with the rights that the daemon will have."""
        if os.geteuid():
            lack("root")
        self.folder = shortFolder(self)
        self.folder.chmod(0o755)
        self.peers, self.history = self.folder / "peers", self.folder / "history"
        self.write(a='target = "192.0.2.1"')
        command = script("twistd"), "-n", "--pidfile=", "-u65534"
        files = f"--peers={self.peers}", f"--history={self.history}"
        for options in [], ["--check"]:
            done = run(*command, "echostamp", "-p0", *files, *options)
            said = done.stderr.decode()
            self.assertEqual((done.returncode, said.count("\n")), (1, 1), said)
            self.assertIn("Permission denied", said)
        self.folder.chmod(0o777)
        self.write(a=f'target = "127.0.0.1:{deadPort(self)}"')
        daemon = self.keep(command=command)
        until(lambda: "a down" in daemon.log())
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.history.stat().st_uid, 65534)
        self.assertGreater(self.total("a").due, 0)
        again = self.keep(command=command)
        self.assertEqual(again.stop(), 0)
        self.assertNotIn("--history", again.log())
