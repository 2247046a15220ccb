"""
Makes the monitor that the options ask for, or only checks it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from echostamp.daemon.eventfile import EventFile
from echostamp.daemon.monitoring import Monitoring
from echostamp.monitor.peer import Peer
from echostamp.monitor.peercheck import checksOf
from echostamp.monitor.peersfile import PeersFile, probesPerSecond, readPeers
from echostamp.probe.surroundings import surroundings
from echostamp.text import counted, printable
from echostamp.units import asTyped

#: What a peer needs at most: series of metrics, descriptors for each of its flows, and
#: KiB of memory.
_SERIES, _DESCRIPTORS, _KIB = 83, 2, 64


def monitoringService(reactor: Any, options: Any) -> Monitoring:
    """
    Make the service that watches the peers.

    @param options: the L{MonitorOptions
        <echostamp.daemon.monitoroptions.MonitorOptions>}.
    @raise ValueError: the files of peers are wrong, or the file of events cannot be
        opened; the text has a line for each mistake.
    """
    user, group = _userOf(options)
    with _asUser(user, group):
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
            partial(_read, reactor, options),
            options.peersFiles,
            options.buckets,
            eventFile,
        )


def _read(reactor: Any, options: Any) -> PeersFile:
    """
    Read the files of peers.

    @raise PeersError: something is wrong.
    """
    return readPeers(
        options.peersFiles,
        options.host,
        options["self"],
        options.maxProbes,
        checks=checksOf(reactor),
    )


def checkLines(reactor: Any, options: Any) -> Iterator[str]:
    """
    Check the files of peers, and say what there is to watch: a line a peer, and a line
    for all.

    @raise ValueError: something is wrong; the text has a line for each mistake.
    """
    with _asUser(*_userOf(options)):
        found = _read(reactor, options)
    for peer in found.peers:
        yield printable(_peerLine(peer))
    flows = sum(peer.flows for peer in found.peers)
    count, rate = len(found.peers), probesPerSecond(found.peers)
    yield (
        f"{counted(count, 'peer')}: {rate:.6g} probes a second; "
        f"at most {_SERIES * count} series, {_DESCRIPTORS * flows} descriptors, "
        f"{_KIB * flows / 1024:.3g} MiB"
    )


def _peerLine(peer: Peer) -> str:
    """
    Say how a peer is watched.
    """
    plan = peer.wish.plan
    paused = ", paused" if peer.isPaused else ""
    return f"{peer.name}: {peer.wish.target}, every {asTyped(plan.interval)}{paused}"


def _userOf(options: Any) -> tuple[int | None, int | None]:
    """
    Give the user and the group that the daemon will run as.
    """
    parent = options.parent or {}
    return parent.get("uid"), parent.get("gid")


@contextmanager
def _asUser(user: int | None, group: int | None) -> Iterator[None]:
    """
    Work with the rights that the daemon will have: what can be opened now can be opened
    again at a reload.
    """
    isRoot = os.geteuid() == 0
    before = os.getegid()
    try:
        if isRoot and group is not None:
            os.setegid(group)
        if isRoot and user is not None:
            os.seteuid(user)
        yield
    finally:
        if isRoot:
            os.seteuid(0)
            os.setegid(before)
