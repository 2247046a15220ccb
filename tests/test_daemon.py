"""The daemon as an operator starts it, its refusals and its log."""

from __future__ import annotations

import calendar
import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    HOSTILE,
    STAMP,
    Daemon,
    figure,
    lack,
    readAll,
    run,
    script,
    tool,
    until,
)
from tests.refusing import refusal


class StartTests(SynchronousTestCase):
    """
    It starts in each way that twistd and twist offer.
    """

    def assertEchoes(self, daemon: Daemon) -> None:
        """Assert that a line comes back stamped."""
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(1000), b"^" + STAMP + b"hello\n$")

    def test_twistdInTheForeground(self) -> None:
        """C{twistd -n echostamp --port N}."""
        self.assertEchoes(Daemon(self, "--port", "0"))

    def test_twist(self) -> None:
        """C{twist echostamp}."""
        self.assertEchoes(
            Daemon(self, "--port", "0", command=("twist", "--log-format=text"))
        )

    def test_twistdInTheBackground(self) -> None:
        """C{twistd echostamp} returns once it listens, and leaves a pid file."""
        folder = Path(self.mktemp())
        folder.mkdir()
        log, pid = folder / "log", folder / "pid"
        started = run(
            script("twistd"),
            f"--pidfile={pid}",
            f"--logfile={log}",
            "echostamp",
            "--port=0",
        )
        self.assertEqual((started.returncode, started.stderr), (0, b""))
        process = int(pid.read_text())
        self.addCleanup(_kill, process)
        found = until(lambda: re.search(r"listening on \S+:(\d+)", log.read_text()))
        with socket.create_connection(("127.0.0.1", int(found[1])), DEADLINE) as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(1000), b"^" + STAMP + b"hello\n$")
        os.kill(process, signal.SIGTERM)
        until(lambda: not pid.exists())

    def test_closedDescriptors(self) -> None:
        """It starts in the background with the descriptors 0 to 2 closed."""
        folder = Path(self.mktemp())
        folder.mkdir()
        started = run(
            *("sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", script("twistd")),
            *(f"--pidfile={folder / 'pid'}", f"--logfile={folder / 'log'}"),
            *("echostamp", "--port=0"),
        )
        self.assertEqual(started.returncode, 0)
        process = int((folder / "pid").read_text())
        self.addCleanup(_kill, process)
        self.assertIn("listening on", (folder / "log").read_text())
        os.kill(process, signal.SIGTERM)
        until(lambda: not (folder / "pid").exists())

    def test_endpoints(self) -> None:
        """It listens on each C{-e}, a bare number being a TCP port, and on C{--port}
        only if that is given."""
        daemon = Daemon(
            self, "-e", "0", "-e", "tcp:0:interface=127.0.0.1", "-e", "unix:s"
        )
        until(lambda: daemon.log().count("listening on") == 3)
        ports = re.findall(r"listening on \S*:(\d+)", daemon.log())
        for port in ports:
            with socket.create_connection(("127.0.0.1", int(port)), DEADLINE) as peer:
                peer.sendall(b"hello\n")
                self.assertRegex(peer.recv(1000), STAMP + b"hello\n$")
        self.assertIn("listening on 's'", daemon.log())
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(DEADLINE)
            peer.connect(os.path.relpath(daemon.folder / "s"))
            peer.sendall(b"a\nb")
            peer.shutdown(socket.SHUT_WR)
            self.assertRegex(readAll(peer), STAMP + b"a\n" + STAMP + b"b$")

    def test_dualStack(self) -> None:
        """By default one socket serves IPv4 and IPv6."""
        daemon = Daemon(self)
        self.assertEqual(daemon.log().count("listening on"), 1)
        for host in "127.0.0.1", "::1":
            with daemon.connect(host) as peer:
                peer.sendall(b"hello\n")
                self.assertRegex(peer.recv(1000), STAMP + b"hello\n$")
        until(lambda: re.search(r" 127\.0\.0\.1:\d+ connected$", daemon.log(), re.M))
        until(lambda: re.search(r" \[::1\]:\d+ connected$", daemon.log(), re.M))

    def test_interface(self) -> None:
        """It listens on the address of C{--interface} only."""
        daemon = Daemon(self, "--port=0", "--interface=127.0.0.1")
        self.assertEchoes(daemon)
        self.assertRaises(ConnectionRefusedError, daemon.connect, "::1")

    def test_formats(self) -> None:
        """C{--format} and C{--utc} choose the format of stamps."""
        for options, pattern in [
            (["--format=unix"], rb"\[\d{10}\.\d{9}\] x\n$"),
            (["-f", "iso"], rb"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}-04:00\] x\n$"),
            (["-f", "iso", "--utc"], rb"\[[-\dT:.]{29}\+00:00\] x\n$"),
            (["-f", "%Y %z"], rb"\[\d{4} -0400\] x\n$"),
        ]:
            daemon = Daemon(self, "-p0", *options, env={"TZ": "America/Caracas"})
            with daemon.connect() as peer:
                peer.sendall(b"x\n")
                self.assertRegex(peer.recv(1000), pattern)

    def test_localTime(self) -> None:
        """C{ctime} is the local time of the daemon's zone."""
        daemon = Daemon(self, "-p0", env={"TZ": "Asia/Kathmandu"})
        with daemon.connect() as peer:
            before = time.time()
            peer.sendall(b"\n")
            shown = peer.recv(1000)[1:25].decode()
        stamp = time.strptime(f"{shown} UTC", "%a %b %d %H:%M:%S %Y %Z")
        drift = calendar.timegm(stamp) - (5 * 60 + 45) * 60 - before
        self.assertTrue(-1 <= drift <= DEADLINE, drift)

    def test_versionAndHelp(self) -> None:
        """C{--version} and C{--help} print and end with 0."""
        for option, expected in (
            ("--version", b"EchoStamp "),
            ("--help", b"--max-length="),
        ):
            shown = run(script("twistd"), "echostamp", option)
            self.assertEqual(shown.returncode, 0)
            self.assertIn(expected, shown.stdout)

    def test_listed(self) -> None:
        """C{twistd --help} lists the daemon."""
        self.assertIn(b"echostamp", run(script("twistd"), "--help").stdout)


class RefusalTests(SynchronousTestCase):
    """
    What it cannot do, it reports in one line, and does not start.
    """

    def assertRefused(
        self,
        *options: str,
        names: str,
        modes: Sequence[tuple[str, ...]] = (("-n",), ()),
    ) -> None:
        """Assert that twistd ends with one line, in foreground and background."""
        for mode in modes:
            folder = Path(self.mktemp())
            folder.mkdir()
            refused = run(
                script("twistd"),
                *mode,
                f"--pidfile={folder / 'pid'}",
                f"--logfile={folder / 'log'}",
                "echostamp",
                *options,
            )
            said = refused.stdout + refused.stderr
            self.assertNotEqual(refused.returncode, 0, said)
            self.assertEqual(said.count(b"\n"), 1, said)
            self.assertIn(names, said.decode())
            self.assertFalse((folder / "pid").exists())

    def test_wrongValues(self) -> None:
        """The line names the option."""
        self.assertRefused("--port", "70000", names="--port '70000'")
        for options, names in [
            (["--endpoint", "tcp:x"], "--endpoint 'tcp:x'"),
            (["-e", "nosuch:1"], "--endpoint 'nosuch:1'"),
            (["-e", "tcp:0:interface=ü..x"], "interface='ü..x' is not an address"),
        ]:
            self.assertRefused(*options, names=names, modes=[("-n",)])
        for options, names in [
            (["--port", "70000"], "--port '70000'"),
            (["--port", "http"], "--port 'http'"),
            (["--pause", "-1"], "--pause '-1'"),
            (["--pause", "nan"], "--pause 'nan'"),
            (["--max-length", "0"], "--max-length '0'"),
            (["--format", ""], "--format ''"),
            (["--format", "%n"], "--format '%n'"),
            (["--format", "%c%c%c"], "--format '%c%c%c'"),
            (["--interface", "nosuch"], "--interface 'nosuch'"),
            (["--nosuch"], "--nosuch"),
            (["argument"], "argument"),
        ]:
            line = refusal(*options)
            self.assertIn(names, line)
            self.assertNotIn("\n", line)

    def test_takenPort(self) -> None:
        """The line names the address.  The other port does not listen either."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertRefused(
                "--port", str(port), names=f":{port}': Address already in"
            )
            with socket.create_server(("127.0.0.1", 0)) as free:
                other = free.getsockname()[1]
            self.assertRefused(
                *("-e", f"tcp:{other}", "-e", f"tcp:{port}"),
                names=f":{port}': Address",
                modes=[("-n",)],
            )
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", other))

    def test_folderThatIsNotThere(self) -> None:
        """A UNIX socket whose folder is missing is refused before anything runs."""
        self.assertRefused(
            *("-e", "unix:nosuch/s"),
            names="'unix:nosuch/s': No such file",
            modes=[()],
        )


class PlaceTests(SynchronousTestCase):
    """
    Files that cannot be written, and folders that lack something.
    """

    def refused(self, *command: str, **more: Any) -> str:
        """Start a daemon that is refused, and give its line."""
        refused = subprocess.run(
            [*command, "echostamp", "--port=0"],
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            **more,
        )
        said = (refused.stdout + refused.stderr).decode()
        self.assertEqual((refused.returncode, said.count("\n")), (1, 1), said)
        return str(said)

    def test_readOnlyFolder(self) -> None:
        """Where the folder is read-only, the line names C{--pidfile=}."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        within = (
            *(tool("unshare", "util-linux"), "--user", "--map-root-user", "--mount"),
            *("sh", "-c", 'mount -t tmpfs -o ro none . && cd "$PWD" && exec "$@"'),
            *("sh", script("twistd")),
        )
        for options in [], ["-n"]:
            said = self.refused(*within, *options, cwd=folder)
            self.assertIn("twistd.pid': its folder is read-only", said)
            self.assertIn("--pidfile=", said)

    def test_rootWithoutDevices(self) -> None:
        """A new root needs a /dev/null."""
        if os.geteuid():
            lack("root")
        root = Path(self.mktemp()).absolute()
        root.mkdir()
        for mode in (), ("-n",):
            said = self.refused(
                *(script("twistd"), *mode), f"--chroot={root}", "--pidfile="
            )
            self.assertIn("it needs a dev/null", said)

    def test_foldersAndUsers(self) -> None:
        """A folder in the place of a file, and an unknown user, are named."""
        for option, expected in [
            ("--pidfile=.", "Is a directory (--pidfile="),
            ("--logfile=.", "Is a directory (--logfile="),
            ("--uid=54321", "--uid 54321: no such user"),
        ]:
            said = self.refused(script("twistd"), "-n", "--pidfile=", option)
            self.assertIn(expected, said)


class PrivilegeTests(SynchronousTestCase):
    """
    Root starts it, and it gives root up.
    """

    def test_lowPortAndNobody(self) -> None:
        """C{twistd -u -g} binds a low port, then gives up uid, gid and groups, and
        still serves and stops."""
        if os.geteuid():
            lack("root")
        port = next(port for port in range(1023, 600, -1) if _isFree(port))
        daemon = Daemon(
            self,
            f"--port={port}",
            command=("twistd", "-n", "--pidfile=", "-u65534", "-g65534"),
        )
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(1000), b"^" + STAMP + b"hello\n$")
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        for field in "Uid", "Gid":
            self.assertRegex(status, rf"(?m)^{field}:(\s+65534){{4}}$")
        self.assertRegex(status, r"(?m)^Groups:(\s+65534)?\s*$")
        self.assertEqual(daemon.stop(), 0)


def _isFree(port: int) -> bool:
    """
    Check that nobody listens on a port.
    """
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) != 0


class LogTests(SynchronousTestCase):
    """
    The log of connections.
    """

    def test_connections(self) -> None:
        """The log has each peer, and at its end its messages, bytes and seconds."""
        # With its own log: other tests may have filled the bound of a shared one.
        daemon = Daemon(self)
        with daemon.connect() as peer:
            name = f"127.0.0.1:{peer.getsockname()[1]}"
            peer.sendall(b"a\nbc\nd")
            peer.shutdown(socket.SHUT_WR)
            readAll(peer)
        until(
            lambda: re.search(
                rf" {name} connected\n(.*\n)*.* {name} disconnected: "
                r"3 messages, 6 bytes, \d\.\d{3} s$",
                daemon.log(),
                re.M,
            )
        )

    def test_nothingRawReachesTheLog(self) -> None:
        """Whatever a peer sends, the log has only printable lines of our own: one when
        the peer connects, one when it disconnects."""
        daemon = Daemon(self)
        before = len(daemon.lines())
        for _ in "123":
            with daemon.connect() as peer:
                peer.sendall((HOSTILE + b"\n2026-01-01 [x] forged\n") * 3)
                peer.shutdown(socket.SHUT_WR)
                readAll(peer)
        until(lambda: daemon.log().count(" disconnected: ") == 3)
        self.assertEqual(len(daemon.lines()), before + 2 * 3)
        figure(
            "every octet, C1 controls and bidirectional overrides in what a peer "
            f"sends: {len(daemon.lines())} lines of the log, "
            f"{len(daemon.unprintable())} unprintable"
        )
        self.assertEqual(daemon.unprintable(), [])
        self.assertNotIn("forged", daemon.log())


def _kill(process: int) -> None:
    """
    End a process, if it is still there.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
