"""TLS with other people's programs."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests import tlspeers
from tests.harness import (
    DEADLINE,
    Daemon,
    freePort,
    readLines,
    run,
    start,
    tool,
    until,
    withoutStamps,
)


class ProgramTests(tlspeers.TlsCase):
    """
    Other people's programs get every reply, or are refused.
    """

    def assertAnswered(self, *command: str, stdin: bytes = b"a\nb\n") -> None:
        """Assert that a program that sends lines and ends gets the replies."""
        done = run(*command, stdin=stdin)
        self.assertEqual(withoutStamps(done.stdout), stdin, done)

    def assertTalks(self, *command: str) -> None:
        """Assert that a program that ends with its input gets the replies before."""
        with subprocess.Popen(
            command,
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

    def test_openssl(self) -> None:
        """C{openssl s_client -quiet} gets its replies in both versions."""
        daemon = self.shared()
        for version in "-tls1_3", "-tls1_2":
            self.assertTalks(
                tool("openssl", "openssl"),
                "s_client",
                "-quiet",
                version,
                "-verify_return_error",
                "-CAfile",
                self.files.ca,
                "-connect",
                f"localhost:{daemon.port}",
            )

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

    def test_gnutls(self) -> None:
        """C{gnutls-cli} gets its replies in both versions."""
        program = tool("gnutls-cli", "gnutls-bin")
        daemon = self.shared()
        for version in "VERS-TLS1.3", "VERS-TLS1.2":
            self.assertTalks(
                program,
                f"--priority=NORMAL:-VERS-ALL:+{version}",
                f"--x509cafile={self.files.ca}",
                "--logfile=/dev/null",
                f"--port={daemon.port}",
                "localhost",
            )

    def test_node(self) -> None:
        """Node.js shows a certificate, and gets its replies behind its own end."""
        node = tool("node", "nodejs")
        daemon = self.shared(clientCA=True)
        program = """
            const tls = require("tls"), fs = require("fs");
            const [port, ca, ours] = process.argv.slice(1);
            const pem = fs.readFileSync(ours);
            const socket = tls.connect(
                {port: port, host: "localhost", ca: fs.readFileSync(ca),
                 cert: pem, key: pem, allowHalfOpen: true},
                () => socket.end("a\\nb\\n"));
            socket.on("data", data => process.stdout.write(data));
        """
        self.assertAnswered(
            node, "-e", program, str(daemon.port), self.files.ca, self.files.ours
        )

    def test_python(self) -> None:
        """Python's asyncio gets its replies."""
        daemon = self.shared()
        program = """
import asyncio, ssl, sys
async def main():
    context = ssl.create_default_context(cafile=sys.argv[2])
    reader, writer = await asyncio.open_connection(
        "localhost", int(sys.argv[1]), ssl=context)
    for line in sys.stdin.buffer:
        writer.write(line)
        sys.stdout.buffer.write(await reader.readline())
    writer.close()
    await writer.wait_closed()
asyncio.run(main())
"""
        self.assertAnswered(
            sys.executable, "-c", program, str(daemon.port), self.files.ca
        )

    def stunnel(self, *settings: str) -> int:
        """Start stunnel with these settings, and give the port where it accepts."""
        program = tool("stunnel", "stunnel4")
        folder = Path(self.mktemp())
        folder.mkdir()
        port = freePort()
        lines = ["foreground = yes", "pid =", "[echo]", f"accept = 127.0.0.1:{port}"]
        (folder / "conf").write_text("\n".join([*lines, *settings]) + "\n")
        with (folder / "log").open("wb") as log:
            start(self, program, str(folder / "conf"), stdout=log, stderr=log)
        until(lambda: b"Configuration successful" in (folder / "log").read_bytes())
        return port

    def test_stunnelAsClient(self) -> None:
        """A program without TLS gets its replies through stunnel."""
        daemon = self.shared()
        port = self.stunnel(
            "client = yes",
            f"connect = 127.0.0.1:{daemon.port}",
            f"CAfile = {self.files.ca}",
            "verifyChain = yes",
            "checkHost = localhost",
        )
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as peer:
            peer.sendall(b"a\nb\n")
            self.assertEqual(withoutStamps(readLines(peer, 2)), b"a\nb\n")

    def test_stunnelAsServer(self) -> None:
        """Our client gets its replies from a daemon without TLS, through stunnel, which
        asks for a certificate."""
        daemon = Daemon.shared(self)
        daemon.port, plain = (
            self.stunnel(
                f"connect = 127.0.0.1:{daemon.port}",
                f"cert = {self.files.server}",
                f"CAfile = {self.files.ca}",
                "verifyChain = yes",
            ),
            daemon.port,
        )
        self.addCleanup(setattr, daemon, "port", plain)
        options = ["--ca", self.files.ca, "--cert", self.files.ours]
        status, output, errors = self.talk(daemon, *options)
        self.assertEqual((status, withoutStamps(output), errors), (0, b"a\nb\n", ""))

    def test_programWithoutTls(self) -> None:
        """A program that speaks no TLS is refused in one line."""
        daemon = self.shared()
        run(tool("ncat", "ncat"), "localhost", str(daemon.port), stdin=b"hello\n")
        self.assertEqual(
            self.refusals(daemon, 1), ["TLS handshake: wrong version number"]
        )
        self.assertNotIn(" connected", daemon.log())
