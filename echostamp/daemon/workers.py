"""
A daemon of several processes: the parent keeps the sockets, and starts the workers that
serve them.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import echostamp
from echostamp.daemon.echocounts import EchoCounts
from echostamp.daemon.echomaking import echoFactory, preparedEcho
from echostamp.daemon.limits import TimedConnectionLog
from echostamp.daemon.options import Options
from echostamp.daemon.portsettings import portSettings
from echostamp.daemon.reflectorworkers import KeptReflector, keptReflector
from echostamp.daemon.relaypart import relayPart, relayServices
from echostamp.daemon.reloading import Reload
from echostamp.daemon.rights import asUserOf
from echostamp.daemon.served import Served
from echostamp.daemon.shutdown import DrainingService
from echostamp.daemon.spawning import Spawning
from echostamp.daemon.workerfigures import WorkerFigures
from echostamp.daemon.workerservice import Workers
from echostamp.keyfiles import OpenFiles
from echostamp.listen.gate import LocalCounts
from echostamp.listen.keeping import KeepingReactor
from echostamp.listen.listening import ListeningService
from echostamp.text import printable


def servedByWorkers(reactor: Any, options: Options) -> Served:
    """
    Have workers serve.  TCP ports are bound, and do not listen yet.

    @raise SystemExit: see L{makeService <echostamp.daemon.service.makeService>}.
    """
    _checkProgram(options)
    files = OpenFiles()
    # Only browsers that join the intercom are connected to this process, and counted
    # apart.  But endpoints are checked with all that they need.
    connectionLog = TimedConnectionLog(
        reactor, options.idleTimeout, options.maxAge, options.grace
    )
    relayed = relayPart(reactor, options, files)
    factory = echoFactory(reactor, options, connectionLog, relayed)
    counts = LocalCounts()
    settings = replace(
        portSettings(
            reactor,
            options,
            connectionLog,
            counts,
            lambda: min(options.maxConnections, options.mostConnections),
        ),
        files=files,
    )
    keeping = KeepingReactor(reactor, settings, options.workers)
    prepared = preparedEcho(keeping, options.endpoints, factory)
    reloads: list[Reload] = [("certificates", each) for each in keeping.reloads]
    reflector = _reflector(options, files)
    if options["reflector-key"] and reflector is not None:
        reloads.append(("keys of STAMP", reflector.rules.reload))
    spawning = Spawning(reactor, options, keeping, reflector, files)
    draining = DrainingService(
        reactor, factory, options.grace, partial(counts.count, "")
    )
    workers = Workers(reactor, options.workers, spawning, reflector, draining)
    reloads.append(("workers", workers.reload))
    # The parent has nothing to accept.
    listening = ListeningService(prepared, lambda port: None)
    figures, made = workers.figures, connectionLog.counts
    room = relayed if options.webPlaces else None
    return Served(
        settings,
        factory,
        workers,
        [*relayServices(room, draining), workers, listening],
        reloads,
        [workers.report] if options.reflectors else [],
        echo=lambda: figures.echo().plus(made.figures(factory.connections)),
        refused=partial(_refused, figures, made),
        reflected=figures.reflected,
        isServing=lambda: workers.isServing,
        calls={signal.SIGUSR2: workers.replace},
        isHealthy=lambda: workers.isHealthy,
        own=workers.processes,
        awaited=workers.awaited,
    )


def _refused(figures: WorkerFigures, own: EchoCounts) -> dict[str, int]:
    """
    Give how many connections all processes have refused, by the reason.
    """
    return {why: count + own.refused[why] for why, count in figures.refused().items()}


def _checkProgram(options: Options) -> None:
    """
    Check that the user as whom the workers run may run Python, and read the package.

    @raise SystemExit: it may not.
    """
    program, package = sys.executable, echostamp.__file__
    with asUserOf(options):
        for path, mode, what in (program, os.X_OK, "run"), (package, os.R_OK, "read"):
            if not os.access(path, mode, effective_ids=True):
                user = (options.parent or {}).get("uid")
                why = f"--workers: user {user} may not {what} {path!r}"
                raise SystemExit(printable(f"echostamp: {why}"))


def _reflector(options: Options, files: OpenFiles) -> KeptReflector | None:
    """
    Make the sockets of the session-reflector, where the options ask for one.

    @raise SystemExit: see L{servedByWorkers}.
    """
    if not options.reflectors:
        return None
    try:
        return keptReflector(options, options.workers, files)
    except ValueError as error:
        raise SystemExit(printable(f"echostamp: {error}")) from None
