"""
The options of the daemon's STAMP session-reflector.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Network,
    IPv6Network,
    ip_address,
    ip_network,
)

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.python import usage

from echostamp.addresses import STAMP_PORT, checkOwn, parseHostPort
from echostamp.daemon.optionvalues import checkMapped, number

#: All addresses of both families.
_ALL = ("0.0.0.0", "::")

#: Packets from this port on are answered without an option.
_LEAST_ANSWERED = 1024

#: The most packets a second that an option may ask for.
_MOST_PPS = 10_000_000


class ReflectorOptions(usage.Options):
    """
    The options of the session-reflector, as texts and as values.
    """

    optParameters = [
        [
            "reflector-key",
            None,
            None,
            "File with the keys of STAMP's authenticated mode. Each line is an SSID, "
            "or *, and a key in hexadecimal digits. Only packets of this mode are "
            "answered then.",
        ],
        [
            "max-pps",
            None,
            "5000",
            "Answer at most this many STAMP packets a second of one source: an IPv4 "
            "address or an IPv6 /64.",
        ],
        [
            "max-total-pps",
            None,
            "50000",
            "Answer at most this many STAMP packets a second.",
        ],
        [
            "ptp-timescale",
            None,
            "tai",
            "Timescale of timestamps in PTP's format: tai or utc.",
        ],
    ]
    optFlags = [
        [
            "stateful",
            None,
            "Number STAMP replies by session, so that senders see the loss of each "
            "direction; with --allow or --reflector-key.",
        ],
        [
            "allow-dscp",
            None,
            "Mark STAMP replies with the DSCP of the request, or the one it asks for.",
        ],
    ]

    reflectors: list[tuple[str, int]]
    allowed: list[IPv4Network | IPv6Network]
    answerPorts: list[int]
    perSource: int
    total: int

    def opt_reflector(self, place: str) -> None:
        """
        Answer STAMP (RFC 8762) at [ADDR:]PORT, repeatable; ADDR alone has port 862.
        """
        try:
            self.reflectors += parsePlace(place)
        except ValueError as error:
            raise usage.UsageError(f"--reflector {place!r}: {error}") from None

    def opt_allow(self, network: str) -> None:
        """
        Answer STAMP packets from this network, repeatable (default: all networks).
        """
        try:
            allowed = ip_network(network)
            checkMapped(allowed.network_address)
        except ValueError as error:
            raise usage.UsageError(f"--allow {network!r}: {error}") from None
        self.allowed.append(allowed)

    def opt_answer_port(self, port: str) -> None:
        """
        Answer STAMP packets from this port below 1024, too, repeatable (default: 862).
        """
        # The length first: Python does not convert a number of thousands of digits.
        isNumber = port.isascii() and port.isdecimal() and len(port) <= 5
        if not (isNumber and 0 < int(port) < _LEAST_ANSWERED):
            raise usage.UsageError(
                f"--answer-port {port!r}: not a port from 1 to {_LEAST_ANSWERED - 1}; "
                "packets from all others are answered"
            )
        self.answerPorts.append(int(port))

    def checkReflector(self) -> None:
        """
        Convert the texts to values, and check that they go together.

        @raise usage.UsageError: a value is wrong, or the options do not go together.
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
                ("answer-port", self.answerPorts),
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
            # A sender with forged sources could use up the places of sessions.
            raise usage.UsageError("--stateful goes with --allow or --reflector-key")


def parsePlace(text: str) -> list[tuple[str, int]]:
    """
    Parse an address to receive at: C{PORT}, C{ADDR} or C{ADDR:PORT}.

    @return: addresses and ports; all addresses where the text has none.
    @raise ValueError: the text is wrong.
    """
    if text.isascii() and text.isdecimal():
        if len(text) > 5 or int(text) > 65535:
            raise ValueError(f"{text} is not a port from 0 to 65535")
        return [(host, int(text)) for host in _ALL]
    host, port = parseHostPort(text, STAMP_PORT, least=0) or ("", 0)
    if not (isIPAddress(host) or isIPv6Address(host)):
        raise ValueError("not a port, an IP address, or both as ADDR:PORT")
    checkOwn(host)
    checkMapped(ip_address(host.partition("%")[0]))
    return [(host, port)]
