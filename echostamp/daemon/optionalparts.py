"""
The parts of the daemon that few have: made only where the options ask for them.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from echostamp.daemon.options import Options
from echostamp.daemon.relaypart import relayPart
from echostamp.daemon.reloading import Reload
from echostamp.daemon.served import Served
from echostamp.text import printable

#: Descriptors of the web site: 200 connections, its ports, and the connections by which
#: it reads the rows of other daemons.
WEB_DESCRIPTORS = 230

#: Descriptors of the history: two connections to a database of three files, and a lock.
HISTORY_DESCRIPTORS = 10


def leaveRoom(options: Options, monitoring: Sequence[Any]) -> None:
    """
    Take the descriptors that the peers, the history and the web site need off those for
    connections.

    @raise SystemExit: not enough are left; the line says how many are needed.
    """
    taken = sum(each.descriptors for each in monitoring)
    if options.webPlaces:
        taken += WEB_DESCRIPTORS
    if options.historyFile is not None:
        taken += HISTORY_DESCRIPTORS
    options.mostConnections -= taken
    # Workers have descriptors of their own for the connections.
    isShared = options.workers == 1
    isOpen = isShared and options["max-connections"] is None
    if isOpen:
        options.maxConnections = options.mostConnections
    least = options.maxConnections if isShared and not isOpen else 1
    for each in monitoring:
        # A reload may bring peers that take the place of connections.
        each.mostDescriptors = each.descriptors + options.mostConnections - least
        room = each.descriptors + options.mostConnections
        each.reserve = partial(_reserve, options, room, isOpen)
    missing = max(1, least) - options.mostConnections
    if missing > 0:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        raise SystemExit(
            "echostamp: the limit of open files is too low for the peers: "
            f"{limit + missing} are needed (ulimit -n)"
        )


def _reserve(options: Options, room: int, isOpen: bool, needed: int) -> None:
    """
    Accept as many connections as the peers leave descriptors for.  Those above that
    number stay until they end.

    @param room: the descriptors for both.
    @param isOpen: whether nothing else limits the connections.
    @param needed: how many of the descriptors the peers need.
    """
    options.mostConnections = room - needed
    if isOpen:
        options.maxConnections = options.mostConnections


def workersPart(reactor: Any, options: Options) -> Served:
    """
    Have workers serve.  TCP ports are bound, and do not listen yet.

    @raise SystemExit: see L{makeService}.
    """
    # Imported here and not at the top: a daemon of one process starts sooner.
    from echostamp.daemon.workers import servedByWorkers

    return servedByWorkers(reactor, options)


def webPart(
    reactor: Any,
    options: Options,
    served: Served,
    monitoring: Sequence[Any],
    history: Sequence[Any],
    reloads: list[Reload],
) -> list[Any]:
    """
    Make the service of the web site, where the options ask for one.

    @param served: serves the echo and the reflector.
    @param monitoring: watches the peers, if there are any.
    @param history: keeps what is found, if it is to.
    @param reloads: gets what reads its certificates again.
    @raise SystemExit: see L{makeService}.
    """
    if not options.webPlaces:
        return []
    # Imported here and not at the top: a daemon without a web site starts sooner.
    from echostamp.daemon.website import WebSource, eventsOf, webService

    watching = monitoring[0] if monitoring else None
    source = WebSource(
        watching,
        None if options["no-echo"] else served.echo,
        served.refused,
        served.reflected,
        lambda: served.isServing() and not served.draining.isStopping,
        history[0] if history else eventsOf(watching),
    )
    settings = served.settings
    intercom = settings.guard(served.factory) if options["intercom"] else None
    try:
        found, preparing = webService(
            reactor, options.webPlaces, settings, source, served.draining, intercom
        )
    except ValueError as error:
        raise SystemExit(_errorLines(error)) from None
    reloads += [("certificates", each) for each in preparing.reloads]
    return [found]


def checkOnly(reactor: Any, options: Options) -> NoReturn:
    """
    Check the options, the files of the relay, the peers and the history, say what there
    is to watch, and exit.

    @raise SystemExit: always.
    """
    from echostamp.daemon.watching import checkLines

    relayPart(reactor, options)
    try:
        lines = checkLines(reactor, options) if options.peersFiles else []
        if options.historyFile is not None:
            from echostamp.daemon.historymaking import checkHistory

            checkHistory(options)
    except ValueError as error:
        raise SystemExit(_errorLines(error)) from None
    print("\n".join([*lines, "ok"]))
    raise SystemExit(0)


def watchingParts(reactor: Any, options: Options) -> tuple[list[Any], list[Any]]:
    """
    Make the service that watches the peers, and the one that keeps what is found, where
    the options ask for them.

    @raise SystemExit: see L{makeService}.
    """
    if not options.peersFiles:
        return [], []
    # Imported here and not at the top: a daemon without peers or a history starts
    # sooner.
    from echostamp.daemon.watching import monitoringService

    try:
        monitoring = monitoringService(reactor, options)
        if options.historyFile is None:
            return [monitoring], []
        from echostamp.daemon.historymaking import historyService

        return [monitoring], [historyService(reactor, options, monitoring)]
    except ValueError as error:
        raise SystemExit(_errorLines(error)) from None


def _errorLines(error: ValueError) -> str:
    """
    Write an error that has a line for each mistake.
    """
    return "\n".join(f"echostamp: {printable(each)}" for each in str(error).split("\n"))
