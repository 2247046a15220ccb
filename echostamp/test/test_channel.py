"""Tests for L{echostamp.web.channel}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import WebClient
from echostamp.web.channel import LONGEST_HEAD, MOST_HEADERS, ConnectionTimes
from echostamp.web.request import WebRequest
from echostamp.web.site import WebSite

TIMES = ConnectionTimes(request=10, answer=60, idle=150, closing=5)


class ChannelTests(SynchronousTestCase):
    """
    Tests for L{echostamp.web.channel.LimitedChannel}.
    """

    def setUp(self) -> None:
        """Make a site with a page that answers and one that does not."""
        self.clients: list[WebClient] = []
        self.reactor = FakeReactor()
        self.requests: list[WebRequest] = []
        pages = {
            b"/": lambda request: request.answer(200, "hello"),
            b"/slow": self.requests.append,
        }
        self.site = WebSite(self.reactor, pages, times=TIMES)

    def tearDown(self) -> None:
        """No connection leaves a timer."""
        for each in self.clients:
            if not each.connection.isClosed:
                each.leave()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def client(self, room: int = 1 << 30) -> WebClient:
        """Connect."""
        client = WebClient(self.site, self.reactor, room)
        self.clients.append(client)
        return client

    def isOpenFor(self, client: WebClient, seconds: float) -> bool:
        """Tell whether a connection is still open just before a time has passed, and
        closed with it."""
        self.reactor.fromTimerToTimer(seconds - 0.001)
        client.connection.turn()
        wasOpen = not client.connection.disconnecting
        self.reactor.fromTimerToTimer(0.002)
        client.connection.turn()
        isClosed = client.connection.disconnecting or client.connection.isClosed
        return wasOpen and bool(isClosed)

    def test_silence(self) -> None:
        """A client that sends nothing is disconnected."""
        self.assertTrue(self.isOpenFor(self.client(), TIMES.request))

    def test_drip(self) -> None:
        """A client that sends a request octet by octet does not win time."""
        client = self.client()
        for each in b"GET / HTTP":
            client.send(bytes([each]))
            self.reactor.fromTimerToTimer(0.9)
        self.assertFalse(client.connection.disconnecting)
        self.assertTrue(self.isOpenFor(client, 1.0))

    def test_drippingBody(self) -> None:
        """Nor does one that sends its body so."""
        client = self.client()
        client.get("/", "Content-Length: 100")
        for _ in range(9):
            self.reactor.fromTimerToTimer(1)
            client.send(b"x")
        self.assertFalse(client.connection.disconnecting)
        self.assertTrue(self.isOpenFor(client, 1.0))

    def test_idle(self) -> None:
        """A client may wait between two requests for longer than within one."""
        client = self.client()
        client.get("/")
        self.reactor.fromTimerToTimer(TIMES.idle - 1)
        client.get("/")
        self.assertEqual([client.answer().status for _ in range(2)], [200, 200])
        self.assertTrue(self.isOpenFor(client, TIMES.idle))

    def test_laterDrip(self) -> None:
        """The first octet of a later request begins its time."""
        client = self.client()
        client.get("/")
        self.reactor.fromTimerToTimer(100)
        client.send(b"G")
        self.reactor.fromTimerToTimer(TIMES.request - 1)
        client.send(b"E")
        self.assertTrue(self.isOpenFor(client, 1.0))

    def test_pipelinedDrip(self) -> None:
        """So does one that comes while another request is answered."""
        client = self.client()
        client.get("/slow")
        client.send(b"GET / HTTP/1.1\r\n")
        self.reactor.fromTimerToTimer(30)
        self.requests.pop().answer(200, "at last")
        self.assertTrue(self.isOpenFor(client, TIMES.request))

    def test_slowAnswer(self) -> None:
        """An answer may take longer than a request, and is not waited for without
        end."""
        client = self.client()
        client.get("/slow")
        self.reactor.fromTimerToTimer(TIMES.answer - 0.001)
        self.assertFalse(client.connection.isAborted)
        self.reactor.fromTimerToTimer(0.002)
        self.assertTrue(client.connection.isAborted)

    def test_slowReader(self) -> None:
        """A client that does not read its answer is disconnected, with and without
        another request to come."""
        for header, seconds in ("Connection: close", 60), ("X: y", 150):
            client = self.client(room=10)
            client.get("/", header)
            self.assertEqual(len(client.connection.sent), 10)
            self.reactor.fromTimerToTimer(seconds + TIMES.closing - 0.001)
            self.assertFalse(client.connection.isAborted)
            self.reactor.fromTimerToTimer(0.002)
            self.assertTrue(client.connection.isAborted)

    def test_close(self) -> None:
        """A client that asks for it is disconnected behind its answer."""
        client = self.client()
        client.get("/", "Connection: close")
        answer = client.answer()
        self.assertEqual((answer.status, answer.headers["connection"]), (200, "close"))
        self.assertTrue(client.connection.isClosed)

    def test_halfClosed(self) -> None:
        """A client that sends nothing more gets its answer, and the connection is
        closed behind it."""
        client = self.client(room=0)
        client.get("/")
        client.finish()
        self.assertFalse(client.connection.isClosed)
        client.connection.turn(1000)
        self.assertEqual(client.answer().status, 200)
        self.assertTrue(client.connection.isClosed)

    def test_halfClosedEarly(self) -> None:
        """So does one whose answers take long."""
        client = self.client()
        client.get("/slow")
        client.get("/")
        client.finish()
        self.reactor.fromTimerToTimer(TIMES.answer - 1)
        self.assertFalse(client.connection.disconnecting)
        self.requests.pop().answer(200, "at last")
        client.connection.turn()
        self.assertEqual(client.answer().text, "at last\n")
        self.assertEqual(client.answer().text, "hello\n")
        self.assertTrue(client.connection.isClosed)

    def test_endOfInput(self) -> None:
        """If there is no request, or half of one, the end of the input is the
        connection's end."""
        for sent in b"", b"GET / HTTP/1.1\r\n":
            client = self.client()
            client.send(sent)
            client.finish()
            self.assertEqual(client.connection.sent, b"")
            self.assertTrue(client.connection.isClosed)

    def test_endBetweenRequests(self) -> None:
        """So it is after an answer."""
        client = self.client()
        client.get("/")
        client.finish()
        self.assertTrue(client.connection.isClosed)

    def test_longestHead(self) -> None:
        """A long first line is accepted, and a longer one is not."""
        rest = len("GET  HTTP/1.1Host: 127.0.0.1:9862")
        for path, status in (
            (LONGEST_HEAD - rest, 404),
            (LONGEST_HEAD - rest + 1, 400),
        ):
            client = self.client()
            client.get("/" * path)
            self.assertEqual(client.answer(hasBody=False).status, status)

    def test_headWithoutEnd(self) -> None:
        """A first line or a header without an end is not kept."""
        for start in b"", b"GET / HTTP/1.1\r\nHost: ":
            client = self.client()
            client.send(start)
            client.send(b"x" * (LONGEST_HEAD - 100))
            self.assertFalse(client.connection.disconnecting)
            client.send(b"x" * 110)
            self.assertTrue(client.connection.disconnecting)

    def test_manyHeaders(self) -> None:
        """Headers are counted, and added up."""
        for count, status in (MOST_HEADERS - 1, 200), (MOST_HEADERS, 400):
            client = self.client()
            client.get("/", *["A: b"] * count)
            self.assertEqual(client.answer(hasBody=False).status, status)
        client = self.client()
        client.get("/", *[f"A: {'b' * 500}"] * 20)
        self.assertEqual(client.answer(hasBody=False).status, 400)

    def test_manyPipelined(self) -> None:
        """What comes while a request is answered is read up to a limit."""
        client = self.client()
        client.get("/slow")
        for _ in range(20):
            client.send(bytes(1024))
        self.assertFalse(client.connection.isRead)
