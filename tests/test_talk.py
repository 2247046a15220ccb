"""C{echostamp talk}: in a terminal, on pipes, and when something fails."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import pexpect
from twisted.trial.unittest import SynchronousTestCase

from tests.filling import isAsleep
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    deadPort,
    figure,
    run,
    script,
    start,
    until,
    withoutStamps,
)
from tests.piping import pipeFile

TEXT_STAMP = STAMP.decode()


class PipeTests(SynchronousTestCase):
    """
    Standard input or output is not a terminal.
    """

    def setUp(self) -> None:
        """Share a daemon."""
        self.target = f"localhost:{Daemon.shared(self).port}"

    def talk(self, stdin: bytes, *options: str) -> bytes:
        """Run the client, which must succeed silently."""
        done = run(script("echostamp"), "talk", *options, self.target, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def test_everyLineIsSentAndEveryReplyWritten(self) -> None:
        """Empty lines, long ones, any octets and an unterminated last one come back."""
        octets = bytes(n for n in range(256) if n != ord("\n"))
        for text in [
            b"a\nb\n\n\n",
            b"last",
            octets + b"\n\n" + b"x" * 3_000_000 + b"\n" + octets,
        ]:
            self.assertEqual(withoutStamps(self.talk(text)), text)

    def test_noInputNoOutput(self) -> None:
        """An empty input is no error."""
        self.assertEqual(self.talk(b""), b"")

    def test_module(self) -> None:
        """C{python -m echostamp} is the same command."""
        done = run(
            sys.executable, "-m", "echostamp", "talk", self.target, stdin=b"hello\n"
        )
        self.assertEqual(done.returncode, 0)
        self.assertEqual(withoutStamps(done.stdout), b"hello\n")

    def test_times(self) -> None:
        """C{--time} puts the round-trip time after each reply."""
        replies = self.talk(b"a\r\nb\nlast", "--time").splitlines()
        self.assertEqual(len(replies), 3)
        for reply, text in zip(replies, [b"a", b"b", b"last"], strict=True):
            self.assertRegex(reply, STAMP + text + rb"  \(\d+\.\d{3} ms\)$")

    def test_file(self) -> None:
        """C{echostamp talk host < file | wc -l} counts the lines of a file in bounded
        memory, where the client would be above the bound if it kept what it reads."""
        lines, counted, most = pipeFile(self, self.target, 40_000_000)
        self.assertEqual(counted, lines)
        figure(f"peak memory of the client: {most} octets for a file of 40 MB")
        self.assertLess(most, 64_000_000)

    def test_slowReaderBehindThePipe(self) -> None:
        """A reader that stops for longer than C{--timeout} gets every reply."""
        text = b"".join(b"%d\n" % n for n in range(300_000))
        client = start(
            self,
            *(script("echostamp"), "talk", "--timeout=1", self.target),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert client.stdin
        assert client.stdout
        sender = threading.Thread(target=_writeAndClose, args=(client.stdin, text))
        sender.start()
        first = client.stdout.read(1)
        until(lambda: isAsleep(client.pid))
        time.sleep(1.3)  # longer than its timeout: that it does not end is the point
        self.assertIsNone(client.poll())
        rest = client.stdout.read()
        client.stdout.close()
        sender.join(DEADLINE)
        self.assertEqual(client.wait(DEADLINE), 0)
        self.assertEqual(withoutStamps(first + rest), text)

    def assertEnds(self, command: str) -> tuple[int, bytes]:
        """Assert that a shell's pipeline ends, and give the client's status and what it
        wrote to standard error."""
        client = f"{script('echostamp')} talk {self.target}"
        done = run("bash", "-c", command.format(client=client))
        return done.returncode, done.stderr

    def test_headEndsIt(self) -> None:
        """C{| head -1} ends the client in silence, by SIGPIPE."""
        status, said = self.assertEnds(
            "yes | {client} | head -1 >/dev/null; exit ${{PIPESTATUS[1]}}"
        )
        self.assertEqual((status, said), (141, b""))

    def test_fullDiskEndsIt(self) -> None:
        """A full disk ends the client with status 1 and one line."""
        status, said = self.assertEnds(
            "yes | {client} >/dev/full; exit ${{PIPESTATUS[1]}}"
        )
        self.assertEqual((status, said.count(b"\n")), (1, 1), said)
        self.assertIn(b"standard output", said)

    def test_closedDescriptors(self) -> None:
        """Closed standard input or output ends the client with status 2 and one
        line."""
        for redirection, name in (
            ("<&-", b"standard input"),
            (">&-", b"standard output"),
        ):
            status, said = self.assertEnds("{client} </dev/null " + redirection)
            self.assertEqual((status, said.count(b"\n")), (2, 1), said)
            self.assertIn(name, said)


class FarEndTests(SynchronousTestCase):
    """
    The far end is missing, or fails.
    """

    def assertFails(self, *arguments: str, says: bytes) -> None:
        """Assert status 1 and one line that names the far end and the reason."""
        done = run(script("echostamp"), "talk", *arguments, stdin=b"a\n")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertRegex(done.stderr, b"^echostamp: " + says + b"\n$")

    def test_nobodyThere(self) -> None:
        """A port where nobody listens refuses the connection."""
        target = f"127.0.0.1:{deadPort(self)}"
        self.assertFails(target, says=target.encode() + b": Connection refused")

    def test_nameThatDoesNotResolve(self) -> None:
        """A name that does not resolve is reported.  RFC 6761, section 6.4: C{invalid}
        never resolves."""
        self.assertFails(
            "nosuch.invalid", says=b"nosuch.invalid:8002: the name does not resolve"
        )

    def test_nobodyAccepts(self) -> None:
        """C{--timeout} bounds the time to connect."""
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            waiting = []
            for _ in range(3):
                each = socket.socket()
                self.addCleanup(each.close)
                each.setblocking(False)
                each.connect_ex(address)
                waiting.append(each)
            self.assertFails(
                "--timeout=0.3",
                f"127.0.0.1:{address[1]}",
                says=rb"127.0.0.1:\d+: no connection within 0.3 s",
            )

    def test_nobodyAnswers(self) -> None:
        """C{--timeout} bounds the wait for replies.  The missing ones are counted."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.assertFails(
                "--timeout=1",
                f"127.0.0.1:{silent.getsockname()[1]}",
                says=rb"127.0.0.1:\d+: 1 message not answered within 1 s",
            )

    def test_wrongCommandLine(self) -> None:
        """A wrong command line ends the client with status 2 and one line."""
        for arguments, says in [
            (["talk", "localhost:99999"], b"99999"),
            (["talk", "nosuch:kind:x"], b"nosuch"),
            (["talk", "--timeout=-1"], b"--timeout"),
            (["talk", "--nosuch"], b"--nosuch"),
            (["nosuch"], b"nosuch"),
        ]:
            done = run(script("echostamp"), *arguments)
            self.assertEqual(done.returncode, 2, done)
            self.assertEqual((done.stdout, done.stderr.count(b"\n")), (b"", 1), done)
            self.assertIn(says, done.stderr)


class TerminalTests(SynchronousTestCase):
    """
    A person types, with no other line editing than the terminal's own.
    """

    def setUp(self) -> None:
        """Share a daemon."""
        self.daemon = Daemon.shared(self)

    def spawn(self, *options: str, port: int | None = None) -> Any:
        """Run the client in a pseudo-terminal of its own."""
        child = pexpect.spawn(
            script("echostamp"),
            ["talk", *options, f"localhost:{port or self.daemon.port}"],
            timeout=DEADLINE,
            encoding="utf-8",
            env={**os.environ, "TERM": "dumb"},
        )
        self.addCleanup(child.close, force=True)
        child.expect_exact("> ")
        return child

    def assertEnds(self, child: Any, status: int) -> None:
        """Assert that the client ends with a status."""
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual((child.exitstatus, child.signalstatus), (status, None))

    def test_promptLineReplyPrompt(self) -> None:
        """A line goes out at Enter.  Its reply appears under it, then the prompt.  An
        empty line ends the client with status 0."""
        child = self.spawn()
        for text in "hello", "你好", "é́ 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "tab\there":
            child.sendline(text)
            child.expect(f"{TEXT_STAMP}([^\r]*)\r\n> $")
            self.assertEqual(child.match[1], text)
        child.sendline("")
        self.assertEnds(child, 0)

    def test_splitLine(self) -> None:
        """A line that another member's line splits is shown again by Ctrl-R, and sent
        whole."""
        self.daemon = Daemon.shared(self, "--port=0", "--intercom")
        child = self.spawn()
        child.send("one two")
        child.expect_exact("one two")
        with self.daemon.connect() as bob:
            bob.sendall(b"from bob\n")
            child.expect("> from bob\r\n")
        child.expect("left\r\n> $")
        child.send("\x12")
        child.expect_exact("one two")
        child.sendline(" three")
        child.expect(f"{TEXT_STAMP}one two three\r\n> $")
        child.sendeof()
        self.assertEnds(child, 0)

    def test_controlDBehindText(self) -> None:
        """The text before a double Ctrl-D is sent, and its reply shown."""
        child = self.spawn()
        child.send("last")
        child.sendeof()
        child.sendeof()
        child.expect(f"{TEXT_STAMP}last\r\n")
        self.assertEnds(child, 0)

    def test_timesAndControlC(self) -> None:
        """C{--time} shows the round-trip time behind the reply.  Ctrl-C ends the client
        with status 130."""
        child = self.spawn("--time")
        child.sendline("hello")
        child.expect(TEXT_STAMP + r"hello  \(\d+\.\d{3} ms\)\r\n> ")
        child.sendintr()
        self.assertEnds(child, 130)

    def test_pasteOfManyLines(self) -> None:
        """Lines that arrive together are all sent and answered, also when the last line
        is empty and ends the client."""
        child = self.spawn()
        child.send("one\ntwo\nthree\n\n")
        for text in "one", "two", "three":
            child.expect(f"{TEXT_STAMP}{text}\r\n")
        self.assertEnds(child, 0)

    def test_hostileRepliesAreShown(self) -> None:
        """Controls, C1 and bidirectional overrides are shown, and have no effect."""
        with socket.create_server(("localhost", 0)) as server:
            child = self.spawn(port=server.getsockname()[1])
            peer, _ = server.accept()
            with peer:
                peer.sendall(
                    "\x1b]0;title\x07\x1b[2J\r\x08\x9b31m".encode()
                    + " \u202egnp.\u2066 \x00\t.\n".encode()
                    + b"\xff\xc3(\n"
                )
                child.expect_exact(
                    r"\x1b]0;title\x07\x1b[2J\r\x08\x9b31m \u202egnp.\u2066 \x00"
                    "\t.\r\n\\xff\\xc3(\r\n> "
                )

    def test_promptComesBackWithoutAReply(self) -> None:
        """After a second without a reply the prompt comes back.  A late reply is on a
        line of its own, and the next prompt under it."""
        with socket.create_server(("localhost", 0)) as server:
            child = self.spawn("--timeout=1.5", port=server.getsockname()[1])
            peer, _ = server.accept()
            with peer:
                began = time.monotonic()
                child.sendline("hello")
                child.expect_exact("hello\r\n")
                child.expect_exact("> ")
                self.assertGreater(time.monotonic() - began, 0.5)
                peer.sendall(b"late\n")
                child.expect_exact("\r\nlate\r\n> ")
                child.sendline("lost")
                child.expect_exact("> ")
                child.sendline("")
                child.expect(r"echostamp: localhost:\d+: 1 message not answered within")
                self.assertEnds(child, 0)

    def test_serverGoesAway(self) -> None:
        """When the far end goes away, one line tells why, with status 1.  The kernel
        may close the connection or reset it."""
        daemon = Daemon(self)
        child = self.spawn(port=daemon.port)
        daemon.stop(signal.SIGKILL)
        child.expect(
            r"\r\nechostamp: localhost:\d+: "
            "(the far end closed the connection|the connection was lost)"
        )
        self.assertEnds(child, 1)

    def test_terminalIsLeftAsItWasFound(self) -> None:
        """Whatever ends the client, kill -9 too, it leaves the terminal's modes, and
        the flags of the open file that it shares with a shell, as it found them.
        Ctrl-D leaves the cursor on a line of its own."""
        for end in "\n", "\x03", "\x04", signal.SIGTERM, signal.SIGKILL:
            master, slave = pty.openpty()
            before = termios.tcgetattr(slave), fcntl.fcntl(slave, fcntl.F_GETFL)
            client = subprocess.Popen(
                [script("echostamp"), "talk", f"localhost:{self.daemon.port}"],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**os.environ, "TERM": "dumb"},
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
            shown = b""
            while not shown.endswith(b"> "):
                shown += os.read(master, 1000)
            if isinstance(end, str):
                os.write(master, end.encode())
            else:
                client.send_signal(end)
            self.assertEqual(
                client.wait(DEADLINE),
                {"\n": 0, "\x04": 0, "\x03": 130, signal.SIGTERM: 143}.get(end, -9),
            )
            after = termios.tcgetattr(slave), fcntl.fcntl(slave, fcntl.F_GETFL)
            self.assertEqual(before, after)
            if end == "\x04":
                self.assertTrue(os.read(master, 1000).endswith(b"\r\n"))
            os.close(master)
            os.close(slave)


def _writeAndClose(pipe: Any, data: bytes) -> None:
    """
    Write everything to a pipe, and close it.
    """
    with pipe:
        pipe.write(data)
