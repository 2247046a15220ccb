"""
A request: its checks, how its answer begins, and short answers.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http

from echostamp.web.requestheaders import acceptsGzip, isOwnHost
from echostamp.web.routes import routeOf

#: The most octets of a request's body, which is read and discarded.
LONGEST_BODY = 65536

log = Logger(namespace="echostamp")

#: Headers of every answer.  A browser must not guess its type, keep it, take anything
#: for a script, or hand it to the pages of other sites.
_HEADERS = {
    b"Server": b"EchoStamp",
    b"Cache-Control": b"no-store",
    b"Content-Security-Policy": b"default-src 'none'; frame-ancestors 'none'",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Referrer-Policy": b"no-referrer",
    b"X-Content-Type-Options": b"nosniff",
}

#: Headers that describe a body.
_OF_BODIES = b"Content-Disposition", b"Content-Encoding", b"Content-Length", b"Vary"

#: What a page of HTML may load: what this site has, and nothing inline.
_PAGE_POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    b"img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class WebRequest(http.Request):
    """
    A request.  It is checked here, and answered by a page of its L{WebSite
    <echostamp.web.site.WebSite>}.

    @ivar name: what follows the path of a page that answers for many names: see
        L{routeOf}.
    """

    transport: Any
    name = ""
    _received = 0

    def gotLength(self, length: int | None) -> None:
        """Keep no body: Twisted would write a long one to a file."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Discard a part of the body."""
        self._received += len(data)
        if self._received > LONGEST_BODY:
            self.transport.abortConnection()

    def process(self) -> None:
        """Answer the request."""
        site: Any = self.channel.factory
        self.setHeader(b"Date", http.datetimeToString())
        for name, value in _HEADERS.items():
            self.setHeader(name, value)
        refusal = self._refusal(site.checksHost)
        if refusal is not None:
            self.answer(*refusal)
            return
        route = routeOf(site.pages, self.path)
        if route is None:
            self.answer(http.NOT_FOUND, "no such page")
        elif self.method not in (b"GET", b"HEAD"):
            self.setHeader(b"Allow", b"GET, HEAD")
            self.answer(http.NOT_ALLOWED, "only GET and HEAD are allowed")
        else:
            page, self.name = route
            self._show(page)

    def _refusal(self, checksHost: bool) -> tuple[int, str] | None:
        """
        Look at the header Host.

        @param checksHost: whether it has to name this machine.
        @return: the status and the reason where the request is refused.
        """
        hosts = self.requestHeaders.getRawHeaders(b"Host", [])
        # RFC 9112, section 3.2.
        if len(hosts) > 1 or (not hosts and self.clientproto == b"HTTP/1.1"):
            return http.BAD_REQUEST, "one header Host is needed"
        if checksHost and hosts and not isOwnHost(hosts[0].decode("latin-1")):
            why = "the header Host has to be an address or localhost"
            return http.FORBIDDEN, why
        return None

    def _show(self, page: Any) -> None:
        """
        Let a page answer.
        """
        try:
            page(self)
        except Exception:
            log.failure("a web page failed")
            self.fail()

    @property
    def query(self) -> bytes:
        """What follows the question mark."""
        uri: bytes = self.uri
        return uri.partition(b"?")[2]

    def header(self, name: str) -> str:
        """
        Give a header that may be a list: its values, separated by commas.

        @return: empty without one.
        """
        values = self.requestHeaders.getRawHeaders(name.encode(), [])
        return ", ".join([each.decode("latin-1") for each in values])

    def answer(self, status: int, text: str) -> None:
        """
        Answer with a text.

        @param text: without its last newline.
        """
        body = f"{text}\n".encode()
        self.setResponseCode(status)
        self.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(body)
        self.finish()

    @property
    def takesGzip(self) -> bool:
        """Whether the client takes a body compressed."""
        return acceptsGzip(self.header("Accept-Encoding"))

    def beginBody(self, kind: str, varies: str = "Accept-Encoding") -> bool:
        """
        Set the headers of a long body.  The caller compresses it with gzip where
        L{takesGzip} says so.

        @param kind: its type.
        @param varies: the headers of requests on which it depends.
        @return: whether it is to be sent.  If not, the request is answered.
        """
        self.setHeader(b"Content-Type", kind.encode())
        self.setHeader(b"Vary", varies.encode())
        if self.takesGzip:
            self.setHeader(b"Content-Encoding", b"gzip")
        if self.method == b"HEAD":
            self.finish()
            return False
        return True

    def beginPage(self) -> bool:
        """
        Set the headers of a page of HTML.

        @return: whether it is to be sent: see L{beginBody}.
        """
        self.setHeader(b"Content-Security-Policy", _PAGE_POLICY)
        return self.beginBody("text/html; charset=utf-8")

    def answerWhen(
        self, waiting: Deferred[Any], answer: Callable[[Any], object]
    ) -> None:
        """
        Answer when a result is there, unless the client has gone.

        @param waiting: gives the result.  A failure is logged, and answered by
            L{fail}; so is one of C{answer}.
        @param answer: answers this request with the result.
        """
        ends: list[object] = []
        self.notifyFinish().addErrback(ends.append)

        def known(found: Any) -> None:
            if not ends:
                answer(found)

        def failed(failure: Failure) -> None:
            log.failure("a web page failed", failure)
            if not ends:
                self.fail()

        waiting.addCallback(known).addErrback(failed)

    def fail(self) -> None:
        """
        Say that the answer cannot be made, or end the connection where it has begun.
        """
        if self.startedWriting:
            self.transport.abortConnection()
            return
        self.withoutBody()
        self.answer(http.INTERNAL_SERVER_ERROR, "an error: see the log of the daemon")

    def withoutBody(self) -> None:
        """
        Forget the headers of a body that is not sent.
        """
        for name in _OF_BODIES:
            self.responseHeaders.removeHeader(name)
