"""
How many descriptors peers need.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.peer import Peer
from echostamp.probe.sharing import Sender, maySharePort, mostPorts
from echostamp.text import counted

#: Descriptors of a connection, or of a UDP port with those of its timestamps, at most.
EACH = 2


def descriptorsOf(peers: Iterable[Peer]) -> int:
    """
    Give how many descriptors peers need at most.  STAMP peers share their UDP ports.
    """
    alone, senders = 0, []
    for peer in peers:
        wish = peer.wish
        if wish.target.startswith("stamp:") and maySharePort(wish.plan, wish.route):
            flows, addresses = peer.flows, peer.mostFlows // peer.flows
            target, plan, route, stamp, _ = wish
            senders.append(Sender(target, plan, route, stamp, flows, addresses))
        else:
            alone += peer.mostFlows
    return EACH * (alone + mostPorts(senders))


def checkDescriptors(peers: Sequence[Peer], most: int | None) -> None:
    """
    Check that the limit of open files has room for peers.

    @param most: how many descriptors they may need; L{None} for any number.
    @raise PeersError: it has none.
    """
    needed = descriptorsOf(peers)
    if most is not None and needed > most:
        raise PeersError(
            [
                "the limit of open files is too low: "
                f"{counted(len(peers), 'peer')} may need {needed} descriptors, and "
                f"{most} can be had"
            ]
        )
