"""
Makes the monitor that the options ask for, or only checks it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from echostamp.daemon.eventfile import EventFile
from echostamp.daemon.monitoring import Monitoring
from echostamp.daemon.rights import asUserOf
from echostamp.monitor.loading import loadAll
from echostamp.monitor.peercheck import checksOf
from echostamp.monitor.peerlines import peerLines
from echostamp.monitor.peersfile import PeersFile, readingPeers
from echostamp.monitor.steps import Steps, allSteps
from echostamp.probe.surroundings import surroundings


def monitoringService(reactor: Any, options: Any) -> Monitoring:
    """
    Make the service that watches the peers.

    @param options: the L{MonitorOptions
        <echostamp.daemon.monitoroptions.MonitorOptions>}.
    @raise ValueError: the files of peers are wrong, or the file of events cannot be
        opened; the text has a line for each mistake.
    """
    loadAll()
    with asUserOf(options):
        eventFile = None
        if options.eventsFile is not None:
            try:
                eventFile = EventFile(options.eventsFile)
            except OSError as error:
                path = options.eventsFile
                raise ValueError(f"--events {path!r}: {error.strerror}") from None
        return Monitoring(
            reactor,
            surroundings(reactor, isExact=True),
            partial(_reading, reactor, options),
            options.peersFiles,
            options.buckets,
            eventFile,
        )


def _reading(reactor: Any, options: Any) -> Steps[PeersFile]:
    """
    Read the files of peers, in steps.

    @raise PeersError: something is wrong.
    """
    return readingPeers(
        options.peersFiles,
        options.host,
        options["self"],
        options.maxProbes,
        checks=checksOf(reactor),
    )


def checkLines(reactor: Any, options: Any) -> list[str]:
    """
    Check the files of peers, and say what there is to watch.

    @return: a line a peer, and a line for all.
    @raise ValueError: something is wrong; the text has a line for each mistake.
    """
    loadAll()
    with asUserOf(options):
        found = allSteps(_reading(reactor, options))
    return list(peerLines(found.peers))
