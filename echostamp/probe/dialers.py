"""
Makes the dialer that a user asks for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

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
from echostamp.times import SECOND

if TYPE_CHECKING:
    from echostamp.rfc8762.sharedports import SharedPorts

#: Seconds that an address may take to connect.
CONNECT_TIMEOUT = 10.0


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
    @ivar host: the host's name or address; L{None} for a Twisted endpoint description.
    """

    name: str
    dialer: Dialer
    plan: Plan
    target: Target | None = None
    host: str | None = None

    @property
    def transport(self) -> str:
        """What carries the probes: C{stamp}, C{tls}, C{tcp}, C{unix} or C{endpoint}."""
        target = self.target
        if target is None:
            return "stamp"
        if target.tls is not None:
            return "tls"
        if target.host is not None:
            return "tcp"
        return "unix" if target.name.startswith("unix:") else "endpoint"


def dialerOf(reactor: Any, wish: Wish, ports: SharedPorts | None = None) -> Dialed:
    """
    Make a dialer.  Nothing is looked up or opened yet.

    @param reactor: looks up names, connects and reads.
    @param ports: the ports that are shared with others over STAMP; L{None} for one of
        its own.
    @raise Refusal: the wish cannot be met.
    @raise ValueError: the target is wrong; the text gives the reason in a line.
    """
    try:
        place = parseStampTarget(wish.target)
        if place is None:
            target = parseTarget(reactor, wish.target, CONNECT_TIMEOUT, wish.files)
    except ValueError as error:
        raise ValueError(whyNoTarget(wish.target, error)) from None
    _checkRoute(wish.route)
    if place is None:
        return _lineDialer(reactor, target, wish)
    return _stampDialer(reactor, place, wish, ports)


def sharingDialers(reactor: Any) -> Callable[[Any, Wish], Dialed]:
    """
    Give what makes dialers that share their UDP ports, as L{dialerOf}: many probers
    need few descriptors then.

    @param reactor: reads from the ports.
    """
    # A run over the line protocol starts faster without it.
    from echostamp.rfc8762.sharedports import SharedPorts

    return partial(dialerOf, ports=SharedPorts(reactor))


def _stampDialer(
    reactor: Any, place: tuple[str, int], wish: Wish, ports: SharedPorts | None
) -> Dialed:
    """
    Make a dialer for STAMP.

    @param place: the reflector's host and UDP port.
    @param ports: as for L{dialerOf}.
    @raise Refusal: as for L{dialerOf}.
    """
    # A run over the line protocol starts faster without these.
    from echostamp.probe.sharing import maySharePort
    from echostamp.probe.stampsession import sessionOf
    from echostamp.probe.udpdialer import StampDialer

    session = sessionOf(wish.stamp, wish.plan.size, wish.files)
    size = session.size or session.least
    plan = replace(wish.plan, size=size, isTimedByKernel=True)
    dialer = StampDialer(reactor, place, session, wish.route, waits=plan.waits)
    if ports is not None and maySharePort(plan, wish.route):
        dialer.takePort = partial(ports.take, SECOND / plan.interval)
    return Dialed(f"stamp:{addressName(*place)}", dialer, plan, host=place[0])


def _lineDialer(reactor: Any, target: Target, wish: Wish) -> Dialed:
    """
    Make a dialer for the line protocol.

    @raise Refusal: as for L{dialerOf}.
    """
    route = wish.route
    if wish.stamp != StampPlan() or route.sourcePort:
        raise Refusal(Reason.ONLY_STAMP)
    if target.host is None and route != Route():
        raise Refusal(Reason.ONLY_HOST)
    plan = replace(wish.plan, size=wish.plan.size or USUAL)
    endpoint = TimedEndpoint(
        reactor, target, CONNECT_TIMEOUT, route.addressTypes(), route.source
    )
    messages = Messages(os.urandom(4).hex().encode(), plan.size)
    dialer = LineDialer(reactor, endpoint, messages)
    return Dialed(target.name, dialer, plan, target, target.host)


def _checkRoute(route: Route) -> None:
    """
    Check that a route leaves some addresses.

    @raise Refusal: it leaves none.
    """
    if not route.addressTypes():
        raise Refusal(Reason.NO_ADDRESS)
