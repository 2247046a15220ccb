"""
What programs read of the peers now: C{/api/v1/peers}.
"""

from __future__ import annotations

from functools import partial

from twisted.web import http

from echostamp import __version__
from echostamp.web.bodies import JSON, Bodies, BodyAnswers, bodiesOf
from echostamp.web.ownrow import OwnRow
from echostamp.web.peerdocument import peerPieces
from echostamp.web.query import readQuery, shown
from echostamp.web.request import WebRequest
from echostamp.web.rowdata import SourceRow
from echostamp.web.rowdocument import rowPieces
from echostamp.web.source import Source


class ApiRow:
    """
    Answers with the row of this daemon: all its peers in short.
    """

    def __init__(self, own: OwnRow, answers: BodyAnswers) -> None:
        """
        @param own: makes the row.
        @param answers: sends it.
        """
        self._own = own
        self._answers = answers
        self._row: SourceRow | None = None
        self._bodies = bodiesOf(lambda: iter(()))

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        try:
            readQuery(request.query, ())
        except ValueError as error:
            request.answer(http.BAD_REQUEST, str(error))
            return
        if request.beginBody(JSON):
            self._answers.sendLater(request, self._own.row(), self._bodiesFor)

    def _bodiesFor(self, row: SourceRow) -> Bodies:
        """
        Give the bodies of a row, which all who ask for it share.
        """
        if row is not self._row:
            self._row = row
            self._bodies = bodiesOf(partial(rowPieces, row, __version__), isKept=True)
        return self._bodies


class ApiPeer:
    """
    Answers with all that is known of a peer.
    """

    def __init__(self, source: Source, own: OwnRow, answers: BodyAnswers) -> None:
        """
        @param source: has the peers.
        @param own: knows the last week of each.
        @param answers: sends the answers.
        """
        self._source = source
        self._own = own
        self._answers = answers

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        try:
            readQuery(request.query, ())
        except ValueError as error:
            request.answer(http.BAD_REQUEST, str(error))
            return
        name = request.name
        peer = self._source.peers.get(name)
        if peer is None:
            request.answer(http.NOT_FOUND, f"there is no peer {shown(name)}")
        elif request.beginBody(JSON):
            week = self._own.week(name)
            pieces = partial(peerPieces, __version__, peer.snapshot, week)
            self._answers.send(request, bodiesOf(pieces))
