"""
Says in lines what there is to watch, for C{--check}.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    flows = sum(peer.flows for peer in peers)
    count, rate = len(peers), probesPerSecond(peers)
    yield (
        f"{counted(count, 'peer')}: {rate:.6g} probes a second; "
        f"at most {SERIES * count} series, {DESCRIPTORS * flows} descriptors, "
        f"{KIB * flows / 1024:.3g} MiB"
    )


def _peerLine(peer: Peer) -> str:
    """
    Say how a peer is watched.
    """
    plan = peer.wish.plan
    paused = ", paused" if peer.isPaused else ""
    return f"{peer.name}: {peer.wish.target}, every {asTyped(plan.interval)}{paused}"
