"""
What happens to a peer or to the daemon, as plain data; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol


class Kind(Enum):
    """
    The kinds of events.  Those with a counterpart begin or end a state.
    """

    DOWN = "down"
    UP = "up"
    LOSS_HIGH = "loss_high"
    LOSS_OK = "loss_ok"
    RTT_HIGH = "rtt_high"
    RTT_OK = "rtt_ok"
    OFFSET_HIGH = "offset_high"
    OFFSET_OK = "offset_ok"
    CLOCK_STEP = "clock_step"
    OWN_CLOCK_STEP = "own_clock_step"
    ADDRESS = "address"
    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"
    REFLECTOR_RESTART = "reflector_restart"
    FLOW_LOSS = "flow_loss"
    FLOW_OK = "flow_ok"
    STALL = "stall"
    RELOAD = "reload"
    RELOAD_FAILED = "reload_failed"


#: The kind that ends the state which each of these begins.
ENDS = {
    Kind.DOWN: Kind.UP,
    Kind.LOSS_HIGH: Kind.LOSS_OK,
    Kind.RTT_HIGH: Kind.RTT_OK,
    Kind.OFFSET_HIGH: Kind.OFFSET_OK,
    Kind.UNRESOLVED: Kind.RESOLVED,
    Kind.FLOW_LOSS: Kind.FLOW_OK,
    Kind.RELOAD_FAILED: Kind.RELOAD,
}

#: The kinds of the daemon only; the others are those of a peer.
OF_DAEMON = (Kind.OWN_CLOCK_STEP, Kind.STALL, Kind.RELOAD, Kind.RELOAD_FAILED)

#: The kinds that are reported without a peer: those of the daemon, and of all peers.
WITHOUT_PEER = (*OF_DAEMON, Kind.DOWN, Kind.UP)

#: The kinds that only a peer with several flows has.
OF_FLOWS = (Kind.FLOW_LOSS, Kind.FLOW_OK)


#: The text of an event that ends the state of a peer which is taken out or paused.
NOT_WATCHED = "no longer watched"


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something that happened.

    @ivar kind: what.
    @ivar peer: the name of the peer; empty for the daemon.
    @ivar at: when, in nanoseconds since the UNIX epoch.
    @ivar subject: which threshold or which flow; empty where the kind says it all.
    @ivar text: what happened, in one line, without the peer's name.
    @ivar values: its figures: nanoseconds, numbers and texts, by name.
    @ivar leftOut: how many events of the same peer, kind and subject were not reported
        since the last one.
    """

    kind: Kind
    peer: str
    at: int
    subject: str = ""
    text: str = ""
    values: Mapping[str, int | float | str | None] = field(default_factory=dict)
    leftOut: int = 0


class Report(Protocol):
    """
    Reports an event of a peer, or of this machine or process.
    """

    def __call__(self, kind: Kind, text: str, **values: Any) -> None: ...
