"""Acceptance tests of the intercom over a WebSocket, with programs at its other end."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from select import select

from echostamp.test.authority import Authority
from tests.harness import (
    DEADLINE,
    Daemon,
    freePort,
    memory,
    readLines,
    until,
    withoutStamps,
)
from tests.websites import readPage
from tests.websockets import RoomClient, WebRoomCase

#: Says what is missing, in place of the real package.
MISSING = 'raise ModuleNotFoundError("No module named wsproto", name="wsproto")\n'


class RoomTests(WebRoomCase):
    """
    A WebSocket is a client like any other.
    """

    def join(self, name: str = "", port: int = 0) -> RoomClient:
        """Join the room."""
        client = RoomClient(self.connect(port))
        self.assertEqual(client.status, 101, client.body)
        if name:
            client.say(f"/name {name}\n")
            self.assertEqual(client.lines(1), [f"/name {name}".encode()])
        return client

    def lineClient(self, name: bytes) -> socket.socket:
        """Join by the line protocol."""
        peer = self.daemon.connect()
        self.addCleanup(peer.close)
        peer.sendall(b"/name %s\n" % name)
        readLines(peer, 1)
        return peer

    def test_octets(self) -> None:
        """Any octets come back, also what no newline ends, and the log has the
        connection as any other."""
        self.begin()
        client = self.join("ann")
        client.say("h\xe4llo\n\nrest")
        client.close()
        self.assertEqual(
            client.rest(), [b"/name ann", "h\xe4llo".encode(), b"", b"rest"]
        )
        self.assertEqual(client.closed, 1000)
        until(lambda: "disconnected: 4 messages" in self.daemon.log())
        self.assertEqual(self.daemon.log().count(" connected\n"), 1)

    def test_stop(self) -> None:
        """A daemon that stops answers what has come, closes with 1001, and lets nobody
        in."""
        self.begin("--grace=30")
        clients = [self.join(name) for name in ("ann", "bob")]
        for each in clients:
            each.say("last\nwords")
            while b"last" not in each.octets:
                each.read()
        self.daemon.process.terminate()
        until(lambda: "SIGTERM: stopping" in self.daemon.log())
        late = self.connect()
        self.assertEqual(RoomClient(late).status, 503)
        for each in clients:
            self.assertIn(b"words", each.rest())
            self.assertEqual(each.closed, 1001)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertNotIn("not drained", self.daemon.log())

    def test_limits(self) -> None:
        """The limits of the line protocol hold, and not those of the web site."""
        self.begin("--max-connections=60", "--max-per-host=55")
        clients = [self.join() for _ in range(54)]
        peer = self.lineClient(b"carol")
        refused = RoomClient(self.connect())
        self.assertEqual(refused.status, 503)
        self.assertEqual(refused.body, b"the daemon takes no connection now\n")
        self.assertIn("refused: more than 55 connections of", self.daemon.log())
        self.assertEqual(readPage(self.web, "/healthz")[0], 200)
        clients.pop().socket.close()
        until(lambda: RoomClient(self.connect()).status == 101)
        peer.close()

    def test_idle(self) -> None:
        """A client that is idle for too long is disconnected."""
        self.begin("--idle-timeout=1")
        client = self.join("ann")
        self.assertEqual(client.rest(), [b"/name ann", b""])
        self.assertEqual(client.closed, 1000)
        self.assertIn("was idle too long", self.daemon.log())

    def test_slowReader(self) -> None:
        """A client that reads nothing is disconnected as any other, and the daemon's
        memory is bounded; the others get everything."""
        self.begin("--backlog=300000")
        slow = self.join("slow")
        ann = self.lineClient(b"ann")
        before = memory(self.daemon.process.pid, "VmRSS")
        line = b"x" * 999 + b"\n"
        for _ in range(16):
            ann.sendall(line * 1000)
            readLines(ann, 1000)
        until(lambda: "cut: " in self.daemon.log())
        grown = memory(self.daemon.process.pid, "VmHWM") - before
        self.assertLess(grown, 8_000_000)
        slow.socket.close()

    def test_noReader(self) -> None:
        """A client that writes and does not read is not read from, and gets everything
        when it reads."""
        self.begin()
        client = self.join("ann")
        before = memory(self.daemon.process.pid, "VmRSS")
        client.socket.settimeout(2)
        count = 0
        try:
            for _ in range(100_000):
                client.say("y" * 999 + "\n")
                count += 1
        except TimeoutError:
            pass
        self.assertLess(count, 100_000)
        grown = memory(self.daemon.process.pid, "VmHWM") - before
        self.assertLess(grown, 4_000_000)
        client.socket.settimeout(DEADLINE)
        self.assertEqual(client.lines(count)[-1], b"y" * 999)

    def test_hostileFrames(self) -> None:
        """Endless messages of empty fragments or single octets, huge frames and pings
        take no memory, and nobody else waits for them: another client's line is
        answered long before all of them are read."""
        self.begin()
        carol = self.lineClient(b"carol")
        mask = bytes(4)
        before = memory(self.daemon.process.pid, "VmRSS")
        for wire in (
            b"\x01\x80" + mask + (b"\x00\x80" + mask) * 100_000,
            b"\x01\x80" + mask + (b"\x00\x81" + mask + b"x") * 100_000,
            b"\x02\xff" + (1 << 40).to_bytes(8, "big") + mask + bytes(4_000_000),
            (b"\x89\xfd" + mask + bytes(125)) * 10_000,
        ):
            client = self.join()
            client.socket.setblocking(False)
            sent = answered = 0
            hasEnded, heard = False, b""
            while not hasEnded:
                wanted = [client.socket] if sent < len(wire) else []
                readable, writable, _ = select([client.socket, carol], wanted, [])
                if writable:
                    sent += client.socket.send(wire[sent : sent + 100_000])
                    if sent == len(wire):
                        client.socket.shutdown(socket.SHUT_WR)
                        carol.sendall(b"hello\n")
                if client.socket in readable:
                    hasEnded = not client.socket.recv(1 << 20)
                if carol in readable:
                    heard += carol.recv(1 << 20)
                if b"] hello\n" in heard:
                    heard, answered = b"", answered + 1
                    carol.sendall(b"hello\n")
            # What is left of it took many turns, and she had hers.
            self.assertGreater(answered, 3)
            client.socket.close()
        grown = memory(self.daemon.process.pid, "VmHWM") - before
        self.assertLess(grown, 8_000_000)
        self.assertNotIn("Traceback", self.daemon.log())

    def test_wrongFrames(self) -> None:
        """A wrong frame ends the connection, without a traceback in the log."""
        self.begin()
        for frame, code in (b"\x81\x01a", 1002), (b"\x81\x81\0\0\0\0\xff", 1007):
            client = self.join("ann")
            client.say("hello\n")
            client.socket.sendall(frame)
            self.assertIn(b"hello", client.rest())
            self.assertEqual(client.closed, code)
        self.assertNotIn("Traceback", self.daemon.log())

    def test_origin(self) -> None:
        """A page of another site cannot join, a page of this one can."""
        self.begin()
        for origin, status in (
            (b"http://evil.example", 403),
            (b"http://localhost:80", 101),
            (b"https://localhost", 101),
        ):
            client = RoomClient(self.connect(), headers=[(b"Origin", origin)])
            self.assertEqual(client.status, status, origin)
        client = RoomClient(self.connect(), "evil.example")
        self.assertEqual(client.status, 403)

    def test_tls(self) -> None:
        """A web site over TLS has the room, too."""
        authority = Authority()
        pem, ca = Path(self.mktemp()).absolute(), Path(self.mktemp()).absolute()
        pem.write_bytes(authority.issue())
        ca.write_bytes(authority.certificate)
        port = freePort()
        self.begin(
            f"--web=tls:{port}:privateKey={pem}:certKey={pem}:interface=127.0.0.1"
        )
        context = ssl.create_default_context(cafile=str(ca))
        peer = context.wrap_socket(self.connect(port), server_hostname="localhost")
        self.addCleanup(peer.close)
        client = RoomClient(peer)
        client.say("hello\n" * 10_000)
        self.assertEqual(client.lines(10_000), [b"hello"] * 10_000)
        self.daemon.process.terminate()
        client.rest()
        self.assertEqual(client.closed, 1001)
        self.assertEqual(self.daemon.stop(), 0)

    def test_proxied(self) -> None:
        """Behind a proxy a client has the address that the PROXY header gives, and
        counts with it."""
        port = freePort()
        self.begin(
            f"--web=proxy:tcp:{port}:interface=127.0.0.1",
            "--proxy-from=127.0.0.0/8",
            "--max-per-host=1",
        )
        carol = self.daemon.connect()
        self.addCleanup(carol.close)
        for host, status in ("192.0.2.1", 101), ("192.0.2.1", 503), ("192.0.2.2", 101):
            peer = self.connect(port)
            peer.sendall(f"PROXY TCP4 {host} 192.0.2.9 4711 80\r\n".encode())
            client = RoomClient(peer)
            self.assertEqual(client.status, status, host)
            if status == 101:
                client.say("hello\n")
                client.lines(1)
        found = withoutStamps(readLines(carol, 4))
        self.assertIn(b"<192.0.2.1:4711> hello", found)
        self.assertIn(b"<192.0.2.2:4711> hello", found)

    def test_withoutIntercom(self) -> None:
        """Without an intercom there is no room, and no link to one."""
        self.web = freePort()
        self.daemon = Daemon(self, "--port=0", f"--web=127.0.0.1:{self.web}")
        for path in "/room", "/room/stream":
            self.assertEqual(readPage(self.web, path)[0], 404)
        self.assertNotIn(b"Room", readPage(self.web, "/")[1])

    def test_exposed(self) -> None:
        """The log says that everybody who reaches the web pages can join."""
        self.begin(f"--web=0.0.0.0:{freePort()}")
        warning = "can read the pages and join the intercom, and the network can"
        self.assertEqual(self.daemon.log().count(warning), 1)

    def test_links(self) -> None:
        """Every page has a link to the room."""
        self.begin()
        for path in "/", "/events", "/room", "/peer/none":
            self.assertIn(b"room", readPage(self.web, path)[1].partition(b"<main>")[0])

    def test_notInstalled(self) -> None:
        """Without wsproto the daemon starts, and says once what the room needs."""
        folder = Path(self.mktemp()).absolute()
        (folder / "wsproto").mkdir(parents=True)
        (folder / "wsproto" / "__init__.py").write_text(MISSING)
        path = {"PYTHONPATH": f"{folder}:{Path(__file__).parents[1]}"}
        self.begin(env=path)
        for each in "/room", "/room/stream":
            status, body = readPage(self.web, each)
            self.assertEqual(status, 501)
            self.assertIn(b"Python package wsproto", body)
            self.assertEqual(body.count(b"\n"), 1)
        self.assertEqual(self.daemon.log().count("wsproto"), 1)
        self.assertEqual(readPage(self.web, "/healthz")[0], 200)
