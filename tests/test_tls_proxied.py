"""TLS behind a proxy: the PROXY header comes before the handshake."""

from __future__ import annotations

import signal

from echostamp.test.authority import ORGANIZATION
from tests import tlspeers
from tests.harness import Daemon, readAll, until, withoutStamps
from tests.tlspeers import Peer


def header(host: int) -> bytes:
    """
    Make the header of a proxy for the client C{192.0.2.HOST:4711}.
    """
    return b"PROXY TCP4 192.0.2.%d 192.0.2.1 4711 8002\r\n" % host


class ProxiedTests(tlspeers.TlsCase):
    """
    A proxy's clients over TLS.
    """

    def behindProxy(self, *options: str, clientCA: bool = False) -> Daemon:
        """Start a daemon."""
        return self.daemon(
            "--proxy-from=127.0.0.0/8", *options, kind="proxy:tls", clientCA=clientCA
        )

    def client(self, daemon: Daemon, host: int, certificate: str | None = None) -> Peer:
        """Connect as a proxy does for a client, C{192.0.2.HOST:4711}."""
        return Peer(
            daemon.port, self.files.ca, certificate=certificate, header=header(host)
        )

    def test_client(self) -> None:
        """The log has the client's address, whether the client is accepted or not, and
        the name in its certificate."""
        daemon = self.behindProxy(clientCA=True)
        with self.client(daemon, 7, self.files.ours) as peer:
            self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
        with daemon.connect() as clear:
            clear.sendall(header(8) + b"hello\n")
            readAll(clear)
        until(lambda: " disconnected" in daemon.log() and " refused" in daemon.log())
        for line in [
            f"192.0.2.7:4711 is CN=probe 7{ORGANIZATION}",
            "192.0.2.7:4711 connected",
            "192.0.2.7:4711 disconnected: 1 message, 2 bytes",
            "192.0.2.8:4711 refused: TLS handshake: wrong version number",
        ]:
            self.assertIn(f" {line}", daemon.log())
        self.assertNotIn(" 127.0.0.1", daemon.log())

    def test_hostsAreTheClients(self) -> None:
        """C{--max-per-host} counts clients, not the proxy."""
        daemon = self.behindProxy("--max-per-host=1")
        with self.client(daemon, 7) as one, self.client(daemon, 8) as two:
            self.assertRaises(ConnectionError, self.client, daemon, 7)
            for peer in one, two:
                self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
        until(lambda: " refused" in daemon.log())
        self.assertIn(
            " 192.0.2.7:4711 refused: more than 1 connection of 192.0.2.7\n",
            daemon.log(),
        )

    def test_renewedCertificate(self) -> None:
        """SIGHUP loads a renewed certificate here, too."""
        self.ownFiles()
        daemon = self.behindProxy()
        with self.client(daemon, 7) as old:
            self.files.write("server.pem", self.files.authority.issue("renewed"))
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: "reloaded" in daemon.log())
            with self.client(daemon, 8) as new:
                self.assertNotEqual(new.certificate, old.certificate)
            self.assertEqual(withoutStamps(old.answer(b"a\n")), b"a\n")
