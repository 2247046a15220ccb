"""
The page with the matrix: the first one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from echostamp.markup import asHtml
from echostamp.web.bodies import gathered
from echostamp.web.encodings import Encodings, zipped
from echostamp.web.frame import PAGE_END, pageHead
from echostamp.web.freshpages import FreshPages
from echostamp.web.judgedrow import JudgedRow
from echostamp.web.judgedrows import JudgedRows
from echostamp.web.matrix import Matrix
from echostamp.web.matrixfilter import MatrixFilter, choicesOf
from echostamp.web.matrixparts import form, legend, nothing, summary
from echostamp.web.request import WebRequest
from echostamp.web.rowdata import SourceRow
from echostamp.web.stream import Stream
from echostamp.web.troubles import Troubles, troublesHtml


class OwnSource(Protocol):
    """
    Makes the row of this daemon.
    """

    def row(self) -> Deferred[SourceRow]:
        """Give the row, some seconds old at most."""


class OtherSources(Protocol):
    """
    Knows the rows of other daemons.
    """

    def rows(self) -> Sequence[SourceRow]:
        """Give what is known now.  That somebody asks means that somebody looks."""


class WantedPage(NamedTuple):
    """
    What a browser asks for.

    @ivar filter: which part of the matrix.
    @ivar isPart: whether only what changes from one time to the next.
    @ivar isZipped: whether it is compressed.
    """

    filter: MatrixFilter
    isPart: bool = False
    isZipped: bool = False


class MatrixPage:
    """
    Shows the matrix.

    Each page is made at most once a second for all browsers, a little in each turn of
    the event loop.
    """

    def __init__(
        self,
        reactor: Any,
        own: OwnSource,
        others: OtherSources,
        clock: Callable[[], int] = time.time_ns,
        hasRoom: bool = False,
    ) -> None:
        """
        @param reactor: runs the turns: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param own: makes the row of this daemon.
        @param others: has those of others.
        @param clock: gives nanoseconds since the UNIX epoch.
        @param hasRoom: as for L{pageHead}.
        """
        self._own = own
        self._others = others
        self._clock = clock
        self._hasRoom = hasRoom
        self._row = SourceRow("")
        self._judged = JudgedRows()
        encodings: Encodings[WantedPage] = Encodings(reactor, self._steps)
        self._pages = FreshPages(reactor, encodings)

    def prepare(self, row: SourceRow) -> Iterator[None]:
        """
        Judge a row of another daemon when it is there, in small steps: so a page has to
        do less.
        """
        return self._judged.prepare(row)

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        if not request.beginPage():
            return
        args = request.args or {}
        isPart = args.get(b"part") == [b"table"]
        wanted = WantedPage(MatrixFilter.of(args), isPart, request.takesGzip)

        def known(row: SourceRow) -> None:
            self._row = row
            Stream(request, self._pages, wanted)

        request.answerWhen(self._own.row(), known)

    def _steps(self, wanted: WantedPage) -> Iterator[bytes]:
        """
        Make a page, in small steps.

        @return: the octets of each step; empty for most.
        """
        chunks = gathered(self.pieces(wanted))
        return zipped(chunks) if wanted.isZipped else chunks

    def pieces(self, wanted: WantedPage) -> Iterator[str]:
        """
        Write a page, in small steps.

        @return: the text of each step; empty for some.
        """
        now = self._clock()
        rows = [self._row, *self._others.rows()]
        judged = yield from self._judged.judge(rows)
        if not wanted.isPart:
            title = _title(self._row.source)
            yield pageHead(title, here="Matrix", hasRoom=self._hasRoom)
            yield f"<h1>{asHtml(self._row.source or 'EchoStamp')}</h1>\n"
            yield form(wanted.filter, choicesOf(each.labels for each in judged))
            yield '<div id="now">\n'
        yield from _part(judged, wanted.filter, now)
        if not wanted.isPart:
            yield "</div>\n"
            yield legend()
            yield PAGE_END


def _title(source: str) -> str:
    """
    Write the title of the page.
    """
    return f"EchoStamp: {source}" if source else "EchoStamp"


def _part(rows: Sequence[JudgedRow], wanted: MatrixFilter, now: int) -> Iterator[str]:
    """
    Write what changes from one time to the next.

    @param now: nanoseconds since the UNIX epoch.
    """
    matrix = Matrix(rows, wanted, now)
    for _ in matrix.count():
        yield ""
    yield summary(matrix.levels, len(matrix.sources), len(matrix.targets), now)
    if not matrix.targets and not any(each.isStale(now) for each in matrix.sources):
        yield nothing(wanted)
        return
    troubles = Troubles(matrix.sources, matrix.targets, wanted.figure, now)
    for source in matrix.sources:
        troubles.look(source)
    yield ""
    yield troublesHtml(troubles.found(), matrix.levels)
    yield from matrix.lines()
