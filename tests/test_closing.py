"""How our client disconnects: other people's servers may die of a reset."""

from __future__ import annotations

import queue
import signal
import socket
import ssl
import subprocess

from tests import tlspeers
from tests.farends import Server
from tests.harness import DEADLINE, run, script, start


class ClosingTests(tlspeers.TlsCase):
    """
    A server in plain blocking calls sees how each connection ends.
    """

    def setUp(self) -> None:
        """Make a server, over TCP and over TLS."""
        super().setUp()
        self.ends: queue.Queue[str] = queue.Queue()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.files.server)
        plain, secret = Server(self, self.plain), Server(self, self.secret)
        self.targets = {
            f"127.0.0.1:{plain.port}": "FIN",
            f"tls:localhost:{secret.port}": "close_notify, FIN",
        }

    def serve(self, connection: socket.socket) -> None:
        """Echo lines, but none with the number 7."""
        with connection.makefile("rwb", buffering=0) as lines:
            while line := lines.readline():
                if b" 7 " not in line:
                    lines.write(line)

    def plain(self, number: int, connection: socket.socket) -> None:
        """Serve a connection over TCP."""
        try:
            self.serve(connection)
            self.ends.put("FIN")
        except OSError as error:
            self.ends.put(repr(error))

    def secret(self, number: int, connection: socket.socket) -> None:
        """Serve a connection over TLS."""
        try:
            with self.context.wrap_socket(
                connection, server_side=True, suppress_ragged_eofs=False
            ) as over:
                self.serve(over)
                rest = over.unwrap().recv(1)
            self.ends.put("close_notify, FIN" if not rest else repr(rest))
        except OSError as error:
            self.ends.put(repr(error))

    def command(self, command: str, target: str, *options: str) -> tuple[str, ...]:
        """Give a command line."""
        tls = ("--ca", self.files.ca) if target.startswith("tls:") else ()
        return (script("echostamp"), command, target, *tls, *options)

    def assertEnd(self, end: str) -> None:
        """Assert that the server has seen this end of a connection."""
        self.assertEqual(self.ends.get(timeout=DEADLINE), end)

    def test_done(self) -> None:
        """A run of C{ping} whose probes were all answered ends with FIN, and so does
        C{talk} at the end of its input; over TLS with close_notify and then FIN."""
        for target, end in self.targets.items():
            done = run(*self.command("ping", target, "-c3", "-i10ms"))
            self.assertEqual(done.returncode, 0, done)
            self.assertEnd(end)
            done = run(*self.command("talk", target), stdin=b"a\nb\n")
            self.assertEqual((done.returncode, done.stdout), (0, b"a\nb\n"), done)
            self.assertEnd(end)

    def test_interrupted(self) -> None:
        """It is the same after Ctrl-C, and while a reply is missing."""
        for target, end in self.targets.items():
            for command, options, sign in [
                ("ping", ["-i10ms"], b"seq=10 "),
                ("talk", [], b"a\n"),
            ]:
                client = start(
                    self,
                    *self.command(command, target, *options),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
                assert client.stdin
                assert client.stdout
                client.stdin.write(b"this 7 is not answered\na\n")
                client.stdin.flush()
                while sign not in client.stdout.readline():
                    self.assertIsNone(client.poll())
                client.send_signal(signal.SIGINT)
                status = 0 if command == "ping" else 130
                client.stdout.read()
                self.assertEqual(client.wait(DEADLINE), status)
                self.assertEnd(end)
