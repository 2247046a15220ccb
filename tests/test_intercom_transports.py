"""The intercom: clients of all transports, in one room."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

from tests import tlspeers
from tests.harness import STAMP, Daemon, freePort, shortFolder, start, tool, until


class TransportTests(tlspeers.TlsCase):
    """
    Clients of all transports are in the same room.
    """

    def test_together(self) -> None:
        """C{nc} over TCP, C{openssl} over TLS, C{nc} over a UNIX socket, and C{nc} to
        HAProxy with C{send-proxy-v2}: each gets the lines of all others, by name."""
        nc = tool("nc", "netcat-openbsd")
        openssl = tool("openssl", "openssl")
        tcp, tls, front, source = (str(freePort()) for _ in range(4))
        folder = self.serve(tcp, tls, front)
        # The name of each in the room, and its command.
        address = rb"127\.0\.0\.1:\d+"
        programs = {
            "tcp": (address, (nc, "127.0.0.1", tcp)),
            "tls": (
                address,
                (
                    *(openssl, "s_client", "-quiet", "-verify_return_error"),
                    *("-CAfile", self.files.ca, "-connect", f"127.0.0.1:{tls}"),
                ),
            ),
            "unix": (b"local", (nc, "-U", f"{folder}/s")),
            "haproxy": (
                b"127.0.0.2:" + source.encode(),
                (nc, "-s", "127.0.0.2", "-p", source, "127.0.0.1", front),
            ),
        }
        clients = {
            name: self.begin(folder / name, *command)
            for name, (_, command) in programs.items()
        }
        for words in b"ready", b"hello":
            for name, client in clients.items():
                assert client.stdin
                client.stdin.write(words + b" from " + name.encode() + b"\n")
                client.stdin.flush()
            # Each has its own reply before the others write to it.
            for name in clients:
                own = words + f" from {name}\n".encode()
                until(lambda: own in (folder / name).read_bytes())  # noqa: B023
        for one in programs:
            for other, (called, _) in programs.items():
                said = b"hello from " + other.encode() + b"\n"
                begin = b"" if one == other else b"<" + called + b"> "
                pattern = re.compile(b"(?m)^" + STAMP + begin + said)
                path = folder / one
                until(lambda: pattern.search(path.read_bytes()))  # noqa: B023

    def serve(self, tcp: str, tls: str, front: str) -> Path:
        """
        Start a daemon with these ports and a UNIX socket C{s}, and HAProxy.

        @param front: the port of HAProxy.
        @return: the folder of the socket.
        """
        haproxy = tool("haproxy", "haproxy")
        folder = shortFolder(self)
        behind = freePort()
        daemon = Daemon(
            self,
            "--intercom",
            *("-e", f"tcp:{tcp}:interface=127.0.0.1"),
            *self.files.endpoint(port=tls),
            *("-e", f"unix:{folder}/s"),
            *("-e", f"proxy:tcp:{behind}:interface=127.0.0.1"),
            "--proxy-from=127.0.0.0/8",
        )
        until(lambda: daemon.log().count("listening on") == 4)
        (folder / "haproxy.cfg").write_text(
            "defaults\n mode tcp\n"
            " timeout connect 5s\n timeout client 1h\n timeout server 1h\n"
            f"listen echo\n bind 127.0.0.1:{front}\n"
            f" server daemon 127.0.0.1:{behind} send-proxy-v2\n"
        )
        self.begin(folder / "haproxy", haproxy, "-db", "-f", f"{folder}/haproxy.cfg")
        until(lambda: _isUp(int(front)))
        return folder

    def begin(self, output: Path, *command: str) -> subprocess.Popen[bytes]:
        """Start a program, with a file for its output."""
        with output.open("wb") as file:
            return start(
                self,
                *command,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )


def _isUp(port: int) -> bool:
    """
    Say whether a program listens on a port.
    """
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == 0
