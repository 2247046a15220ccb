"""
What C{echostamp ping} tells, as it happens and at the end.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TextIO

from echostamp.exitstatus import Outcome
from echostamp.measure.block import Probe
from echostamp.probe.interfaces import Link
from echostamp.probe.measurement import Outage
from echostamp.probe.prober import Pinger, Plan
from echostamp.report import document, summary
from echostamp.times import SECOND

_RED, _BOLD, _PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[m"

#: Addresses that are remembered.
_MOST_ADDRESSES = 100

#: What an output is given that has no such characters.
_PLAINLY = str.maketrans(
    {"µ": "u", "█": "#", "≥": ">", **dict.fromkeys("▏▎▍▌▋▊▉", ":")}
)


def _isUnicode(output: TextIO) -> bool:
    """
    Say whether an output has all the characters that are written.
    """
    try:
        "µ█▏≥".encode(getattr(output, "encoding", None) or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True


@dataclass(frozen=True)
class Manner:
    """
    How to tell what was found.

    @ivar form: C{text}, C{json} or C{jsonl}.
    @ivar isQuiet: say nothing of single probes.
    @ivar hasTimes: put the time before each line.
    @ivar hasOutstanding: say which probe is outstanding when the next one is due.
    @ivar isNumeric: call the far end by its address alone.
    @ivar hasHistogram: draw a histogram of the round trips.
    """

    form: str = "text"
    isQuiet: bool = False
    hasTimes: bool = False
    hasOutstanding: bool = False
    isNumeric: bool = False
    hasHistogram: bool = False


class Teller:
    """
    Tell what happens, as it happens, and what came of it.

    @ivar isClosed: whether nobody reads the output any more.
    """

    def __init__(
        self,
        target: str,
        plan: Plan,
        manner: Manner,
        asked: document.Json,
        output: TextIO,
        isColoured: bool,
        closed: Callable[[], None],
        unit: str = "message",
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        @param target: what the user calls the far end.
        @param plan: what is sent, and when.
        @param manner: how to tell it.
        @param asked: what was asked for, as JSON tells it.
        @param output: where to.
        @param isColoured: whether there may be colours.
        @param closed: called when nobody reads the output any more.
        @param unit: what a probe is.
        @param clock: gives nanoseconds since the epoch.
        """
        self._target = target
        self._plan = plan
        self._manner = manner
        self._asked = asked
        self._output = output
        self._isColoured = isColoured
        self._closed = closed
        self._unit = unit
        self._clock = clock
        self.isClosed = False
        self._address = target
        self.name = target
        self._isPlain = not _isUnicode(output)
        self.addresses: deque[str] = deque(maxlen=_MOST_ADDRESSES)
        self.sources: deque[str] = deque(maxlen=_MOST_ADDRESSES)

    def write(self, lines: Iterable[str], colour: str = "", end: str = "\n") -> None:
        """
        Write lines, at once.

        @param colour: a terminal's sequence, to be undone behind each line.
        @param end: what follows each line.
        """
        if self.isClosed:
            return
        try:
            for line in lines:
                text = f"{colour}{line}{_PLAIN}" if colour else line
                if self._isPlain:
                    text = text.translate(_PLAINLY)
                self._output.write(text + end)
            self._output.flush()
        except OSError:
            self.isClosed = True
            self._closed()

    def _say(self, line: str, at: int, isBad: bool = False) -> None:
        """
        Write a line about what has just happened.

        @param at: when, in nanoseconds since the epoch.
        """
        if self._manner.form != "text" or self._manner.isQuiet:
            return
        if self._manner.hasTimes:
            seconds, rest = divmod(at, SECOND)
            line = f"[{seconds}.{rest // 1000:06d}] {line}"
        self.write([line], _RED if isBad and self._isColoured else "")

    def connected(self, link: Link) -> None:
        """There is a connection, or there is one again."""
        isFirst = not self.addresses
        address, source = link.address, link.source
        for known, new in (self.addresses, address), (self.sources, source):
            if new not in known:
                known.append(new)
        self._address = self.name = address
        if not self._manner.isNumeric and address != self._target:
            self.name = f"{self._target} ({address})"
        if not isFirst:
            self._say("connected again", self._clock())
        elif self._manner.form == "text":
            size, unit = self._plan.size, self._unit
            self.write([f"PING {self.name}: {size} bytes a {unit}"])

    def outstanding(self, seq: int) -> None:
        """The next probe is due, and this one has not been answered."""
        if self._manner.hasOutstanding:
            self._say(f"no answer yet for seq={seq}", self._clock())

    def settled(self, probe: Probe, note: str) -> None:
        """It is known what became of a probe."""
        if self._manner.form == "jsonl":
            if note not in ("late", "duplicate"):
                self.write([json.dumps(document.probe(probe))])
        elif self._manner.form == "text" and not self._manner.isQuiet:
            line = summary.probeLine(probe, self._plan.size, self._address, note)
            self._say(line, probe.t4 or probe.t1, bool(note))

    def disconnected(self, outage: Outage) -> None:
        """The connection is gone."""
        self._say(f"no connection: {outage.reason}", outage.start, isBad=True)

    def summary(self, pinger: Pinger, isColoured: bool) -> list[str]:
        """Sum up, in text."""
        lines = list(summary.summary(pinger, self.name))
        if self._manner.hasHistogram:
            lines += ["", *summary.histogram(pinger)]
        if isColoured:
            lines[0] = f"{_BOLD}{lines[0]}{_PLAIN}"
        return lines

    def end(self, pinger: Pinger, outcome: Outcome) -> None:
        """
        Say what came of it.

        @param outcome: how the run ended.
        """
        config = {
            **self._asked,
            "addresses": [*self.addresses],
            "sources": [*self.sources],
        }
        if self._manner.form == "json":
            self.write(document.pieces(pinger, config, outcome), end="")
        elif self._manner.form == "jsonl":
            self.write(json.dumps(document.probe(each)) for each in pinger.underWay)
            self.write([json.dumps(document.document(pinger, config, outcome))])
        elif self.addresses:
            self.write(["", *self.summary(pinger, self._isColoured)])
