"""
The daemon: its parts are put together here.

C{twistd} and C{twist} find L{Options} and L{makeService} in this module.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.application.service import IService
from twisted.logger import Logger

from echostamp.daemon.limits import TimedConnectionLog
from echostamp.daemon.monotonic import MonotonicTimers
from echostamp.daemon.optionalparts import (
    DaemonParts,
    checkOnly,
    leaveRoom,
    watchingParts,
    webPart,
)
from echostamp.daemon.options import Options
from echostamp.daemon.portsettings import portSettings
from echostamp.daemon.reflecting import ReflectingService, reflectingService
from echostamp.daemon.reloading import Reload, Reloading
from echostamp.daemon.shutdown import DrainingService
from echostamp.daemon.signals import SignalService
from echostamp.daemon.systemd import Notifier, NotifyingService
from echostamp.intercom.room import Intercom
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.sending import replySender
from echostamp.line.settings import EchoSettings
from echostamp.line.stampclock import zoneWithoutFile
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.gate import LocalCounts
from echostamp.listen.listening import ListeningService, PreparedPort
from echostamp.listen.preparing import PreparingReactor
from echostamp.tcpinfo import acknowledged
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
    connectionLog = TimedConnectionLog(
        reactor, options.idleTimeout, options.maxAge, options.grace
    )
    counts = LocalCounts()
    factory = _echoFactory(reactor, options, connectionLog)
    _warnOfZone()
    settings = portSettings(reactor, options, connectionLog, counts)
    preparing = PreparingReactor(reactor, settings)
    prepared = _preparedPorts(preparing, options.endpoints, factory)
    reflecting = _reflecting(settings.readers or reactor, options)
    reloads: list[Reload] = [("certificates", each) for each in preparing.reloads]
    if options["reflector-key"]:
        reloads += [("keys of STAMP", each.reload) for each in reflecting]
    reloads += [("peers", each.reload) for each in monitoring]
    isChrooted = options.parent is not None and bool(options.parent.get("chroot"))
    reloads.append(("time zone", partial(factory.stampClock.rereadZone, isChrooted)))
    notifier = Notifier(os.environ)
    services = NotifyingService(reactor, notifier)
    connected = partial(counts.count, "")
    draining = DrainingService(reactor, factory, options.grace, connected)
    signals = SignalService(
        reactor,
        {
            signal.SIGTERM: partial(draining.signalled, "SIGTERM"),
            signal.SIGINT: partial(draining.signalled, "SIGINT"),
            signal.SIGHUP: Reloading(notifier, reloads).signalled,
        },
        [each.logCounts for each in reflecting],
    )
    listening = ListeningService(prepared)
    shown = DaemonParts(listening, draining, monitoring, history, reflecting)
    web = webPart(reactor, options, settings, factory, shown, reloads)
    # They stop in the reverse order: the ports stop listening before connections are
    # drained, and the peers are watched no more when the last minute is written.
    parts: list[Any] = [
        signals,
        MonotonicTimers(reactor),
        *web,
        draining,
        listening,
        *reflecting,
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


def _echoFactory(
    reactor: Any, options: Options, connectionLog: TimedConnectionLog
) -> TimestampEchoFactory:
    """
    Make the factory of the connections of all ports.
    """
    intercom = Intercom(
        reactor,
        options.backlog,
        not options["no-notices"],
        acknowledged,
        not options["no-commands"],
    )
    return TimestampEchoFactory(
        reactor,
        EchoSettings(options.format, options.pause, options.maxLength),
        connectionLog=connectionLog,
        sender=intercom.join if options["intercom"] else replySender,
    )


def _preparedPorts(
    preparing: PreparingReactor,
    descriptions: Sequence[str],
    factory: TimestampEchoFactory,
) -> list[PreparedPort]:
    """
    Prepare to listen on all endpoints.

    @raise SystemExit: see L{makeService}.
    """
    prepared: list[PreparedPort] = []
    for description in descriptions:
        try:
            prepared += preparedPorts(preparing, description, factory)
        except ValueError as error:
            why = f"--endpoint {description!r}: {error}"
        except OSError as error:
            what = f" ({error.filename})" if error.filename else ""
            why = f"cannot listen on {description!r}: {error.strerror or error}{what}"
        else:
            continue
        raise SystemExit(printable(f"echostamp: {why}"))
    for number, name in preparing.unserved():
        log.warn(
            "not serving descriptor {number}, {name!r}, which systemd has passed",
            number=number,
            name=printable(name),
        )
    return prepared


def _reflecting(reactor: Any, options: Options) -> list[ReflectingService]:
    """
    Make the service of the session-reflector, where the options ask for one.

    @param reactor: reads from its sockets.
    @raise SystemExit: see L{makeService}.
    """
    if not options.reflectors:
        return []
    try:
        return [reflectingService(reactor, options)]
    except ValueError as error:
        raise SystemExit(printable(f"echostamp: {error}")) from None
