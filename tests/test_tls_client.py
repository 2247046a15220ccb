"""TLS with our client."""

from __future__ import annotations

import os
import subprocess
import time

from echostamp.test.pems import LOCKED_KEYS
from tests import tlspeers
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    figure,
    run,
    script,
    withoutStamps,
)
from tests.tlspeers import Relay


class ClientTests(tlspeers.TlsCase):
    """
    Our client checks the daemon's certificate, and shows its own.
    """

    def test_verified(self) -> None:
        """The client talks to a host whose certificate is right, by name and by
        address."""
        daemon = self.shared()
        for host in "localhost", "127.0.0.1", "[::1]":
            status, output, errors = self.talk(daemon, "--ca", self.files.ca, host=host)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(withoutStamps(output), b"a\nb\n")

    def test_systemsAuthorities(self) -> None:
        """Without C{--ca} the system's CAs are trusted."""
        daemon = self.shared()
        done = subprocess.run(
            [script("echostamp"), "talk", f"tls:localhost:{daemon.port}"],
            input=b"a\n",
            capture_output=True,
            timeout=DEADLINE,
            check=True,
            env={**os.environ, "SSL_CERT_FILE": self.files.ca},
        )
        self.assertEqual(withoutStamps(done.stdout), b"a\n")

    def test_wrongServers(self) -> None:
        """The client talks to no host whose certificate is wrong, and reports in one
        line why."""
        daemon = self.shared()
        for host, options, why in [
            ("127.0.0.2", ["--ca", self.files.ca], "is not for '127.0.0.2'"),
            (
                "localhost",
                ["--ca", self.files.otherCa],
                "is of an unknown CA",
            ),
            ("localhost", [], "is of an unknown CA"),
        ]:
            status, output, errors = self.talk(daemon, *options, host=host)
            self.assertEqual((status, output, errors.count("\n")), (1, b"", 1), errors)
            self.assertIn(f"tls:{host}:{daemon.port}: its certificate {why}", errors)
        self.refusals(daemon, 3)

    def test_expired(self) -> None:
        """An expired certificate is wrong, too."""
        old = self.files.authority.issue(begin=-9, end=-2)
        path = self.files.write("old.pem", old)
        daemon = Daemon(self, "-e", f"tls:0:privateKey={path}:certKey={path}")
        status, output, errors = self.talk(daemon, "--ca", self.files.ca)
        self.assertEqual((status, output), (1, b""))
        self.assertRegex(
            errors, r"^echostamp: tls:localhost:\d+: its certificate has ex"
        )

    def test_certificate(self) -> None:
        """The client shows the certificate of C{--cert}.  TLS 1.3 may refuse it after
        the handshake; the client reports why, also when it has sent nothing."""
        daemon = self.shared(clientCA=True)
        options = ["--ca", self.files.ca]
        status, output, errors = self.talk(daemon, *options, "--cert", self.files.ours)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(withoutStamps(output), b"a\nb\n")
        for more, why in [
            ([], "certificate required"),
            (["--cert", self.files.strange], "unknown ca"),
        ]:
            status, output, errors = self.talk(daemon, *options, *more)
            self.assertEqual((status, output), (1, b""))
            self.assertEqual(
                errors,
                f"echostamp: tls:localhost:{daemon.port}: the far end refused our "
                f"certificate ({why}), 2 messages not answered\n",
            )
            status, output, errors = self.talk(daemon, *options, *more, stdin=b"")
            self.assertEqual((status, output), (1, b""))
            self.assertIn(f"refused our certificate ({why})\n", errors)
        self.refusals(daemon, 4)

    def test_wrongCommandLine(self) -> None:
        """A file that cannot be used ends the client with status 2 and one line that
        names the file."""
        missing = str(self.files.folder / "missing")
        locked = self.files.write("locked.pem", LOCKED_KEYS[0])
        for arguments, why in [
            (["tls:localhost:7", "--ca", missing], f"--ca {missing!r}: No such file"),
            (["tls:localhost:7", "--cert", self.files.ca], "no PEM private key"),
            (["tls:localhost:7", "--key", self.files.ours], "--key goes with --cert"),
            (
                ["tls:localhost:7", "--cert", self.files.ours, "--key", locked],
                "has a passphrase",
            ),
            (["localhost:7", "--ca", self.files.ca], "--ca and --cert go with tls:"),
        ]:
            done = run(script("echostamp"), "talk", *arguments)
            self.assertEqual((done.returncode, done.stderr.count(b"\n")), (2, 1), done)
            self.assertIn(why, done.stderr.decode())

    def test_tenMegabytes(self) -> None:
        """10 MB of lines come back, all of them and in order."""
        daemon = self.shared()
        text = b"".join(b"%063d\n" % number for number in range(160_000))
        began = time.monotonic()
        done = run(
            script("echostamp"),
            "talk",
            "--ca",
            self.files.ca,
            f"tls:localhost:{daemon.port}",
            stdin=text,
        )
        seconds = time.monotonic() - began
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(withoutStamps(done.stdout), text)
        figure(f"10 MB over TLS by a client that counts: {seconds:.1f} s, every line")

    def test_nothingInTheClear(self) -> None:
        """No octet of a message or a stamp is on the wire as it is."""
        daemon = self.shared()
        relay = Relay(self, daemon.port)
        text = b"".join(b"secret %d\n" % number for number in range(20_000))
        done = run(
            script("echostamp"),
            "talk",
            "--ca",
            self.files.ca,
            f"tls:localhost:{relay.port}",
            stdin=text,
        )
        self.assertEqual((done.returncode, done.stdout.count(b"\n")), (0, 20_000))
        self.assertGreater(len(relay.taken), len(text) + len(done.stdout))
        for clear in b"secret", STAMP:
            self.assertRegex(done.stdout, clear)
            self.assertNotRegex(bytes(relay.taken), clear)
        figure(f"TLS: {len(relay.taken)} octets captured, no reply among them")
