"""
Collects what a session-sender learns in addition to the times of its packets.  Pure: no
Twisted, no clock, no I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.hops import Hops, hopsWith
from echostamp.rfc8762.lastdurations import LastDurations
from echostamp.rfc8762.losses import NumberedLosses
from echostamp.rfc8762.packets import ReflectorPacket
from echostamp.rfc8762.sendersession import TTL, SenderSession
from echostamp.rfc8762.timestamps import ErrorEstimate
from echostamp.rfc8762.tlvreading import TlvReading
from echostamp.rfc8762.tlvvalues import (
    CLASS_OF_SERVICE,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
    TLVS,
    ClassOfService,
    TimestampInformation,
    readClassOfService,
    readTimestampInformation,
)

#: The most reasons for which invalid packets are counted, and what counts the others: a
#: far end can think of many.
MOST_REASONS = 8
OTHER_REASONS = "for other reasons"


class Observations:
    """
    Collects L{Findings} in bounded memory.

    @ivar losses: counts the packets lost in each direction.
    @ivar nearError: what this end last claimed about its timestamps.
    @ivar farError: what the reflector last claimed about its own.
    @ivar followedUp: answered packets whose T3 a follow-up corrected.
    @ivar hasFollowUps: whether any reply had a follow-up.
    @ivar refusals: how many packets could not be sent, or were returned, by C{errno}.
    @ivar problems: how often the TLVs of a reply were not usable, by kind.
    """

    __slots__ = (
        "_hopsBackward",
        "_hopsForward",
        "_hostReceiving",
        "_hostSending",
        "_information",
        "_invalid",
        "_kernelReceived",
        "_kernelSent",
        "_marks",
        "_returned",
        "_session",
        "_unrecognized",
        "_zeroedSsids",
        "farError",
        "followedUp",
        "hasFollowUps",
        "losses",
        "nearError",
        "problems",
        "refusals",
    )

    def __init__(
        self,
        session: SenderSession,
        sentBefore: Callable[[int], int | None] = lambda sequence: None,
    ) -> None:
        """
        @param session: what the packets look like.
        @param sentBefore: see L{NumberedLosses}.
        """
        self._session = session
        self.losses = NumberedLosses(sentBefore)
        self.nearError: ErrorEstimate | None = None
        self.farError: ErrorEstimate | None = None
        self.refusals: Counter[int] = Counter()
        self.problems: Counter[str] = Counter()
        self._invalid: Counter[str] = Counter()
        self._kernelSent = self._kernelReceived = self.followedUp = 0
        self.hasFollowUps = False
        self._hostSending, self._hostReceiving = LastDurations(), LastDurations()
        self._hopsForward: Hops | None = None
        self._hopsBackward: Hops | None = None
        self._zeroedSsids = 0
        self._information: TimestampInformation | None = None
        self._marks: ClassOfService | None = None
        # A bit for each type of TLV: sets of them would take kilobytes.
        self._unrecognized = self._returned = 0

    # --- Packets ----------------------------------------------------------------------

    def rejected(self, why: str) -> None:
        """
        Note that a packet arrived that is not a reply to ours.

        @param why: the reason.
        """
        if why not in self._invalid and len(self._invalid) >= MOST_REASONS:
            why = OTHER_REASONS
        self._invalid[why] += 1

    # --- Times ------------------------------------------------------------------------

    def departed(self, duration: int) -> None:
        """
        Note that the kernel took the time when a packet left.

        @param duration: nanoseconds since this program's T1.
        """
        self._kernelSent += 1
        self._hostSending.add(duration)

    def arrived(self, duration: int) -> None:
        """
        Note that the kernel took the time when the first reply to a packet arrived.

        @param duration: nanoseconds until this program's T4.
        """
        self._kernelReceived += 1
        self._hostReceiving.add(duration)

    def answered(self, reply: ReflectorPacket, claim: ErrorEstimate, ttl: int) -> None:
        """
        Note the first reply to a packet.

        @param claim: the reply's error estimate.
        @param ttl: the TTL or hop limit of the reply when it arrived; 0 where that is
            not known.
        """
        self.farError = claim
        self._zeroedSsids += reply.ssid != self._session.ssid
        self._hopsForward = hopsWith(
            self._hopsForward, _passed(self._session.ttl, reply.senderTtl)
        )
        self._hopsBackward = hopsWith(self._hopsBackward, _passed(TTL, ttl))

    # --- TLVs -------------------------------------------------------------------------

    def read(self, reading: TlvReading) -> list[bytes]:
        """
        Note the TLVs of a reply.

        @return: the values of its Follow-Up Telemetry TLVs.
        """
        if reading.problem is not None:
            self.problems[reading.problem] += 1
        for kind in reading.unrecognized:
            self._unrecognized |= 1 << kind
            self._returned |= 1 << kind
        followUps = []
        for kind, value in reading.tlvs:
            self._returned |= 1 << kind
            if kind == TIMESTAMP_INFORMATION:
                self._information = readTimestampInformation(value)
            elif kind == CLASS_OF_SERVICE:
                self._marks = readClassOfService(value)
            elif kind == FOLLOW_UP_TELEMETRY:
                followUps.append(value)
        return followUps

    def _unreturned(self) -> Iterator[str]:
        """
        Name the TLVs that were sent and never came back; see L{Findings.unreturned}.
        """
        if self.farError is None or self.problems:
            return
        for name, kind in TLVS.items():
            if kind in self._session.tlvs and not self._returned >> kind & 1:
                yield name

    # --- The result -------------------------------------------------------------------

    def findings(self) -> Findings:
        """
        Give what was learned so far.
        """
        return Findings(
            kernelSent=self._kernelSent,
            kernelReceived=self._kernelReceived,
            followedUp=self.followedUp,
            hasFollowUps=self.hasFollowUps,
            isFollowUpAsked=FOLLOW_UP_TELEMETRY in self._session.tlvs,
            hostSending=self._hostSending.median(),
            hostReceiving=self._hostReceiving.median(),
            hopsForward=self._hopsForward,
            hopsBackward=self._hopsBackward,
            isKeyed=bool(self._session.keys),
            zeroedSsids=self._zeroedSsids,
            isStateful=bool(self.losses.isStateful),
            directions=self.losses.directions,
            restarts=self.losses.restarts,
            nearError=self.nearError,
            farError=self.farError,
            information=self._information,
            marks=self._marks,
            unrecognized=tuple(n for n in range(256) if self._unrecognized >> n & 1),
            unreturned=tuple(self._unreturned()),
            problems=tuple(self.problems.items()),
            invalid=tuple(self._invalid.items()),
            refusals=tuple(self.refusals.items()),
        )


def _passed(sent: int, arrived: int) -> int | None:
    """
    Give how many routers a packet passed, by its TTL or hop limit.

    @param sent: with which it was sent.
    @param arrived: with which it arrived; 0 where that is not known.
    @return: L{None} where it is not known, or the numbers cannot be true.
    """
    return sent - arrived if 0 < arrived <= sent else None
