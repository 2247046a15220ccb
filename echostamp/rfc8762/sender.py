"""
The session-sender of RFC 8762, with the extensions of RFC 8972: it sends test packets
and reads the replies.

It knows packets, not probes.  Its owner decides when to send one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from echostamp.rfc8762.answers import Answers
from echostamp.rfc8762.clock import FRESH, KernelClock, recentKernelClock
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.observations import Observations
from echostamp.rfc8762.packets import ReflectorPacket, senderPacket, senderPacketOf
from echostamp.rfc8762.senderowner import NOBODY, SenderOwner
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.sentpackets import SentPackets
from echostamp.rfc8762.settledlosses import TokenLosses
from echostamp.rfc8762.sharedports import SenderPort
from echostamp.rfc8762.timestamps import (
    ntpTimestamp,
    ptpTimestamp,
    readErrorEstimate,
    readNtp,
    readPtp,
    readTimestamp,
    writeErrorEstimate,
)
from echostamp.rfc8762.tlvreading import readTlvs
from echostamp.rfc8762.tlvvalues import readFollowUp
from echostamp.times import Times, timesOf


class SessionSender:
    """
    The session-sender at one port.

    Its memory is bounded by what can be in flight: a packet is in flight until it is
    answered, or the owner gives it up by L{settled}.

    @ivar port: sends the packets; set by the code that makes it.
    @ivar session: what the packets look like.
    @ivar isRefused: whether the system refused to send the last packet.
    @ivar losses: the packets that L{settled} was called for and that were not answered.
    """

    port: SenderPort

    def __init__(
        self,
        peer: Any,
        session: SenderSession,
        owner: SenderOwner,
        clock: Callable[[], int] = time.time_ns,
        kernel: Callable[[], KernelClock] = recentKernelClock,
        chance: Callable[[int], bytes] = random.randbytes,
    ) -> None:
        """
        @param peer: the reflector's address and port, as the system has them.
        @param session: what the packets look like.
        @param owner: gets the times of the replies.
        @param clock: gives nanoseconds since the epoch.
        @param kernel: reports how exact the clock is.
        @param chance: gives this many octets of padding.
        """
        self._peer = peer
        self.session = session
        self._owner: SenderOwner = owner
        self._clock = clock
        self._kernel = kernel
        self._chance = chance
        self._asked = -FRESH
        self._ahead = 0
        self._errorEstimate = 0
        self._sent = SentPackets()
        self._answers = Answers()
        self._observations = Observations(session, self._sent.sentBefore)
        self.isRefused = False
        self.losses = TokenLosses()

    @property
    def hasReplies(self) -> bool:
        """Whether any packet was answered."""
        return self._observations.farError is not None

    @property
    def hasLosses(self) -> bool:
        """Whether any packet was not answered, at least not yet."""
        return self._sent.unanswered > 0

    def findings(self) -> Findings:
        """
        Give what was learned so far, beside the times of the packets.
        """
        return self._observations.findings()

    def send(self, token: int) -> int:
        """
        Send a packet.

        @param token: the owner's name for it.  Tokens rise from packet to packet, but
            for negative ones: their packets do not count in L{Findings}.
        @return: T1, in nanoseconds since the epoch, before the kernel's is known.
        """
        session = self.session
        sequence = self._sent.sequence
        tail = session.tail(sequence, self._chance)
        t1 = self._clock()
        if t1 - self._asked >= FRESH or t1 < self._asked:
            self._askKernel(t1)
            t1 = self._clock()
        wire = ptpTimestamp(t1, self._ahead) if session.isPtp else ntpTimestamp(t1)
        fields = senderPacketOf((sequence, wire, self._errorEstimate, session.ssid))
        octets = senderPacket(fields, session.key) + tail
        packet = self._sent.add(token, t1, wire)
        self.losses.sent(token, packet)
        number = self.port.send(octets, self._peer, None, session.dscp << 2)
        self.isRefused = number is None
        if number is not None:
            self._sent.count(packet, number)
            # Usually it has left by now.  That saves a turn of the reactor.
            self.port.readDepartures(1)
        return t1

    def settled(self, token: int) -> None:
        """
        Give up the packets before one: they are no longer in flight.  A late or doubled
        reply to one of the last L{KEPT <echostamp.rfc8762.sentpackets.KEPT>} before
        those is still recognised.

        @param token: that of the oldest packet that may still be in flight.
        """
        self._sent.settle(token)
        self.losses.settle(token)

    def close(self) -> None:
        """
        Close the port, and report no more.  What was learned so far stays.
        """
        self.port.close()
        # Both have this object.  Without the cycles all are freed at once.
        del self.port
        self._owner = NOBODY

    def _askKernel(self, now: int) -> None:
        """
        Ask how exact our clock is now.
        """
        self._asked = now
        kernel = self._kernel()
        self._ahead = kernel.ptpAhead(self.session.ptpAhead)
        self._observations.nearError = claim = kernel.errorEstimate(self.session.isPtp)
        self._errorEstimate = writeErrorEstimate(claim)

    def transmitted(self, number: int, at: int) -> None:
        """The kernel reports when a packet left."""
        packet = self._sent.departing(number, at)
        if packet is None:
            return
        token, before, isAnswered = self._sent.look(packet)
        times = self._answers.times(packet, at) if isAnswered else None
        if isAnswered and times is None:
            # Too late to correct anything.
            return
        self._sent.depart(packet, at)
        if token >= 0:
            self._observations.departed(at - before)
        if times is not None:
            self._owner.corrected(token, times)

    def refused(self, error: int, peer: Any) -> None:
        """A packet could not be sent, or the network returned it."""
        self._observations.refusals[error] += 1

    def received(
        self, packet: bytes, peer: Any, at: int, ttl: int, tos: int, to: bytes | None
    ) -> None:
        """A packet came: take it if it is a reply."""
        here = self._clock()
        if peer[:2] != self._peer[:2]:
            what = "port" if peer[0] == self._peer[0] else "address"
            self._observations.rejected(f"from another {what}")
            return
        try:
            self._reply(packet, at, here, ttl)
        except ValueError as error:
            self._observations.rejected(str(error))

    def _reply(self, octets: bytes, at: int, here: int, ttl: int) -> None:
        """
        Take a reply.

        @raise ValueError: it is no reply; the text says why.
        """
        session = self.session
        reply = session.readReply(octets)
        packet = self._sent.find(reply.senderSequence)
        if packet is None:
            raise ValueError("not ours")
        if self._sent.wire(packet) != reply.senderTimestamp:
            raise ValueError("T1 was not returned")
        session.checkSsid(reply.ssid)
        claim = readErrorEstimate(reply.errorEstimate)
        t4 = at or here
        isPtp, t2, t3 = claim.isPtp, reply.received, reply.timestamp
        if isPtp:
            t2 = t2 and readPtp(t2, t4, self._ahead)
            t3 = t3 and readPtp(t3, t4, self._ahead)
        else:
            t2 = t2 and readNtp(t2, t4)
            t3 = t3 and readNtp(t3, t4)
        token, t1, isAnswered = self._sent.look(packet)
        times = timesOf((t1, t2, t3, t4))
        isFirst = not isAnswered
        isSame = self._look(packet, reply, times, isFirst)
        if not isSame:
            self.losses.replied(token, packet, reply.sequence, isFirst)
        if isFirst:
            self._sent.answer(packet)
            self._observations.answered(reply, claim, ttl)
            if at and token >= 0:
                self._observations.arrived(here - at)
        if self._owner.replied(token, times) and isFirst:
            self._answers.add(reply.sequence, packet, times)
        if session.tlvs and not isSame:
            tlvs = readTlvs(octets[session.base :], reply.sequence, session.key)
            for value in self._observations.read(tlvs):
                self._followUp(value, claim.isPtp, t4)

    def _look(
        self, packet: int, reply: ReflectorPacket, times: Times, isFirst: bool
    ) -> bool:
        """
        See what the reflector's number of a reply shows.

        @param packet: our number of the packet that it answers.
        @param times: the times of both.
        @param isFirst: whether it is the first reply to this packet.
        @return: whether the very same reply already came.
        """
        hasCome = self._answers.hasSeen(reply.sequence)
        named = self._answers.packet(reply.sequence) if hasCome else None
        # Where it is no longer known whose number that was, it was probably this one's.
        isSame = hasCome and (not isFirst if named is None else named == packet)
        numbers = reply.senderSequence, reply.sequence
        if not isSame and self._observations.losses.saw(
            *numbers, times.t1, times.t3, not isFirst, hasCome
        ):
            self._answers.restart()
        self._answers.see(reply.sequence, packet)
        return isSame

    def _followUp(self, value: bytes, isPtp: bool, near: int) -> None:
        """
        Correct T3 of the previous reply.

        @param value: a Follow-Up Telemetry TLV's.
        @param isPtp: whether its timestamp has PTP's format.
        @param near: a time near to it, in nanoseconds.
        """
        found = readFollowUp(value)
        self._observations.hasFollowUps |= bool(found.timestamp)
        # Only the first reply to a packet counts: if the packet was doubled on the way
        # there, the other reply's T3 does not fit the first one's T2.
        packet = self._answers.packet(found.sequence)
        if not found.timestamp or packet is None or packet not in self._sent:
            return
        token, t1, _ = self._sent.look(packet)
        times = self._answers.times(packet, t1)
        assert times is not None
        # A stateless reflector has no follow-ups (RFC 8972, section 4.7).
        self._observations.losses.isStateful = True
        self.losses.numbersAreTheirs()
        try:
            t3 = readTimestamp(found.timestamp, isPtp, near, self._ahead)
        except ValueError:
            t3 = None
        if t3 == times.t3:
            return
        if t3 is not None and self._owner.corrected(token, times._replace(t3=t3)):
            self._observations.followedUp += 1
            self._answers.correct(packet, t3)
        else:
            # A reflector that restarted may mean another packet by this number.
            self._observations.problems["with a follow-up that cannot be"] += 1
