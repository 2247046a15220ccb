"""
Runs C{echostamp report}.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple, TextIO

from echostamp.client.linewriter import LineWriter, discard
from echostamp.client.reporttable import ReportSpan, pointLines, totalLines
from echostamp.exitstatus import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    Outcome,
    outputFailed,
)
from echostamp.history.document import csvHead, csvLine, historyDocument
from echostamp.history.file import HistoryFile
from echostamp.history.interfaces import HistoryError, IHistory, Points
from echostamp.history.mixture import merged


class ReportOptions(NamedTuple):
    """
    What is asked for.

    @ivar path: the file of the history.
    @ivar peers: the names of peers; empty for all.
    @ivar since: for how long before now, in seconds.
    @ivar step: how long each point is, in seconds; L{None} for one of the whole time.
    @ivar form: C{text}, C{json} or C{csv}.
    """

    path: str
    peers: Sequence[str] = ()
    since: int = 86_400
    step: int | None = None
    form: str = "text"


def report(
    options: ReportOptions,
    output: TextIO | None = None,
    clock: Callable[[], float] = time.time,
) -> Outcome:
    """
    Write what a history knows.

    @param output: where to write; L{None} for standard output.
    @param clock: gives seconds since the UNIX epoch.
    """
    ended = int(clock())
    span = ReportSpan(max(ended - options.since, 0), ended)
    try:
        with closing(HistoryFile(options.path)) as history:
            names = options.peers or history.peers()
            found = {name: _points(history, name, span, options.step) for name in names}
    except HistoryError as error:
        return Outcome(NEAR_END_FAILED, f"--history {options.path!r}: {error}")
    known = {name: points for name, points in found.items() if points.rows}
    if known or options.form == "json":
        output = sys.stdout if output is None else output
        writer = LineWriter(output, False, lambda: None)
        writer.write(_FORMS[options.form](span, known, options.step is None))
        if writer.isClosed:
            outcome = outputFailed(NEAR_END_FAILED)
            discard(output)
            return outcome
    return _outcome(options.peers, known)


def _points(history: IHistory, name: str, span: ReportSpan, step: int | None) -> Points:
    """
    Ask for the points of a peer, or merge them to one.
    """
    points = history.points(name, *span, step)
    if step is None and points.rows:
        whole = merged(points.rows, points.rows[0].at)
        return Points(span.ended - span.began, [whole])
    return points


def _outcome(asked: Sequence[str], known: Mapping[str, Points]) -> Outcome:
    """
    Say how the command ends.
    """
    missing = [repr(name) for name in asked if name not in known]
    if missing:
        names = ", ".join(missing)
        return Outcome(
            FAR_END_FAILED, f"nothing is known of --peer {names} in this time"
        )
    if not known:
        return Outcome(FAR_END_FAILED, "nothing is known of any peer in this time")
    return Outcome(DONE)


def _text(
    span: ReportSpan, known: Mapping[str, Points], isTotal: bool
) -> Iterable[str]:
    """
    Write a table.
    """
    rows = {name: points.rows for name, points in known.items()}
    if isTotal:
        return totalLines(span, {name: whole for name, (whole,) in rows.items()})
    return pointLines(span, rows)


def _json(
    span: ReportSpan, known: Mapping[str, Points], isTotal: bool
) -> Iterator[str]:
    """
    Write a document of JSON.
    """
    documents = [
        historyDocument(name, *span, points.step, points.rows)
        for name, points in known.items()
    ]
    yield json.dumps({"peers": documents}, indent=2)


def _csv(span: ReportSpan, known: Mapping[str, Points], isTotal: bool) -> Iterator[str]:
    """
    Write a line of CSV for each point.
    """
    yield csvHead()
    for name, points in known.items():
        for row in points.rows:
            yield csvLine(name, points.step, row)


_FORMS: Mapping[
    str, Callable[[ReportSpan, Mapping[str, Points], bool], Iterable[str]]
] = {
    "text": _text,
    "json": _json,
    "csv": _csv,
}
