"""TLS: handshakes, clients that the daemon accepts, and renewed certificates."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from echostamp.test.authority import ORGANIZATION
from echostamp.test.pems import LOCKED_KEYS
from tests import silence, tlspeers
from tests.harness import (
    DEADLINE,
    Daemon,
    figure,
    run,
    script,
    start,
    tool,
    until,
    withoutStamps,
)
from tests.tlspeers import TLS12, VERSIONS, Peer


class HandshakeTests(tlspeers.TlsCase):
    """
    The daemon accepts some clients, and refuses others.
    """

    def openssl(self, daemon: Daemon, *options: str) -> str:
        """Run C{openssl s_client}, and give what it says."""
        done = run(
            tool("openssl", "openssl"),
            "s_client",
            "-connect",
            f"localhost:{daemon.port}",
            *options,
        )
        return (done.stdout + done.stderr).decode(errors="replace")

    def test_oldVersionsAndWeakSuites(self) -> None:
        """TLS 1.1 and suites without authenticated encryption are refused."""
        daemon = self.shared()
        for options in [
            ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"],
        ]:
            self.assertIn("alert", self.openssl(daemon, *options))
        reasons = self.refusals(daemon, 3)
        # An endpoint has to ask for TLS 1.2.
        new = Daemon.shared(self, "-e", self.files.endpoint()[1].removesuffix(TLS12))
        self.assertIn("alert", self.openssl(new, "-tls1_2"))
        self.assertIn("TLSv1.3", self.openssl(new))
        reasons += self.refusals(new, 1)
        self.assertEqual(
            [reason.removeprefix("TLS handshake: ") for reason in reasons],
            ["unsupported protocol", *["no shared cipher"] * 2, "unsupported protocol"],
        )

    def test_noCompressionNoResumption(self) -> None:
        """There is no compression and no renegotiation, and no session of TLS 1.3 can
        be resumed."""
        daemon = self.shared()
        said = self.openssl(daemon, "-tls1_3", "-reconnect")
        self.assertEqual(said.count("New, TLSv1.3"), 6, said)
        self.assertNotIn("Reused", said)
        self.assertIn("Compression: NONE", self.openssl(daemon, "-tls1_2"))
        command = f"openssl s_client -tls1_2 -connect localhost:{daemon.port}"
        client = start(
            self,
            *command.split(" "),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert client.stdin
        assert client.stderr
        # Until the end of the input it waits for an answer.
        client.stdin.write(b"R\n")
        client.stdin.flush()
        lines = iter(client.stderr.readline, b"")
        self.assertTrue(any(b"no renegotiation" in line for line in lines))

    def test_clientCertificates(self) -> None:
        """A client without a certificate of the CA is refused.  One with such a
        certificate is named in the log."""
        daemon = self.daemon(clientCA=True)
        for version in VERSIONS:
            with Peer(daemon.port, self.files.ca, version, self.files.ours) as peer:
                self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
            for certificate in None, self.files.strange:
                self.assertRaises(
                    ssl.SSLError, self.visit, daemon, version, certificate
                )
        self.assertEqual(
            self.refusals(daemon, 4),
            [
                "its certificate: peer did not return a certificate",
                "its certificate: unable to get local issuer certificate",
            ]
            * 2,
        )
        named = f":\\d+ is CN=probe 7{ORGANIZATION}$"
        self.assertEqual(len(re.findall(named, daemon.log(), re.M)), 2)
        # A client that is refused has no other line.
        self.assertEqual(daemon.log().count(" connected"), 2)
        self.assertNotIn("Traceback", daemon.log())

    def test_tooMany(self) -> None:
        """Clients above the limit are closed at once, and leave no descriptor open."""
        daemon = self.daemon("--max-connections=2")
        descriptors = Path(f"/proc/{daemon.process.pid}/fd")
        # It listens before its reactor runs, which opens a pipe for signals.
        self.visit(daemon, VERSIONS[0], None)
        until(lambda: " disconnected" in daemon.log())
        before = len(list(descriptors.iterdir()))
        together = threading.Barrier(20)

        def connect(number: int) -> Peer | None:
            together.wait(DEADLINE)
            try:
                return Peer(daemon.port, self.files.ca)
            except ConnectionError:
                return None

        with ExitStack() as stack:
            with ThreadPoolExecutor(20) as clients:
                found = list(clients.map(connect, range(20)))
            served = [stack.enter_context(peer) for peer in found if peer]
            during = len(list(descriptors.iterdir()))
            for peer in served:
                self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
        until(lambda: len(list(descriptors.iterdir())) == before)
        figure(
            f"20 TLS clients at once, limit 2: {found.count(None)} closed, "
            f"{during - before} descriptors more, none when the others had left"
        )
        self.assertEqual((found.count(None), during - before), (18, 2))
        self.assertEqual(self.refusals(daemon, 18), ["more than 2 connections"] * 18)
        self.assertNotIn("Traceback", daemon.log())

    def test_wrongDescriptions(self) -> None:
        """A daemon that cannot load its files does not start, and one line says why."""
        missing = self.files.folder / "missing"
        locked = self.files.write("locked.pem", LOCKED_KEYS[0])
        for description, why in [
            (
                f"tls:0:privateKey={missing}:certKey={self.files.server}",
                "missing': No such",
            ),
            (f"tls:0:privateKey={self.files.server}", "certKey=FILE is missing"),
            (
                f"tls:0:privateKey={locked}:certKey={self.files.server}",
                "has a passphrase",
            ),
            (
                f"tls:0:privateKey={self.files.ours}:certKey={self.files.server}",
                "not the key of",
            ),
            (
                f"tls:x:privateKey={self.files.server}:certKey={self.files.server}",
                "'x' is not a",
            ),
            (
                f"ssl:0:privateKey={self.files.server}:certKey={self.files.server}",
                "use tls:",
            ),
        ]:
            done = run(
                script("twistd"), "-n", "--pidfile=", "echostamp", "-e", description
            )
            self.assertNotEqual(done.returncode, 0)
            said = (done.stdout + done.stderr).decode()
            self.assertEqual(said.count("\n"), 1, said)
            self.assertIn(why, said)


class TimeTests(silence.HandshakeCase):
    """
    Handshakes and closes that do not come, on a machine that may be busy.
    """

    late = 10.0


class RenewalTests(tlspeers.TlsCase):
    """
    Renewed certificates.
    """

    def setUp(self) -> None:
        """Make files that change."""
        super().setUp()
        self.ownFiles()

    def test_renewedCertificate(self) -> None:
        """SIGHUP loads a renewed certificate, and no connection is dropped.  A wrong
        file is not loaded, and one line says why."""
        daemon = self.daemon()
        with Peer(daemon.port, self.files.ca) as old:
            self.assertEqual(withoutStamps(old.answer(b"a\n")), b"a\n")
            before = self.shown(daemon)
            self.files.write("server.pem", self.files.authority.issue("renewed"))
            self.assertEqual(self.shown(daemon), before)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: self.shown(daemon) != before)
            renewed = self.shown(daemon)
            self.files.write("server.pem", b"half a fi")
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: "server.pem" in daemon.log())
            told = re.findall("(?:certificates|not) reloaded", daemon.log())
            self.assertEqual(len(told), 2, daemon.log())
            self.assertEqual(self.shown(daemon), renewed)
            self.assertEqual(withoutStamps(old.answer(b"b\n")), b"b\n")
        self.assertNotIn("Traceback", daemon.log())

    def test_renewedAuthority(self) -> None:
        """SIGHUP loads the CA of the clients again.  From then on certificates of the
        old CA are refused, and those of the new one are accepted.  Open connections go
        on."""
        daemon = self.daemon(clientCA=True)
        with Peer(daemon.port, self.files.ca, certificate=self.files.ours) as old:
            for version in VERSIONS:
                self.visit(daemon, version, self.files.ours)
                self.assertRaises(
                    ssl.SSLError, self.visit, daemon, version, self.files.strange
                )
            self.files.write("clients.pem", self.files.stranger.certificate)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: "certificates reloaded" in daemon.log())
            for version in VERSIONS:
                self.visit(daemon, version, self.files.strange)
                self.assertRaises(
                    ssl.SSLError, self.visit, daemon, version, self.files.ours
                )
            self.assertEqual(withoutStamps(old.answer(b"b\n")), b"b\n")
        # The reasons differ: our client sends its CA along if it trusts that itself.
        for reason in (reasons := self.refusals(daemon, 4)):
            self.assertRegex(reason, "^its certificate: ")
        self.assertEqual(len(reasons), 4)
        self.assertEqual(
            re.findall(r" is (CN=.*)", daemon.log()),
            [f"CN=probe 7{ORGANIZATION}"] * 3 + [f"CN=test{ORGANIZATION}"] * 2,
        )

    def test_readyAfterAReloadThatFailed(self) -> None:
        """A reload that failed is over, too: systemd gets READY=1 after each reload."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.settimeout(DEADLINE)
            # The kernel picks a name in its abstract namespace.
            systemd.bind("")
            name = "@" + systemd.getsockname()[1:].decode()

            def hear() -> str:
                return systemd.recv(1000).decode().split("\n")[0]

            daemon = self.daemon(env={"NOTIFY_SOCKET": name})
            self.assertEqual(hear(), "READY=1")
            right = Path(self.files.server).read_bytes()
            for content, said in [
                (b"half a fi", "not reloaded: "),
                (right, "certificates reloaded"),
            ]:
                self.files.write("server.pem", content)
                daemon.process.send_signal(signal.SIGHUP)
                self.assertEqual([hear(), hear()], ["RELOADING=1", "READY=1"])
                self.assertIn(said, daemon.log())
            self.visit(daemon, VERSIONS[0], None)

    def shown(self, daemon: Daemon) -> str:
        """Give the certificate that a daemon shows to new clients."""
        return ssl.get_server_certificate(("127.0.0.1", daemon.port), timeout=DEADLINE)
