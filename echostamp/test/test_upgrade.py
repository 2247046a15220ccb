"""Tests for L{echostamp.web.upgrade}."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.line.protocol import TimestampEchoFactory
from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import WebClient
from echostamp.test.websockets import Reader, Writer
from echostamp.web.channel import ConnectionTimes
from echostamp.web.request import WebRequest
from echostamp.web.site import Page, WebSite
from echostamp.web.upgrade import Upgrade

HOST = "127.0.0.1:9862"

#: The headers of RFC 6455, section 1.3.
HEADERS = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


class UpgradeTests(SynchronousTestCase):
    """
    Tests for L{Upgrade}.
    """

    def setUp(self) -> None:
        """Make a site with an echo."""
        self.reactor = FakeReactor()
        self.factory = TimestampEchoFactory(self.reactor)
        self.isStopping = self.isFull = False
        upgrade = Upgrade(self.reactor, self, lambda: self.isStopping)  # type: ignore[arg-type]
        self.waiting: list[WebRequest] = []
        pages: dict[bytes, Page] = {
            b"/": lambda request: request.answer(200, "hello"),
            b"/slow": self.waiting.append,
            b"/room/stream": upgrade,
        }
        self.times = ConnectionTimes()
        self.site = WebSite(self.reactor, pages, True, self.times)

    def tearDown(self) -> None:
        """A connection that has ended leaves no timer."""
        for each in list(self.factory.connections):
            each.abort()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def buildProtocol(self, address: Any) -> IProtocol | None:
        """Make an echo, unless there are too many."""
        return None if self.isFull else self.factory.buildProtocol(address)

    def ask(
        self,
        method: str = "GET",
        host: str = HOST,
        behind: bytes = b"",
        version: str = "1.1",
        **changed: str | None,
    ) -> WebClient:
        """
        Ask for a WebSocket.

        @param behind: what is sent together with the request.
        @param changed: other values of headers, with C{_} for C{-}; L{None} for none.
        """
        client = WebClient(self.site, self.reactor)
        given: dict[str, str | None] = dict(HEADERS)
        given.update({each.replace("_", "-"): value for each, value in changed.items()})
        lines = [f"{method} /room/stream HTTP/{version}", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in given.items() if value]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        client.send(head + behind)
        return client

    def frames(self, client: WebClient) -> Reader:
        """Read the frames behind the head of the answer."""
        reader = Reader()
        reader.read(bytes(client.connection.sent).partition(b"\r\n\r\n")[2])
        return reader

    def refused(self, status: int, text: str, **asked: Any) -> dict[str, str]:
        """
        Check that a request is refused in one line, and that another may follow.

        @return: the headers of the answer.
        """
        client = self.ask(**asked)
        answer = client.answer(asked.get("method") != "HEAD")
        self.assertEqual(answer.status, status)
        if asked.get("method") != "HEAD":
            self.assertIn(text, answer.text)
            self.assertEqual(answer.text.count("\n"), 1)
        self.assertEqual(self.factory.connections, set())
        self.assertEqual(self.flushLoggedErrors(), [])
        client.leave()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        return answer.headers

    def test_accepted(self) -> None:
        """The answer is the one that RFC 6455 gives for its example, and the line
        that came with the request is answered."""
        writer = Writer()
        client = self.ask(behind=writer.data("hello\n"))
        answer = client.answer(hasBody=False)
        self.assertEqual(answer.status, 101)
        self.assertEqual(
            answer.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        )
        self.assertTrue(self.frames(client).octets.endswith(b"] hello\n"))
        client.send(writer.data("again\n"))
        self.assertTrue(self.frames(client).octets.endswith(b"] again\n"))

    def test_noLimitsOfRequests(self) -> None:
        """The times of requests do not hold for a conversation."""
        client = self.ask()
        self.reactor.fromTimerToTimer(sum(self.times) * 2)
        client.send(Writer().data("hello\n"))
        self.assertTrue(self.frames(client).octets.endswith(b"] hello\n"))

    def test_pipelined(self) -> None:
        """A request may wait for the answers to those before it."""
        client = WebClient(self.site, self.reactor)
        client.get("/slow")
        lines = [f"{name}: {value}" for name, value in HEADERS.items()]
        client.get("/room/stream", *lines)
        client.send(Writer().data("hello\n"))
        self.waiting.pop().answer(200, "at last")
        client.connection.turn()
        self.assertEqual(client.answer().text, "at last\n")
        self.assertEqual(client.answer(hasBody=False).status, 101)
        self.assertTrue(bytes(client.connection.sent).endswith(b"] hello\n"))

    def test_pipelinedFin(self) -> None:
        """A FIN behind a request that waits ends the input of the conversation.  The
        octets before the FIN are answered first."""
        client = WebClient(self.site, self.reactor)
        client.get("/slow")
        lines = [f"{name}: {value}" for name, value in HEADERS.items()]
        client.get("/room/stream", *lines)
        client.send(Writer().data("hello"))
        client.connection.readConnectionLost(Failure(ConnectionDone()))
        self.waiting.pop().answer(200, "at last")
        client.connection.turn()
        self.assertIn(b"] hello", bytes(client.connection.sent))
        self.assertTrue(client.connection.isClosed)

    def test_ends(self) -> None:
        """The ends of the input and of the connection are passed on."""
        client = self.ask(behind=Writer().data("hello"))
        client.connection.readConnectionLost(Failure(ConnectionDone()))
        client.connection.turn()
        reader = self.frames(client)
        self.assertTrue(reader.octets.endswith(b"] hello"))
        self.assertEqual(reader.closed, (1000, ""))
        self.assertTrue(client.connection.isClosed)
        self.assertEqual(self.factory.connections, set())
        client = self.ask()
        self.assertEqual(len(self.factory.connections), 1)
        client.leave()
        self.assertEqual(self.factory.connections, set())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_origin(self) -> None:
        """A browser's page has to be of this site."""
        for origin, host in (
            (None, HOST),
            (f"http://{HOST}", HOST),
            ("HTTP://LocalHost", "localhost"),
            ("http://localhost", "LOCALHOST:80"),
            ("https://localhost", "localhost:443"),
            ("https://[::1]:9862", "[::1]:9862"),
        ):
            client = self.ask(host=host, Origin=origin)
            self.assertEqual(client.answer(hasBody=False).status, 101, origin)
            client.leave()
        for origin in (
            "http://evil.example",
            "http://127.0.0.1",
            "http://127.0.0.1:9863",
            f"http://{HOST}.evil.example",
            f"http://evil.example@{HOST}",
            f"ftp://{HOST}",
            HOST,
            "null",
        ):
            self.refused(403, "another site", Origin=origin)
        self.refused(
            403, "another site", host="localhost:443", Origin="http://localhost"
        )

    def test_host(self) -> None:
        """The name of another machine is refused as for other pages."""
        host = "evil.example"
        self.refused(403, "header Host", host=host, Origin=f"http://{host}")

    def test_method(self) -> None:
        """Only GET is allowed."""
        for method in "HEAD", "POST":
            headers = self.refused(405, "only GET", method=method)
            self.assertIn("GET", headers["allow"])

    def test_version(self) -> None:
        """The version of WebSocket that is needed is said."""
        headers = self.refused(426, "Version", Sec_WebSocket_Version="12")
        self.assertEqual(headers["sec-websocket-version"], "13")
        self.assertEqual(headers["upgrade"], "websocket")

    def test_wrongHeaders(self) -> None:
        """A request that lacks a header, or has a wrong one, is refused."""
        for name in HEADERS:
            self.refused(400, "no WebSocket: ", **{name: None})
        for name, value in (
            ("Upgrade", "h2c"),
            ("Connection", "close"),
            ("Sec-WebSocket-Key", "x"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="),
            ("Sec-WebSocket-Key", "\xe4\x01"),
            ("Content-Length", "0"),
        ):
            self.refused(400, "no WebSocket: ", **{name: value})
        self.refused(400, "HTTP/1.1", version="1.0")

    def test_full(self) -> None:
        """Above a limit, and while the daemon stops, nobody is let in."""
        self.isFull = True
        self.refused(503, "no connection")
        self.isFull, self.isStopping = False, True
        self.refused(503, "no connection")
