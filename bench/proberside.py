"""
One side of C{probers.py}: many probers in one process, and the CPU time that they take.
It runs with the package of the side that it measures, and prints a line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

HOST = "127.0.0.1"

#: Seconds from the first probe to the measurement.  All probers are started then, a
#: dead far end has as many probes in flight as it will ever have, and what is done once
#: is done: looking for the step of the far clock, and most of the extra probes.
WARM_UP = 40.0

#: Nanoseconds of a second, octets of a message, and seconds to connect.
SECOND, SIZE, CONNECT_TIMEOUT = 1_000_000_000, 32, 10.0

#: What the probers of the process share, once there is one.
SHARED: list[Any] = []

#: Starts a prober; stops it; gives how many probes it has sent.
Side = tuple[Callable[[], object], Callable[[], object], Callable[[], int]]


class Silence:
    """
    A listener that ignores all events: it does not count as work of the prober.
    """

    def connected(self, link: object) -> None:
        """Ignore it."""

    def outstanding(self, seq: int) -> None:
        """Ignore it."""

    def settled(self, probe: object, note: object, reason: str = "") -> None:
        """Ignore it."""

    def skipped(self, seq: int, outage: object) -> None:
        """Ignore it."""

    def waiting(self, why: str) -> None:
        """Ignore it."""

    def disconnected(self, outage: object) -> None:
        """Ignore it."""


def pinger(reactor: Any, over: str, port: int) -> Side:
    """
    Make a C{Pinger} of commit 5de7306.
    """
    client = {
        name: import_module(f"echostamp.client.{name}")
        for name in ("connecting", "link", "measurement", "ping", "pinger", "probes")
    }
    plan = client["pinger"].Plan(size=SIZE)
    if over == "stamp":
        stamp = import_module("echostamp.client.stamp")
        session = stamp.sessionOf(client["ping"].StampPlan(), 0, None)
        types = client["ping"].Route().addressTypes()
        way = stamp.StampWay(reactor, HOST, port, session, types, None)
    else:
        target = import_module("echostamp.client.target").parseTarget(
            reactor, f"{HOST}:{port}", CONNECT_TIMEOUT, None
        )
        endpoint = client["connecting"].TimedEndpoint(reactor, target, CONNECT_TIMEOUT)
        probes = client["probes"].Probes(os.urandom(4).hex().encode(), SIZE)
        way = client["link"].LineWay(reactor, endpoint, probes, target)
    measurement = client["measurement"].Measurement(None)
    made = client["pinger"].Pinger(reactor, way, HOST, plan, measurement, Silence())
    return made.start, made.stop, lambda: int(measurement.delays.run.sent)


def prober(reactor: Any, over: str, port: int) -> Side:
    """
    Make a L{Prober <echostamp.probe.prober.Prober>} that keeps no single probes.
    """
    probe = {
        name: import_module(f"echostamp.probe.{name}")
        for name in ("dialers", "interfaces", "plan", "prober", "surroundings")
    }
    if not SHARED:
        SHARED.append(probe["surroundings"].surroundings(reactor))
    target = f"{'stamp:' if over == 'stamp' else ''}{HOST}:{port}"
    size = 0 if over == "stamp" else SIZE
    plan = probe["plan"].Plan(size=size, kept=0, isPatient=True)
    dialed = probe["dialers"].dialerOf(reactor, probe["dialers"].Wish(target, plan))
    made = probe["prober"].Prober(dialed.dialer, dialed.plan, Silence(), SHARED[0])
    return made.start, made.stop, lambda: int(made.measurement.store.sent)


def main() -> None:
    """
    Run the probers: C{proberside.py OVER PORT COUNT SECONDS}.
    """
    from twisted.internet import reactor

    over, port, count, seconds = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4]
    loop: Any = reactor
    isEarlier = find_spec("echostamp.client.pinger") is not None
    make = pinger if isEarlier else prober
    sides = [make(loop, over, port) for _ in range(count)]
    for i, (start, _, _) in enumerate(sides):
        # Spread over a second, as those of a program that runs for long are.
        loop.callLater(i / count, start)
    began: list[float] = []

    def cpu() -> tuple[float, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime, used.ru_stime

    def sent() -> int:
        return sum(each() for _, _, each in sides)

    def begin() -> None:
        began[:] = [loop.seconds(), *cpu(), sent()]
        loop.callLater(float(seconds), end)

    def end() -> None:
        lasted = loop.seconds() - began[0]
        user, system = cpu()
        found = {
            "user": (user - began[1]) / lasted,
            "system": (system - began[2]) / lasted,
            "probes_a_second": (sent() - began[3]) / lasted,
            "most_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
        print(json.dumps(found), flush=True)
        # Nothing else is left to do, and a hundred links to close.
        os._exit(0)

    loop.callLater(WARM_UP, begin)
    loop.run()


if __name__ == "__main__":
    main()
