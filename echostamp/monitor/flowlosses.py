"""
Finds the flows of a peer that lose more probes than its others; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import log
from typing import NamedTuple

from echostamp.monitor.event import NOT_WATCHED, Event, Kind

#: The share of lost probes that is taken for what any path loses, at least.
USUAL = 0.01

#: A flow's loss begins to be its own when the chance that it is not is below one part
#: in so many, and ends when it may be chance again.
UNLIKELY, LIKELY = 1_000_000, 20


class FlowCounts(NamedTuple):
    """
    How many probes of a flow were lost in a window, and how many answered in time.
    """

    lost: int
    received: int


class FlowLosses:
    """
    Which flows of a peer lose more probes than its others do.

    Several paths may lie behind one address, and routers choose one by the ports.  A
    path that loses probes shows in some flows only.

    A flow stands out when its losses are unlikely, had it lost as many as those do that
    do not stand out.  The probability of so many losses or more, out of so many probes,
    is at most M{exp(-n * D)}, where D is the relative entropy of both shares (W.
    Hoeffding, "Probability inequalities for sums of bounded random variables", 1963,
    theorem 1).
    """

    def __init__(self, peer: str) -> None:
        """
        @param peer: the peer's name.
        """
        self._peer = peer
        self._high: set[int] = set()

    @property
    def areAny(self) -> bool:
        """Whether a flow stands out."""
        return bool(self._high)

    def judge(
        self, flows: Sequence[FlowCounts], at: int, source: Callable[[int], str]
    ) -> Iterator[Event]:
        """
        Judge the flows of a window.

        @param flows: the counts of each.
        @param at: the present time, in nanoseconds since the UNIX epoch.
        @param source: gives the address and port from which a flow is sent, by its
            index.
        @return: the flows that begin or cease to stand out.
        """
        shares = [_share(each) for each in flows]
        worst = sorted(range(len(flows)), key=shares.__getitem__, reverse=True)
        for index in worst:
            each = flows[index]
            own = each.lost + each.received
            usual = [at for at in worst if at != index and at not in self._high]
            others = _share(_together(flows[at] for at in usual))
            unlikely = _unlikely(each, max(others, USUAL))
            isHigh = index in self._high
            if not isHigh and unlikely > log(UNLIKELY):
                self._high.add(index)
                kind = Kind.FLOW_LOSS
            elif isHigh and own and unlikely < log(LIKELY):
                self._high.remove(index)
                kind = Kind.FLOW_OK
            else:
                continue
            share = shares[index]
            text = (
                f"flow {index + 1} from {source(index) or 'no port'} lost "
                f"{100 * share:.3g} % of {own} probes, the others {100 * others:.3g} %"
            )
            values = {"loss": share, "probes": own, "others": others}
            yield Event(kind, self._peer, at, str(index + 1), text, values)
        for index in sorted(self._high):
            if index >= len(flows):
                yield self._end(index, at, f"flow {index + 1} is probed no more")

    def _end(self, index: int, at: int, why: str) -> Event:
        """
        End the state of a flow for another reason than its losses.
        """
        self._high.remove(index)
        return Event(Kind.FLOW_OK, self._peer, at, str(index + 1), why)

    def leave(self, at: int) -> Iterator[Event]:
        """
        End all states: the peer is no longer watched.

        @param at: the present time, in nanoseconds since the UNIX epoch.
        """
        for index in sorted(self._high):
            yield self._end(index, at, NOT_WATCHED)


def _share(flow: FlowCounts) -> float:
    """
    Return the share of lost probes; 0 where nothing is known.
    """
    known = flow.lost + flow.received
    return flow.lost / known if known else 0.0


def _together(flows: Iterable[FlowCounts]) -> FlowCounts:
    """
    Add the counts of flows.
    """
    lost = received = 0
    for each in flows:
        lost += each.lost
        received += each.received
    return FlowCounts(lost, received)


def _unlikely(flow: FlowCounts, usual: float) -> float:
    """
    Return how unlikely it is that so many probes or more are lost: the logarithm of how
    many to one are against it, at least.

    @param usual: the share of probes that is lost usually, above 0.
    """
    share = _share(flow)
    if share <= usual:
        return 0.0
    found = share * log(share / usual)
    if share < 1:
        found += (1 - share) * log((1 - share) / (1 - usual))
    return (flow.lost + flow.received) * found
