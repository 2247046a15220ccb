"""
The session-sender of RFC 8762, with what RFC 8972 adds: it sends test packets, and
tells what each reply says.

It knows packets, not probes: when to send one, and what to make of the times, is its
owner's affair.
"""

from __future__ import annotations

import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from echostamp.rfc8762.clock import FRESH, TAI, KernelClock, kernelClock
from echostamp.rfc8762.losses import REMEMBERED, Losses
from echostamp.rfc8762.packets import (
    AUTHENTICATED,
    UNAUTHENTICATED,
    ErrorEstimate,
    ReflectorPacket,
    SenderPacket,
    ntpTimestamp,
    packetKey,
    ptpTimestamp,
    readErrorEstimate,
    readReflectorPacket,
    readTimestamp,
    senderPacket,
    writeErrorEstimate,
)
from echostamp.rfc8762.port import Port
from echostamp.rfc8762.tlvs import (
    CLASS_OF_SERVICE,
    EXTRA_PADDING,
    FOLLOW_UP_TELEMETRY,
    TIMESTAMP_INFORMATION,
    ClassOfService,
    Tlv,
    classOfService,
    readClassOfService,
    readFollowUp,
    readTimestampInformation,
    readTlvs,
    writeTlvs,
)
from echostamp.times import Times

#: What TLVs are called: their types.
TLVS = {
    "padding": EXTRA_PADDING,
    "timestamp": TIMESTAMP_INFORMATION,
    "cos": CLASS_OF_SERVICE,
    "follow-up": FOLLOW_UP_TELEMETRY,
}

#: Octets of a TLV without its value.
TLV_HEADER = 4

#: Octets of a TLV's value, where it is not padding.
_VALUES = {TIMESTAMP_INFORMATION: 4, CLASS_OF_SERVICE: 4, FOLLOW_UP_TELEMETRY: 16}

#: Octets of the HMAC TLV.
_HMAC_TLV = 20

#: Packets of which it is remembered when they left, so that a reply may be late or come
#: twice.
_MOST_REMEMBERED = REMEMBERED

#: The TTL or hop limit of packets as they leave: RFC 5357, section 4.2.1.
TTL = 255


@dataclass(frozen=True)
class Session:
    """
    How packets look.

    @ivar size: octets of each; L{None} for the least.
    @ivar ssid: the session's identifier, 0 for none.
    @ivar keys: those of authenticated mode, of which the first is used; none for
        unauthenticated mode.
    @ivar tlvs: types of the TLVs that each packet has.
    @ivar isPtp: whether T1 is in PTP's format, and not in NTP's.
    @ivar ptpAhead: nanoseconds that timestamps in PTP's format are ahead of UTC;
        L{None} for what TAI is, as far as the kernel knows.
    @ivar dscp: what packets are marked with, and replies should be.
    @ivar ttl: the time to live or hop limit of packets.
    """

    size: int | None = None
    ssid: int = 0
    keys: Sequence[bytes] = ()
    tlvs: Sequence[int] = ()
    isPtp: bool = False
    ptpAhead: int | None = None
    dscp: int = 0
    ttl: int = TTL

    @property
    def base(self) -> int:
        """Octets of the base packet."""
        return AUTHENTICATED if self.keys else UNAUTHENTICATED

    @property
    def least(self) -> int:
        """Octets of the shortest packet with these TLVs."""
        tlvs = sum(TLV_HEADER + _VALUES.get(each, 0) for each in self.tlvs)
        if self.keys and tlvs and tuple(self.tlvs) != (EXTRA_PADDING,):
            tlvs += _HMAC_TLV
        return self.base + tlvs


class Owner(Protocol):
    """
    Who is told of replies.
    """

    def replied(self, token: int, times: Times) -> None:
        """
        A reply has come, perhaps not for the first time.

        @param token: what the packet was sent with.
        """

    def corrected(self, token: int, times: Times) -> None:
        """
        The times of a packet that was answered are known better now.
        """


class _Sent:
    """
    A packet that was sent.

    @ivar number: that of the reply which came first.
    """

    __slots__ = ("number", "sequence", "t1", "times", "token", "wire")

    def __init__(self, sequence: int, token: int, t1: int, wire: int) -> None:
        self.sequence = sequence
        self.token = token
        self.t1 = t1
        self.wire = wire
        self.number: int | None = None
        self.times: Times | None = None


class Sender:
    """
    The session-sender at one port.

    @ivar port: sends the packets; set by whoever makes it.
    @ivar session: how packets look.
    @ivar invalid: how many packets came that are no replies to ours, by reason.
    @ivar refusals: how many packets could not be sent, or came back, by C{errno}.
    @ivar losses: what the reflector's numbers say.
    @ivar hops: routers on the way there and back that the last reply shows, where the
        reflector sends with a TTL of 255; L{None} where it does not show them.
    @ivar leastResidence: the least that T3 - T2 was, in nanoseconds, by a reply or by
        a follow-up.
    @ivar negatives: of how many packets it is negative, as far as is known.
    @ivar kernelSent: packets whose T1 is the kernel's.
    @ivar kernelReceived: replies whose T4 is the kernel's.
    @ivar followedUp: replies whose T3 is by a follow-up.
    @ivar sendingHost: nanoseconds from our T1 to the kernel's, of all packets.
    @ivar receivingHost: nanoseconds from the kernel's T4 to ours, likewise.
    @ivar farError: what the last reply says of its timestamps.
    @ivar nearError: what we said of ours.
    @ivar information: what the last Timestamp Information TLV said.
    @ivar marks: what the last Class of Service TLV said.
    @ivar unrecognized: types of TLVs that the reflector does not know.
    @ivar problems: how often TLVs were malformed or wrong, by kind.
    """

    port: Port

    def __init__(
        self,
        peer: Any,
        session: Session,
        owner: Owner,
        clock: Callable[[], int] = time.time_ns,
        kernel: Callable[[], KernelClock] = kernelClock,
        chance: Callable[[int], bytes] = random.randbytes,
    ) -> None:
        """
        @param peer: the reflector's address and port, as the system has them.
        @param session: how packets look.
        @param owner: is told of replies.
        @param clock: gives nanoseconds since the epoch.
        @param kernel: says how good the clock is.
        @param chance: gives so many octets of padding.
        """
        self._peer = peer
        self.session = session
        self._owner = owner
        self._clock = clock
        self._kernel = kernel
        self._chance = chance
        self._sequence = 0
        self._asked = -FRESH
        self._ahead = 0
        self._errorEstimate = 0
        # By their numbers, and by those that the port gave them.
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        self._leaving: dict[int, _Sent] = {}
        # The packets that the reflector has answered, by its own numbers.
        self._answers: OrderedDict[int, _Sent] = OrderedDict()
        self.invalid: Counter[str] = Counter()
        self.refusals: Counter[int] = Counter()
        self.losses = Losses()
        self.hops: tuple[int | None, int | None] = (None, None)
        self.leastResidence: int | None = None
        self.negatives = 0
        self.kernelSent = self.kernelReceived = self.followedUp = 0
        self.sendingHost: list[int] = []
        self.receivingHost: list[int] = []
        self.farError: ErrorEstimate | None = None
        self.nearError: ErrorEstimate | None = None
        self.information: Any = None
        self.marks: ClassOfService | None = None
        self.unrecognized: set[int] = set()
        self._returned: set[int] = set()
        self.problems: Counter[str] = Counter()

    # --- Out --------------------------------------------------------------------------

    def send(self, token: int) -> int:
        """
        Send a packet.

        @param token: what the owner calls it; a packet whose token is negative is not
            counted.
        @return: T1, in nanoseconds since the epoch, before the kernel's is known.
        """
        session = self.session
        sequence = self._sequence & 0xFFFF_FFFF
        self._sequence += 1
        key = session.keys[0] if session.keys else None
        tail = self._tail(sequence, key)
        t1 = self._clock()
        if t1 - self._asked >= FRESH or t1 < self._asked:
            self._askKernel(t1)
            t1 = self._clock()
        wire = ptpTimestamp(t1, self._ahead) if session.isPtp else ntpTimestamp(t1)
        fields = SenderPacket(sequence, wire, self._errorEstimate, session.ssid)
        packet = senderPacket(fields, key) + tail
        sent = self._sent[sequence] = _Sent(sequence, token, t1, wire)
        if len(self._sent) > _MOST_REMEMBERED:
            self._sent.popitem(last=False)
        number = self.port.send(packet, self._peer, None, session.dscp << 2)
        if number is not None and self.port.stampsDepartures:
            self._leaving[number] = sent
            if len(self._leaving) > _MOST_REMEMBERED:
                del self._leaving[next(iter(self._leaving))]
        return t1

    @property
    def unreturned(self) -> list[str]:
        """What TLVs are called that were sent, and came back in no reply, for which
        there is no reason that is told elsewhere."""
        if self.farError is None or self.problems:
            return []
        return [
            name
            for name, kind in TLVS.items()
            if kind in self.session.tlvs and kind not in self._returned
        ]

    def _tail(self, sequence: int, key: bytes | None) -> bytes:
        """
        Give what follows the base packet.
        """
        session = self.session
        spare = (session.size or 0) - session.least
        kinds = list(session.tlvs)
        if spare >= TLV_HEADER and EXTRA_PADDING not in kinds:
            kinds.append(EXTRA_PADDING)
            spare -= TLV_HEADER
        values = {
            EXTRA_PADDING: self._chance(max(spare, 0)),
            CLASS_OF_SERVICE: classOfService(ClassOfService(session.dscp)),
        }
        tlvs = [
            Tlv(kind, values.get(kind) or bytes(_VALUES.get(kind, 0))) for kind in kinds
        ]
        if not tlvs:
            return b""
        isSealed = key is not None and kinds != [EXTRA_PADDING]
        return writeTlvs(tlvs, sequence, key if isSealed else None)

    def _askKernel(self, now: int) -> None:
        """
        See how good our clock is now.
        """
        self._asked = now
        kernel = self._kernel()
        ahead = self.session.ptpAhead
        self._ahead = (kernel.tai or TAI) if ahead is None else ahead
        self.nearError = ErrorEstimate(
            kernel.isSynchronized, self.session.isPtp, kernel.error
        )
        self._errorEstimate = writeErrorEstimate(self.nearError)

    # --- In ---------------------------------------------------------------------------

    def transmitted(self, number: int, at: int) -> None:
        """It is known when a packet left."""
        sent = self._leaving.pop(number, None)
        # One that was numbered before the port began to count anew may come late.
        if sent is None or at < sent.t1:
            return
        if sent.token >= 0:
            self.kernelSent += 1
            _note(self.sendingHost, at - sent.t1)
        sent.t1 = at
        if sent.times is not None:
            self._correct(sent, sent.times._replace(t1=at))

    def refused(self, error: int, peer: Any) -> None:
        """A packet could not be sent, or the network returned it."""
        self.refusals[error] += 1

    def received(
        self, packet: bytes, peer: Any, at: int, ttl: int, tos: int, to: bytes | None
    ) -> None:
        """See what a packet answers."""
        here = self._clock()
        if peer[:2] != self._peer[:2]:
            self.invalid["from elsewhere"] += 1
            return
        try:
            why = self._reply(packet, at, here, ttl)
        except ValueError:
            why = "malformed"
        if why:
            self.invalid[why] += 1

    def _reply(self, packet: bytes, at: int, here: int, ttl: int) -> str:
        """
        Take a reply.

        @return: what is wrong with it, if it is none.
        @raise ValueError: it is too short, or has no valid time.
        """
        session = self.session
        if session.keys and packetKey(packet, session.keys[:1]) is None:
            return "no valid HMAC"
        reply = readReflectorPacket(packet, bool(session.keys))
        sent = self._sent.get(reply.senderSequence)
        if sent is None or sent.wire != reply.senderTimestamp:
            return "not ours"
        estimate = readErrorEstimate(reply.errorEstimate)
        t4 = at or here
        t2, t3 = (
            readTimestamp(each, estimate.isPtp, t4, self._ahead)
            for each in (reply.received, reply.timestamp)
        )
        times = Times(sent.t1, t2, t3, t4)
        isFirst = sent.times is None
        known = self._answers.get(reply.sequence)
        if known is not sent and self.losses.saw(
            sent.sequence, reply.sequence, t3, not isFirst, known is not None
        ):
            # Its follow-ups will name other packets.
            self._answers.clear()
        if isFirst:
            sent.times, sent.number = times, reply.sequence
            self._note(reply, sent, estimate, ttl)
            if at and sent.token >= 0:
                self.kernelReceived += 1
                _note(self.receivingHost, here - at)
        self._remember(reply.sequence, sent)
        self._owner.replied(sent.token, times)
        if known is not sent and session.tlvs:
            self._readTlvs(packet[session.base :], reply.sequence, estimate.isPtp, t4)
        return ""

    def _note(
        self, reply: ReflectorPacket, sent: _Sent, estimate: ErrorEstimate, ttl: int
    ) -> None:
        """
        Note what else a reply says.
        """
        assert sent.times is not None
        self.farError = estimate
        self.hops = (
            self.session.ttl - reply.senderTtl if reply.senderTtl else None,
            TTL - ttl if ttl else None,
        )
        if sent.token >= 0:
            residence = sent.times.t3 - sent.times.t2
            self.negatives += residence < 0
            self._noteResidence(residence)

    def _noteResidence(self, residence: int) -> None:
        """
        Note how long a packet was there, in nanoseconds.
        """
        if self.leastResidence is None or residence < self.leastResidence:
            self.leastResidence = residence

    # --- TLVs -------------------------------------------------------------------------

    def _remember(self, number: int, sent: _Sent) -> None:
        """
        Remember what the reflector has numbered so: a follow-up will name it.
        """
        self._answers[number] = sent
        if len(self._answers) > _MOST_REMEMBERED:
            self._answers.popitem(last=False)

    def _readTlvs(self, octets: bytes, number: int, isPtp: bool, near: int) -> None:
        """
        See what the TLVs of a reply say.
        """
        key = self.session.keys[0] if self.session.keys else None
        reading = readTlvs(octets, number, key)
        if reading.problem is not None:
            self.problems[reading.problem] += 1
        self.unrecognized.update(reading.unrecognized)
        self._returned.update(reading.unrecognized)
        self._returned.update(kind for kind, _ in reading.tlvs)
        for kind, value in reading.tlvs:
            if kind == TIMESTAMP_INFORMATION:
                self.information = readTimestampInformation(value)
            elif kind == CLASS_OF_SERVICE:
                self.marks = readClassOfService(value)
            elif kind == FOLLOW_UP_TELEMETRY:
                self._followUp(value, isPtp, near)

    def _followUp(self, value: bytes, isPtp: bool, near: int) -> None:
        """
        Learn when the previous reply left.
        """
        found = readFollowUp(value)
        sent = self._answers.get(found.sequence)
        if not found.timestamp or sent is None or sent.times is None:
            return
        if found.sequence != sent.number:
            # The packet was doubled on the way there: its times are the other one's.
            return
        t3 = readTimestamp(found.timestamp, isPtp, near, self._ahead)
        times = sent.times
        residence = t3 - times.t2
        if abs(residence) > times.t4 - times.t1:
            # A reflector that has begun anew may mean another packet by that number.
            self.problems["with a follow-up that cannot be"] += 1
        elif t3 != times.t3:
            if sent.token >= 0:
                self.followedUp += 1
                self.negatives += (residence < 0) - (times.t3 < times.t2)
                self._noteResidence(residence)
            self._correct(sent, times._replace(t3=t3))

    def _correct(self, sent: _Sent, times: Times) -> None:
        """
        Tell that times are known better.
        """
        sent.times = times
        self._owner.corrected(sent.token, times)


#: Durations that are kept of one kind.
_MOST_NOTED = 100_000


def _note(durations: list[int], duration: int) -> None:
    """
    Keep a duration, the first so many.
    """
    if len(durations) < _MOST_NOTED:
        durations.append(duration)
