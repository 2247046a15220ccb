"""
Long bodies of text, made a little in each turn of the event loop.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web import http

from echostamp.history.interfaces import HistoryError
from echostamp.text import printable
from echostamp.web.encodings import Encodings, zipped
from echostamp.web.request import WebRequest
from echostamp.web.stream import Stream

#: Pieces of a text are sent together up to so many characters.
_ENOUGH = 16384

#: Octets that are uncompressed in one step.
_PIECE = 2048

JSON, CSV = "application/json", "text/csv; charset=utf-8; header=present"


class NotThereError(Exception):
    """
    What was asked for is not there; the text is one line.
    """


class Body(Hashable, Protocol):
    """
    A body.
    """

    def steps(self) -> Iterator[bytes]:
        """
        Make it, in small steps.

        @return: the octets of each step; empty for most.
        """


class _Written:
    """
    A body that is written each time.
    """

    def __init__(self, pieces: Callable[[], Iterator[str]], isZipped: bool) -> None:
        """
        @param pieces: makes the text, a little in each step.
        @param isZipped: whether it is compressed.
        """
        self._pieces = pieces
        self._isZipped = isZipped

    def steps(self) -> Iterator[bytes]:
        """Make it."""
        chunks = gathered(self._pieces())
        return zipped(chunks) if self._isZipped else chunks


class _Kept:
    """
    A compressed body that is written once, and kept.
    """

    def __init__(self, pieces: Callable[[], Iterator[str]]) -> None:
        """
        @param pieces: makes the text, a little in each step.  It is forgotten when the
            body is complete, with all that it is made of.
        """
        self._written: _Written | None = _Written(pieces, True)
        self._octets = b""

    def steps(self) -> Iterator[bytes]:
        """Make it, or give it again."""
        if self._written is None:
            yield self._octets
            return
        made = []
        for chunk in self._written.steps():
            made.append(chunk)
            yield chunk
        self._octets = b"".join(made)
        self._written = None


class _Unzipped:
    """
    A kept body for the few clients that do not take it compressed.
    """

    def __init__(self, body: Body) -> None:
        """
        @param body: the same, compressed.
        """
        self._body = body

    def steps(self) -> Iterator[bytes]:
        """Make it."""
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        for chunk in self._body.steps():
            for start in range(0, len(chunk), _PIECE):
                yield unpacker.decompress(chunk[start : start + _PIECE])
            if not chunk:
                yield b""
        yield unpacker.flush()


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
    Make the bodies of a text.

    @param pieces: makes the text, a little in each step.
    @param isKept: whether they are kept, and made once only.
    """
    if not isKept:
        return Bodies(_Written(pieces, False), _Written(pieces, True))
    kept = _Kept(pieces)
    return Bodies(_Unzipped(kept), kept)


class BodyAnswers:
    """
    Answers requests with bodies.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: runs the turns: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        """
        self._encodings: Encodings[Body] = Encodings(reactor, lambda body: body.steps())

    def send(self, request: WebRequest, bodies: Bodies) -> None:
        """
        Send a body.  To be called only where L{WebRequest.beginBody} has said that it
        is to be sent.
        """
        body = bodies.zipped if request.takesGzip else bodies.plain
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

        def known(found: Bodies | _Refusal) -> None:
            if isinstance(found, _Refusal):
                request.withoutBody()
                request.answer(*found)
            else:
                self.send(request, found)

        waiting.addCallback(bodiesFor).addErrback(_refusal)
        request.answerWhen(waiting, known)


class _Refusal(NamedTuple):
    """
    Says that there is no body.

    @ivar status: the HTTP status.
    @ivar why: a line of text.
    """

    status: int
    why: str


def _refusal(failure: Failure) -> _Refusal:
    """
    Say why there is no body, if that is no error of ours.
    """
    failure.trap(NotThereError, HistoryError)
    isMissing = failure.check(NotThereError) is not None
    status = http.NOT_FOUND if isMissing else http.SERVICE_UNAVAILABLE
    return _Refusal(status, printable(str(failure.value)))
