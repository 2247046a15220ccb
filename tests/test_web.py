"""
Acceptance tests of the web site: real sockets, and the programs that read it.
"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from twisted.trial.unittest import TestCase

from echostamp.test.authority import Authority
from tests import harness
from tests.websites import TIMES, Site

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

#: How Prometheus scrapes: everything, over TLS, one peer, and one that is not there.
SCRAPES = """\
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
- job_name: plain
  static_configs: [{{targets: ["127.0.0.1:{site.port}"]}}]
- job_name: tls
  scheme: https
  tls_config: {{ca_file: "{ca}", server_name: localhost}}
  static_configs: [{{targets: ["127.0.0.1:{site.tlsPort}"]}}]
- job_name: one
  params: {{peer: [peer7]}}
  static_configs: [{{targets: ["127.0.0.1:{site.port}"]}}]
- job_name: none
  params: {{peer: [gone]}}
  static_configs: [{{targets: ["127.0.0.1:{site.port}"]}}]
"""


class PrometheusTests(TestCase):
    """
    A real Prometheus scrapes the site.
    """

    def test_scrape(self) -> None:
        """It gets every peer, in plain text and over TLS, and a peer by its name.  A
        peer that is not there is a target that is down."""
        prometheus = harness.tool("prometheus", "prometheus")
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        authority = Authority()
        (folder / "ca").write_bytes(authority.certificate)
        (folder / "pem").write_bytes(authority.issue())
        site = Site(self, 10, str(folder / "pem"))
        settings = folder / "prometheus.yml"
        settings.write_text(SCRAPES.format(site=site, ca=folder / "ca"))
        self.url = f"127.0.0.1:{harness.freePort()}"
        with (folder / "log").open("wb") as log:
            harness.start(
                self,
                prometheus,
                f"--config.file={settings}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.url}",
                stderr=log,
            )
        expected = {"plain": 10, "tls": 10, "one": 1}
        harness.until(
            lambda: self.ask("count by (job) (echostamp_peer_up)") == expected
        )
        ups = {**dict.fromkeys(expected, 1), "none": 0}
        harness.until(lambda: self.ask("up") == ups)

    def ask(self, query: str) -> dict[str, float] | None:
        """
        Ask Prometheus.

        @return: the value of each job; L{None} while it does not answer.
        """
        url = f"http://{self.url}/api/v1/query?query={quote(query)}"
        try:
            with urlopen(url, timeout=harness.DEADLINE) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return None
        return {each["metric"]["job"]: float(each["value"][1]) for each in found}


class CurlTests(TestCase):
    """
    Somebody reads the site with curl.
    """

    def test_compressed(self) -> None:
        """curl gets the same, compressed or not."""
        curl = harness.tool("curl", "curl")
        url = f"http://localhost:{Site(self, 10).port}/metrics?peer=peer1&peer=peer2"
        plain = harness.run(curl, "-sS", url)
        zipped = harness.run(curl, "-sS", "--compressed", url)
        self.assertIn(b'peer="peer2"', plain.stdout)
        self.assertEqual(zipped.stdout, plain.stdout)

    def test_netcat(self) -> None:
        """nc gets its answer, also if it has closed its side behind the request."""
        nc = harness.tool("nc", "netcat-openbsd")
        site = Site(self, 10)
        found = harness.run(nc, "-N", "127.0.0.1", str(site.port), stdin=REQUEST)
        self.assertTrue(found.stdout.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertTrue(found.stdout.endswith(b"\r\n0\r\n\r\n"))


class HostileTests(TestCase):
    """
    Clients that keep their connections.
    """

    def secondsUntilTheEnd(self, client: socket.socket) -> float:
        """
        Read until the server ends the connection.
        """
        began = time.monotonic()
        client.settimeout(harness.DEADLINE)
        try:
            while client.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return time.monotonic() - began

    def test_silence(self) -> None:
        """One that sends nothing is disconnected, and one that has had its answer
        later."""
        address = "127.0.0.1", Site(self, 1).port
        for sent, seconds in (b"", TIMES.request), (REQUEST, TIMES.idle):
            with socket.create_connection(address) as client:
                client.sendall(sent)
                taken = self.secondsUntilTheEnd(client)
                self.assertGreater(taken, seconds - 0.1)

    def test_slowReaders(self) -> None:
        """Clients that do not read their answers cost little memory, and are
        disconnected."""
        site = Site(self, 500)
        site.get("/metrics")
        before = harness.memory(site.pid, "VmRSS")
        clients = [socket.socket() for _ in range(20)]
        for client in clients:
            self.addCleanup(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", site.port))
            client.sendall(REQUEST)
            # One answer is made after the other.  So the next client gets its own.
            site.get("/metrics?peer=peer1")
        # An answer has 3 MB.
        used = harness.memory(site.pid, "VmRSS") - before
        self.assertLess(used, 40 << 20)
        time.sleep(TIMES.answer)
        for client in clients:
            self.secondsUntilTheEnd(client)
        self.assertEqual(site.get("/healthz"), (200, b"ok\n"))

    def test_rebinding(self) -> None:
        """The page of another site, whose name leads to loopback, reads nothing."""
        site = Site(self, 1)
        status, body = site.get("/metrics", Host="evil.example")
        self.assertEqual(status, 403)
        self.assertNotIn(b"peer", body)
