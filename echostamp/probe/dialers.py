"""
Makes the dialer that a user asks for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from echostamp.addresses import addressName
from echostamp.connect.target import (
    Target,
    parseStampTarget,
    parseTarget,
    whyNoTarget,
)
from echostamp.connect.timed import TimedEndpoint
from echostamp.connect.tls import TlsFiles
from echostamp.probe.interfaces import Dialer
from echostamp.probe.linedialer import LineDialer
from echostamp.probe.messages import USUAL, Messages
from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.refusals import Reason, Refusal
from echostamp.probe.route import Route
from echostamp.probe.udpdialer import StampDialer
from echostamp.rfc8762.keys import keysOf, readKeys
from echostamp.rfc8762.sendersession import TLV_HEADER, SenderSession
from echostamp.rfc8762.tlvvalues import EXTRA_PADDING, TLVS

#: Seconds that an address may take to connect.
CONNECT_TIMEOUT = 10.0

#: The most octets of a packet: what a UDP datagram holds over IPv4.
LARGEST_PACKET = 65_507


class Wish(NamedTuple):
    """
    What a user asks for.

    @ivar target: the far end; see L{parseTarget} and L{parseStampTarget}.
    @ivar plan: what to send, and when; a size of 0 is the default.
    @ivar route: which addresses to use.
    @ivar stamp: the fields of STAMP packets.
    @ivar files: what TLS needs; over STAMP, its key is the key file.
    """

    target: str
    plan: Plan = Plan()
    route: Route = Route()
    stamp: StampPlan = StampPlan()
    files: TlsFiles = TlsFiles()


class Dialed(NamedTuple):
    """
    A far end, ready to be dialed.

    @ivar name: its name in messages.
    @ivar dialer: makes the links.
    @ivar plan: the plan, with the size of the probes.
    @ivar target: where it connects to; L{None} over STAMP.
    """

    name: str
    dialer: Dialer
    plan: Plan
    target: Target | None = None


def dialerOf(reactor: Any, wish: Wish) -> Dialed:
    """
    Make a dialer.  Nothing is looked up or opened yet.

    @param reactor: looks up names, connects and reads.
    @raise Refusal: the wish cannot be met.
    @raise ValueError: the target is wrong; the text gives the reason in a line.
    """
    try:
        place = parseStampTarget(wish.target)
        if place is None:
            target = parseTarget(reactor, wish.target, CONNECT_TIMEOUT, wish.files)
    except ValueError as error:
        raise ValueError(whyNoTarget(wish.target, error)) from None
    if place is None:
        return _lineDialer(reactor, target, wish)
    _checkRoute(wish.route)
    session = sessionOf(wish.stamp, wish.plan.size, wish.files)
    plan = replace(wish.plan, size=session.size or session.least)
    dialer = StampDialer(reactor, place, session, wish.route, waits=plan.waits)
    return Dialed(f"stamp:{addressName(*place)}", dialer, plan)


def _lineDialer(reactor: Any, target: Target, wish: Wish) -> Dialed:
    """
    Make a dialer for the line protocol.

    @raise Refusal: as for L{dialerOf}.
    """
    route = wish.route
    _checkRoute(route)
    if wish.stamp != StampPlan() or route.sourcePort:
        raise Refusal(Reason.ONLY_STAMP)
    if target.host is None and route != Route():
        raise Refusal(Reason.ONLY_HOST)
    plan = replace(wish.plan, size=wish.plan.size or USUAL)
    endpoint = TimedEndpoint(
        reactor, target, CONNECT_TIMEOUT, route.addressTypes(), route.source
    )
    messages = Messages(os.urandom(4).hex().encode(), plan.size)
    return Dialed(target.name, LineDialer(reactor, endpoint, messages), plan, target)


def _checkRoute(route: Route) -> None:
    """
    Check that a route leaves some addresses.

    @raise Refusal: it leaves none.
    """
    if not route.addressTypes():
        raise Refusal(Reason.NO_ADDRESS)


def sessionOf(plan: StampPlan, size: int, files: TlsFiles) -> SenderSession:
    """
    Give the fields of a STAMP session's packets.

    @param plan: the fields that the user asks for.
    @param size: octets of each; 0 for the fewest.
    @param files: its key is the key file.
    @raise Refusal: the key file is wrong, or a packet cannot have this size.
    """
    keys: Sequence[bytes] = ()
    if files.ca is not None or files.cert is not None:
        raise Refusal(Reason.ONLY_TLS)
    if files.key is not None:
        try:
            keys = keysOf(readKeys(files.key), plan.ssid)
        except ValueError as error:
            raise Refusal(Reason.WRONG_KEYS, files.key, error) from None
        if not keys:
            raise Refusal(Reason.NO_KEY, files.key, plan.ssid)
    if plan.isSsidStrict and not plan.ssid:
        raise Refusal(Reason.NO_SSID)
    session = SenderSession(
        size=size or None,
        ssid=plan.ssid,
        keys=keys,
        tlvs=tuple(TLVS[name] for name in plan.tlvs),
        isPtp=plan.isPtp,
        dscp=plan.dscp,
        ttl=plan.ttl,
        isSsidStrict=plan.isSsidStrict,
    )
    spare = size - session.least if size else 0
    if spare < 0 or size > LARGEST_PACKET:
        raise Refusal(Reason.WRONG_SIZE, size, session.least, LARGEST_PACKET)
    if 0 < spare < TLV_HEADER and EXTRA_PADDING not in session.tlvs:
        least = session.least
        raise Refusal(Reason.SIZE_BETWEEN, size, least, least + TLV_HEADER)
    return session
