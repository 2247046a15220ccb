"""
Says in lines what there is to watch, for C{--check}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.peer import Peer
from echostamp.monitor.peersfile import probesPerSecond
from echostamp.probe.sharing import Sender, maySharePort, mostPorts
from echostamp.text import counted, printable
from echostamp.units import asTyped

#: What a peer needs at most: series of metrics, descriptors for each of its flows, and
#: KiB of memory for each.
SERIES, DESCRIPTORS, KIB = 83, 2, 64

#: The series that a peer with several flows has beside those, and the series of each.
FLOWS_SERIES, FLOW_SERIES = 2, 2


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
    return DESCRIPTORS * (alone + mostPorts(senders))


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
