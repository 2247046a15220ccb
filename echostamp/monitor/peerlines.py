"""
Says in lines what there is to watch, for C{--check}.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from echostamp.monitor.descriptors import descriptorsOf
from echostamp.monitor.peer import Peer
from echostamp.monitor.peersfile import probesPerSecond
from echostamp.text import counted, printable
from echostamp.units import asTyped

#: What a peer needs at most: series of metrics, and KiB of memory for each flow.
SERIES, KIB = 83, 64

#: The series that a peer with several flows has beside those, and the series of each.
FLOWS_SERIES, FLOW_SERIES = 2, 2


def peerLines(peers: Sequence[Peer]) -> Iterator[str]:
    """
    Write a line for each peer, and one with what all of them need.
    """
    for peer in peers:
        yield printable(_peerLine(peer))
    flows = sum(peer.mostFlows for peer in peers)
    series = sum(map(_seriesOf, peers))
    rate, descriptors = probesPerSecond(peers), descriptorsOf(peers)
    yield (
        f"{counted(len(peers), 'peer')}: {rate:.6g} probes a second; "
        f"at most {series} series, {descriptors} descriptors, "
        f"{KIB * flows / 1024:.3g} MiB"
    )


def _seriesOf(peer: Peer) -> int:
    """
    Give how many series of metrics a peer has at most, at all its addresses.
    """
    each = SERIES
    if peer.flows > 1:
        each += FLOWS_SERIES + FLOW_SERIES * peer.flows
    return each * (peer.mostFlows // peer.flows)


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
