"""
The rules and the live state that all ports of one session-reflector use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from echostamp.addresses import STAMP_PORT
from echostamp.rfc8762.admission import Allowed, Network, Rates
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.sessions import Sessions

#: The most packets a second that are answered: of one source, and in all.
PER_SOURCE, TOTAL = 5_000, 50_000


@dataclass(frozen=True)
class Policy:
    """
    The rules by which a session-reflector answers.

    @ivar allowed: the networks to answer; empty: all networks.
    @ivar perSource: the most packets a second that are answered, of one source.
    @ivar total: the most packets a second that are answered, in all.
    @ivar dscp: whether replies carry a DSCP: the one that the request asks for, else
        the request's own.  If not, it is 0.
    @ivar isStateful: whether the replies of each session have their own numbers.
    @ivar ports: the ports below L{LEAST_PORT
        <echostamp.rfc8762.admission.LEAST_PORT>} whose packets are answered.
    @ivar ptpAhead: by how many nanoseconds PTP timestamps are ahead of UTC.  L{None}:
        use the kernel's offset of TAI, or 37 s if the kernel has none.
    """

    allowed: Sequence[Network] = ()
    perSource: int = PER_SOURCE
    total: int = TOTAL
    dscp: bool = False
    isStateful: bool = False
    ports: frozenset[int] = frozenset({STAMP_PORT})
    ptpAhead: int | None = None


@dataclass
class Shared:
    """
    The rules and the live state (counts, rates, sessions) that all ports of one
    session-reflector use.

    @ivar policy: the rules.
    @ivar keys: the keys of authenticated mode; empty in unauthenticated mode.
    @ivar counts: how many packets had each fate.  The key is C{answered}, or the reason
        why not.  Packets for which there was no room for a session have one key more.
    @ivar grant: gives shares of the total rate, where several processes answer: see
        L{Rates <echostamp.rfc8762.admission.Rates>}.
    @ivar rates: limits the packets a second that are answered.
    @ivar allowed: the networks to answer.
    @ivar sessions: the sessions of the ports that have none of their own; none if the
        reflector is not stateful.
    """

    policy: Policy = Policy()
    keys: Keys = field(default_factory=dict)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    grant: Callable[[int], int] | None = None

    def __post_init__(self) -> None:
        self.rates = Rates(self.policy.perSource, self.policy.total, self.grant)
        self.allowed = Allowed(self.policy.allowed)
        self.sessions = Sessions()
