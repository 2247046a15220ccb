"""
What a session-sender has learned in addition to the times of its packets, as plain
data.  Pure: no Twisted, no clock, no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    # A report of the line protocol loads this module, and none of STAMP's protocol.
    from echostamp.rfc8762.hops import Hops
    from echostamp.rfc8762.losses import Directions
    from echostamp.rfc8762.timestamps import ErrorEstimate
    from echostamp.rfc8762.tlvvalues import ClassOfService, TimestampInformation


class Findings(NamedTuple):
    """
    What a session-sender has learned so far, in addition to the times of its packets.
    Durations are nanoseconds.  Packets sent with a negative token are left out of
    C{kernelSent}, C{kernelReceived}, C{followedUp}, C{hostSending} and
    C{hostReceiving}.

    @ivar kernelSent: packets whose T1 the kernel took.
    @ivar kernelReceived: answered packets whose T4 the kernel took.
    @ivar followedUp: answered packets whose T3 a follow-up corrected.
    @ivar hasFollowUps: whether any reply had one, if it was of use or not.
    @ivar isFollowUpAsked: whether the packets ask for follow-ups.
    @ivar hostSending: the time from this program's T1 to the kernel's: the median of
        the last 64 packets (L{LAST <echostamp.rfc8762.lastdurations.LAST>}).  L{None}
        where there are none.
    @ivar hostReceiving: the time from the kernel's T4 to this program's, likewise.
    @ivar hopsForward: routers on the way to the reflector; L{None} where no reply has
        shown them.
    @ivar hopsBackward: routers on the way back, likewise.  It is right only if the
        reflector sends with a TTL of 255.
    @ivar isKeyed: whether the packets are authenticated.
    @ivar zeroedSsids: answered packets that had an SSID, and whose reply has SSID 0.
    @ivar isStateful: whether the reflector numbers its replies itself, as far as seen.
    @ivar directions: in which direction packets were lost, by the reflector's numbers.
    @ivar restarts: how often the reflector's numbers began again.
    @ivar nearError: what this end last claimed about its timestamps.
    @ivar farError: what the reflector last claimed about its own; L{None} before the
        first reply.
    @ivar information: the last Timestamp Information TLV.
    @ivar marks: the last Class of Service TLV.
    @ivar unrecognized: types of TLVs that the reflector does not know, in order.
    @ivar unreturned: names of TLVs that were sent but came back in no reply.  It is
        empty if C{problems} explain that, or if there was no reply.
    @ivar problems: how often the TLVs of a reply were not usable, by kind.
    @ivar invalid: how many packets arrived that are not replies to ours, by reason:
        the first L{MOST_REASONS <echostamp.rfc8762.observations.MOST_REASONS>}, and
        one for all others.
    @ivar refusals: how many packets could not be sent, or were returned, by C{errno}.
    """

    kernelSent: int
    kernelReceived: int
    followedUp: int
    hasFollowUps: bool
    isFollowUpAsked: bool
    hostSending: int | None
    hostReceiving: int | None
    hopsForward: Hops | None
    hopsBackward: Hops | None
    isKeyed: bool
    zeroedSsids: int
    isStateful: bool
    directions: Directions
    restarts: int
    nearError: ErrorEstimate | None
    farError: ErrorEstimate | None
    information: TimestampInformation | None
    marks: ClassOfService | None
    unrecognized: tuple[int, ...]
    unreturned: tuple[str, ...]
    problems: tuple[tuple[str, int], ...]
    invalid: tuple[tuple[str, int], ...]
    refusals: tuple[tuple[int, int], ...]
