"""TLS with other people's programs."""

from __future__ import annotations

import subprocess

from tests import tlspeers
from tests.harness import run, tool, withoutStamps


class ProgramTests(tlspeers.TlsCase):
    """
    Other people's programs get every reply, or are refused.
    """

    def assertAnswered(self, *command: str, stdin: bytes = b"a\nb\n") -> None:
        """Assert that a program that sends lines and ends gets the replies."""
        done = run(*command, stdin=stdin)
        self.assertEqual(withoutStamps(done.stdout), stdin, done)

    def test_openssl(self) -> None:
        """C{openssl s_client -quiet} gets its replies in both versions."""
        daemon = self.shared()
        for version in "-tls1_3", "-tls1_2":
            with subprocess.Popen(
                [
                    tool("openssl", "openssl"),
                    "s_client",
                    "-quiet",
                    version,
                    "-verify_return_error",
                    "-CAfile",
                    self.files.ca,
                    "-connect",
                    f"localhost:{daemon.port}",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as client:
                assert client.stdin
                assert client.stdout
                client.stdin.write(b"a\nb\n")
                client.stdin.flush()
                replies = client.stdout.readline() + client.stdout.readline()
                client.kill()
            self.assertEqual(withoutStamps(replies), b"a\nb\n")

    def test_ncat(self) -> None:
        """C{ncat --ssl} gets its replies."""
        ncat = tool("ncat", "ncat")
        daemon = self.shared()
        verify = ["--ssl-verify", f"--ssl-trustfile={self.files.ca}"]
        self.assertAnswered(ncat, "--ssl", *verify, "localhost", str(daemon.port))

    def test_socat(self) -> None:
        """C{socat} gets its replies, with and without a certificate."""
        socat = tool("socat", "socat")
        for hasCertificate in False, True:
            daemon = self.shared(clientCA=hasCertificate)
            options = f"cafile={self.files.ca}"
            if hasCertificate:
                options += f",cert={self.files.ours}"
            self.assertAnswered(
                socat, "-", f"OPENSSL:localhost:{daemon.port},{options}"
            )

    def test_programWithoutTls(self) -> None:
        """A program that speaks no TLS is refused in one line."""
        daemon = self.shared()
        run(tool("ncat", "ncat"), "localhost", str(daemon.port), stdin=b"hello\n")
        self.assertEqual(
            self.refusals(daemon, 1), ["TLS handshake: wrong version number"]
        )
        self.assertNotIn(" connected", daemon.log())
