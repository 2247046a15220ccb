"""
Long bodies of text, made a little in each turn of the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http

from echostamp.history.interfaces import HistoryError
from echostamp.text import printable
from echostamp.web.encodings import Encodings, zipped
from echostamp.web.request import WebRequest
from echostamp.web.requestheaders import acceptsGzip
from echostamp.web.stream import Stream

#: Pieces of a text are sent together up to so many characters.
_ENOUGH = 16384

JSON, CSV = "application/json", "text/csv; charset=utf-8; header=present"

log = Logger(namespace="echostamp")


class NotThereError(Exception):
    """
    What was asked for is not there; the text is one line.
    """


class Body:
    """
    A body.
    """

    def __init__(
        self, pieces: Callable[[], Iterator[str]], isZipped: bool, isKept: bool
    ) -> None:
        """
        @param pieces: makes the text, a little in each step.
        @param isZipped: whether it is compressed.
        @param isKept: whether it is kept, and made once only.
        """
        self._pieces = pieces
        self._isZipped = isZipped
        self._isKept = isKept
        self._octets: bytes | None = None

    def steps(self) -> Iterator[bytes]:
        """
        Make it, in small steps.

        @return: the octets of each step; empty for most.
        """
        if self._octets is not None:
            yield self._octets
            return
        made = []
        chunks = gathered(self._pieces())
        for chunk in zipped(chunks) if self._isZipped else chunks:
            if self._isKept:
                made.append(chunk)
            yield chunk
        if self._isKept:
            self._octets = b"".join(made)


def gathered(pieces: Iterable[str]) -> Iterator[bytes]:
    """
    Put short pieces of a text together.

    @return: the octets of each step; empty for most.
    """
    held, size = [], 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size < _ENOUGH:
            yield b""
            continue
        yield "".join(held).encode()
        held, size = [], 0
    yield "".join(held).encode()


class Bodies(NamedTuple):
    """
    A body as it is, and compressed.
    """

    plain: Body
    zipped: Body


def bodiesOf(pieces: Callable[[], Iterator[str]], isKept: bool = False) -> Bodies:
    """
    Make the bodies of a text; see L{Body}.
    """
    return Bodies(Body(pieces, False, isKept), Body(pieces, True, isKept))


class BodyAnswers:
    """
    Answers requests with bodies.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: runs the turns: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        """
        self._encodings: Encodings[Body] = Encodings(reactor, Body.steps)

    def begin(self, request: WebRequest, kind: str = JSON) -> bool:
        """
        Set the headers of an answer.

        @param kind: the type of its body.
        @return: whether it is to have a body.  If not, the request is answered.
        """
        request.setHeader(b"Content-Type", kind.encode())
        request.setHeader(b"Vary", b"Accept-Encoding")
        if _isZipped(request):
            request.setHeader(b"Content-Encoding", b"gzip")
        if request.method == b"HEAD":
            request.finish()
            return False
        return True

    def send(self, request: WebRequest, bodies: Bodies) -> None:
        """
        Send a body.
        """
        body = bodies.zipped if _isZipped(request) else bodies.plain
        Stream(request, self._encodings, body)

    def sendLater(
        self,
        request: WebRequest,
        waiting: Deferred[Any],
        bodiesFor: Callable[[Any], Bodies],
    ) -> None:
        """
        Send a body when what it is made of is known, unless the client has gone.

        @param waiting: gives that; fails with L{HistoryError} where it cannot be read.
        @param bodiesFor: makes the body of it; raises L{NotThereError}.
        """
        ends: list[object] = []
        request.notifyFinish().addErrback(ends.append)

        def known(found: Any) -> None:
            if not ends:
                self.send(request, bodiesFor(found))

        def failed(failure: Failure) -> None:
            status = _status(failure)
            if status == http.INTERNAL_SERVER_ERROR:
                log.failure("a web page failed", failure)
            if ends:
                return
            if status == http.INTERNAL_SERVER_ERROR:
                request.fail()
                return
            request.withoutBody()
            request.answer(status, printable(str(failure.value)))

        waiting.addCallback(known).addErrback(failed)


def _isZipped(request: WebRequest) -> bool:
    """
    Tell whether a client wants a compressed body.
    """
    return acceptsGzip(request.header("Accept-Encoding"))


def _status(failure: Failure) -> int:
    """
    Give the status of an answer that has no body.
    """
    if failure.check(NotThereError):
        return http.NOT_FOUND
    if failure.check(HistoryError):
        return http.SERVICE_UNAVAILABLE
    return http.INTERNAL_SERVER_ERROR
