"""
The daemon: its parts are put together here.

C{twistd} and C{twist} find L{Options} and L{makeService} in this module.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

from twisted.application.service import IService
from twisted.logger import Logger

from echostamp.daemon.monotonic import MonotonicTimers
from echostamp.daemon.optionalparts import (
    checkOnly,
    leaveRoom,
    watchingParts,
    webPart,
    workersPart,
)
from echostamp.daemon.options import Options
from echostamp.daemon.orphans import OrphanService
from echostamp.daemon.reloading import Reload, Reloading
from echostamp.daemon.served import servedHere
from echostamp.daemon.signals import SignalService
from echostamp.daemon.systemd import Notifier, NotifyingService
from echostamp.line.stampclock import zoneWithoutFile
from echostamp.text import printable

__all__ = ["Options", "makeService"]

log = Logger(namespace="echostamp")


def makeService(options: Options) -> IService:
    """
    Make the daemon's service.  TCP ports are bound, and do not listen yet.

    @raise SystemExit: an endpoint cannot be parsed, or an address is taken or cannot be
        used; one line says which and why.
    """
    from twisted.internet import reactor

    if options["check"]:
        checkOnly(reactor, options)
    monitoring, history = watchingParts(reactor, options)
    leaveRoom(options, monitoring)
    _warnOfZone()
    served = (servedHere if options.workers == 1 else workersPart)(reactor, options)
    reloads: list[Reload] = list(served.reloads)
    reloads += [("peers", each.reload) for each in monitoring]
    isChrooted = options.parent is not None and bool(options.parent.get("chroot"))
    rereadZone = partial(served.factory.stampClock.rereadZone, isChrooted)
    reloads.append(("time zone", rereadZone))
    notifier = Notifier(os.environ)
    services = NotifyingService(reactor, notifier, served.isHealthy, served.awaited)
    signals = SignalService(
        reactor,
        {
            signal.SIGTERM: partial(served.draining.signalled, "SIGTERM"),
            signal.SIGINT: partial(served.draining.signalled, "SIGINT"),
            signal.SIGHUP: Reloading(notifier, reloads).signalled,
            **served.calls,
        },
        served.reports,
    )
    web = webPart(reactor, options, served, monitoring, history, reloads)
    # They stop in the reverse order: the ports stop listening before connections are
    # drained, and the peers are watched no more when the last minute is written.
    parts: list[Any] = [
        signals,
        OrphanService(reactor, served.own),
        MonotonicTimers(reactor),
        *web,
        *served.services,
        *history,
        *monitoring,
    ]
    for part in parts:
        part.setServiceParent(services)
    return services


def _warnOfZone() -> None:
    """
    Warn where there is no data of the local time zone.
    """
    if zone := zoneWithoutFile():
        log.warn(
            "TZ={zone}: there is no data of this zone, local time is UTC; "
            "is tzdata installed?",
            zone=printable(zone),
        )
