"""Tests for L{echostamp.web.fetching} and L{echostamp.web.guarding}."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from echostamp.connect.tls import TlsFiles
from echostamp.monitor.peer import WebPlace
from echostamp.test.authority import Authority
from echostamp.test.fakes import Resolver
from echostamp.test.tlsclients import TlsClientCase, join
from echostamp.test.webservers import FakeWebServer, webAnswer
from echostamp.tls.server import TlsFactory
from echostamp.tls.servercontext import Credentials
from echostamp.web.fetching import LONGEST, LOOK_UPS, Fetchers
from echostamp.web.guarding import MOST, MOST_LINES, MOST_OF_HEAD, READ, FetchError

URL = "http://192.0.2.1:9862"


class FetchCase(TlsClientCase):
    """
    Fetches rows from servers in memory.
    """

    def setUp(self) -> None:
        """Make the fetchers."""
        super().setUp()
        self.fetchers = Fetchers(self.reactor)

    def fetch(self, url: str = URL, *files: str | None) -> Deferred[bytes]:
        """Begin to fetch a row."""
        return self.fetchers(WebPlace(url, TlsFiles(*files)))()

    def accepted(self) -> FakeWebServer:
        """Accept the connection that was begun last."""
        server = FakeWebServer(self.reactor)
        server.accept()
        return server

    def whyNot(self, fetching: Deferred[bytes]) -> str:
        """Say why a fetch has failed."""
        return str(self.failureResultOf(fetching, FetchError).value)

    def whyRefused(self, *pieces: bytes) -> str:
        """Say why an answer, behind which the connection ends, is refused."""
        fetching = self.fetch()
        server = self.accepted()
        for each in pieces:
            server.send(each)
        server.lose()
        return self.whyNot(fetching)


class RequestTests(FetchCase):
    """
    What is asked, and where.
    """

    def test_request(self) -> None:
        """The request asks for JSON without compression, on a connection that is for
        this request only."""
        self.fetch()
        lines = self.accepted().request.split("\r\n")
        self.assertEqual(lines[0], "GET /api/v1/peers HTTP/1.1")
        self.assertEqual(lines[-2:], ["", ""])
        expected = [
            "Accept-Encoding: identity",
            "Accept: application/json",
            "Connection: close",
            "Host: 192.0.2.1:9862",
            "User-Agent: EchoStamp",
        ]
        self.assertEqual(sorted(lines[1:-2]), expected)

    def test_places(self) -> None:
        """The row is below the URL's path.  Host is what the URL has, but for the link
        of an address."""
        for url, place, path, host in [
            ("http://192.0.2.1", ("192.0.2.1", 80), "", "192.0.2.1"),
            ("http://192.0.2.1:/", ("192.0.2.1", 80), "", "192.0.2.1"),
            ("http://192.0.2.1:80", ("192.0.2.1", 80), "", "192.0.2.1:80"),
            ("HTTP://Far.Example/a", ("192.0.2.1", 80), "/a", "far.example"),
            ("http://far:8080/a/b/", ("192.0.2.1", 8080), "/a/b", "far:8080"),
            ("http://far/a%2Fb;c", ("192.0.2.1", 80), "/a%2Fb;c", "far"),
            ("http://far?#", ("192.0.2.1", 80), "", "far"),
            ("http://[2001:db8::7]:81", ("2001:db8::7", 81), "", "[2001:db8::7]:81"),
            ("http://[fe80::1%25lo]/", ("fe80::1%lo", 80), "", "[fe80::1]"),
        ]:
            fetching = self.fetch(url)
            server = self.accepted()
            self.assertEqual((server.host, server.port), place, url)
            lines = server.request.split("\r\n")
            self.assertEqual(lines[0], f"GET {path}/api/v1/peers HTTP/1.1")
            self.assertIn(f"Host: {host}", lines)
            server.send(webAnswer(b"{}"))
            self.assertEqual(self.successResultOf(fetching), b"{}")

    def test_httpsPort(self) -> None:
        """The port of https is 443."""
        self.fetch("https://far", self.ca).addErrback(lambda failure: None)
        self.assertEqual(FakeWebServer(self.reactor).port, 443)


class AnswerTests(FetchCase):
    """
    What is read, and what is refused.
    """

    def test_bodies(self) -> None:
        """A body ends where its length says so, with its last chunk, or with the
        connection, however it is cut."""
        chunked = (
            b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'
        )
        for head, rest in [
            (b"HTTP/1.1 200 OK\r\n", b'Content-Length: 7\r\n\r\n{"a":1}'),
            (b"HTTP/1.1 200 OK\r\n", chunked),
            (b"HTTP/1.0 200 Yes\n", b'\n{"a":1}'),
            (b"HTTP/1.1 200\r\n", b'\r\n{"a":1}'),
        ]:
            for size in 1, 3, 1 << 14:
                fetching = self.fetch()
                server = self.accepted()
                server.send(head + rest, size)
                server.lose()
                self.assertEqual(self.successResultOf(fetching), b'{"a":1}')

    def test_closes(self) -> None:
        """The connection is closed behind the answer, not aborted."""
        fetching = self.fetch()
        server = self.accepted()
        server.send(webAnswer(b"{}"))
        self.successResultOf(fetching)
        self.assertTrue(server.transport.isClosed)
        self.assertFalse(server.transport.isAborted)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_otherStatus(self) -> None:
        """Any other status than 200 is an error.  A redirect is not followed."""
        location = "Location: http://192.0.2.9/api/v1/peers"
        for status in "302 Found", "403 Forbidden", "503 No", "204 None", "299 Fine":
            fetching = self.fetch()
            server = self.accepted()
            server.send(webAnswer(b"", status, location, "Set-Cookie: a=b"))
            self.assertEqual(self.whyNot(fetching), f"HTTP {status[:3]}")
            self.assertFalse(server.isOpen)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_noHttp(self) -> None:
        """What is not HTTP is refused, however it looks."""
        ok = b"HTTP/1.1 200 OK\r\n"
        for text in (
            b"\x15\x03\x03\x00\x02\x02\x28",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"<html></html>",
            b"{}",
            b"\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 20\r\n\r\n",
            b"HTTP/1.1 2000\r\n\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" + webAnswer(b"{}"),
            b"HTTP/1.1 103 \r\n\r\n",
            ok + b"no colon\r\n\r\n",
            ok + b" \r\n\r\n",
            ok + b"Content-Length: -1\r\n\r\n",
            ok + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
            ok + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            ok + b"Transfer-Encoding: gzip\r\n\r\n",
            ok + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
            ok + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc",
        ):
            self.assertEqual(self.whyRefused(text), "its answer is not HTTP", text)

    def test_incomplete(self) -> None:
        """A connection that ends too early is told from a wrong answer."""
        why = "it closed the connection before its answer was complete"
        whole = webAnswer(b"{}")
        for end in 0, 3, 20, len(whole) - 1:
            self.assertEqual(self.whyRefused(whole[:end]), why, end)
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na"
        self.assertEqual(self.whyRefused(chunked), why)
        fetching = self.fetch()
        self.accepted().lose(ConnectionLost())
        self.assertEqual(self.whyNot(fetching), "the connection was lost")

    def test_longHead(self) -> None:
        """A head that is too long is refused, complete or not."""
        start = b"HTTP/1.1 200 OK\r\n"
        line = b"a: %s\r\n" % (b"b" * 95)
        for text in start + line * 1000, start + b"a: " + b"b" * MOST_OF_HEAD:
            for end in b"", b"\r\n\r\n":
                fetching = self.fetch()
                server = self.accepted()
                server.send(text + end)
                self.assertTrue(server.transport.isAborted)
                server.lose()
                self.assertEqual(self.whyNot(fetching), "its answer is too long")

    def test_longBody(self) -> None:
        """A body that is too long is refused while it comes, whatever its head says,
        and whatever its chunks are."""
        start = b"HTTP/1.1 200 OK\r\n"
        chunk = b"1;%s\r\na\r\n" % (b"b" * 1000)
        for text in (
            webAnswer(b"a" * (MOST + 1)),
            start + b"\r\n" + b"a" * (MOST + 1),
            start + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * (MOST // 1000),
        ):
            fetching = self.fetch()
            server = self.accepted()
            server.send(text)
            self.assertTrue(server.transport.isAborted)
            server.lose()
            self.assertEqual(self.whyNot(fetching), "its answer is too long")

    def test_longest(self) -> None:
        """An answer of the most octets is read."""
        answer = webAnswer(b"a" * (MOST - 100))
        answer = webAnswer(b"a" * (2 * MOST - 100 - len(answer)))
        self.assertEqual(len(answer), MOST)
        fetching = self.fetch()
        self.accepted().send(answer)
        self.assertIn(len(self.successResultOf(fetching)), range(MOST - 100, MOST))

    def test_smallReads(self) -> None:
        """Little is read at once, so that little is parsed at once."""
        self.fetch()
        self.assertEqual(self.accepted().transport.bufferSize, READ)

    def test_manyLines(self) -> None:
        """Headers and chunks without end in one read are refused: each takes time."""
        start = b"HTTP/1.1 200 OK\r\n"
        chunked = start + b"Transfer-Encoding: chunked\r\n\r\n"
        for head, piece, end in [
            (start, b"a:b\n", b"\n"),
            (start + b"a:b\n", b" \n", b"\n"),
            (chunked, b"1\r\na\r\n", b"0\r\n\r\n"),
        ]:
            fetching = self.fetch()
            server = self.accepted()
            server.send(head)
            server.send(piece * MOST_LINES + end, READ)
            self.assertTrue(server.transport.isAborted)
            server.lose()
            self.assertEqual(self.whyNot(fetching), "its answer has too many lines")

    def test_lines(self) -> None:
        """Many chunks are read where they come a few at a time."""
        body = b"1\r\na\r\n" * MOST_LINES + b"0\r\n\r\n"
        fetching = self.fetch()
        server = self.accepted()
        server.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        server.send(body, 1000)
        self.assertEqual(self.successResultOf(fetching), b"a" * MOST_LINES)


#: Parts of answers, right and wrong.
PARTS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 404 ",
    b"HTTP/1.1 100\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 3, 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: keep-alive\r\n",
    b"a: b\r\n",
    b" folded\n",
    b"\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\na: b\r\n",
    b"abc",
)


class AnyAnswerTests(FetchCase):
    """
    Answers that nobody has thought of.
    """

    @given(
        st.lists(st.sampled_from(PARTS) | st.binary(max_size=9), max_size=9),
        st.integers(1, 99),
        st.booleans(),
    )
    def test_ends(self, parts: list[bytes], size: int, isRight: bool) -> None:
        """Whatever a server sends, and in whatever pieces, the fetch ends with octets
        or with why there are none, and nothing is logged."""
        data = b"".join([PARTS[0], *parts] if isRight else parts)
        fetching = self.fetch()
        server = self.accepted()
        server.send(data, size)
        server.lose()
        found: list[Any] = []
        fetching.addBoth(found.append)
        [result] = found
        if isinstance(result, Failure):
            self.assertIsInstance(result.value, FetchError)
        else:
            self.assertIsInstance(result, bytes)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class TimeTests(FetchCase):
    """
    All of it has one limit of time.
    """

    def ended(self, fetching: Deferred[bytes]) -> None:
        """Let the time pass: the fetch fails at its end and not before."""
        self.reactor.advance(LONGEST - 0.001)
        self.assertNoResult(fetching)
        self.reactor.advance(0.002)
        self.assertEqual(self.whyNot(fetching), "it did not answer in time")

    def test_lookUp(self) -> None:
        """A name that is not found in time is an error."""
        self.reactor.nameResolver = Resolver()
        self.ended(self.fetch("http://far"))

    def test_connecting(self) -> None:
        """A host that does not accept the connection is no longer waited for."""
        fetching = self.fetch()
        self.ended(fetching)

    def test_handshake(self) -> None:
        """A TLS handshake that does not end is aborted."""
        fetching = self.fetch("https://far", self.ca)
        server = self.accepted()
        self.ended(fetching)
        self.assertTrue(server.transport.isAborted)

    def test_drip(self) -> None:
        """An octet now and then does not lengthen the time."""
        for text, count in (b"HTTP/1.1 200 OK\r\n\r\n", 3), (webAnswer(b"a" * 50), 70):
            fetching = self.fetch()
            server = self.accepted()
            server.send(text[:count])
            for each in text[count : count + 4]:
                self.reactor.advance(LONGEST / 5)
                server.send(bytes([each]))
            self.assertTrue(server.isOpen)
            self.reactor.advance(LONGEST / 5)
            self.assertEqual(self.whyNot(fetching), "it did not answer in time")
            self.assertTrue(server.transport.isAborted)
            server.send(text[count + 4 :])
            server.lose()

    def test_cancelled(self) -> None:
        """A fetch that is cancelled aborts its connection."""
        for sent in b"", b"HTTP/1.1", webAnswer(b"a")[:-1]:
            fetching = self.fetch()
            server = self.accepted()
            server.send(sent)
            fetching.cancel()
            self.failureResultOf(fetching)
            self.assertTrue(server.transport.isAborted)
            server.lose()
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_lookUpsAtATime(self) -> None:
        """Few names are looked up at a time, however many rows are fetched, and one
        name once."""
        resolver = self.reactor.nameResolver = Resolver()
        hosts = ["a", "a", "b", "c", "d"]
        fetching = [self.fetch(f"http://{each}") for each in hosts]
        self.assertEqual([each[0] for each in resolver.questions], ["a", "b"])
        self.assertEqual(LOOK_UPS, 2)
        resolver.answer(IPv4Address("TCP", "192.0.2.2", 80))
        self.assertEqual([each[0] for each in resolver.questions], ["a", "b", "c"])
        self.assertEqual(len(self.reactor.tcpClients), 1)
        for each in fetching:
            each.addErrback(lambda failure: None).cancel()


class FailureTests(FetchCase):
    """
    Why a connection is not made.
    """

    def test_refused(self) -> None:
        """The system's words say why a connection is refused."""
        fetching = self.fetch()
        error = ConnectionRefusedError(osError=errno.ECONNREFUSED)
        server = FakeWebServer(self.reactor)
        server.factory.clientConnectionFailed(None, Failure(error))
        # The other addresses are tried a little later.
        self.reactor.fromTimerToTimer(1)
        self.assertEqual(self.whyNot(fetching), "Connection refused")

    def test_noAddress(self) -> None:
        """A name without an address does not resolve."""
        resolver = self.reactor.nameResolver = Resolver()
        fetching = self.fetch("http://far")
        resolver.answer()
        self.assertEqual(self.whyNot(fetching), "the name does not resolve")

    def test_wrongName(self) -> None:
        """A name that no look-up takes is an error of its own."""
        self.assertIn("hostname", self.whyNot(self.fetch(f"http://{'a' * 64}.example")))


class TlsTests(FetchCase):
    """
    Over TLS.
    """

    def served(
        self, url: str, *files: str | None, clientCA: str | None = None, file: str = ""
    ) -> Deferred[bytes]:
        """Fetch a row from a server over TLS."""
        fetching = self.fetch(url, *files)
        self.serve(file or self.server, clientCA)
        return fetching

    def serve(self, file: str, clientCA: str | None = None) -> None:
        """Serve the connection that was begun last."""

        class Server(Protocol):
            transport: Any

            def dataReceived(self, data: bytes) -> None:
                if data.endswith(b"\r\n\r\n"):
                    self.transport.write(webAnswer(b"{}"))

        credentials = Credentials(file, file, clientCA)
        factory = TlsFactory(self.reactor, credentials, Factory.forProtocol(Server))
        near = self.reactor.tcpClients.pop()[2].buildProtocol(None)
        join(near, factory.buildProtocol(None))

    def test_row(self) -> None:
        """The host's certificate is verified, and the row is read."""
        for url in "https://localhost", "https://127.0.0.1:9862/a", "https://[::1]:1":
            fetching = self.served(url, self.ca)
            self.assertEqual(self.successResultOf(fetching), b"{}")

    def test_clientCA(self) -> None:
        """Our certificate is shown to a daemon that wants one."""
        fetching = self.served(
            "https://localhost", self.ca, self.ours, clientCA=self.ca
        )
        self.assertEqual(self.successResultOf(fetching), b"{}")

    def test_ourCertificateIsMissing(self) -> None:
        """A daemon that refuses us says so."""
        fetching = self.served("https://localhost", self.ca, clientCA=self.ca)
        why = "the far end refused our certificate (certificate required)"
        self.assertEqual(self.whyNot(fetching), why)

    def test_certificates(self) -> None:
        """What is wrong with a certificate is named, with the keys of the peers
        file."""
        stranger = self.file("stranger.pem", Authority().certificate)
        for url, files, why in [
            ("https://127.0.0.2", [self.ca], "its certificate is not for '127.0.0.2'"),
            (
                "https://localhost",
                [stranger],
                "its certificate is of an unknown CA; see web-ca",
            ),
        ]:
            self.assertEqual(self.whyNot(self.served(url, *files)), why)

    def test_filesAreMissing(self) -> None:
        """A file that cannot be read is named, with its key."""
        for files, key in [
            (["/nosuch"], "web-ca"),
            ([self.ca, "/nosuch"], "web-cert"),
            ([self.ca, self.ours, "/nosuch"], "web-key"),
        ]:
            why = self.whyNot(self.fetch("https://localhost", *files))
            self.assertEqual(why, f"{key} '/nosuch': No such file or directory")

    def test_renewed(self) -> None:
        """Files that were replaced are read again, by the fetcher that is in use."""
        ca = self.file("renewed.pem", Authority().certificate)
        fetch = self.fetchers(WebPlace("https://localhost", TlsFiles(ca)))
        fetching = fetch()
        self.serve(self.server)
        self.assertIn("is of an unknown CA", self.whyNot(fetching))
        new = Path(self.file("new.pem", self.authority.certificate))
        new.replace(ca)
        fetching = fetch()
        self.serve(self.server)
        self.assertEqual(self.successResultOf(fetching), b"{}")
