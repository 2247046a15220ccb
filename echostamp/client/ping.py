"""
The measuring client: C{echostamp ping}.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from dataclasses import dataclass
from typing import Any, TextIO

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectBindError, ConnectionRefusedError
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from echostamp.client import record
from echostamp.client.connecting import TimedEndpoint
from echostamp.client.interfaces import Way
from echostamp.client.link import LineWay
from echostamp.client.measurement import Measurement
from echostamp.client.outcome import (
    DONE,
    FAR_END_FAILED,
    NEAR_END_FAILED,
    THRESHOLD_FAILED,
    Outcome,
    said,
)
from echostamp.client.pinger import Pinger, Plan
from echostamp.client.probes import Probes
from echostamp.client.target import Target, parseTarget, whyNoTarget
from echostamp.client.teller import Manner, Teller
from echostamp.client.thresholds import Thresholds
from echostamp.client.tls import TlsFiles
from echostamp.text import printable

#: Seconds that an address may take to connect.
CONNECT_TIMEOUT = 10.0

_RED, _BOLD, _PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[m"


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
    probes = Probes(secrets.token_hex(4).encode(), plan.size)
    way = LineWay(reactor, endpoint, probes)
    return _run(reactor, found, way, plan, manner, thresholds, zone)


def _run(
    reactor: Any,
    target: Target,
    way: Way,
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
        way,
        target.name,
        plan,
        Measurement(zone),
        teller,
    )
    progress = LoopingCall(lambda: _progress(pinger))
    progress.clock = reactor
    isTold = manner.isQuiet or manner.form == "json" or not output.isatty()

    def start() -> None:
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, interrupted)
        signal.signal(signal.SIGQUIT, asked)
        pinger.done.addCallback(end).addErrback(broken)
        pinger.start()
        if isTold and sys.stderr is not None and sys.stderr.isatty():
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
        failed = thresholds.failed(pinger) if outcome.status == DONE else []
        if failed:
            outcome = Outcome(THRESHOLD_FAILED, "; ".join(failed))
        outcome = _hinted(outcome, target, pinger)
        outcomes.append(outcome)
        if progress.running:
            progress.stop()
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if outcome.status != NEAR_END_FAILED:
            teller.end(pinger, outcome)
        if teller.isClosed:
            outcomes[0] = closed
            _leave(output)
        leave()

    def broken(failure: Failure) -> None:
        failure.printTraceback(sys.stderr)
        outcomes[:] = [Outcome(NEAR_END_FAILED, "the fault is EchoStamp's")]
        leave()

    def leave() -> None:
        pinger.stop()
        if way.isLookingUp or pinger.began is None:
            # A name that is still being looked up cannot be given up, and the
            # reactor would wait for it.  Nothing else is left to do.
            os._exit(said(outcomes[0]))
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


def _hinted(outcome: Outcome, target: Target, pinger: Pinger) -> Outcome:
    """
    Say what else could be tried where nobody listens or answers, or where we may not
    come from.
    """
    hint, isPlain = "", target.tlsOptions is None
    outages = pinger.measurement.outages
    if isinstance(pinger.failure, ConnectBindError):
        hint = "is --source one of this machine's addresses?"
    elif target.host is None or outcome.status != FAR_END_FAILED:
        pass
    elif isinstance(pinger.failure, ConnectionRefusedError):
        hint = "another port, as HOST:PORT" + (
            ", or tls:HOST:PORT?" if isPlain else "?"
        )
    elif outages and isPlain and not pinger.measurement.strange:
        hint = f"{outages[-1].reason}; tls:HOST:PORT?"
    return outcome._replace(line=f"{outcome.line}; {hint}") if hint else outcome


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
