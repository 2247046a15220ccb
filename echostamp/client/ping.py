"""
The measuring client: C{echostamp ping}.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from dataclasses import dataclass, replace
from typing import Any, TextIO

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from echostamp.addresses import addressName
from echostamp.client.output import Manner, Teller
from echostamp.connect.target import parseStampTarget, parseTarget, whyNoTarget
from echostamp.connect.timed import TimedEndpoint
from echostamp.connect.tls import TlsFiles
from echostamp.exitstatus import (
    DONE,
    NEAR_END_FAILED,
    THRESHOLD_FAILED,
    Outcome,
    said,
)
from echostamp.probe.interfaces import Way
from echostamp.probe.linelink import LineWay
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import USUAL, Probes
from echostamp.probe.prober import Pinger, Plan
from echostamp.report import document
from echostamp.report.thresholds import Thresholds
from echostamp.text import printable

#: Seconds that an address may take to connect.
CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True)
class Route:
    """
    By what addresses to go.

    @ivar only4: by IPv4 alone.
    @ivar only6: by IPv6 alone.
    @ivar source: the address to come from; L{None} for any.
    @ivar sourcePort: the port to come from; 0 for any.
    """

    only4: bool = False
    only6: bool = False
    source: str | None = None
    sourcePort: int = 0

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
class StampPlan:
    """
    How packets of STAMP look.

    @ivar ssid: the session's identifier, 0 for none.
    @ivar dscp: what they are marked with.
    @ivar tlvs: the names of their TLVs.
    @ivar isPtp: whether T1 is in PTP's format, and not in NTP's.
    @ivar ttl: their time to live or hop limit.
    """

    ssid: int = 0
    dscp: int = 0
    tlvs: tuple[str, ...] = ()
    isPtp: bool = False
    ttl: int = 255


def ping(
    reactor: Any,
    target: str,
    plan: Plan,
    manner: Manner,
    thresholds: Thresholds,
    route: Route,
    zone: int | None = None,
    files: TlsFiles | None = None,
    stamp: StampPlan | None = None,
) -> Outcome:
    """
    Run C{echostamp ping}.

    @param reactor: what to run.
    @param target: where to; see L{parseTarget} and L{parseStampTarget}.
    @param plan: what to send, and when; a size of 0 stands for the usual one.
    @param manner: how to tell what was found.
    @param thresholds: what must hold.
    @param route: by what addresses.
    @param zone: as for L{Measurement}.
    @param files: what TLS needs, unless the system's CAs are enough; of STAMP, its key
        is the key file.
    @param stamp: how packets of STAMP look.
    @return: the exit status, and what to say of it.
    """
    try:
        place = parseStampTarget(target)
        if place is None:
            found = parseTarget(reactor, target, CONNECT_TIMEOUT, files)
    except ValueError as error:
        return Outcome(NEAR_END_FAILED, whyNoTarget(target, error))
    addressTypes = route.addressTypes()
    if not addressTypes:
        return Outcome(NEAR_END_FAILED, "-4, -6 and --source exclude each other")
    if place is not None:
        from echostamp.probe.udpdialer import StampWay, sessionOf

        try:
            session = sessionOf(stamp or StampPlan(), plan.size, files)
        except ValueError as error:
            return Outcome(NEAR_END_FAILED, str(error))
        host, port = place
        source = None if route.source is None else (route.source, route.sourcePort)
        way: Way = StampWay(reactor, host, port, session, addressTypes, source)
        plan = replace(plan, size=session.size or session.least)
        name = f"stamp:{addressName(host, port)}"
        return _run(reactor, name, way, plan, manner, thresholds, zone)
    if stamp not in (None, StampPlan()) or route.sourcePort:
        what = "--ssid, --dscp, --tlv, --ptp, --ttl and the port of --source"
        return Outcome(NEAR_END_FAILED, f"{what} go with stamp:HOST")
    if found.host is None and route != Route():
        return Outcome(NEAR_END_FAILED, "-4, -6 and --source go with HOST:PORT")
    plan = replace(plan, size=plan.size or USUAL)
    endpoint = TimedEndpoint(
        reactor, found, CONNECT_TIMEOUT, addressTypes, route.source
    )
    probes = Probes(secrets.token_hex(4).encode(), plan.size)
    way = LineWay(reactor, endpoint, probes, found)
    return _run(reactor, found.name, way, plan, manner, thresholds, zone)


def _run(
    reactor: Any,
    name: str,
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
        printable(name),
        plan,
        manner,
        document.asked(printable(name), plan, vars(thresholds), zone),
        output,
        output.isatty() and mayColour,
        lambda: end(closed),
        way.unit,
    )
    pinger = Pinger(
        reactor,
        way,
        name,
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
        if hint := way.hint(pinger.failure, outcome, pinger.measurement):
            outcome = outcome._replace(line=f"{outcome.line}; {hint}")
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
