"""
Writes the results of C{echostamp ping}, as they happen and at the end.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, TextIO

from zope.interface import implementer

from echostamp.exitstatus import Outcome
from echostamp.measure.block import Probe
from echostamp.measure.result import Outage, Result
from echostamp.probe.interfaces import Fate, IProbeSink, Link
from echostamp.probe.plan import Plan
from echostamp.report import document, summary
from echostamp.report.table import ROWS, histogram
from echostamp.times import SECOND

#: The notes about unusual probes, by their fate.
_NOTES = {
    Fate.ALTERED: "altered",
    Fate.STALLED: "this end was held up",
    Fate.UNTIMED: "answered, but the RTT is not known",
    Fate.LATE: "late",
    Fate.DUPLICATE: "duplicate",
}

#: Escape sequences of a terminal.
_RED, _BOLD, _PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[m"

#: The most addresses that are kept.
_MOST_ADDRESSES = 100

#: Replacements for the characters that a non-Unicode output cannot encode.
_REPLACEMENTS = str.maketrans(
    {"µ": "u", "█": "#", "≥": ">", **dict.fromkeys("▏▎▍▌▋▊▉", ":")}
)


def _isUnicode(output: TextIO) -> bool:
    """
    Say whether an output can encode all characters that are written.
    """
    try:
        "µ█▏≥".encode(getattr(output, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


@dataclass(frozen=True)
class OutputOptions:
    """
    How to write the results.

    @ivar form: C{text}, C{json} or C{jsonl}.
    @ivar isQuiet: whether to write nothing about single probes.
    @ivar hasTimes: whether to put the time before each line.
    @ivar hasOutstanding: whether to report a probe that is unanswered when the next one
        is due.
    @ivar isNumeric: whether to name the far end by its address only.
    @ivar hasHistogram: whether to draw a histogram of the round trips.
    """

    form: str = "text"
    isQuiet: bool = False
    hasTimes: bool = False
    hasOutstanding: bool = False
    isNumeric: bool = False
    hasHistogram: bool = False


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

    @ivar isClosed: whether writing has failed.  Nothing more is written then.
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
        self._output = output
        self._isColoured = isColoured
        self._closed = closed
        self._clock = clock
        self.isClosed = False
        self._address = self._name = asked.target
        self._isUnicode = _isUnicode(output)
        self._addresses: deque[str] = deque(maxlen=_MOST_ADDRESSES)
        self._sources: deque[str] = deque(maxlen=_MOST_ADDRESSES)

    def write(self, lines: Iterable[str], colour: str = "", end: str = "\n") -> None:
        """
        Write lines, and flush the output.

        @param colour: a terminal's escape sequence; it is reset after each line.
        @param end: what to write after each line.
        """
        if self.isClosed:
            return
        try:
            for line in lines:
                text = f"{colour}{line}{_PLAIN}" if colour else line
                if not self._isUnicode:
                    text = text.translate(_REPLACEMENTS)
                self._output.write(text + end)
            self._output.flush()
        except OSError:
            self.isClosed = True
            self._closed()

    def _event(self, line: str, at: int, isBad: bool = False) -> None:
        """
        Write a line about something that has just happened.

        @param at: when it happened, in nanoseconds since the UNIX epoch.
        @param isBad: whether to write it in red.
        """
        if self._options.form != "text" or self._options.isQuiet:
            return
        if self._options.hasTimes:
            seconds, rest = divmod(at, SECOND)
            line = f"[{seconds}.{rest // 1000:06d}] {line}"
        self.write([line], _RED if isBad and self._isColoured else "")

    def connected(self, link: Link) -> None:
        """Write that there is a connection: the first one, or one after an outage."""
        isFirst = not self._addresses
        address, source = link.address, link.source
        for known, new in (self._addresses, address), (self._sources, source):
            if new not in known:
                known.append(new)
        self._address = self._name = address
        if not self._options.isNumeric and address != self._asked.target:
            self._name = f"{self._asked.target} ({address})"
        if not isFirst:
            self._event("connected again", self._clock())
        elif self._options.form == "text":
            size, unit = self._asked.plan.size, self._asked.unit
            self.write([f"PING {self._name}: {size} bytes a {unit}"])

    def outstanding(self, seq: int) -> None:
        """Write that this probe is unanswered, if the user asked for that."""
        if self._options.hasOutstanding:
            self._event(f"no answer yet for seq={seq}", self._clock())

    def settled(self, probe: Probe, fate: Fate, reason: str = "") -> None:
        """Write a line about a probe whose fate is known."""
        if self._options.form == "jsonl":
            if fate not in (Fate.LATE, Fate.DUPLICATE):
                self.write([json.dumps(document.probe(probe))])
        elif self._options.form == "text" and not self._options.isQuiet:
            note = self._note(fate, reason)
            size = self._asked.plan.size
            line = summary.probeLine(probe, size, self._address, note)
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
        self._event(f"no connection: {outage.reason}", outage.start, isBad=True)

    def summary(self, result: Result, isColoured: bool) -> list[str]:
        """
        Return the report as lines of text.

        @param isColoured: whether to use colours.
        """
        isPaced = self._asked.plan.interval > 0
        lines = list(summary.summary(result, self._name, isPaced))
        if result.distribution is not None:
            lines += ["", *histogram(result.distribution)]
        if isColoured:
            lines[0] = f"{_BOLD}{lines[0]}{_PLAIN}"
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
                self.write(["", *self.summary(result, self._isColoured)])
            return
        head = document.document(result, config, ending)
        if self._options.form == "json":
            self.write(document.pieces(head, probes.all), end="")
        else:
            self.write(json.dumps(document.probe(each)) for each in probes.inFlight)
            self.write([json.dumps(head)])


def noReply(plan: Plan) -> str:
    """
    Return the words for a probe that was not answered in time.
    """
    return f"no reply within {plan.timeout / SECOND:g} s"
