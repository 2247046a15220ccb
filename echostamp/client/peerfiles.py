"""
Reads the files of peers for C{echostamp watch}.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from echostamp.exitstatus import DONE, NEAR_END_FAILED, Outcome, complain
from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.peer import Peer
from echostamp.monitor.peercheck import checksOf
from echostamp.monitor.peerlines import peerLines
from echostamp.monitor.peersfile import readPeers

#: More probes a second than anybody watches from a terminal.
_MOST = 1_000_000


def allPeers(
    reactor: Any, targets: Sequence[Peer], paths: Sequence[str], selfName: str | None
) -> tuple[Peer, ...]:
    """
    Give the peers of the command line and of the files.

    @param targets: those of the command line.
    @param selfName: the peer that is this host; L{None} for the one that has its name.
    @raise PeersError: something is wrong with the files.
    """
    found = readPeers(
        [os.path.abspath(path) for path in paths],
        socket.gethostname(),
        selfName,
        _MOST,
        checks=checksOf(reactor),
    )
    names = {each.name for each in found.peers}
    twice = [each.name for each in targets if each.name in names]
    if twice:
        raise PeersError(f"TARGET {name!r} is in the files, too" for name in twice)
    return (*targets, *found.peers)


def refused(error: PeersError) -> Outcome:
    """
    Write what is wrong with the files, a line for each mistake.
    """
    *lines, last = error.lines
    for line in lines:
        complain(f"echostamp: {line}")
    return Outcome(NEAR_END_FAILED, last)


def checked(peers: Sequence[Peer]) -> Outcome:
    """
    Print what there is to watch.
    """
    for line in peerLines(peers):
        print(line)
    print("ok")
    return Outcome(DONE)
