"""
Writes the results of C{echostamp ping}, as they happen and at the end.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, TextIO

from zope.interface import implementer

from echostamp.client.linewriter import BOLD, PLAIN, RED, LineWriter
from echostamp.exitstatus import Outcome
from echostamp.measure.block import Probe
from echostamp.measure.result import Outage, Result
from echostamp.probe.interfaces import Fate, IProbeSink, Link
from echostamp.probe.plan import Plan
from echostamp.report import document
from echostamp.report.probeline import probeLine
from echostamp.report.screen import fitted, titled
from echostamp.report.summary import Detail, summary
from echostamp.report.table import ROWS, histogram
from echostamp.times import SECOND
from echostamp.units import readable

#: The notes about unusual probes, by their fate.
_NOTES = {
    Fate.ALTERED: "altered",
    Fate.STALLED: "this end was held up",
    Fate.UNTIMED: "answered, but the RTT is not known",
    Fate.LATE: "late",
    Fate.DUPLICATE: "duplicate",
}

#: The most addresses that are kept.
_MOST_ADDRESSES = 100


class OutputOptions(NamedTuple):
    """
    How to write the results.

    @ivar form: C{text}, C{json} or C{jsonl}.
    @ivar hasStrings: whether JSON has strings where integers can exceed 2^53.
    @ivar isQuiet: whether to write nothing about single probes, and few lines at the
        end.
    @ivar isVerbose: whether to write all figures at the end.
    @ivar hasTimes: whether to put the time before each line.
    @ivar hasOutstanding: whether to report a probe that is unanswered when the next one
        is due.
    @ivar isNumeric: whether to name the far end by its address only.
    @ivar hasHistogram: whether to draw a histogram of the round trips.
    """

    form: str = "text"
    isQuiet: bool = False
    isVerbose: bool = False
    hasTimes: bool = False
    hasOutstanding: bool = False
    isNumeric: bool = False
    hasHistogram: bool = False
    hasStrings: bool = False

    @property
    def detail(self) -> Detail:
        """How much the report at the end says."""
        if self.isVerbose:
            return Detail.FULL
        return Detail.BRIEF if self.isQuiet else Detail.USUAL


class Probes(NamedTuple):
    """
    The single probes of a run.

    @ivar all: those that are kept, in the order of sending.
    @ivar inFlight: those in flight.
    """

    all: Iterable[Probe] = ()
    inFlight: Iterable[Probe] = ()


class Asked(NamedTuple):
    """
    What the user asked for, as the reports need it.

    @ivar target: the far end, as the user typed it.
    @ivar plan: what is sent, and when.
    @ivar unit: the word for a probe: C{message} or C{packet}.
    @ivar config: the options in the JSON document.
    """

    target: str
    plan: Plan
    unit: str = "message"
    config: document.Json = {}


@implementer(IProbeSink)
class Output:
    """
    Writes the results of a run, as they happen and at the end.
    """

    def __init__(
        self,
        asked: Asked,
        options: OutputOptions,
        output: TextIO,
        isColoured: bool,
        closed: Callable[[], object],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        @param asked: what the user asked for.
        @param options: how to write the results.
        @param output: where to write.
        @param isColoured: whether to use colours.
        @param closed: called when writing has failed.
        @param clock: gives nanoseconds since the UNIX epoch.
        """
        self._asked = asked
        self._options = options
        self._lines = LineWriter(output, isColoured, closed)
        self._clock = clock
        self._address = self._target = asked.target
        self._addresses: deque[str] = deque(maxlen=_MOST_ADDRESSES)
        self._sources: deque[str] = deque(maxlen=_MOST_ADDRESSES)
        # Since the connection was lost: when that was, and how many probes were not
        # sent.
        self._lostAt = self._missed = 0
        self._isWaiting = False

    @property
    def isClosed(self) -> bool:
        """Whether writing has failed.  Nothing more is written then."""
        return self._lines.isClosed

    def _event(self, line: str, at: int, isBad: bool = False) -> None:
        """
        Write a line about something that has just happened.

        @param at: when it happened, in nanoseconds since the UNIX epoch.
        @param isBad: whether to write it in red.
        """
        if self._isSilent:
            return
        if self._options.hasTimes:
            seconds, rest = divmod(at, SECOND)
            lines = iter([f"[{seconds}.{rest // 1000:06d}] {line}"])
        else:
            lines = fitted(line)
        self._lines.write(lines, RED if isBad else "")

    @property
    def _isSilent(self) -> bool:
        """Whether nothing is written about single events."""
        return self._options.form != "text" or self._options.isQuiet

    def connected(self, link: Link) -> None:
        """Write that there is a connection: the first one, or one after an outage."""
        isFirst = not self._addresses
        address, source = link.address, link.source
        for known, new in (self._addresses, address), (self._sources, source):
            if new not in known:
                known.append(new)
        self._address = address
        self._target = address if self._options.isNumeric else self._asked.target
        if not isFirst:
            now = self._clock()
            away = f"after {readable(now - self._lostAt)}, {self._missed} not sent"
            self._event(f"connected again {away}", now)
        elif self._options.form == "text":
            size, unit = self._asked.plan.size, self._asked.unit
            name = f"{self._target} ({address})" if address != self._target else address
            self._lines.write(fitted(f"PING {name}: {size} bytes a {unit}"))

    def outstanding(self, seq: int) -> None:
        """Write that this probe is unanswered, if the user asked for that."""
        if self._options.hasOutstanding:
            self._event(f"no answer yet for seq={seq}", self._clock())

    def sent(self, late: int) -> None:
        """Do nothing: a line is written when the probe is answered or lost."""

    def skipped(self, seq: int, outage: Outage | None, isStall: bool) -> None:
        """Count a probe that was not sent, on a terminal in place."""
        if outage is None:
            return
        self._missed = outage.skipped
        why = f": {outage.error}" if outage.error else ""
        if not self._isSilent:
            self._lines.count(f"{outage.skipped} not sent{why}")

    def waiting(self, why: str) -> None:
        """Write once why there is no connection yet."""
        if not self._isWaiting:
            self._isWaiting = True
            self._event(f"no connection yet: {why}", self._clock(), isBad=True)

    def settled(self, probe: Probe, fate: Fate, reason: str = "") -> None:
        """Write a line about a probe whose fate is known.  Those that are lost with the
        connection are counted in the line about that."""
        if self._options.form == "jsonl":
            if fate not in (Fate.LATE, Fate.DUPLICATE):
                self._lines.write([self._json(document.probe(probe))])
        elif not self._isSilent and fate is not Fate.DISCONNECTED:
            note = self._note(fate, reason)
            size, isExact = self._asked.plan.size, self._asked.unit == "packet"
            line = probeLine(probe, size, self._address, note, isExact)
            self._event(line, probe.t4 or probe.t1, bool(note))

    def _note(self, fate: Fate, reason: str) -> str:
        """
        Give the note about an unusual probe; empty for one that was answered in time.
        """
        if fate is Fate.TIMED_OUT:
            return noReply(self._asked.plan)
        return _NOTES.get(fate, reason)

    def disconnected(self, outage: Outage) -> None:
        """Write that the connection was lost."""
        self._lostAt, self._missed = outage.start, 0
        lost = f" ({outage.lost} lost in flight)" if outage.lost else ""
        self._event(f"no connection: {outage.reason}{lost}", outage.start, isBad=True)

    def summary(self, result: Result, isColoured: bool) -> list[str]:
        """
        Return the report as lines of text.

        @param isColoured: whether to use colours.
        """
        isPaced = self._asked.plan.interval > 0
        title = titled(self._target, self._address)
        lines = list(summary(result, title, self._options.detail, isPaced))
        if result.distribution is not None:
            lines += ["", *histogram(result.distribution)]
        if isColoured:
            lines[0] = f"{BOLD}{lines[0]}{PLAIN}"
        return lines

    @property
    def rows(self) -> int:
        """The rows of the histogram; 0 for no histogram."""
        return ROWS if self._options.hasHistogram else 0

    def end(self, result: Result, probes: Probes, ending: Outcome) -> None:
        """
        Write the report or the JSON document.

        @param probes: the single probes that are kept.
        @param ending: how the run ended.
        """
        config = {
            **self._asked.config,
            "addresses": [*self._addresses],
            "sources": [*self._sources],
        }
        if self._options.form == "text":
            if self._addresses:
                self._lines.write(["", *self.summary(result, self._lines.isColoured)])
            return
        head = document.document(result, config, ending)
        if self._options.form == "json":
            self._lines.write(document.pieces(head, probes.all, self._form), end="")
        else:
            self._lines.write(
                self._json(document.probe(each)) for each in probes.inFlight
            )
            self._lines.write([self._json(head)])

    def _form(self, found: document.Json) -> document.Json:
        """
        Give JSON its integers as the user wants them.
        """
        return document.withStrings(found) if self._options.hasStrings else found

    def _json(self, found: document.Json) -> str:
        return json.dumps(self._form(found))


def noReply(plan: Plan) -> str:
    """
    Return the words for a probe that was not answered in time.
    """
    return f"no reply within {plan.timeout / SECOND:g} s"
