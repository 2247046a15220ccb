"""The intercom: commands of clients, over real connections."""

from __future__ import annotations

import re
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import tlspeers
from tests.filling import Filler, fillAll
from tests.harness import (
    Daemon,
    figure,
    freePort,
    readAll,
    run,
    shortFolder,
    start,
    tool,
    until,
)
from tests.rooms import INTERCOM, UNIX, Crowd, shareRoom

#: Lines with commands among them, and how many notices answer them.
LINES, ANSWERS = (
    b"".join(
        b"line %d\n/who\n/etc/passwd\n/help\n/name x\n/y\n /who\n" % n
        for n in range(500)
    ),
    500 * (1 + 4 + 1 + 1),
)


def own(heard: bytes | bytearray) -> bytes:
    """Give the messages that a client has got back, without stamps and notices."""
    return re.sub(UNIX, b"", re.sub(rb"(?m)^" + UNIX + rb"\* .*\n", b"", heard))


class CommandTests(SynchronousTestCase):
    """
    Commands, and those who see their answers.
    """

    def test_toTheSenderAlone(self) -> None:
        """Each answer is right behind its command, which nobody else gets."""
        crowd = Crowd(self, shareRoom(self, *INTERCOM))
        bob, ann = crowd.members(b"bob", b"ann")
        crowd.say(ann, b"a\n/who\nb\n/name eve\nc\n/etc/passwd\n/x\n")
        crowd.until(lambda: ann.heard.endswith(b"see /help\n"))
        crowd.until(lambda: bob.heard.endswith(b"/x\n"))
        address = rb"127\.0\.0\.1:\d+\n"
        since = rb" since \d{10}\.\d{9} from " + address
        self.assertRegex(
            re.sub(UNIX, b"", ann.heard),
            rb"^a\n/who\n\* bob" + since + rb"\* ann" + since + b"b\n/name eve\n"
            rb"\* ann is now eve\nc\n/etc/passwd\n/x\n\* no command /x: see /help\n$",
        )
        self.assertEqual(
            re.sub(UNIX, b"", bob.heard),
            b"<ann> a\n<ann> b\n* ann is now eve\n<eve> c\n<eve> /etc/passwd\n"
            b"<eve> /x\n",
        )

    def test_switchedOff(self) -> None:
        """With C{--no-commands} all these are messages."""
        crowd = Crowd(self, shareRoom(self, *INTERCOM, "--no-commands"))
        bob, ann = crowd.members(b"bob", b"ann")
        crowd.say(ann, b"/who\n/name eve\n/quit\n/x\n")
        crowd.until(lambda: bob.heard.endswith(b"/x\n"))
        self.assertEqual(
            re.sub(UNIX, b"", bob.heard),
            b"<ann> /who\n<ann> /name eve\n<ann> /quit\n<ann> /x\n",
        )
        self.assertEqual(own(ann.heard), b"/who\n/name eve\n/quit\n/x\n")

    def test_pipe(self) -> None:
        """A pipe into C{nc} gets every line back, commands included, whatever the
        answers between them are."""
        nc = tool("nc", "netcat-openbsd")
        daemon = shareRoom(self, *INTERCOM)
        done = run(nc, "-N", "127.0.0.1", str(daemon.port), stdin=LINES)
        self.assertEqual(own(done.stdout), LINES)
        self.assertEqual(
            done.stdout.count(b"\n"), LINES.count(b"\n") + ANSWERS, done.stdout[:2000]
        )

    def test_memory(self) -> None:
        """What the daemon holds is bounded for clients that send nothing but commands
        in a large room, and do not read."""
        count, who, helps = 20, b"/who\n" * 13_000, b"/help\n" * 11_000
        for name, chunk in ("/who", who), ("/help", helps):
            daemon = Daemon(self, *INTERCOM, "--no-notices")
            crowd = Crowd(self, daemon)
            members = [crowd.join(b"m%d" % n) for n in range(400)]
            crowd.until(lambda: all(b"/name" in each.heard for each in members))  # noqa: B023
            before = daemon.memory()
            with ExitStack() as stack:
                peers = [stack.enter_context(daemon.connect()) for _ in range(count)]
                fillers = [Filler(peer, lambda: chunk) for peer in peers]  # noqa: B023
                fillAll(fillers, daemon.process.pid)
                each = (daemon.memory() - before) / count / 1024
                isCut = " cut: " in daemon.log()
            figure(
                f"{count} clients that do not read, and send {name}, among 400: "
                f"{each:.0f} KiB held for each"
            )
            self.assertFalse(isCut)
            self.assertLess(each, 256)
            daemon.stop()


class QuitTests(tlspeers.TlsCase):
    """
    Clients that quit.
    """

    def test_programs(self) -> None:
        """C{socat}, C{telnet} and C{openssl} end at /quit; C{nc} and C{ncat} get EOF,
        and end when their input ends."""
        nc, ncat = tool("nc", "netcat-openbsd"), tool("ncat", "ncat")
        socat, telnet = tool("socat", "socat"), tool("telnet", "telnet")
        openssl = tool("openssl", "openssl")
        folder = shortFolder(self)
        tcp, tls = str(freePort()), str(freePort())
        tcpEnd, tlsEnd = f"127.0.0.1:{tcp}", f"127.0.0.1:{tls}"
        verify = f"OPENSSL:{tlsEnd},cafile={self.files.ca},verify=0"
        daemon = Daemon(
            self,
            "--intercom",
            *("-e", f"tcp:{tcp}:interface=127.0.0.1"),
            *self.files.endpoint(port=tls),
            *("-e", f"unix:{folder}/s"),
        )
        until(lambda: daemon.log().count("listening on") == 3)
        for isEnding, command in [
            (True, (socat, "-", f"TCP:{tcpEnd}")),
            (True, (socat, "-", f"UNIX:{folder}/s")),
            (True, (socat, "-", verify)),
            (True, (telnet, *tcpEnd.split(":"))),
            (True, (openssl, "s_client", "-quiet", "-connect", tlsEnd)),
            (False, (nc, *tcpEnd.split(":"))),
            (False, (nc, "-U", f"{folder}/s")),
            (False, (ncat, *tcpEnd.split(":"))),
            (False, (ncat, "--ssl", *tlsEnd.split(":"))),
        ]:
            self.assertQuits(daemon, folder / "out", command, isEnding)

    def assertQuits(
        self, daemon: Daemon, path: Path, command: tuple[str, ...], isEnding: bool
    ) -> None:
        """Assert that a program gets everything before C{/quit}, and ends."""
        before = daemon.log().count(" disconnected: ")
        with path.open("wb") as file:
            client = start(
                self,
                *command,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
        assert client.stdin
        # What telnet is given before it is connected is lost.
        until(lambda: daemon.log().count(" connected") == before + 1)
        client.stdin.write(b"a\n/x\n/quit\nb\n")
        client.stdin.flush()
        until(lambda: b"] /quit" in path.read_bytes())
        if not isEnding:
            client.stdin.close()
        self.assertEqual(client.wait(10), 0, command)
        replies = re.sub(rb"(?m)^\[[^]]*\] ", b"", path.read_bytes())
        told = b"a\n/x\n* no command /x: see /help\n/quit\n"
        self.assertIn(told, replies.replace(b"\r", b""))
        self.assertNotIn(b"] b", path.read_bytes())
        until(lambda: daemon.log().count(" disconnected: ") == before + 1)

    def test_goesOnSending(self) -> None:
        """A client that never stops sending gets FIN all the same, and no reset."""
        crowd = Crowd(self, shareRoom(self, *INTERCOM))
        [bob] = crowd.members(b"bob")
        client = crowd.join(b"ann")
        crowd.say(client, b"a\n/quit\n" + b"late\n" * 100_000)
        crowd.until(lambda: bob.heard.endswith(b"* ann left\n"))
        crowd.until(lambda: client.isOver)
        self.assertEqual(own(client.heard), b"/name ann\na\n/quit\n")
        client.socket.settimeout(10)
        # The kernels' buffers take less than this.
        for _ in range(200):
            client.socket.sendall(b"late\n" * 20_000)
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(client.socket.recv(1), b"")
        self.assertNotIn(b"late", bob.heard)

    def test_doesNotRead(self) -> None:
        """A client that does not read gets everything before, then FIN, once it
        reads."""
        daemon = shareRoom(self, *INTERCOM)
        crowd = Crowd(self, daemon)
        [bob] = crowd.members(b"bob")
        with daemon.connect() as peer:
            # A megabyte of answers.
            peer.sendall(b"/help\n" * 5000 + b"/quit\nlate\n")
            crowd.until(lambda: bob.heard.endswith(b" joined\n"))
            crowd.settle([bob])
            self.assertNotIn(b" left", bob.heard)
            received = readAll(peer)
            received = re.sub(rb".*<bob> settle\n", b"", received)
            self.assertEqual(own(received), b"/help\n" * 5000 + b"/quit\n")
            self.assertEqual(received.count(b"\n"), 5 * 5000 + 1)
            crowd.until(lambda: bob.heard.endswith(b" left\n"))
        self.assertNotIn(b"late", bob.heard)
