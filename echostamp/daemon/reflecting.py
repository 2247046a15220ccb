"""
STAMP in the daemon: the options of the session-reflector, and its service.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
from collections.abc import Callable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.logger import Logger
from twisted.python import usage

from echostamp.addresses import STAMP_PORT, addressName
from echostamp.daemon.optionvalues import number
from echostamp.text import printable

if TYPE_CHECKING:
    from echostamp.rfc8762.policy import Shared

#: Both families.
_ALL = ("0.0.0.0", "::")

#: The most packets a second that an option may ask for.
_MOST_PPS = 10_000_000

_PLACE = re.compile(
    r"(?:(?P<v4>[\d.]+)|\[(?P<v6>[^]]+)\])(?::(?P<port>\d{1,5}))?", re.ASCII
)

log = Logger(namespace="echostamp")


class ReflectorOptions(usage.Options):
    """
    The options of the session-reflector.
    """

    optParameters = [
        [
            "reflector-key",
            None,
            None,
            "File with the keys of STAMP's authenticated mode: in each line an SSID, "
            "or *, and a key in hexadecimal digits. Nothing else is answered then.",
        ],
        [
            "max-pps",
            None,
            "5000",
            "STAMP packets a second that one source gets answered: an IPv4 address or "
            "an IPv6 /64.",
        ],
        [
            "max-total-pps",
            None,
            "50000",
            "STAMP packets a second that are answered.",
        ],
        [
            "ptp-timescale",
            None,
            "tai",
            "What timestamps in PTP's format count in: tai or utc.",
        ],
    ]
    optFlags = [
        [
            "stateful",
            None,
            "Number STAMP replies by session, so that loss is told for each direction; "
            "with --allow or --reflector-key.",
        ],
        [
            "allow-dscp",
            None,
            "Mark STAMP replies as the requests were marked, or ask for.",
        ],
    ]

    reflectors: list[tuple[str, int]]
    allowed: list[IPv4Network | IPv6Network]
    perSource: int
    total: int

    def opt_reflector(self, place: str) -> None:
        """
        Answer STAMP (RFC 8762) at [ADDR:]PORT, repeatable; at port 862 where there is
        only ADDR.
        """
        try:
            self.reflectors += parsePlace(place)
        except ValueError as error:
            raise usage.UsageError(f"--reflector {place!r}: {error}") from None

    def opt_allow(self, network: str) -> None:
        """
        Network whose STAMP packets are answered, repeatable (default all).
        """
        try:
            allowed = ip_network(network)
            _checkMapped(allowed.network_address)
        except ValueError as error:
            raise usage.UsageError(f"--allow {network!r}: {error}") from None
        self.allowed.append(allowed)

    def checkReflector(self) -> None:
        """
        Turn the texts into values, and see whether they go together.

        @raise usage.UsageError: one is wrong, or they do not.
        """
        self.perSource = number(self, "max-pps", int, 1, _MOST_PPS)
        self.total = number(self, "max-total-pps", int, 1, _MOST_PPS)
        if self["ptp-timescale"] not in ("tai", "utc"):
            raise usage.UsageError(
                f"--ptp-timescale {self['ptp-timescale']!r}: neither tai nor utc"
            )
        given = [
            name
            for name, value in [
                ("reflector-key", self["reflector-key"]),
                ("stateful", self["stateful"]),
                ("allow-dscp", self["allow-dscp"]),
                ("allow", self.allowed),
                *(
                    (name, self[name] != self.defaults[name])
                    for name in ("max-pps", "max-total-pps", "ptp-timescale")
                ),
            ]
            if value
        ]
        if given and not self.reflectors:
            raise usage.UsageError(f"--{given[0]} goes with --reflector")
        if self["stateful"] and not (self.allowed or self["reflector-key"]):
            # Whoever forges sources could fill its memory.
            raise usage.UsageError("--stateful goes with --allow or --reflector-key")


def parsePlace(text: str) -> list[tuple[str, int]]:
    """
    Read where to answer.

    @return: addresses and ports.
    @raise ValueError: it is no place.
    """
    if text.isascii() and text.isdecimal():
        return [(host, _port(text)) for host in _ALL]
    match = _PLACE.fullmatch(f"[{text}]" if isIPv6Address(text) else text)
    if match is None:
        raise ValueError("not a port, an IP address, or both as ADDR:STAMP_PORT")
    host = match["v4"] or match["v6"]
    if not (isIPAddress(host) if match["v4"] else isIPv6Address(host)):
        raise ValueError(f"{host!r} is not an IP address")
    address = ip_address(host.partition("%")[0])
    if address.is_multicast or host == "255.255.255.255":
        raise ValueError(f"{host} is not the address of one machine")
    _checkMapped(address)
    if address.version == 6 and address.is_link_local and "%" not in host:
        raise ValueError(f"a link-local address needs its link, as {host}%eth0")
    return [(host, _port(match["port"] or str(STAMP_PORT)))]


def _checkMapped(address: IPv4Address | IPv6Address) -> None:
    """
    See that an address of IPv4 is not written as one of IPv6: nobody has such a one.

    @raise ValueError: it is.
    """
    if address.version == 6 and address.ipv4_mapped is not None:
        raise ValueError(f"an IPv4 address is written as {address.ipv4_mapped}")


def _port(text: str) -> int:
    """
    Read a port.

    @raise ValueError: it is none.
    """
    if len(text) > 5 or int(text) > 65535:
        raise ValueError(f"{text} is not a port from 0 to 65535")
    return int(text)


def boundSockets(places: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """
    Make the sockets of a session-reflector.  Of a port at all addresses that of IPv6 is
    left out where the system has none.

    @raise OSError: an address cannot be had; its C{filename} says which.
    """
    from echostamp.rfc8762.sockets import boundUdpSocket

    sockets: list[socket.socket] = []
    for host, port in places:
        if host == "::" and port == 0 and sockets:
            # As for IPv4: one port for both.
            port = sockets[-1].getsockname()[1]
        try:
            sockets.append(boundUdpSocket(host, port))
        except OSError as error:
            lacks = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
            if host == "::" and sockets and error.errno in lacks:
                continue
            for each in sockets:
                each.close()
            error.filename = addressName(host, port)
            raise
    return sockets


def _keys(path: str) -> Any:
    """
    Read the key file.

    @raise ValueError: with a text that says what is wrong with it.
    """
    from echostamp.rfc8762.keys import readKeys

    try:
        return readKeys(path)
    except ValueError as error:
        raise ValueError(f"--reflector-key {path!r}: {error}") from None


def reflectingService(reactor: Any, options: Any) -> ReflectingService:
    """
    Put the session-reflector together.

    @param options: L{ReflectorOptions}.
    @raise ValueError: with a text that says what is wrong, where a key file is, or an
        address cannot be had.
    """
    from echostamp.rfc8762.policy import Policy, Shared

    policy = Policy(
        options.allowed,
        options.perSource,
        options.total,
        bool(options["allow-dscp"]),
        bool(options["stateful"]),
        0 if options["ptp-timescale"] == "utc" else None,
    )
    keyFile = options["reflector-key"]
    shared = Shared(policy, _keys(keyFile) if keyFile else {})
    try:
        sockets = boundSockets(options.reflectors)
    except OSError as error:
        raise ValueError(
            f"--reflector: cannot receive at {error.filename}: {error.strerror}"
        ) from None
    # twistd goes elsewhere before the service starts.
    keyFile = os.path.abspath(keyFile) if keyFile else None
    return ReflectingService(reactor, sockets, shared, keyFile)


class ReflectingService(Service):
    """
    Answer STAMP while the daemon runs.
    """

    name = "reflecting"

    def __init__(
        self,
        reactor: Any,
        sockets: Sequence[socket.socket],
        shared: Shared,
        keyFile: str | None = None,
        setHandler: Callable[[int, Any], object] = signal.signal,
    ) -> None:
        """
        @param reactor: reads from the sockets.
        @param sockets: as L{boundSockets} makes them.
        @param shared: whom to answer, and how.
        @param keyFile: where its keys are from, if it has any.
        @param setHandler: installs the handler of a signal.
        """
        from echostamp.rfc8762.port import Port
        from echostamp.rfc8762.reflector import Reflector

        self._reactor = reactor
        self._shared = shared
        self._keyFile = keyFile
        self._setHandler = setHandler
        self._handledBefore: object = None
        self._ports = []
        for each in sockets:
            reflector = Reflector(shared)
            port = Port(reactor, each, reflector, shared.policy.isStateful)
            reflector.port = port
            self._ports.append(port)

    def startService(self) -> None:
        """
        Begin to answer.
        """
        Service.startService(self)
        self._handledBefore = self._setHandler(signal.SIGUSR1, self._asked)
        for port in self._ports:
            port.startReading()
            log.info(
                "answering STAMP at {address}, {mode}; arrivals stamped by {clock}, "
                "departures by this program{later}",
                address=addressName(*port.address[:2]),
                mode="authenticated" if self._shared.keys else "unauthenticated",
                clock="the kernel" if port.stampsArrivals else "this program",
                later=", in follow-ups by the kernel" if port.stampsDepartures else "",
            )

    def reload(self) -> None:
        """
        Read the key file again.

        @raise ValueError: the key file is wrong.
        """
        if self._keyFile is not None:
            self._shared.keys = _keys(self._keyFile)

    def _asked(self, number: int, frame: object) -> None:
        """
        SIGUSR1 has come, in the middle of anything.  It may have another meaning, too:
        twistd begins a new log file at it.
        """
        if callable(self._handledBefore):
            self._handledBefore(number, frame)
        self._reactor.callFromThread(self._sayCounts)

    def _sayCounts(self) -> None:
        """
        Say what became of the packets.
        """
        counts = self._shared.counts
        text = ", ".join(f"{counts[what]} {what}" for what in sorted(counts))
        log.info("STAMP packets: {text}", text=printable(text or "none"))

    def stopService(self) -> None:
        """
        Answer no more.
        """
        Service.stopService(self)
        for port in self._ports:
            port.close()
        self._sayCounts()
