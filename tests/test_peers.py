"""Other people's programs at the other end: against our daemon, and as servers."""

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
    figure,
    readLines,
    run,
    script,
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
        """Start a daemon."""
        self.daemon = Daemon(self)
        self.port = str(self.daemon.port)

    def test_nc(self) -> None:
        """C{nc -N} gets every line back, and the end."""
        nc = tool("nc", "netcat-openbsd")
        done = run(nc, "-N", "localhost", self.port, stdin=LINES)
        self.assertEqual(withoutStamps(done.stdout), LINES)
        self.assertEqual(done.returncode, 0)

    def test_ncat(self) -> None:
        """C{ncat} gets every line back; it closes when the daemon has."""
        ncat = tool("ncat", "ncat")
        done = run(ncat, "localhost", self.port, stdin=LINES)
        self.assertEqual(withoutStamps(done.stdout), LINES)

    def test_socat(self) -> None:
        """C{socat} gets every line back, an unterminated last one too."""
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
        Start a server on a free port, which C{{port}} stands for.

        @return: the port.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        server = subprocess.Popen(
            [part.format(port=port) for part in command],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(server.wait, DEADLINE)
        self.addCleanup(server.kill)
        until(lambda: _answers(port))
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
        """Some servers drop what they owe when the input ends: they are not told
        before they have answered."""

        def answer(peer: socket.socket) -> None:
            lines = readLines(peer, 3)
            peer.settimeout(0.5)
            try:
                hasEnded = peer.recv(1) == b""
            except TimeoutError:
                hasEnded = False
            if not hasEnded:
                peer.sendall(lines)

        done = self.talkTo(answer, b"a\nb\nc\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"a\nb\nc\n"))

    def test_serverThatAnswersOnlyAfterAFin(self) -> None:
        """Others wait for the end of the input: after a second they are told."""

        def answer(peer: socket.socket) -> None:
            received = b""
            while data := peer.recv(1000):
                received += data
            peer.sendall(received)

        done = self.talkTo(answer, b"a\nb\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"a\nb\n"))

    def test_serverThatStays(self) -> None:
        """A server that has answered everything and does not close is left."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            target = f"127.0.0.1:{server.getsockname()[1]}"
            client = subprocess.Popen(
                [script("echostamp"), "talk", target],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self.addCleanup(client.kill)
            peer, _ = server.accept()
            with peer:
                assert client.stdin is not None
                client.stdin.write(b"a\n")
                client.stdin.close()
                peer.sendall(readLines(peer, 1))
                self.assertEqual(client.wait(DEADLINE), 0)
                assert client.stdout is not None
                self.assertEqual(client.stdout.read(), b"a\n")
                client.stdout.close()

    def test_serverThatAnswersTooLittle(self) -> None:
        """What was not answered is counted, with status 1."""

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
        """After C{kill -9} of the daemon the client counts what was not answered."""
        daemon = Daemon(self)
        client = subprocess.Popen(
            [script("echostamp"), "talk", f"127.0.0.1:{daemon.port}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(client.kill)
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
        for pipe in client.stdin, client.stdout, client.stderr:
            pipe.close()


def _answers(port: int) -> bool:
    """
    Say whether somebody listens.
    """
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


def _unread(port: int) -> int:
    """
    Give the octets that wait unread in the kernel for the server on a port.
    """
    with open("/proc/net/tcp6") as table, open("/proc/net/tcp") as other:
        rows = [line.split() for line in [*table, *other]]
    return sum(
        int(row[4].partition(":")[2], 16)
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] == "01"
    )
