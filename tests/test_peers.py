"""Other people's programs: as clients of our daemon, and as servers of our client."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Callable

import pexpect
from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    accepts,
    figure,
    freePort,
    readLines,
    run,
    script,
    start,
    tool,
    until,
    withoutStamps,
)

LINES = b"".join(b"line %d\n" % n for n in range(10_000))


class ClientTests(SynchronousTestCase):
    """
    Programs that people have at hand, as clients of the daemon.
    """

    def setUp(self) -> None:
        """Take a daemon."""
        self.port = str(Daemon.shared(self).port)

    def test_nc(self) -> None:
        """C{nc -N} gets every line back, and the end."""
        nc = tool("nc", "netcat-openbsd")
        done = run(nc, "-N", "localhost", self.port, stdin=LINES)
        self.assertEqual(withoutStamps(done.stdout), LINES)
        self.assertEqual(done.returncode, 0)

    def test_ncat(self) -> None:
        """C{ncat} gets every line back.  It closes when the daemon has closed."""
        ncat = tool("ncat", "ncat")
        done = run(ncat, "localhost", self.port, stdin=LINES)
        self.assertEqual(withoutStamps(done.stdout), LINES)

    def test_socat(self) -> None:
        """C{socat} gets every line back, also a last one without newline."""
        socat = tool("socat", "socat")
        done = run(
            socat, "-t", "30", "STDIO", f"TCP:localhost:{self.port}", stdin=LINES + b"x"
        )
        self.assertEqual(withoutStamps(done.stdout), LINES + b"x")

    def test_telnet(self) -> None:
        """C{telnet} sends CR LF, and gets it back."""
        telnet = tool("telnet", "telnet")
        child = pexpect.spawn(telnet, ["127.0.0.1", self.port], timeout=DEADLINE)
        self.addCleanup(child.close, force=True)
        child.expect_exact("Escape character")
        for text in b"hello", b"again":
            child.sendline(text)
            child.expect(STAMP + text + rb"\r\n")


class ServerTests(SynchronousTestCase):
    """
    Other echo servers, with our client.
    """

    def serve(self, *command: str) -> int:
        """
        Start a server on a free port.

        @param command: has C{{port}} where the port belongs.
        @return: the port.
        """
        port = freePort()
        start(
            self,
            *(part.format(port=port) for part in command),
            stderr=subprocess.DEVNULL,
        )
        until(lambda: accepts(port))
        return port

    def test_ncatCat(self) -> None:
        """C{ncat -l -k -e /bin/cat}: no stamps, but every line."""
        ncat = tool("ncat", "ncat")
        port = self.serve(ncat, "-l", "-k", "127.0.0.1", "{port}", "-e", "/bin/cat")
        for text in LINES, LINES + b"last":
            done = run(script("echostamp"), "talk", f"127.0.0.1:{port}", stdin=text)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(done.stdout, text)

    def talkTo(
        self, answer: Callable[[socket.socket], None], stdin: bytes, *options: str
    ) -> subprocess.CompletedProcess[bytes]:
        """
        Run our client against a server that serves one connection.
        """
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(DEADLINE)

            def serve() -> None:
                peer, _ = server.accept()
                with peer:
                    peer.settimeout(DEADLINE)
                    answer(peer)

            thread = threading.Thread(target=serve)
            thread.start()
            target = f"127.0.0.1:{server.getsockname()[1]}"
            done = run(script("echostamp"), "talk", *options, target, stdin=stdin)
            thread.join(DEADLINE)
        return done

    def test_serverThatAnswersNothingAfterAFin(self) -> None:
        """Some servers drop replies when the input ends.  The client half-closes only
        once they have answered."""

        def answer(peer: socket.socket) -> None:
            lines = readLines(peer, 3)
            peer.settimeout(0.3)
            try:
                hasEnded = peer.recv(1) == b""
            except TimeoutError:
                hasEnded = False
            if not hasEnded:
                peer.sendall(lines)

        done = self.talkTo(answer, b"a\nb\nc\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"a\nb\nc\n"))

    def test_serverThatAnswersOnlyAfterAFin(self) -> None:
        """Some servers wait for the end of the input.  After a second without replies
        the client half-closes."""

        def answer(peer: socket.socket) -> None:
            received = b""
            while data := peer.recv(1000):
                received += data
            peer.sendall(received)

        done = self.talkTo(answer, b"a\nb\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"a\nb\n"))

    def test_serverThatStays(self) -> None:
        """The client leaves a server that has answered everything and does not
        close."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            target = f"127.0.0.1:{server.getsockname()[1]}"
            client = start(
                self,
                *(script("echostamp"), "talk", target),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            peer, _ = server.accept()
            with peer:
                assert client.stdin is not None
                client.stdin.write(b"a\n")
                client.stdin.close()
                peer.sendall(readLines(peer, 1))
                self.assertEqual(client.wait(DEADLINE), 0)
                assert client.stdout is not None
                self.assertEqual(client.stdout.read(), b"a\n")

    def test_serverThatAnswersTooLittle(self) -> None:
        """The client counts the messages without a reply, with status 1."""

        def answer(peer: socket.socket) -> None:
            readLines(peer, 3)
            peer.sendall(b"a\n")

        done = self.talkTo(answer, b"a\nb\nc\n")
        self.assertEqual((done.returncode, done.stdout), (1, b"a\n"))
        self.assertRegex(
            done.stderr,
            rb"^echostamp: 127.0.0.1:\d+: the far end closed the connection, "
            rb"2 messages not answered\n$",
        )

    def test_serverThatIsKilled(self) -> None:
        """After C{kill -9} of the daemon the client counts the messages without a
        reply."""
        daemon = Daemon(self)
        client = start(
            self,
            *(script("echostamp"), "talk", f"127.0.0.1:{daemon.port}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert client.stdin
        assert client.stdout
        assert client.stderr
        client.stdin.write(b"hello\n")
        client.stdin.flush()
        self.assertRegex(client.stdout.readline(), STAMP + b"hello\n$")
        daemon.process.send_signal(signal.SIGSTOP)
        client.stdin.write(b"one\ntwo\n")
        client.stdin.flush()
        until(lambda: _unread(daemon.port) >= len(b"one\ntwo\n"))
        daemon.process.kill()
        self.assertEqual(client.wait(DEADLINE), 1)
        line = client.stderr.read()
        figure(f"after kill -9 the client says {line.decode().strip()!r}, status 1")
        self.assertRegex(line, rb"^echostamp: .*, 2 messages not answered\n$")


def _unread(port: int) -> int:
    """
    Give how many octets the server on a port has not read yet.
    """
    with open("/proc/net/tcp6") as table, open("/proc/net/tcp") as other:
        rows = [line.split() for line in [*table, *other]]
    return sum(
        int(row[4].partition(":")[2], 16)
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] == "01"
    )
