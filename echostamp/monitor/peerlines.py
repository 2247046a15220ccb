"""
Says in lines what there is to watch, for C{--check}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from echostamp.monitor.peer import Peer
from echostamp.monitor.peersfile import probesPerSecond
from echostamp.text import counted, printable
from echostamp.units import asTyped

#: What a peer needs at most: series of metrics, descriptors for each of its flows, and
#: KiB of memory for each.
SERIES, DESCRIPTORS, KIB = 83, 2, 64


def peerLines(peers: Sequence[Peer]) -> Iterator[str]:
    """
    Write a line for each peer, and one with what all of them need.
    """
    for peer in peers:
        yield printable(_peerLine(peer))
    flows = sum(peer.mostFlows for peer in peers)
    most = sum(peer.mostFlows // peer.flows for peer in peers)
    rate = probesPerSecond(peers)
    yield (
        f"{counted(len(peers), 'peer')}: {rate:.6g} probes a second; "
        f"at most {SERIES * most} series, {descriptors(peers)} descriptors, "
        f"{KIB * flows / 1024:.3g} MiB"
    )


def descriptors(peers: Iterable[Peer]) -> int:
    """
    Give how many descriptors peers need at most.
    """
    return DESCRIPTORS * sum(peer.mostFlows for peer in peers)


def _peerLine(peer: Peer) -> str:
    """
    Say how a peer is watched.
    """
    plan = peer.wish.plan
    parts = [f"{peer.name}: {peer.wish.target}", f"every {asTyped(plan.interval)}"]
    if peer.flows > 1:
        parts.append(f"{peer.flows} flows")
    if peer.isEachAddress:
        parts.append("each address")
    if peer.isPaused:
        parts.append("paused")
    return ", ".join(parts)
