"""
The measuring client: C{echostamp ping}.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import LoopingCall

from echostamp.client import record, report
from echostamp.client.connecting import TimedEndpoint
from echostamp.client.durations import readable
from echostamp.client.link import LineLink
from echostamp.client.measurement import Measurement, Outage
from echostamp.client.outcome import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    THRESHOLD_FAILED,
    Outcome,
    said,
)
from echostamp.client.pinger import SECOND, Pinger, Plan
from echostamp.client.target import Target, parseTarget, whyNoTarget
from echostamp.client.tls import TlsFiles
from echostamp.line.visitors import peerName
from echostamp.measure.delay import lossPercent
from echostamp.measure.offset import NO_FIT
from echostamp.measure.samples import Probe
from echostamp.text import printable

#: Seconds that an address may take to connect.
CONNECT_TIMEOUT = 10.0

_RED, _BOLD, _PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[m"


@dataclass(frozen=True)
class Thresholds:
    """
    What must hold for the run to count as good; L{None} for no matter what.

    @ivar rtt: the longest that a round trip may take, in nanoseconds.
    @ivar loss: the greatest share of unanswered probes, in percent.
    @ivar offset: how far the far clock may be from ours, in nanoseconds: all of the
        interval in which it is known to be.
    """

    rtt: int | None = None
    loss: float | None = None
    offset: int | None = None

    def failed(self, measurement: Measurement) -> str:
        """
        Say what does not hold, or cannot be told; nothing, if all does.
        """
        return "; ".join(self._failed(measurement))

    def _failed(self, measurement: Measurement) -> Iterator[str]:
        """
        Name each threshold that does not hold.
        """
        rtt = measurement.delays.rtt()
        if self.rtt is not None and rtt is not None and rtt.max > self.rtt:
            yield f"--max-rtt {readable(self.rtt)}: one took {readable(rtt.max)}"
        percent = lossPercent(measurement.delays.run)
        if self.loss is not None and percent is not None and percent > self.loss:
            yield f"--max-loss {self.loss:g}: {percent:.3g} % were not answered"
        if self.offset is None:
            return
        option = f"--max-offset {readable(self.offset)}"
        found = measurement.offset.report()
        if found is None:
            yield f"{option}: the far clock cannot be told"
        elif found.verdict == NO_FIT:
            yield f"{option}: the far clock cannot be told ({found.verdict})"
        elif max(-found.low, found.high) > self.offset:
            yield f"{option}: the offset is {report.offsetBounds(found)}"


@dataclass(frozen=True)
class Route:
    """
    By what addresses to go.

    @ivar only4: by IPv4 alone.
    @ivar only6: by IPv6 alone.
    @ivar source: the address to come from; L{None} for any.
    """

    only4: bool = False
    only6: bool = False
    source: str | None = None

    def addressTypes(self) -> list[type]:
        """
        Give the kinds of addresses that are left.
        """
        is6 = self.source is not None and ":" in self.source
        is4 = self.source is not None and not is6
        return [
            *([] if self.only6 or is6 else [IPv4Address]),
            *([] if self.only4 or is4 else [IPv6Address]),
        ]


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
        asked: record.Json,
        output: TextIO,
        isColoured: bool,
        closed: Callable[[], None],
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
        @param clock: gives nanoseconds since the epoch.
        """
        self._target = target
        self._plan = plan
        self._manner = manner
        self._asked = asked
        self._output = output
        self._isColoured = isColoured
        self._closed = closed
        self._clock = clock
        self.isClosed = False
        self.name = target
        self.addresses: list[str] = []
        self.sources: list[str] = []

    def write(self, lines: Iterable[str], colour: str = "", end: str = "\n") -> None:
        """Write lines, at once."""
        if self.isClosed:
            return
        try:
            for line in lines:
                text = f"{colour}{line}{_PLAIN}" if colour else line
                self._output.write(text + end)
            self._output.flush()
        except (OSError, ValueError):
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

    def connected(self, link: LineLink) -> None:
        """There is a connection, or there is one again."""
        isFirst = not self.addresses
        address = peerName(link.transport.getPeer())
        self.addresses.append(address)
        self.sources.append(peerName(link.transport.getHost()))
        self.name = address
        if not self._manner.isNumeric and address != self._target:
            self.name = f"{self._target} ({address})"
        if not isFirst:
            self._say("connected again", self._clock())
        elif self._manner.form == "text":
            self.write([f"PING {self.name}: {self._plan.size} bytes a message"])

    def outstanding(self, seq: int) -> None:
        """The next probe is due, and this one has not been answered."""
        if self._manner.hasOutstanding:
            self._say(f"no answer yet for seq={seq}", self._clock())

    def settled(self, probe: Probe, note: str) -> None:
        """It is known what became of a probe."""
        if self._manner.form == "jsonl":
            if note not in ("late", "duplicate"):
                self.write([json.dumps(record.probe(probe))])
            return
        line = report.probeLine(probe, self._plan.size, self.name, note)
        self._say(line, probe.t4 or probe.t1, bool(note))

    def disconnected(self, outage: Outage) -> None:
        """The connection is gone."""
        self._say(f"no connection: {outage.reason}", outage.start, isBad=True)

    def summary(self, pinger: Pinger, isColoured: bool) -> list[str]:
        """Sum up, in text."""
        lines = list(report.summary(pinger, self.name))
        if self._manner.hasHistogram:
            lines += ["", *report.histogram(pinger)]
        if isColoured:
            lines[0] = f"{_BOLD}{lines[0]}{_PLAIN}"
        return lines

    def end(self, pinger: Pinger) -> None:
        """Say what came of it."""
        config = {
            **self._asked,
            "addresses": list(dict.fromkeys(self.addresses)),
            "sources": list(dict.fromkeys(self.sources)),
        }
        if self._manner.form == "json":
            self.write(record.pieces(pinger, config), end="")
        elif self._manner.form == "jsonl":
            self.write(json.dumps(record.probe(each)) for each in pinger.underWay)
            self.write([json.dumps(record.document(pinger, config))])
        elif self.addresses:
            self.write(["", *self.summary(pinger, self._isColoured)])


def ping(
    reactor: Any,
    target: str,
    plan: Plan,
    manner: Manner,
    thresholds: Thresholds,
    route: Route,
    zone: int | None = None,
    files: TlsFiles | None = None,
) -> Outcome:
    """
    Run C{echostamp ping}.

    @param reactor: what to run.
    @param target: where to; see L{parseTarget}.
    @param plan: what to send, and when.
    @param manner: how to tell what was found.
    @param thresholds: what must hold.
    @param route: by what addresses.
    @param zone: as for L{Measurement}.
    @param files: what TLS needs, unless the system's CAs are enough.
    """
    try:
        found = parseTarget(reactor, target, CONNECT_TIMEOUT, files)
    except ValueError as error:
        return Outcome(NEAR_END_FAILED, whyNoTarget(target, error))
    if found.host is None and route != Route():
        return Outcome(NEAR_END_FAILED, "-4, -6 and --source go with HOST:PORT")
    addressTypes = route.addressTypes()
    if not addressTypes:
        return Outcome(NEAR_END_FAILED, "-4, -6 and --source exclude each other")
    endpoint = TimedEndpoint(
        reactor, found, CONNECT_TIMEOUT, addressTypes, route.source
    )
    return _run(reactor, found, endpoint, plan, manner, thresholds, zone)


def _run(
    reactor: Any,
    target: Target,
    endpoint: TimedEndpoint,
    plan: Plan,
    manner: Manner,
    thresholds: Thresholds,
    zone: int | None,
) -> Outcome:
    """
    Run the reactor while there are probes to send.
    """
    outcomes: list[Outcome] = []
    closed = Outcome(NEAR_END_FAILED, "standard output was closed, or is full")
    output = sys.stdout
    mayColour = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    teller = Teller(
        printable(target.name),
        plan,
        manner,
        record.asked(printable(target.name), plan, vars(thresholds), zone),
        output,
        output.isatty() and mayColour,
        lambda: end(closed),
    )
    pinger = Pinger(
        reactor,
        endpoint,
        target.name,
        plan,
        Measurement(zone),
        teller,
        secrets.token_hex(4).encode(),
    )
    progress = LoopingCall(lambda: _progress(pinger))
    progress.clock = reactor
    showsProgress = manner.isQuiet or manner.form == "json"

    def start() -> None:
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, interrupted)
        signal.signal(signal.SIGQUIT, asked)
        pinger.done.addCallback(end)
        pinger.start()
        if showsProgress and sys.stderr is not None and sys.stderr.isatty():
            progress.start(1, now=False)

    def interrupted(number: int, frame: object) -> None:
        # A second signal ends the process whatever it still waits for.
        signal.signal(number, signal.SIG_DFL)
        reactor.callFromThread(pinger.stop)

    def asked(number: int, frame: object) -> None:
        reactor.callFromThread(tell)

    def tell() -> None:
        if pinger.began is not None and sys.stderr is not None:
            lines = teller.summary(pinger, mayColour and sys.stderr.isatty())
            print("\n".join(["", *lines]), file=sys.stderr, flush=True)

    def end(outcome: Outcome) -> None:
        if outcomes:
            return
        outcomes.append(outcome)
        if progress.running:
            progress.stop()
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if outcome.status != NEAR_END_FAILED:
            teller.end(pinger)
            failed = thresholds.failed(pinger.measurement)
            if teller.isClosed:
                outcomes[0] = closed
            elif outcome.status == DONE and failed:
                outcomes[0] = Outcome(THRESHOLD_FAILED, failed)
        if teller.isClosed:
            _leave(output)
        pinger.stop()
        if pinger.began is None:
            # A name that is still being looked up cannot be given up, and the
            # reactor would wait for it.  Nothing else is left to do.
            os._exit(said(_hinted(outcomes[0], target)))
        reactor.stop()

    reactor.callWhenRunning(start)
    reactor.run()
    return outcomes[0]


def _leave(output: TextIO) -> None:
    """
    Let what cannot be written go nowhere: Python would try once more at its end, and
    complain.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)


def _hinted(outcome: Outcome, target: Target) -> Outcome:
    """
    Say what else could be tried where nobody listens, or where we may not come from.
    """
    if outcome.status == NEAR_END_FAILED and outcome.line.endswith("address"):
        line = f"{outcome.line}; is --source one of this machine's?"
        return outcome._replace(line=line)
    if outcome.status == FAR_END_FAILED and outcome.line.endswith("refused"):
        other = "tls:HOST:PORT" if target.tlsOptions is None else "HOST:PORT"
        line = f"{outcome.line}; another port, as HOST:PORT, or {other}?"
        return outcome._replace(line=line)
    return outcome


def _progress(pinger: Pinger) -> None:
    """
    Show on a terminal how far it is.
    """
    run = pinger.measurement.delays.run
    print(
        f"\r\x1b[K{run.sent} sent, {run.received} received, {run.lost} unanswered",
        end="",
        file=sys.stderr,
        flush=True,
    )
