"""
Runs the measuring client, C{echostamp ping}.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NamedTuple, TextIO

from twisted.internet.task import LoopingCall

from echostamp.client.hints import hint, isOurFault, whyNoReply
from echostamp.client.linewriter import discard
from echostamp.client.output import Asked, Output, OutputOptions, Probes
from echostamp.client.refusals import whyRefused
from echostamp.connect.failures import whatFailed
from echostamp.exitstatus import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    THRESHOLD_FAILED,
    Outcome,
    outputFailed,
)
from echostamp.measure.result import Result
from echostamp.measure.thresholds import Thresholds
from echostamp.probe.dialers import Dialed, Wish, dialerOf
from echostamp.probe.prober import Prober
from echostamp.probe.surroundings import surroundings
from echostamp.report.document import Json
from echostamp.report.thresholds import failedText
from echostamp.running import CommandRun
from echostamp.text import printable
from echostamp.units import zoneName


class PingOptions(NamedTuple):
    """
    The options of C{echostamp ping}.

    @ivar wish: the target, the route to it, and what to send.
    @ivar output: how to write the results.
    @ivar thresholds: the limits that the run has to keep.
    @ivar zone: nanoseconds by which the far clock's zone is ahead of UTC, for stamps
        that do not name it; L{None} to guess it.
    """

    wish: Wish
    output: OutputOptions = OutputOptions()
    thresholds: Thresholds = Thresholds()
    zone: int | None = None


def ping(reactor: Any, options: PingOptions) -> Outcome:
    """
    Run C{echostamp ping}.

    @param reactor: the reactor to run.
    @return: the exit status, and the line for standard error.
    """
    try:
        dialed = dialerOf(reactor, options.wish)
    except ValueError as error:
        return Outcome(NEAR_END_FAILED, whyRefused(error))
    return _Ping(reactor, options, dialed, sys.stdout).run()


class _Ping:
    """
    One run of the command.
    """

    def __init__(
        self, reactor: Any, options: PingOptions, dialed: Dialed, output: TextIO
    ) -> None:
        """
        @param dialed: the far end.
        @param output: where to write the results.
        """
        self._options = options
        self._dialed = dialed
        self._stdout = output
        self._mayColour = not (
            os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        )
        self._output = Output(
            _asked(dialed, options),
            options.output,
            output,
            output.isatty() and self._mayColour,
            lambda: self._end(outputFailed(NEAR_END_FAILED)),
        )
        self._prober = Prober(
            dialed.dialer,
            dialed.plan,
            self._output,
            surroundings(reactor, isExact=True),
            options.zone,
        )
        self._progress = LoopingCall(self._showProgress)
        self._progress.clock = reactor
        self._isEnded = False
        # That of the whole run, once it is over.
        self._final: Result | None = None
        self._run = CommandRun(
            reactor,
            stop=lambda number: reactor.callFromThread(self._prober.stop),
            mustExit=lambda: dialed.dialer.isLookingUp or not self._prober.hasBegun,
            signals={signal.SIGQUIT: self._showFigures},
        )

    def run(self) -> Outcome:
        """
        Run the reactor until the command ends.
        """
        return self._run.untilEnd(self._start)

    def _start(self) -> None:
        """
        Start the prober, and show the progress on a terminal.
        """
        done = self._prober.done
        done.addCallback(lambda _: self._end(self._outcome()))
        done.addErrback(self._run.broken)
        self._prober.start()
        form = self._options.output
        isSilent = form.isQuiet or form.form == "json" or not self._stdout.isatty()
        if isSilent and sys.stderr is not None and sys.stderr.isatty():
            self._progress.start(1, now=False)

    def _showProgress(self) -> None:
        """
        Write the counts so far to the terminal.
        """
        found = self._prober.measurement
        store, skipped = found.store, found.numbers.skipped
        counts = (
            f"{store.sent} sent, {store.received} received, {store.lost} unanswered"
        )
        if skipped:
            counts += f", {skipped} not sent"
        print(
            f"\r\x1b[K{counts}",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def _showFigures(self) -> None:
        """
        Write the figures so far to standard error.
        """
        if self._prober.hasBegun and sys.stderr is not None:
            isColoured = self._mayColour and sys.stderr.isatty()
            lines = self._output.summary(self._result(), isColoured)
            print("\n".join(["", *lines]), file=sys.stderr, flush=True)

    def _outcome(self) -> Outcome:
        """
        Judge the finished run: give the exit status and its reason.
        """
        name, result = self._dialed.name, self._result()
        self._final = result
        failure = self._prober.failure
        error = None if failure is None else failure.value
        if failure is not None:
            status = NEAR_END_FAILED if isOurFault(error) else FAR_END_FAILED
            outcome = Outcome(status, f"{name}: {whatFailed(failure)}")
        elif not result.figures.received:
            why = whyNoReply(result, self._dialed.plan)
            outcome = Outcome(FAR_END_FAILED, f"{name}: {why}")
        elif failed := self._options.thresholds.failed(result):
            texts = [failedText(each, result) for each in failed]
            outcome = Outcome(THRESHOLD_FAILED, "; ".join(texts))
        else:
            outcome = Outcome(DONE)
        if more := hint(self._dialed.target, error, outcome, result):
            outcome = outcome._replace(line=f"{outcome.line}; {more}")
        return outcome

    def _result(self) -> Result:
        """
        Give the result so far.
        """
        return self._prober.result(self._output.rows)

    def _end(self, outcome: Outcome) -> None:
        """
        Write the results, and end the command.
        """
        if self._isEnded:
            return
        self._isEnded = True
        self._prober.stop()
        if self._progress.running:
            self._progress.stop()
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if not self._output.isClosed and outcome.status != NEAR_END_FAILED:
            result = self._final or self._result()
            self._output.end(result, self._probes(), outcome)
        if self._output.isClosed:
            outcome = outputFailed(NEAR_END_FAILED)
            discard(self._stdout)
        self._prober.parted.addCallback(lambda _: self._run.end(outcome))

    def _probes(self) -> Probes:
        """
        Give the single probes.
        """
        return Probes(self._prober.kept(), self._prober.inFlight())


def _asked(dialed: Dialed, options: PingOptions) -> Asked:
    """
    Give the user's options in the form for reports.
    """
    plan, zone, wish = dialed.plan, options.zone, options.wish
    target = printable(dialed.name)
    thresholds = options.thresholds
    config: Json = {
        "target": target,
        "count": plan.count,
        "interval": plan.interval,
        "deadline": plan.deadline,
        "timeout": plan.timeout,
        "size": plan.size,
        "jitter": plan.jitter,
        "wait": plan.waits,
        "source": wish.route.source,
        "source_port": wish.route.sourcePort or None,
        "stamp": None
        if dialed.target
        else {
            "ssid": wish.stamp.ssid,
            "strict_ssid": wish.stamp.isSsidStrict,
            "dscp": wish.stamp.dscp,
            "tlvs": list(wish.stamp.tlvs),
            "ptp": wish.stamp.isPtp,
            "ttl": wish.stamp.ttl,
            "authenticated": wish.files.key is not None,
        },
        "zone": None if zone is None else zoneName(zone),
        "thresholds": {
            "max_rtt": thresholds.rtt,
            "max_loss": thresholds.loss,
            "max_offset": thresholds.offset,
        },
    }
    return Asked(target, plan, "message" if dialed.target else "packet", config)
