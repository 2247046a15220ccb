"""
What C{echostamp ping} writes, as it happens and at the end.
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

#: What is odd about a probe, by its fate.
_NOTES = {
    Fate.ALTERED: "altered",
    Fate.STALLED: "this end was held up",
    Fate.LATE: "late",
    Fate.DUPLICATE: "duplicate",
}

_RED, _BOLD, _PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[m"

#: Addresses that are remembered.
_MOST_ADDRESSES = 100

#: What is written to an output that lacks these characters.
_PLAIN_TEXT = str.maketrans(
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
    How to write what was found.

    @ivar form: C{text}, C{json} or C{jsonl}.
    @ivar isQuiet: write nothing about single probes.
    @ivar hasTimes: put the time before each line.
    @ivar hasOutstanding: name the probe that is outstanding when the next one is due.
    @ivar isNumeric: name the far end by its address only.
    @ivar hasHistogram: draw a histogram of the round trips.
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

    @ivar all: those that are kept, in the order in which they were sent.
    @ivar inFlight: those whose fate is not known.
    """

    all: Iterable[Probe] = ()
    inFlight: Iterable[Probe] = ()


class Asked(NamedTuple):
    """
    What the user asked for.

    @ivar target: the user's name for the far end.
    @ivar plan: what is sent, and when.
    @ivar unit: what a probe is: a message, a packet.
    @ivar config: the same as JSON has it.
    """

    target: str
    plan: Plan
    unit: str = "message"
    config: document.Json = {}


@implementer(IProbeSink)
class Output:
    """
    Writes what a run finds, as it happens and at its end.

    @ivar isClosed: whether the output takes nothing any more.
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
        @param options: how to write it.
        @param output: where to write.
        @param isColoured: whether there may be colours.
        @param closed: called when the output takes nothing any more.
        @param clock: gives nanoseconds since the epoch.
        """
        self._asked = asked
        self._options = options
        self._output = output
        self._isColoured = isColoured
        self._closed = closed
        self._clock = clock
        self.isClosed = False
        self._address = self._name = asked.target
        self._isPlain = not _isUnicode(output)
        self._addresses: deque[str] = deque(maxlen=_MOST_ADDRESSES)
        self._sources: deque[str] = deque(maxlen=_MOST_ADDRESSES)

    def write(self, lines: Iterable[str], colour: str = "", end: str = "\n") -> None:
        """
        Write lines, and flush the output.

        @param colour: a terminal's sequence, reset after each line.
        @param end: what to write after each line.
        """
        if self.isClosed:
            return
        try:
            for line in lines:
                text = f"{colour}{line}{_PLAIN}" if colour else line
                if self._isPlain:
                    text = text.translate(_PLAIN_TEXT)
                self._output.write(text + end)
            self._output.flush()
        except OSError:
            self.isClosed = True
            self._closed()

    def _event(self, line: str, at: int, isBad: bool = False) -> None:
        """
        Write a line about something that has just happened.

        @param at: when, in nanoseconds since the epoch.
        """
        if self._options.form != "text" or self._options.isQuiet:
            return
        if self._options.hasTimes:
            seconds, rest = divmod(at, SECOND)
            line = f"[{seconds}.{rest // 1000:06d}] {line}"
        self.write([line], _RED if isBad and self._isColoured else "")

    def connected(self, link: Link) -> None:
        """There is a connection, or there is one again."""
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
        """The next probe is due, and this one was not answered yet."""
        if self._options.hasOutstanding:
            self._event(f"no answer yet for seq={seq}", self._clock())

    def settled(self, probe: Probe, fate: Fate, reason: str = "") -> None:
        """The fate of a probe is known."""
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
        Write what is odd about a probe; nothing for one that was answered.
        """
        if fate is Fate.TIMED_OUT:
            return noReply(self._asked.plan)
        return _NOTES.get(fate, reason)

    def disconnected(self, outage: Outage) -> None:
        """The connection is gone."""
        self._event(f"no connection: {outage.reason}", outage.start, isBad=True)

    def summary(self, result: Result, isColoured: bool) -> list[str]:
        """
        Write the report, in text.

        @param isColoured: whether there may be colours.
        """
        lines = list(summary.summary(result, self._name))
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
        Write what the run came to.

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
    Write that a probe was not answered in time.
    """
    return f"no reply within {plan.timeout / SECOND:g} s"
