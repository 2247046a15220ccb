"""Acceptance tests of who may read the web pages: a password, and certificates."""

from __future__ import annotations

import socket
import ssl
import subprocess
from base64 import b64encode
from hashlib import sha1
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.harness import DEADLINE, Daemon, freePort, run, start, until
from tests.proxies import nginxCommand
from tests.tlspeers import TlsCase
from tests.websockets import RoomClient

CONFIGURATION = Path(__file__).parent.parent / "deploy" / "nginx" / "echostamp.conf"

#: What a page of metrics has.
METRIC = b"\nechostamp_connections_total 0\n"


class GuardedCase(TlsCase):
    """
    Reads pages over TLS.
    """

    def get(self, url: str, certificate: str | None = None, **headers: str) -> bytes:
        """
        Read a page.

        @param certificate: the path of the client's key and certificate.
        @raise OSError: there is none.
        """
        context = ssl.create_default_context(cafile=self.files.ca)
        if certificate is not None:
            context.load_cert_chain(certificate)
        request = Request(url, headers=headers)
        with urlopen(request, timeout=DEADLINE, context=context) as answer:
            found: bytes = answer.read()
        return found


class NginxTests(GuardedCase):
    """
    With the real nginx and the configuration of deploy/.
    """

    def setUp(self) -> None:
        """Start a daemon, and nginx before it."""
        super().setUp()
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        web, self.port = freePort(), freePort()
        Daemon(self, "-p0", "--intercom", f"--web={web}")
        # The paths and the ports are those of the test.
        text = CONFIGURATION.read_text()
        for before, now in (
            ("/etc/nginx/echostamp.pem", self.files.server),
            ("/etc/nginx", str(folder)),
            ("127.0.0.1:9862", f"127.0.0.1:{web}"),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("https://echostamp.example.net", f"https://localhost:{self.port}"),
        ):
            self.assertIn(before, text)
            text = text.replace(before, now)
        secret = b64encode(sha1(b"secret").digest()).decode()
        (folder / "echostamp.passwd").write_text(f"prometheus:{{SHA}}{secret}\n")
        self.command = nginxCommand(folder, text)

    def test_configuration(self) -> None:
        """nginx has nothing to say about the configuration."""
        done = run(*self.command, "-t", "-q")
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_password(self) -> None:
        """The metrics need the password; whether the daemon runs does not."""
        start(self, *self.command, stderr=subprocess.DEVNULL)
        url = f"https://localhost:{self.port}"
        until(lambda: self.isUp(url))
        for word in None, "wrong":
            error = self.assertRaises(HTTPError, self.metrics, url, word)
            self.assertEqual(error.code, 401)
            error.close()
        self.assertIn(METRIC, self.metrics(url, "secret"))

    def test_room(self) -> None:
        """A page of this site joins the room with the password, one of another site
        cannot."""
        start(self, *self.command, stderr=subprocess.DEVNULL)
        url = f"https://localhost:{self.port}"
        until(lambda: self.isUp(url))
        self.assertEqual(self.join(url).status, 401)
        # The last is a page of the browser's own machine.
        for other in "https://evil.example", "null", "http://localhost":
            self.assertEqual(self.join(other, "secret").status, 403, other)
        client = self.join(url, "secret")
        client.say("hello\n")
        self.assertEqual(client.lines(1), [b"hello"])
        client.close()
        client.rest()
        self.assertEqual(client.closed, 1000)

    def join(self, origin: str, word: str = "") -> RoomClient:
        """
        Join the room.

        @param origin: where the page is from that does so.
        @param word: the password that the browser gives.
        """
        context = ssl.create_default_context(cafile=self.files.ca)
        peer = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        secure = context.wrap_socket(peer, server_hostname="localhost")
        self.addCleanup(secure.close)
        secret = b64encode(f"prometheus:{word}".encode())
        headers = [(b"Origin", origin.encode()), (b"Authorization", b"Basic " + secret)]
        return RoomClient(secure, f"localhost:{self.port}", headers)

    def isUp(self, url: str) -> bool:
        """Tell whether nginx and the daemon answer."""
        try:
            return self.get(f"{url}/healthz") == b"ok\n"
        except OSError:
            return False

    def metrics(self, url: str, word: str | None) -> bytes:
        """Read the metrics with a password, or without."""
        if word is None:
            return self.get(f"{url}/metrics")
        secret = b64encode(f"prometheus:{word}".encode()).decode()
        return self.get(f"{url}/metrics", Authorization=f"Basic {secret}")


class CertificateTests(GuardedCase):
    """
    A web site that wants certificates of its clients.
    """

    def test_clientCA(self) -> None:
        """Only a client with a certificate of the CA can read the metrics."""
        port = freePort()
        files = f"privateKey={self.files.server}:certKey={self.files.server}"
        daemon = Daemon(
            self, "-p0", f"--web=tls:{port}:{files}:clientCA={self.files.clients}"
        )
        url = f"https://localhost:{port}/metrics"
        self.assertIn(METRIC, self.get(url, self.files.ours))
        for wrong in None, self.files.strange:
            error = self.assertRaises(OSError, self.get, url, wrong)
            self.assertNotIsInstance(error, HTTPError)
        self.assertIn(METRIC, self.get(url, self.files.ours))
        self.assertNotIn("can read the pages", daemon.log())
