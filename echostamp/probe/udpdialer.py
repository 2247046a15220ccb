"""
Probes over STAMP (RFC 8762).
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectBindError, ConnectError

from echostamp.addresses import addressName
from echostamp.connect.failures import sourceHint
from echostamp.connect.timed import lookUp
from echostamp.connect.tls import TlsFiles
from echostamp.exitstatus import FAR_END_FAILED, Outcome
from echostamp.probe.interfaces import LinkOwner
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.report import stampfigures
from echostamp.rfc8762.keys import keysOf, readKeys
from echostamp.rfc8762.port import Port, boundSocket
from echostamp.rfc8762.sender import TLV_HEADER, TLVS, Sender, Session
from echostamp.rfc8762.tlvs import EXTRA_PADDING, FOLLOW_UP_TELEMETRY
from echostamp.times import Moment, SetUp, Times, moment

if TYPE_CHECKING:
    from echostamp.client.ping import StampPlan

#: Seconds that the reply to the first packet, which is thrown away, is waited for.
WARM_UP = 0.5

#: The most octets of a packet: what a UDP datagram holds over IPv4.
LARGEST_PACKET = 65_507

#: What the first packet and the last are sent with; no probe's number is below 0.
_FIRST, _LAST = -1, -2


def sessionOf(plan: StampPlan, size: int, files: TlsFiles | None) -> Session:
    """
    Say how packets look.

    @param plan: what was asked for.
    @param size: octets of each; 0 for the least.
    @param files: its key is the key file.
    @raise ValueError: the key file is wrong, or a packet cannot have this size.
    """
    keys: Sequence[bytes] = ()
    if files is not None and (files.ca is not None or files.cert is not None):
        raise ValueError("--ca and --cert go with tls:HOST:PORT")
    if files is not None and files.key is not None:
        try:
            keys = keysOf(readKeys(files.key), plan.ssid)
        except ValueError as error:
            raise ValueError(f"--key {files.key!r}: {error}") from None
        if not keys:
            raise ValueError(f"--key {files.key!r}: no key for SSID {plan.ssid}")
    tlvs = tuple(TLVS[name] for name in plan.tlvs)
    session = Session(
        size or None, plan.ssid, keys, tlvs, plan.isPtp, None, plan.dscp, plan.ttl
    )
    spare = size - session.least if size else 0
    if spare < 0 or size > LARGEST_PACKET:
        raise ValueError(f"--size {size}: not from {session.least} to {LARGEST_PACKET}")
    if 0 < spare < TLV_HEADER and EXTRA_PADDING not in tlvs:
        more = session.least + TLV_HEADER
        raise ValueError(f"--size {size}: {session.least}, or {more} and more")
    return session


class StampLink:
    """
    A UDP port that sends test packets to one reflector.

    @ivar sender: knows what the replies say beside their times.
    """

    isBlocked = False
    isConnection = False
    kernel = None

    def __init__(
        self,
        reactor: Any,
        bound: socket.socket,
        peer: Any,
        source: str,
        session: Session,
        owner: LinkOwner,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param reactor: reads from the port.
        @param bound: its socket.
        @param peer: the reflector's address and port, as the system has them.
        @param source: our address, for the report.
        @param session: how packets look.
        @param owner: sends the probes.
        @param clocks: reads our clocks.
        """
        self._reactor = reactor
        self._owner = owner
        self._session = session
        self._clocks = clocks
        self._warmUp: Any = None
        self._isClosed = False
        self.address = addressName(*peer[:2])
        self.sender = Sender(peer, session, self, lambda: clocks().realtime)
        self.sender.port = Port(
            reactor, bound, self.sender, departures=True, ttl=session.ttl
        )
        self.isPrompt = self.sender.port.stampsArrivals
        self.source = addressName(source, self.sender.port.address[1])

    def start(self) -> None:
        """
        Receive, and send a packet that is thrown away: the first timestamp of a socket
        can be wrong.
        """
        self.sender.port.startReading()
        self._warmUp = self._reactor.callLater(WARM_UP, self._isWarm)
        self.sender.send(_FIRST)

    def _isWarm(self) -> None:
        """
        Begin.
        """
        self._warmUp = None
        self._owner.linkUp(self)

    def send(self, seq: int) -> Moment:
        """Send a probe."""
        at = self._clocks()
        self.sender.send(seq)
        return at

    def settle(self, seq: int) -> None:
        """The time of a probe is over."""

    def close(self) -> bool:
        """The last follow-up comes with one packet more."""
        if FOLLOW_UP_TELEMETRY not in self.sender.session.tlvs:
            return False
        if self.sender.farError is None:
            # Nothing has been answered.
            return False
        self.sender.send(_LAST)
        return True

    def askKernel(self) -> None:
        """There is nothing to be asked."""

    def abort(self, reason: str) -> None:
        """Send and receive no more."""
        if self._warmUp is not None:
            self._warmUp.cancel()
            self._warmUp = None
        if not self._isClosed:
            self._isClosed = True
            self.sender.port.close()

    def replied(self, token: int, times: Times) -> None:
        """A reply has come."""
        if token == _FIRST:
            if self._warmUp is not None:
                self._warmUp.cancel()
                # Not before its follow-ups, if any, have been read.
                self._warmUp = self._reactor.callLater(0, self._isWarm)
        elif token == _LAST:
            self._reactor.callLater(0, self._owner.closed)
        else:
            reply = Reply(token, None, False, times)
            self._owner.answered(reply, self._clocks())

    def corrected(self, token: int, times: Times) -> None:
        """The times of a reply are known better."""
        if token >= 0:
            self._owner.corrected(token, times)


class StampWay:
    """
    STAMP to one reflector, by the first of its addresses.

    @ivar link: what carries the probes, once there is one.
    """

    unit = "packet"

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        session: Session,
        addressTypes: list[type],
        source: tuple[str, int] | None = None,
        clocks: Callable[[], Moment] = moment,
    ) -> None:
        """
        @param reactor: looks up the name, and reads.
        @param host: the reflector's.
        @param port: the reflector's.
        @param session: how packets look.
        @param addressTypes: the kinds of addresses to use.
        @param source: the address and port to send from; 0 for any port, L{None} for
            any address.
        @param clocks: reads our clocks.
        """
        self._reactor = reactor
        self._host = host
        self._port = port
        self._session = session
        self._addressTypes = addressTypes
        self._source = source
        self._clocks = clocks
        self.setUp = SetUp()
        self.isLookingUp = False
        self.whyNot = ""
        self.link: StampLink | None = None

    def start(self, owner: LinkOwner) -> Deferred[Any]:
        """
        Look up the name, and begin.

        @return: fails as L{lookUp} does, or with L{ConnectError} where we cannot send.
        """
        return Deferred.fromCoroutine(self._start(owner))

    async def _start(self, owner: LinkOwner) -> None:
        """
        Look up the name, and begin.
        """
        began = self._clocks().after
        self.isLookingUp = True
        try:
            address, *_ = await lookUp(
                self._reactor, self._host, self._port, self._addressTypes, "UDP"
            )
        finally:
            self.isLookingUp = False
        if address.host != self._host:
            self.setUp.resolve = self._clocks().after - began
        is6 = ":" in address.host
        host, port = self._source or ("::" if is6 else "0.0.0.0", 0)
        peer: tuple[Any, ...] = (address.host, self._port)
        if isinstance(address, IPv6Address):
            # Which link a link-local address is on.
            peer += (address.flowInfo, address.scopeID)
        try:
            source = _sourceTo(peer, is6) if self._source is None else host
        except OSError as error:
            raise ConnectError(error.errno) from None
        try:
            bound = boundSocket(host, port)
        except OSError as error:
            raise ConnectBindError(error.errno) from None
        self.link = StampLink(
            self._reactor,
            bound,
            peer,
            source,
            self._session,
            owner,
            self._clocks,
        )
        self.link.start()

    def stop(self) -> None:
        """
        There will be no other link, and perhaps not even this one.
        """
        if self.link is not None:
            self.link.abort("")

    def told(self, found: Measurement) -> Iterator[str]:
        """
        Say what packets told beside their times.
        """
        if self.link is None:
            return
        yield from stampfigures.lines(
            self.link.sender, found.delays.run, found.offset.report()
        )

    def record(self, found: Measurement) -> dict[str, Any] | None:
        """
        Give it as JSON.
        """
        if self.link is None:
            return None
        return stampfigures.record(self.link.sender, found.delays.run)

    def hint(
        self, failure: BaseException | None, outcome: Outcome, found: Measurement
    ) -> str:
        """
        Say what the network and the packets that came told, where no reply did.
        """
        if self.link is None or outcome.status != FAR_END_FAILED:
            return sourceHint(failure)
        sender = self.link.sender
        told = [
            f"{count} packets: {refusalName(error)}"
            for error, count in sender.refusals.most_common()
        ]
        told += [
            f"{count} invalid replies: {why}"
            for why, count in sender.invalid.most_common()
        ]
        return "; ".join(told)


def _sourceTo(peer: Any, is6: bool) -> str:
    """
    Find out which address of ours packets to another one come from.

    @raise OSError: there is no way there.
    """
    family = socket.AF_INET6 if is6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(peer)
        host: str = probe.getsockname()[0]
        return host


def refusalName(error: int) -> str:
    """
    Say what an C{errno} of a packet that was refused means.
    """
    name = "nobody is at the port" if error == errno.ECONNREFUSED else ""
    return name or os.strerror(error)
