"""
What the ports of one session-reflector have in common: whom it answers, how, and the
counts of what happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from echostamp.rfc8762.admission import Allowed, Network, Rates
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.sessions import Sessions

#: Packets a second that are answered: of one source, and of all.
PER_SOURCE, TOTAL = 5_000, 50_000


@dataclass(frozen=True)
class Policy:
    """
    The rules by which a session-reflector answers.

    @ivar allowed: the networks to answer; none for all.
    @ivar perSource: packets a second of one source.
    @ivar total: packets a second of all sources.
    @ivar dscp: whether a reply has the DSCP of its request, or the one asked for.
    @ivar isStateful: whether the replies of each session are numbered on their own.
    @ivar ptpAhead: nanoseconds that timestamps in PTP's format are ahead of UTC;
        L{None} for TAI's, as far as the kernel knows it.
    """

    allowed: Sequence[Network] = ()
    perSource: int = PER_SOURCE
    total: int = TOTAL
    dscp: bool = False
    isStateful: bool = False
    ptpAhead: int | None = None


@dataclass
class Shared:
    """
    What the ports of one session-reflector have in common.

    @ivar policy: the rules by which it answers.
    @ivar keys: the keys of authenticated mode; none for unauthenticated mode.
    @ivar counts: how many packets were answered, or not, by reason.
    @ivar rates: limits the packets a second.
    @ivar allowed: the networks to answer.
    @ivar sessions: the sessions, where it is stateful.
    """

    policy: Policy = Policy()
    keys: Keys = field(default_factory=dict)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.rates = Rates(self.policy.perSource, self.policy.total)
        self.allowed = Allowed(self.policy.allowed)
        self.sessions = Sessions()
