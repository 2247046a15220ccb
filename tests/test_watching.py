"""A daemon that watches peers: real daemons, real probes, files that change."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

from tests.harness import (
    Daemon,
    deadPort,
    freePort,
    readLines,
    run,
    script,
    start,
    until,
)
from tests.watching import WatchingCase


class WatchingTests(WatchingCase):
    """
    Peers are watched while the daemon runs.
    """

    def test_downAndUp(self) -> None:
        """A peer that dies is down, and up again when it comes back, over lines and
        over STAMP.  The others are not."""
        port, stamp = freePort(), freePort()
        options = f"-p{port}", f"--reflector=127.0.0.1:{stamp}"
        far = Daemon(self, *options)
        other = Daemon.shared(self, "-p0")
        self.write(
            line=f'target = "127.0.0.1:{port}"',
            stamp=f'target = "stamp:127.0.0.1:{stamp}"',
            other=f'target = "127.0.0.1:{other.port}"',
        )
        self.watch()
        until(lambda: other.log().count("connected") and far.log().count("connected"))
        far.stop()
        until(lambda: self.kinds("line") == self.kinds("stamp") == ["down"])
        Daemon(self, *options)
        until(lambda: self.kinds("line") == self.kinds("stamp") == ["down", "up"])
        self.assertEqual(self.kinds("other"), [])

    def test_reload(self) -> None:
        """The file is read again when it changes, and at SIGHUP.  A file that is wrong
        changes nothing."""
        dead = deadPort(self)
        self.write(a=f'target = "127.0.0.1:{dead}"')
        daemon = self.watch()
        until(lambda: self.kinds("a") == ["down"])
        self.write(b=f'target = "127.0.0.1:{dead}"')
        until(lambda: self.kinds("b") == ["down"])
        self.assertEqual(self.kinds(""), ["reload"])
        for name in "a", "b":
            self.assertIn("Connection refused", self.events(name)[0]["text"])
        self.write(c='target = "127.0.0.1:70000"', d='intervall = "1s"')
        until(lambda: "reload_failed" in self.kinds(""))
        self.assertIn("peer 'c': target: ", daemon.log())
        self.assertIn("did you mean 'interval'?", daemon.log())
        moved = self.eventsFile.rename(self.folder / "old")
        self.write(e=f'target = "127.0.0.1:{dead}"')
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: self.eventsFile.exists() and self.kinds("e") == ["down"])
        self.assertIn("reload_failed", moved.read_text())
        self.assertEqual(daemon.stop(), 0)

    def test_stopped(self) -> None:
        """After SIGSTOP there is a stall, and no peer was down."""
        other = Daemon.shared(self, "-p0")
        self.write(a=f'target = "127.0.0.1:{other.port}"\nmax-loss = "1%"')
        daemon = self.watch()
        until(lambda: "connected" in other.log())
        process = daemon.process.pid
        os.kill(process, signal.SIGSTOP)
        until(lambda: _isStopped(process))
        began = time.monotonic()
        # It must stand still for longer than any timeout.
        until(lambda: time.monotonic() - began > 3)
        os.kill(process, signal.SIGCONT)
        until(lambda: "stall" in self.kinds(""))
        # Two more times the window is judged.
        ended = time.monotonic()
        until(lambda: time.monotonic() - ended > 11)
        self.assertEqual(self.kinds("a"), [])

    def test_noEcho(self) -> None:
        """A daemon can watch only; it listens nowhere."""
        self.write(a=f'target = "127.0.0.1:{deadPort(self)}"')
        log = self.folder / "log"
        with log.open("wb") as output:
            process = start(
                self,
                *(script("twistd"), "-n", "--pidfile=", "echostamp", "--no-echo"),
                *("--peers", str(self.peers), "--events", str(self.eventsFile)),
                stdout=output,
            )
        until(lambda: self.eventsFile.exists() and self.kinds("a") == ["down"])
        self.assertNotIn("listening on", log.read_text())
        process.terminate()
        self.assertEqual(process.wait(30), 0)


def _isStopped(process: int) -> bool:
    """Tell whether a process is stopped."""
    return "State:\tT" in Path(f"/proc/{process}/status").read_text()


class CheckTests(WatchingCase):
    """
    What is wrong is said before anything listens.
    """

    def test_check(self) -> None:
        """--check prints a line a peer, and one for all."""
        self.write(
            a='target = "stamp:192.0.2.1"',
            b='target = "192.0.2.2:8002"\ninterval = "2s"\npaused = true',
        )
        done = self.twistd("--check", f"--peers={self.peers}")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(
            done.stdout.decode().splitlines()[:2],
            [
                "a: stamp:192.0.2.1, every 100ms",
                "b: 192.0.2.2:8002, every 2s, paused",
            ],
        )
        self.assertIn(b"2 peers: 10 probes a second; at most ", done.stdout)

    def test_wrongFile(self) -> None:
        """Each mistake is a line; nothing listens, with --check and without."""
        self.write(a='target = "nowhere:99999"', b='target = "x"\nttl = 300')
        for options in ["--check"], ["-p0"]:
            done = self.twistd(*options, f"--peers={self.peers}")
            self.assertEqual(done.returncode, 1)
            lines = done.stderr.decode().splitlines()
            self.assertEqual(len(lines), 2)
            for line, name in zip(lines, "ab", strict=True):
                begin = f"echostamp: {self.peers}: peer '{name}': "
                self.assertTrue(line.startswith(begin), line)

    def limited(self, limit: int) -> tuple[str, ...]:
        """Give a command line before C{echostamp} with a limit of open files."""
        within = f'ulimit -n {limit}; exec "$@"'
        return "sh", "-c", within, "sh", script("twistd"), "-n", "--pidfile="

    def needed(self, limit: int, *options: str) -> int:
        """Start a daemon with too low a limit of open files, and give the number that
        its only line names."""
        command = *self.limited(limit), "echostamp", "-p0", *options
        done = run(*command, f"--peers={self.peers}")
        self.assertEqual(done.returncode, 1)
        found = re.fullmatch(
            r"echostamp: the limit of open files is too low for the peers: (\d+) are "
            r"needed \(ulimit -n\)\n",
            done.stderr.decode(),
        )
        assert found, done.stderr
        return int(found[1])

    def test_fewDescriptors(self) -> None:
        """If the limit of open files is too low, a line has the number that is needed:
        that of the peers, and of as many connections as were asked for, or of one.
        With that number the daemon serves so many."""
        self.write(**{f"p{n}": f'target = "192.0.2.{n}"' for n in range(100)})
        least = self.needed(128)
        self.assertTrue(200 < least < 280, least)
        self.assertEqual(self.needed(least - 1), least)
        self.assertEqual(self.needed(least + 8, "--max-connections=10"), least + 9)
        daemon = Daemon(
            self, "-p0", f"--peers={self.peers}", command=self.limited(least)
        )
        with daemon.connect() as peer, daemon.connect() as second:
            peer.sendall(b"hello\n")
            readLines(peer, 1)
            self.assertEqual(second.recv(1), b"")

    def test_fewDescriptorsAtReload(self) -> None:
        """If the limit of open files is too low for new peers, the old ones stay."""
        self.write(a='target = "192.0.2.1"')
        command = self.limited(128)
        daemon = Daemon(self, "-p0", f"--peers={self.peers}", command=command)
        self.write(**{f"p{n}": f'target = "192.0.2.{n}"' for n in range(100)})
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "the limit of open files is too low: 100 peers" in daemon.log())
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            readLines(peer, 1)

    def test_missingFiles(self) -> None:
        """A file that is not there is a line."""
        missing = "No such file or directory"
        done = self.twistd("-p0", f"--peers={self.peers}")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr.decode(),
            f"echostamp: {self.peers}: {missing}\n",
        )
        self.write(a='target = "192.0.2.1"')
        events = self.folder / "none" / "events"
        done = self.twistd("-p0", f"--peers={self.peers}", f"--events={events}")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr.decode(),
            f"echostamp: --events {str(events)!r}: {missing}\n",
        )
