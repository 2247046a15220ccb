"""
What serves the echo and the reflector of a daemon: this process, or its workers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from echostamp.daemon.echocounts import EchoFigures
from echostamp.daemon.echomaking import echoFactory, preparedEcho
from echostamp.daemon.limits import TimedConnectionLog
from echostamp.daemon.options import Options
from echostamp.daemon.portsettings import portSettings
from echostamp.daemon.reflecting import ReflectingService, reflectingService
from echostamp.daemon.relaypart import relayPart, relayServices
from echostamp.daemon.reloading import Reload
from echostamp.daemon.shutdown import DrainingService, StoppingService
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.listen.gate import LocalCounts
from echostamp.listen.listening import ListeningService
from echostamp.listen.preparing import PortSettings, PreparingReactor
from echostamp.text import printable


@dataclass(frozen=True)
class Served:
    """
    What serves the echo and the reflector of a daemon.

    @ivar settings: how the ports of the echo are set up.
    @ivar factory: makes the protocols of its connections.
    @ivar draining: drains the connections.
    @ivar services: they stop in the reverse order.
    @ivar reloads: what SIGHUP reloads.
    @ivar reports: what SIGUSR1 calls.
    @ivar echo: gives the figures of the echo.
    @ivar refused: gives how many of its connections were refused, by the reason.
    @ivar reflected: gives how many packets of STAMP had each fate.
    @ivar isServing: tells whether connections are accepted.
    @ivar calls: what other signals call.
    @ivar isHealthy: tells whether systemd's watchdog is to be kicked.
    @ivar own: gives the processes that this one has started; L{None}: it starts none.
    @ivar awaited: fires when the daemon is ready; L{None}: when the reactor runs.
    """

    settings: PortSettings
    factory: TimestampEchoFactory
    draining: StoppingService
    services: Sequence[Any]
    reloads: Sequence[Reload]
    reports: Sequence[Callable[[], object]]
    echo: Callable[[], EchoFigures]
    refused: Callable[[], Mapping[str, int]]
    reflected: Callable[[], Mapping[str, int]]
    isServing: Callable[[], bool]
    calls: Mapping[int, Callable[[], object]] = field(default_factory=dict)
    isHealthy: Callable[[], bool] = lambda: True
    own: Callable[[], Container[int]] | None = None
    awaited: Deferred[None] | None = None


def servedHere(reactor: Any, options: Options) -> Served:
    """
    Have this process serve.  TCP ports are bound, and do not listen yet.

    @raise SystemExit: see L{makeService <echostamp.daemon.service.makeService>}.
    """
    connectionLog = TimedConnectionLog(
        reactor, options.idleTimeout, options.maxAge, options.grace
    )
    counts = LocalCounts()
    relayed = relayPart(reactor, options)
    factory = echoFactory(reactor, options, connectionLog, relayed)
    # A reload of the peers may change how many connections there may be.
    settings = portSettings(
        reactor, options, connectionLog, counts, lambda: options.maxConnections
    )
    preparing = PreparingReactor(reactor, settings)
    prepared = preparedEcho(preparing, options.endpoints, factory)
    reflecting = _reflecting(settings.readers or reactor, options)
    reloads: list[Reload] = [("certificates", each) for each in preparing.reloads]
    if options["reflector-key"]:
        reloads += [("keys of STAMP", each.reload) for each in reflecting]
    connected = partial(counts.count, "")
    draining = DrainingService(reactor, factory, options.grace, connected)
    listening = ListeningService(prepared)
    made = connectionLog.counts
    return Served(
        settings,
        factory,
        draining,
        [*relayServices(relayed, draining), draining, listening, *reflecting],
        reloads,
        [each.logCounts for each in reflecting],
        echo=lambda: made.figures(factory.connections),
        refused=lambda: made.refused,
        reflected=lambda: reflecting[0].counts if reflecting else {},
        isServing=lambda: bool(listening.running),
    )


def _reflecting(reactor: Any, options: Options) -> list[ReflectingService]:
    """
    Make the service of the session-reflector, where the options ask for one.

    @param reactor: reads from its sockets.
    @raise SystemExit: see L{servedHere}.
    """
    if not options.reflectors:
        return []
    try:
        return [reflectingService(reactor, options)]
    except ValueError as error:
        raise SystemExit(printable(f"echostamp: {error}")) from None
