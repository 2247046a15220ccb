"""Behind nginx's stream module: clients that half-close, and what the log has."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    Daemon,
    accepts,
    figure,
    freePort,
    readAll,
    readLines,
    run,
    sendWithFin,
    start,
    tool,
    until,
    withoutStamps,
)
from tests.proxies import nginxCommand
from tests.silence import PROXIED

CONFIGURATION = Path(__file__).parent.parent / "deploy" / "nginx" / "stream.conf"

#: The setting that passes a client's FIN on.
HALF_CLOSE = "proxy_half_close on;"

#: How many connections send two lines and a FIN.
COUNT = 300


class StreamTests(SynchronousTestCase):
    """
    With the real nginx and the configuration of deploy/.
    """

    def setUp(self) -> None:
        """Start a daemon."""
        self.daemon = Daemon.shared(self, *PROXIED)

    def configure(self, *changes: tuple[str, str]) -> tuple[str, ...]:
        """Give the command that runs nginx before the daemon.  The configuration has
        the test's ports, and these changes."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.port = freePort()
        text = CONFIGURATION.read_text()
        for before, now in (
            ("listen 8002", f"listen 127.0.0.1:{self.port}"),
            ("127.0.0.1:8003;", f"127.0.0.1:{self.daemon.port};"),
            *changes,
        ):
            self.assertIn(before, text)
            text = text.replace(before, now)
        return nginxCommand(folder, stream=text)

    def startNginx(self, *changes: tuple[str, str]) -> None:
        """Start nginx, and wait until it listens."""
        start(self, *self.configure(*changes), stderr=subprocess.DEVNULL)
        until(lambda: accepts(self.port))

    def connect(self) -> socket.socket:
        """Connect to nginx."""
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def answered(self) -> int:
        """Send two lines and a FIN in one segment, on one connection after the other.

        @return: how many of the connections got both replies."""
        answered = 0
        for _ in range(COUNT):
            with self.connect() as peer:
                sendWithFin(peer, b"one\ntwo\n")
                try:
                    answered += withoutStamps(readAll(peer)) == b"one\ntwo\n"
                except ConnectionResetError:
                    continue
        return answered

    def test_configuration(self) -> None:
        """nginx has nothing to say about the configuration."""
        done = run(*self.configure(), "-t", "-q")
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_halfClose(self) -> None:
        """Every client that half-closes gets its replies, C{nc -N} too."""
        self.startNginx()
        answered = self.answered()
        figure(f"two lines and a FIN through nginx: {answered} answered of {COUNT}")
        self.assertEqual(answered, COUNT)
        nc = tool("nc", "netcat-openbsd")
        said = run(nc, "-N", "127.0.0.1", str(self.port), stdin=b"one\ntwo\n").stdout
        self.assertEqual(withoutStamps(said), b"one\ntwo\n")

    def test_noHalfClose(self) -> None:
        """By nginx's default, such clients lose their replies, as the page says."""
        self.startNginx((HALF_CLOSE, ""))
        answered = self.answered()
        figure(
            f"two lines and a FIN through nginx without proxy_half_close: {answered} "
            f"answered of {COUNT}"
        )
        self.assertLess(answered, COUNT)

    def test_client(self) -> None:
        """The log names the client, and a client that reads on gets its replies."""
        self.startNginx()
        with self.connect() as peer:
            peer.sendall(b"one\n")
            self.assertEqual(withoutStamps(readLines(peer, 1)), b"one\n")
            name = f"127.0.0.1:{peer.getsockname()[1]}"
            until(lambda: f" {name} connected" in self.daemon.log())
