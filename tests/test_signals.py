"""Every signal that a process can handle, sent to each program."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    lack,
    readAll,
    readLines,
    run,
    script,
    start,
    tool,
    until,
)

_OPERATIONS = Path(__file__).parents[1] / "docs" / "operations.rst"

#: Signals that no process can handle, and the two that the C library keeps.
_KEPT = {signal.SIGKILL, signal.SIGSTOP, 32, 33}

#: The columns of the table.
DAEMON, PING, TALK = range(3)


def documented(column: int) -> dict[int, str]:
    """Read from the docs what a program does with each signal."""
    text = _OPERATIONS.read_text("utf-8")
    section = text.partition("\nSignals\n=======\n")[2]
    edge = re.search(r"^(=+) +(=+) +(=+) +(=+)$", section, re.MULTILINE)
    assert edge
    cuts = [
        (edge.start(number) - edge.start(), edge.end(number) - edge.start())
        for number in range(1, 5)
    ]
    rows: list[list[str]] = []
    for line in section.split(edge[0])[2].splitlines():
        cells = [line[begin : end + 1].strip() for begin, end in cuts]
        if cells[1]:
            rows.append(cells)
        elif rows:
            rows[-1][0] += " " + cells[0]
    found: dict[int, str] = {}
    for names, *effects in rows:
        for name in names.split():
            numbers = (
                range(signal.SIGRTMIN, signal.SIGRTMAX + 1)
                if name == "RTMIN+N"
                else [signal.Signals[f"SIG{name}"]]
            )
            found.update((int(number), effects[column]) for number in numbers)
    return found


def masks(process: int) -> tuple[set[int], set[int]]:
    """Give the signals that a process handles, and those that it ignores."""
    status = Path(f"/proc/{process}/status").read_text()
    found = []
    for field in "SigCgt", "SigIgn":
        bits = re.search(rf"^{field}:\s+(\w+)$", status, re.MULTILINE)
        assert bits
        mask = int(bits[1], 16)
        found.append({number for number in range(1, 65) if mask >> number - 1 & 1})
    return found[0] - _KEPT, found[1] - _KEPT


class SignalCase(SynchronousTestCase):
    """
    Programs and their signals.
    """

    def assertDocumented(self, process: int, column: int) -> dict[int, str]:
        """Assert that the table has each signal, and that the program leaves those to
        the system, and no others, that the table calls default."""
        table = documented(column)
        self.assertEqual(set(table), set(signal.valid_signals()) - _KEPT)
        handled, ignored = masks(process)
        defaults = {number for number, effect in table.items() if effect == "default"}
        self.assertEqual(set(table) - handled - ignored, defaults)
        return table


class DaemonTests(SignalCase):
    """
    The daemon's signals.
    """

    def test_termAtOnce(self) -> None:
        """SIGTERM as soon as the log says C{listening on} ends it with status 0."""
        for _ in range(5):
            daemon = start(
                self,
                *(script("twistd"), "-n", "--pidfile=", "echostamp", "--port=0"),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert daemon.stdout
            while b"listening on" not in daemon.stdout.readline():
                self.assertIsNone(daemon.poll())
            daemon.terminate()
            said = daemon.stdout.read()
            self.assertEqual(daemon.wait(DEADLINE), 0, said)
            self.assertIn(b"SIGTERM: stopping", said)

    def test_untilItIsGone(self) -> None:
        """Once it drains, further signals do not change its status, up to its end."""
        daemon = Daemon(self)
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1:
            daemon.process.send_signal(number)

        def gone() -> bool:
            for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2:
                daemon.process.send_signal(number)
            return daemon.process.poll() is not None

        until(gone)
        self.assertEqual(daemon.process.returncode, 0)
        self.assertNotIn("Traceback", daemon.log())

    def test_everySignal(self) -> None:
        """The daemon handles what the docs say.  Whatever does not end or suspend it
        by default is sent: the connections stay, and the log has one line each for
        SIGUSR1 and SIGUSR2."""
        daemon = Daemon(self)
        table = self.assertDocumented(daemon.process.pid, DAEMON)
        with daemon.connect() as peer:
            until(lambda: " connected" in daemon.log())
            before = len(daemon.lines())
            for number, effect in table.items():
                if effect in ("drains; again: aborts", "default", "reloads"):
                    continue
                daemon.process.send_signal(number)
            for number in signal.SIGCONT, signal.SIGURG, signal.SIGWINCH:
                daemon.process.send_signal(number)
            until(lambda: len(daemon.lines()) >= before + 2)
            peer.sendall(b"hello\n")
            self.assertRegex(readLines(peer, 1), b"^" + STAMP + b"hello\n$")
            lines = "\n".join(daemon.lines()[before:])
            self.assertEqual(lines.count("SIGUSR1: no log file to rotate"), 1)
            self.assertEqual(lines.count("SIGUSR2: nothing to do"), 1)
            self.assertEqual(lines.count("\n"), 1, lines)
            daemon.process.send_signal(signal.SIGHUP)
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(readAll(peer), b"")
        self.assertEqual(daemon.process.wait(DEADLINE), 0)

    def test_default(self) -> None:
        """A signal with its default action ends it at once."""
        self.assertEqual(Daemon(self).stop(signal.SIGQUIT), -signal.SIGQUIT)


class ClientTests(SignalCase):
    """
    The signals of C{echostamp}.
    """

    def client(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a command whose input and output are pipes."""
        pipe = subprocess.PIPE
        return start(
            self, script("echostamp"), *options, stdin=pipe, stdout=pipe, stderr=pipe
        )

    def test_ping(self) -> None:
        """C{ping} handles what the docs say; SIGQUIT shows its figures so far, SIGTERM
        and SIGINT end it with its summary."""
        target = f"127.0.0.1:{Daemon.shared(self).port}"
        for number in signal.SIGTERM, signal.SIGINT:
            ping = self.client("ping", target, "-i", "10ms")
            assert ping.stdout
            assert ping.stderr
            while b"seq=1 " not in ping.stdout.readline():
                self.assertIsNone(ping.poll())
            self.assertDocumented(ping.pid, PING)
            ping.send_signal(signal.SIGQUIT)
            while b"sent" not in ping.stderr.readline():
                self.assertIsNone(ping.poll())
            ping.send_signal(number)
            said, _ = ping.communicate(timeout=DEADLINE)
            self.assertEqual(ping.returncode, 0)
            self.assertIn(b"received", said)

    def test_interruptedImports(self) -> None:
        """SIGINT ends the command in silence while its modules are imported."""
        command = (
            "import os, signal, sys\n"
            "interrupted = sys.argv.pop()\n"
            "class Finder:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name == interrupted:\n"
            "            os.kill(os.getpid(), signal.SIGINT)\n"
            "sys.meta_path.insert(0, Finder())\n"
            "from echostamp.__main__ import main\n"
            "sys.exit(main())\n"
        )
        for name in "client.command", "client.arguments", "stamps", "talk.terminal":
            ended = run(sys.executable, "-c", command, f"echostamp.{name}")
            self.assertEqual((ended.returncode, ended.stderr), (-signal.SIGINT, b""))

    def test_talk(self) -> None:
        """C{talk} handles what the docs say, and ends at SIGTERM and SIGINT with the
        signal's status."""
        target = f"127.0.0.1:{Daemon.shared(self).port}"
        for number in signal.SIGTERM, signal.SIGINT:
            talk = self.client("talk", target)
            assert talk.stdin
            assert talk.stdout
            talk.stdin.write(b"hello\n")
            talk.stdin.flush()
            talk.stdout.readline()
            self.assertDocumented(talk.pid, TALK)
            talk.send_signal(number)
            self.assertEqual(talk.wait(DEADLINE), 128 + number)


class ProcessOneTests(SynchronousTestCase):
    """
    A program is process 1 of a container, where signals have no default action.
    """

    def inContainer(self, *command: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start a program as process 1 of a namespace of its own."""
        unshare = (
            *(tool("unshare", "util-linux"), "--user", "--map-root-user"),
            *("--pid", "--fork", "--kill-child", "--mount-proc"),
        )
        tried = run(*unshare, "true")
        if tried.returncode:
            lack(f"namespaces of processes: {tried.stderr.decode()}")
        return start(
            self,
            *(*unshare, *command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **more,
        )

    def processOne(self, unshare: subprocess.Popen[bytes]) -> int:
        """Give the number that process 1 has outside."""
        children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
        return int(until(lambda: children.read_text().split() or None)[0])

    def said(self, process: subprocess.Popen[bytes], what: bytes) -> bytes:
        """Read the output up to a line that has these octets."""
        assert process.stdout
        lines = []
        while what not in (line := process.stdout.readline()):
            lines.append(line)
            self.assertTrue(line, lines)
        return line

    def test_daemon(self) -> None:
        """The daemon as the docs start it, without a pid file: after SIGKILL the next
        one starts in the same folder.  SIGUSR1 and SIGUSR2 do nothing, and SIGTERM
        drains it, from C{listening on} on."""
        folder = Path(self.mktemp())
        folder.mkdir()
        command = script("twistd"), "-n", "--pidfile=", "echostamp", "--port=0"
        killed = self.inContainer(*command, cwd=folder)
        self.said(killed, b"listening on")
        processOne = self.processOne(killed)
        os.kill(processOne, signal.SIGKILL)
        killed.wait(DEADLINE)
        again = self.inContainer(*command, cwd=folder)
        self.said(again, b"listening on")
        processOne = self.processOne(again)
        for number in signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM:
            os.kill(processOne, number)
        self.said(again, b"SIGTERM: stopping")
        self.assertEqual(again.wait(DEADLINE), 0)
        self.assertEqual(list(folder.iterdir()), [])

    def test_orphans(self) -> None:
        """The daemon inherits processes whose parent has ended.  When they end, they
        are gone: no zombie is left."""
        # The shell inherits cat, whose parent ends at once, and becomes the daemon.
        daemon = self.inContainer(
            *("sh", "-c", 'exec 3<&0; (cat <&3 &); exec "$@"', "sh", script("twistd")),
            *("-n", "--pidfile=", "echostamp", "--port=0"),
            stdin=subprocess.PIPE,
        )
        self.said(daemon, b"listening on")
        processOne = self.processOne(daemon)
        until(lambda: signal.SIGCHLD in masks(processOne)[1])
        children = Path(f"/proc/{processOne}/task/{processOne}/children")
        self.assertEqual(len(children.read_text().split()), 1)
        assert daemon.stdin
        daemon.stdin.close()
        until(lambda: not children.read_text())
        os.kill(processOne, signal.SIGTERM)
        self.assertEqual(daemon.wait(DEADLINE), 0)

    def test_workers(self) -> None:
        """A daemon with workers sees which of its children end, and starts a worker
        again, which leaves no zombie.  SIGTERM ends all of them."""
        daemon = self.inContainer(
            *(script("twistd"), "-n", "--pidfile=", "echostamp"),
            *("--port=0", "--workers=2"),
        )
        self.said(daemon, b"all 2 workers serve")
        processOne = self.processOne(daemon)
        children = Path(f"/proc/{processOne}/task/{processOne}/children")
        first, *others = children.read_text().split()
        os.kill(int(first), signal.SIGKILL)
        self.said(daemon, b" has ended: ")
        self.said(daemon, b" is process ")
        self.assertNotIn(first, after := children.read_text().split())
        self.assertEqual(len(after), 2)
        self.assertLess(set(others), set(after))
        os.kill(processOne, signal.SIGTERM)
        self.said(daemon, b"SIGTERM: stopping")
        self.assertEqual(daemon.wait(DEADLINE), 0)

    def test_ping(self) -> None:
        """C{ping} ends at SIGTERM with its summary."""
        target = f"127.0.0.1:{Daemon.shared(self).port}"
        ping = self.inContainer(script("echostamp"), "ping", target, "-i", "10ms")
        self.said(ping, b"seq=1 ")
        os.kill(self.processOne(ping), signal.SIGTERM)
        self.said(ping, b"received")
        self.assertEqual(ping.wait(DEADLINE), 0)
