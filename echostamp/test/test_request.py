"""Tests for L{echostamp.web.request}."""

from __future__ import annotations

import gzip

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import WebClient
from echostamp.web.request import LONGEST_BODY, WebRequest
from echostamp.web.site import WebSite


def hello(request: WebRequest) -> None:
    """Answer a request."""
    request.answer(200, "hello")


def broken(request: WebRequest) -> None:
    """Fail."""
    raise RuntimeError("broken on purpose")


def brokenLater(request: WebRequest) -> None:
    """Fail in the middle of the answer."""
    request.write(b"a part")
    raise RuntimeError("broken on purpose")


def page(request: WebRequest) -> None:
    """Answer with a page of HTML."""
    if request.beginPage():
        request.write(b"<p>\xc2\xb7")
        request.finish()


#: Of these, hostile requests are made.
PIECES = (
    b"GET / HTTP/1.1\r\n",
    b"GET / HTTP/1.0\r\n",
    b"POST /x?a=%zz&&=&;b HTTP/1.1\r\n",
    b"Host: x\r\n",
    b"Host:\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b" folded\r\n",
    b": no name\r\n",
    b"\xff: \x00\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: -3\r\n",
    b"Content-Length: " + b"9" * 5000 + b"\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Content-Type: multipart/form-data; boundary=x\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"Connection: upgrade\r\n",
    b"Cookie: ;;=;a\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"-1\r\n",
    b"--x\r\n",
)


class RequestTests(SynchronousTestCase):
    """
    Tests for L{WebRequest}.
    """

    def setUp(self) -> None:
        """Make a site."""
        self.reactor = FakeReactor()
        pages = {b"/": hello, b"/broken": broken, b"/later": brokenLater}
        self.site = WebSite(self.reactor, pages)

    def client(self) -> WebClient:
        """Connect."""
        return WebClient(self.site, self.reactor)

    def test_answer(self) -> None:
        """An answer is a line of text of a known length."""
        client = self.client()
        client.get("/")
        status, headers, body = client.answer()
        self.assertEqual((status, body), (200, b"hello\n"))
        self.assertEqual(headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(headers["content-length"], "6")

    def test_headers(self) -> None:
        """The server says its name and no version.  A browser keeps nothing, guesses
        nothing, and gives nothing to other sites."""
        client = self.client()
        for path in "/", "/none", "/broken":
            client.get(path)
            headers = client.answer().headers
            self.assertEqual(headers["server"], "EchoStamp")
            self.assertRegex(headers["date"], "^[A-Z][a-z]{2}, .* GMT$")
            self.assertEqual(headers["cache-control"], "no-store")
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertIn("default-src 'none'", headers["content-security-policy"])
            self.assertNotIn("access-control-allow-origin", headers)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_page(self) -> None:
        """A page of HTML loads what this site has, and nothing inline."""
        self.site.pages = {b"/": page}
        client = self.client()
        client.get("/")
        found = client.answer()
        self.assertEqual((found.status, found.text), (200, "<p>\u00b7"))
        self.assertEqual(found.headers["content-type"], "text/html; charset=utf-8")
        rules = found.headers["content-security-policy"].split("; ")
        self.assertEqual(rules[0], "default-src 'none'")
        for each in "style", "script", "connect", "img":
            self.assertIn(f"{each}-src 'self'", rules)
        for each in "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'":
            self.assertIn(each, rules)
        self.assertNotIn("unsafe", " ".join(rules))
        self.assertNotIn("set-cookie", found.headers)

    def test_longBody(self) -> None:
        """A long body is compressed for those who take that.  HEAD gets none."""

        def begin(request: WebRequest) -> None:
            if request.beginBody("text/x", "Accept, Accept-Encoding"):
                request.write(gzip.compress(b"x") if request.takesGzip else b"x")
                request.finish()

        self.site.pages = {b"/": begin}
        client = self.client()
        for headers in (), ("Accept-Encoding: gzip",):
            client.get("/", *headers)
            found = client.answer()
            self.assertEqual(found.body, b"x")
            self.assertEqual(found.headers["content-type"], "text/x")
            self.assertEqual(found.headers["vary"], "Accept, Accept-Encoding")
            self.assertEqual("content-encoding" in found.headers, bool(headers))
        client.get("/", method="HEAD")
        head = client.answer(hasBody=False)
        self.assertEqual(head.headers["content-type"], "text/x")
        self.assertEqual(head.headers["vary"], "Accept, Accept-Encoding")

    def test_later(self) -> None:
        """An answer may come later.  A client that has gone gets none."""
        waiting: list[Deferred[str]] = [Deferred(), Deferred()]
        found: list[str] = []

        def later(request: WebRequest) -> None:
            def known(text: str) -> None:
                found.append(text)
                request.answer(200, text)

            request.answerWhen(waiting[len(found)], known)

        self.site.pages = {b"/": later}
        client = self.client()
        client.get("/")
        waiting[0].callback("one")
        client.connection.turn()
        self.assertEqual(client.answer().body, b"one\n")
        client.get("/")
        client.leave()
        waiting[1].callback("two")
        self.assertEqual(found, ["one"])

    def test_laterFailure(self) -> None:
        """What it waits for may fail, and so may the answer."""
        waiting: list[Deferred[str]] = [succeed(""), fail(RuntimeError("on purpose"))]

        def later(request: WebRequest) -> None:
            request.answerWhen(waiting.pop(), lambda _: broken(request))

        self.site.pages = {b"/": later}
        client = self.client()
        while waiting:
            client.get("/")
            client.connection.turn()
            self.assertEqual(client.answer().status, 500)
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_head(self) -> None:
        """HEAD gets the headers of GET, and the connection goes on."""
        client = self.client()
        client.get("/")
        expected = client.answer()
        client.get("/", method="HEAD")
        found = client.answer(hasBody=False)
        self.assertEqual(found.headers, expected.headers)
        client.get("/")
        self.assertEqual(client.answer().body, b"hello\n")

    def test_otherMethods(self) -> None:
        """Other methods are refused in a line, and the client learns which are not."""
        client = self.client()
        for method in "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "X":
            client.get("/", method=method)
            status, headers, body = client.answer()
            self.assertEqual(status, 405, method)
            self.assertEqual(headers["allow"], "GET, HEAD")
            self.assertEqual(body.count(b"\n"), 1)

    def test_unknownPages(self) -> None:
        """What is no page is not found, in a line that repeats nothing."""
        client = self.client()
        for path in "/x", "//", "/../etc/passwd", "*", "x", "/%2e", "/<script>":
            client.get(path)
            status, _, body = client.answer()
            self.assertEqual((status, body), (404, b"no such page\n"), path)

    def test_broken(self) -> None:
        """A page that fails is an error of the server, and the log says why."""
        client = self.client()
        client.get("/broken")
        status, _, body = client.answer()
        self.assertEqual(status, 500)
        self.assertNotIn(b"purpose", body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_brokenLater(self) -> None:
        """If it fails when the answer has begun, the connection is reset, so that the
        client does not take it for complete."""
        client = self.client()
        client.get("/later")
        self.assertTrue(client.connection.isAborted)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_body(self) -> None:
        """A body is read and discarded, and not taken for the next request."""
        client = self.client()
        body = "GET /none HTTP/1.1\r\nHost: x\r\n\r\n"
        client.get("/", f"Content-Length: {len(body)}")
        client.send(body.encode())
        client.get("/")
        self.assertEqual(client.answer().status, 200)
        self.assertEqual(client.answer().status, 200)
        self.assertRaises(ValueError, client.answer)

    def test_form(self) -> None:
        """A form is not parsed: it adds no parameters."""
        seen = []
        self.site.pages = {b"/": lambda request: seen.append(dict(request.args))}
        client = self.client()
        headers = "Content-Type: application/x-www-form-urlencoded"
        client.get("/?a=1", headers, "Content-Length: 3")
        client.send(b"b=2")
        self.assertEqual(seen, [{b"a": [b"1"]}])

    def test_longestBody(self) -> None:
        """The longest body is accepted."""
        client = self.client()
        client.get("/", f"Content-Length: {LONGEST_BODY}")
        client.send(bytes(LONGEST_BODY))
        self.assertEqual(client.answer().status, 200)

    def test_tooLongBody(self) -> None:
        """A body that is announced as too long is refused, and the connection is
        closed."""
        client = self.client()
        client.get("/", f"Content-Length: {LONGEST_BODY + 1}", "Expect: 100-continue")
        found = client.answer()
        self.assertEqual((found.status, found.text), (413, "the body is too long\n"))
        self.assertRaises(ValueError, client.answer)
        self.assertTrue(client.connection.disconnecting)

    def test_tooLongHead(self) -> None:
        """HEAD is refused without a body, also behind another request."""
        client = self.client()
        client.get("/")
        client.answer()
        long = f"Content-Length: {LONGEST_BODY + 1}"
        client.get("/", long, method="HEAD")
        found = client.answer(hasBody=False)
        self.assertEqual(found.status, 413)
        self.assertEqual(client.connection.sent[-4:], b"\r\n\r\n")
        client = self.client()
        client.get("/", method="HEAD")
        client.answer(hasBody=False)
        client.get("/", long)
        self.assertEqual(client.answer().text, "the body is too long\n")

    def test_hugeLength(self) -> None:
        """So is one with a length of thousands of digits."""
        client = self.client()
        client.get("/", f"Content-Length: {'9' * 7000}")
        self.assertEqual(client.answer().status, 400)
        self.assertTrue(client.connection.disconnecting)

    def test_endlessBody(self) -> None:
        """A body of parts without an end is reset."""
        client = self.client()
        client.get("/", "Transfer-Encoding: chunked")
        for _ in range(LONGEST_BODY // 1024):
            client.send(b"400\r\n" + bytes(1024) + b"\r\n")
        self.assertFalse(client.connection.isAborted)
        client.send(b"1\r\nx\r\n")
        self.assertTrue(client.connection.isAborted)

    def test_pipelined(self) -> None:
        """Requests that come together are answered in their order."""
        client = self.client()
        one = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
        client.send(one % 1 + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + one % 2)
        found = [client.answer().status for _ in range(3)]
        self.assertEqual(found, [404, 200, 404])

    def test_oldHttp(self) -> None:
        """HTTP/1.0 is answered, and the connection closed."""
        client = self.client()
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(client.answer().body, b"hello\n")
        self.assertTrue(client.connection.disconnecting)

    @given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20))))
    def test_anything(self, pieces: list[bytes]) -> None:
        """No octets make it fail, however they are cut."""
        for reads in [b"".join(pieces)], pieces:
            client = self.client()
            for each in reads:
                if not client.connection.disconnecting:
                    client.send(each)
        self.assertEqual(self.flushLoggedErrors(), [])

    @given(
        st.text(st.characters(min_codepoint=33, max_codepoint=176), max_size=80),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80),
    )
    def test_anyPathAndHost(self, path: str, host: str) -> None:
        """Any path and any Host are answered."""
        client = self.client()
        self.site.checksHost = True
        client.get(f"/{path}", host=host)
        self.assertIn(client.answer().status, (200, 400, 403, 404, 500))
        self.flushLoggedErrors(RuntimeError)


class HostTests(SynchronousTestCase):
    """
    Tests for how L{WebRequest} looks at the header Host.
    """

    def status(self, host: str, checksHost: bool) -> int:
        """Give the status of a request."""
        reactor = FakeReactor()
        client = WebClient(WebSite(reactor, {b"/": hello}, checksHost), reactor)
        client.get("/", host=host)
        return client.answer().status

    def test_checked(self) -> None:
        """Where Host is checked, names are refused."""
        for host in "evil.example", "evil.example:9862", "", "127.0.0.1.evil.example":
            self.assertEqual(self.status(host, True), 403, host)
        for host in "127.0.0.1", "127.0.0.1:9862", "[::1]:9862", "localhost:9862":
            self.assertEqual(self.status(host, True), 200, host)

    def test_notChecked(self) -> None:
        """Where it is not, they are not."""
        for host in "hub.example", "hub.example:9862", "127.0.0.1":
            self.assertEqual(self.status(host, False), 200, host)

    def test_everyPage(self) -> None:
        """A request is refused before anything else is said about it."""
        reactor = FakeReactor()
        client = WebClient(WebSite(reactor, {b"/": hello}, True), reactor)
        client.get("/none", host="evil.example")
        client.get("/", host="evil.example", method="POST")
        for _ in range(2):
            status, _, body = client.answer()
            self.assertEqual(status, 403)
            self.assertEqual(body.count(b"\n"), 1)

    def test_missing(self) -> None:
        """A request of HTTP/1.1 has exactly one."""
        reactor = FakeReactor()
        client = WebClient(WebSite(reactor, {b"/": hello}, True), reactor)
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(client.answer().status, 400)
        client.get("/", "Host: evil.example")
        self.assertEqual(client.answer().status, 400)
