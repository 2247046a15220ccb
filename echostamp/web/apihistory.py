"""
What programs read of the past: C{/api/v1/events} and C{/api/v1/history}.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from twisted.web import http

from echostamp.history.document import csvPieces, historyPieces
from echostamp.history.interfaces import EventQuery, IHistory, KeptEvent, Points
from echostamp.history.row import DAY
from echostamp.monitor.event import Kind
from echostamp.monitor.eventlog import eventDocument
from echostamp.web.bodies import CSV, JSON, Bodies, BodyAnswers, NotThereError, bodiesOf
from echostamp.web.query import (
    MOST_NUMBER,
    Parameter,
    choiceOf,
    readQuery,
    readSeconds,
    readTime,
    shown,
    wholeReader,
)
from echostamp.web.request import WebRequest
from echostamp.web.source import Source

#: The most events of an answer, and how many there are if nothing is said.
MOST_EVENTS, USUAL_EVENTS = 1000, 200

#: The span of an answer if its beginning is not given, in seconds.
USUAL_SPAN = DAY

_readKind = choiceOf(*(each.value for each in Kind))

#: The parameters of C{/api/v1/events}.
OF_EVENTS = (
    Parameter("since", wholeReader(0, MOST_NUMBER), 0),
    Parameter("before", wholeReader(0, MOST_NUMBER)),
    Parameter("peer", str),
    Parameter("kind", lambda text: Kind(_readKind(text))),
    Parameter("most", wholeReader(1, MOST_EVENTS), USUAL_EVENTS),
)

#: The parameters of C{/api/v1/history}.
OF_HISTORY = (
    Parameter("peer", str, isNeeded=True),
    Parameter("from", readTime),
    Parameter("to", readTime),
    Parameter("step", readSeconds),
    Parameter("format", choiceOf("json", "csv"), "json"),
)

#: What a file is not called.
_UNUSUAL = re.compile(r"[^A-Za-z0-9.-]+")


class ApiEvents:
    """
    Answers with events, the newest first.
    """

    def __init__(self, source: Source, answers: BodyAnswers) -> None:
        """
        @param source: has the history.
        @param answers: sends the answers.
        """
        self._source = source
        self._answers = answers

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        try:
            query = EventQuery(**readQuery(request.query, OF_EVENTS))
        except ValueError as error:
            request.answer(http.BAD_REQUEST, str(error))
            return
        if request.beginBody(JSON):
            waiting = self._source.history.read(lambda history: history.events(query))
            self._answers.sendLater(request, waiting, _eventBodies)


def _eventBodies(found: list[KeptEvent]) -> Bodies:
    """
    Make the bodies of events.
    """
    return bodiesOf(partial(_eventPieces, found))


def _eventPieces(found: Sequence[KeptEvent]) -> Iterator[str]:
    """
    Write events, a piece for each.
    """
    yield '{"events": ['
    comma = "\n"
    for number, event in found:
        yield comma + json.dumps({"number": number, **eventDocument(event)})
        comma = ",\n"
    yield "\n]}\n"


class AskedSpan(NamedTuple):
    """
    What is asked of the history.

    @ivar peer: the name of the peer.
    @ivar began: where the span begins, in seconds since the UNIX epoch.
    @ivar ended: where it ends.
    """

    peer: str
    began: int
    ended: int


class ApiHistory:
    """
    Answers with the points of a peer, as JSON or CSV.
    """

    def __init__(
        self,
        source: Source,
        answers: BodyAnswers,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        @param source: has the history.
        @param answers: sends the answers.
        @param clock: gives seconds since the UNIX epoch.
        """
        self._source = source
        self._answers = answers
        self._clock = clock

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        try:
            given = readQuery(request.query, OF_HISTORY)
            asked = self._asked(given)
        except ValueError as error:
            request.answer(http.BAD_REQUEST, str(error))
            return
        if not self._source.hasHistory:
            why = "this daemon keeps no history: start it with --history FILE"
            request.answer(http.NOT_FOUND, why)
            return
        isCsv = given["format"] == "csv"
        if isCsv:
            name = _UNUSUAL.sub("_", asked.peer)[:64].encode()
            request.setHeader(
                b"Content-Disposition", b'attachment; filename="%b.csv"' % name
            )
        if not request.beginBody(CSV if isCsv else JSON):
            return

        def ask(history: IHistory) -> tuple[Points, bool]:
            points = history.points(*asked, given["step"])
            return points, bool(points.rows) or asked.peer in history.peers()

        waiting = self._source.history.read(ask)
        self._answers.sendLater(
            request, waiting, partial(self._bodiesFor, asked, isCsv)
        )

    def _asked(self, given: dict[str, Any]) -> AskedSpan:
        """
        Give what is asked for.

        @param given: the parameters.
        @raise ValueError: the span is wrong.
        """
        began, ended = given["from"], given["to"]
        if ended is None:
            ended = int(self._clock())
        if began is None:
            began = max(0, ended - USUAL_SPAN)
        if began >= ended:
            raise ValueError(f"from {began} is not before to {ended}")
        return AskedSpan(given["peer"], began, ended)

    def _bodiesFor(
        self, asked: AskedSpan, isCsv: bool, found: tuple[Points, bool]
    ) -> Bodies:
        """
        Make the bodies of points.

        @param found: the points, and whether the peer has rows at any time.
        @raise NotThereError: there is no such peer, and was none.
        """
        points, hasRows = found
        if not hasRows and asked.peer not in self._source.peers:
            raise NotThereError(f"there is no peer {shown(asked.peer)}")
        if isCsv:
            return bodiesOf(partial(csvPieces, asked.peer, *points))
        return bodiesOf(partial(historyPieces, *asked, *points))
