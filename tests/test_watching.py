"""A daemon that watches peers: real daemons, real probes, files that change."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from echostamp.text import counted
from tests.harness import (
    DEADLINE,
    Daemon,
    deadPort,
    freePort,
    lack,
    readLines,
    run,
    script,
    shortFolder,
    start,
    until,
)
from tests.reflecting import Reflecting
from tests.watching import WatchingCase

#: A group in which nobody is.
GROUP = 54321


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


def openFolder(case: WatchingCase) -> Path:
    """
    Make a folder that every user can reach and write to.
    """
    folder = shortFolder(case)
    folder.chmod(0o777)
    return folder


class PrivilegeTests(WatchingCase):
    """
    Root starts the daemon, which gives root up.
    """

    def test_allKindsOfPeers(self) -> None:
        """Everything goes on without root: peers of all kinds, a reload, and the files
        of peers and events."""
        if os.geteuid():
            lack("root")
        other = Reflecting.shared(self)
        stamp = other.place[1]
        self.folder = openFolder(self)
        self.peers, self.eventsFile = self.folder / "peers", self.folder / "events"
        targets = {
            "line": f'target = "127.0.0.1:{other.port}"',
            "name": f'target = "localhost:{other.port}"\nzone = "Europe/Berlin"',
            "stamp": f'target = "stamp:127.0.0.1:{stamp}"',
            "dead": f'target = "tls:localhost:{deadPort(self)}"',
        }
        self.write(**targets)
        command = script("twistd"), "-n", "--pidfile=", "-u65534"
        daemon = Daemon(
            self,
            "-p0",
            f"--peers={self.peers}",
            f"--events={self.eventsFile}",
            command=command,
        )
        until(lambda: self.kinds("dead") == ["down"])
        self.eventsFile.rename(self.folder / "old")
        targets["new"] = f'target = "stamp:localhost:{deadPort(self)}"'
        self.write(**targets)
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: self.eventsFile.exists() and self.kinds("new") == ["down"])
        self.assertEqual({each["peer"] for each in self.events()}, {"", "new"})
        self.assertNotIn("Traceback", daemon.log())


def mostConnections(daemon: Daemon) -> int:
    """
    Give how many connections a daemon accepts.
    """
    until(lambda: daemon.log().count(" connected") == daemon.log().count(" disconn"))
    with contextlib.ExitStack() as kept:
        for count in itertools.count():
            peer = kept.enter_context(daemon.connect())
            with contextlib.suppress(ConnectionError):
                peer.sendall(b"hello\n")
                if peer.recv(1000):
                    continue
            return count
    raise AssertionError


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

    def test_fewDescriptorsForAddresses(self) -> None:
        """There is room for sixteen addresses of a name, or the daemon does not start;
        where it starts, it also reloads.  Packets of this size share no ports."""
        each = 'addresses = "all"\nflows = 4\nsize = 2000'
        self.write(a=f'target = "stamp:127.0.0.1"\n{each}')
        least = self.needed(128)
        self.assertGreater(least, 2 * 4 * 16)
        options = f"--peers={self.peers}", f"--events={self.eventsFile}"
        daemon = Daemon(self, "-p0", *options, command=self.limited(least))
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: self.kinds() == ["reload"])

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

    def test_connectionsBesideMorePeers(self) -> None:
        """Peers that a reload brings take the place of connections, and return it."""
        one = {"p0": 'target = "192.0.2.1"'}
        many = {f"p{n}": f'target = "192.0.2.{n + 1}"' for n in range(20)}
        self.write(**one)
        limited = "sh", "-c", 'ulimit -n 128; exec "$@"', "sh"
        command = *limited, script("twistd"), "-n", "--pidfile="
        daemon = Daemon(self, "-p0", f"--peers={self.peers}", command=command)
        counts = [mostConnections(daemon)]
        for targets in many, one:
            self.write(**targets)
            daemon.process.send_signal(signal.SIGHUP)
            said = f"reloaded: {counted(len(targets), 'peer')}\n"
            logged = f"reload: {counted(len(targets), 'peer')}\n"
            until(lambda: said in daemon.log() or logged in daemon.log())  # noqa: B023
            counts.append(mostConnections(daemon))
        self.assertEqual(counts[1], counts[0] - 2 * 19)
        self.assertEqual(counts[2], counts[0])

    def test_rightsOfTheUser(self) -> None:
        """Files are opened at the start with the rights that the daemon will have: one
        that only a group of root's may read is refused."""
        if os.geteuid():
            lack("root")
        self.peers = openFolder(self) / "peers.toml"
        self.peers.write_text('[peer.a]\ntarget = "192.0.2.1"\n')
        os.chown(self.peers, 0, GROUP)
        command = script("twistd"), "-n", "--pidfile=", "-u65534", "echostamp"
        said = f"echostamp: {self.peers}: Permission denied\n"
        for mode, expected in (0o644, (0, "")), (0o640, (1, said)):
            self.peers.chmod(mode)
            done = subprocess.run(
                [*command, "--check", f"--peers={self.peers}"],
                capture_output=True,
                extra_groups=[GROUP],
                timeout=DEADLINE,
                check=False,
            )
            self.assertEqual((done.returncode, done.stderr.decode()), expected)

    def test_lowPortOfTheUser(self) -> None:
        """A source port from which the daemon's user may not send is refused."""
        if os.geteuid():
            lack("root")
        self.folder = openFolder(self)
        self.peers = self.folder / "peers.toml"
        self.write(a='target = "stamp:192.0.2.1"\nsource = "127.0.0.1:862"')
        said = (
            f"echostamp: {self.peers}: peer 'a': source: this user may not send from "
            "port 862\n"
        )
        for options, expected in ([], (0, "")), (["-u65534"], (1, said)):
            command = script("twistd"), "-n", "--pidfile=", *options, "echostamp"
            done = run(*command, "--check", f"--peers={self.peers}")
            self.assertEqual((done.returncode, done.stderr.decode()), expected)

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
