"""
Which senders share UDP ports, and how many ports they need; pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.route import Route
from echostamp.rfc8762.sharedports import MOST_RATE, MOST_SIZE
from echostamp.times import SECOND


class Sender(NamedTuple):
    """
    Senders of one kind to one target.

    @ivar target: the target.
    @ivar plan: what they send, and when.
    @ivar route: from where.
    @ivar stamp: the fields of their packets.
    @ivar flows: how many send to the same address and port.
    @ivar addresses: to how many addresses so many send at most.
    """

    target: str
    plan: Plan
    route: Route
    stamp: StampPlan
    flows: int = 1
    addresses: int = 1


def maySharePort(plan: Plan, route: Route) -> bool:
    """
    Tell whether a sender may share its port with others.

    @param plan: what it sends; a size of 0 is a short one.
    """
    return plan.interval > 0 and plan.size <= MOST_SIZE and not route.sourcePort


def mostPorts(senders: Iterable[Sender]) -> int:
    """
    Give how many ports senders need at most that may share them.  Names are taken for
    different machines.
    """
    kinds: dict[tuple[object, ...], list[Sender]] = defaultdict(list)
    for each in senders:
        kinds[each.route, each.stamp.ttl, each.stamp.dscp].append(each)
    return sum(_mostPorts(each) for each in kinds.values())


def _mostPorts(senders: Sequence[Sender]) -> int:
    """
    Give how many ports senders of one kind need at most.

    A sender takes the first port that has room for it and no sender to the same
    address.  So all ports but those with such a sender are at least half full.
    """
    count = fast = 0
    rate = 0.0
    same: Counter[str] = Counter()
    for each in senders:
        flows, own = each.flows * each.addresses, SECOND / each.plan.interval
        count += flows
        same[each.target] += each.flows
        if own > MOST_RATE / 2:
            fast += flows
        else:
            rate += flows * own
    versions = len(senders[0].route.addressTypes())
    half = ceil(rate / (MOST_RATE / 2))
    return min(count, fast + half + versions * (max(same.values()) + 1))
