"""
Says in lines what there is to watch, for C{--check}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.peer import Peer
from echostamp.monitor.peersfile import probesPerSecond
from echostamp.text import counted, printable
from echostamp.units import asTyped

#: What a peer needs at most: series of metrics, descriptors for each of its flows, and
#: KiB of memory for each.
SERIES, DESCRIPTORS, KIB = 83, 2, 64


def descriptorsOf(peers: Iterable[Peer]) -> int:
    """
    Give how many descriptors peers need at most.
    """
    return DESCRIPTORS * sum(each.flows for each in peers)


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


def peerLines(peers: Sequence[Peer]) -> Iterator[str]:
    """
    Write a line for each peer, and one with what all of them need.
    """
    for peer in peers:
        yield printable(_peerLine(peer))
    flows, descriptors = sum(peer.flows for peer in peers), descriptorsOf(peers)
    count, rate = len(peers), probesPerSecond(peers)
    yield (
        f"{counted(count, 'peer')}: {rate:.6g} probes a second; "
        f"at most {SERIES * count} series, {descriptors} descriptors, "
        f"{KIB * flows / 1024:.3g} MiB"
    )


def _peerLine(peer: Peer) -> str:
    """
    Say how a peer is watched.
    """
    plan = peer.wish.plan
    paused = ", paused" if peer.isPaused else ""
    return f"{peer.name}: {peer.wish.target}, every {asTyped(plan.interval)}{paused}"
