"""
The options of C{twistd echostamp}.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NoReturn

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import quoteStringArgument
from twisted.python import usage

from echostamp import __version__
from echostamp.addresses import ECHO_PORT, checkOwn
from echostamp.daemon.historyoptions import HistoryOptions
from echostamp.daemon.monitoroptions import MonitorOptions
from echostamp.daemon.optionvalues import checkMapped, number, optionalNumber
from echostamp.daemon.reflectoroptions import ReflectorOptions
from echostamp.daemon.shutdown import GRACE
from echostamp.daemon.startup import checkPlaces, holdStandardDescriptors
from echostamp.intercom.pace import BACKLOG, SURGE
from echostamp.line.settings import PAUSE
from echostamp.line.stamper import MAX_LENGTH
from echostamp.listen.gate import mostConnections
from echostamp.listen.sockets import PEER_TIMEOUT
from echostamp.stamps import StampFormat, stampFormat
from echostamp.text import printable
from twisted import __version__ as twistedVersion

#: The longest C{--pause} and C{--grace}, in seconds.
LONGEST_PAUSE = 3600.0

#: The longest C{--idle-timeout} and C{--max-age}, in seconds: a year.
LONGEST_TIME = 31_536_000.0

#: The longest C{--peer-timeout}, in seconds: the kernel's limit of TCP_KEEPIDLE.
LONGEST_PEER_TIMEOUT = 32_767

#: The most octets that C{--max-length} accepts: with them the memory for a connection
#: stays within the promised 256 KiB.
LONGEST_MAX_LENGTH = 98_304

#: The most bytes that C{--backlog} accepts.
LONGEST_BACKLOG = 1 << 30


class Options(ReflectorOptions, HistoryOptions, MonitorOptions, usage.Options):
    """
    The options of C{twistd echostamp}, as texts and as values.

    A wrong option ends the process with one line on standard error.
    """

    synopsis = "[options]"
    longdesc = (
        "Send back every line that is received, with the time of its arrival in front: "
        "[Mon Dec 14 09:30:00 2015] line. Try it with nc, telnet or echostamp talk."
    )

    optParameters = [
        ["port", "p", None, f"TCP port to listen on, 0 for any (default {ECHO_PORT})."],
        ["interface", "i", None, "Address to listen on (default: all, IPv6 and IPv4)."],
        [
            "format",
            "f",
            "ctime",
            "Format of the stamps: ctime, iso, unix, or a strftime pattern.",
        ],
        [
            "pause",
            None,
            str(PAUSE),
            "Seconds without input that end a message before a connection's first "
            "newline; 0: each read is a message.",
        ],
        [
            "max-length",
            None,
            str(MAX_LENGTH),
            "Octets after which a message is stamped before it has ended.",
        ],
        [
            "max-connections",
            None,
            None,
            "Connections at a time (default: what the limit of open files allows).",
        ],
        [
            "max-per-host",
            None,
            None,
            "Connections of one host at a time: an IPv4 address or an IPv6 /64 "
            "(default: any number).",
        ],
        [
            "idle-timeout",
            None,
            None,
            "Close a connection after this many seconds without a complete message or "
            "a reply being read (default: never).",
        ],
        [
            "max-age",
            None,
            None,
            "Close a connection after this many seconds, even a busy one "
            "(default: never).",
        ],
        [
            "peer-timeout",
            None,
            str(PEER_TIMEOUT),
            "Close a connection whose peer acknowledges nothing for this many seconds.",
        ],
        [
            "grace",
            None,
            f"{GRACE:g}",
            "Seconds to answer and close the connections when the daemon stops.",
        ],
        [
            "backlog",
            None,
            None,
            "Bytes that may be queued for a client of the intercom before it is "
            f"disconnected (default {BACKLOG}).",
        ],
    ]
    optFlags = [
        ["utc", None, "Print UTC instead of local time."],
        ["intercom", None, "Send each client's messages to all other clients."],
        ["no-notices", None, "Announce no joins, leaves or renames in the intercom."],
        [
            "no-commands",
            None,
            "Pass on the intercom's commands like any message, except a client's first "
            "/name.",
        ],
    ]

    endpoints: list[str]
    proxies: list[IPv4Network | IPv6Network]
    format: StampFormat
    pause: float
    maxLength: int
    mostConnections: int
    maxConnections: int
    maxPerHost: int | None
    idleTimeout: float | None
    maxAge: float | None
    peerTimeout: int
    grace: float
    backlog: int

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self.endpoints = []
        self.proxies = []
        self.reflectors = []
        self.allowed = []
        self.answerPorts = []
        self.peersFiles = []
        self.webPlaces = []

    def opt_endpoint(self, description: str) -> None:
        """
        Listen on this Twisted server endpoint, repeatable; a number is a TCP port.
        """
        # The length first: Python does not convert a number of thousands of digits.
        isNumber = description.isdecimal()
        if isNumber and (len(description) > 5 or int(description) > 65535):
            raise usage.UsageError(
                f"--endpoint {description!r}: not a port from 0 to 65535"
            )
        self.endpoints.append(description)

    opt_e = opt_endpoint

    def opt_proxy_from(self, network: str) -> None:
        """
        Accept PROXY headers from this network, repeatable, for proxy: endpoints.
        """
        try:
            trusted = ip_network(network)
            checkMapped(trusted.network_address)
        except ValueError as error:
            raise usage.UsageError(f"--proxy-from {network!r}: {error}") from None
        self.proxies.append(trusted)

    def opt_version(self) -> NoReturn:
        """
        Show EchoStamp's version and exit.
        """
        print(f"EchoStamp {__version__} (Twisted {twistedVersion})")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse the command line.

        @raise SystemExit: it is wrong; one line says how.
        """
        holdStandardDescriptors()
        try:
            usage.Options.parseOptions(self, options)
            checkPlaces(self.parent or {})
        except usage.UsageError as error:
            raise SystemExit(printable(f"echostamp: {error}")) from None

    def parseArgs(self, *args: str) -> None:
        """
        Refuse arguments that are not options.
        """
        if args:
            raise usage.UsageError(f"unexpected argument: {args[0]!r}")

    def postOptions(self) -> None:
        """
        Convert the texts to values, and check that they go together.

        @raise usage.UsageError: a value is wrong, or the options do not go together.
        """
        try:
            self.format = stampFormat(self["format"], bool(self["utc"]))
        except ValueError as error:
            raise usage.UsageError(f"--format {self['format']!r}: {error}") from None
        self.pause = number(self, "pause", float, 0, LONGEST_PAUSE)
        self.maxLength = number(self, "max-length", int, 1, LONGEST_MAX_LENGTH)
        self.checkHistory()
        self.checkMonitor()
        self._addPort()
        self.checkReflector()
        self._setLimits()
        self.grace = number(self, "grace", float, 0, LONGEST_PAUSE)
        for name in "backlog", "no-notices", "no-commands":
            if self[name] and not self["intercom"]:
                raise usage.UsageError(f"--{name} goes with --intercom")
        self.backlog = (
            optionalNumber(self, "backlog", int, SURGE, LONGEST_BACKLOG) or BACKLOG
        )

    def _setLimits(self) -> None:
        """
        Convert the limits of connections.

        @raise usage.UsageError: a value is wrong, or no connection is possible.
        """
        # Each of STAMP's ports has a socket, and perhaps an epoll.
        most = mostConnections(len(self.endpoints) + 2 * len(self.reflectors))
        if most < 1:
            raise usage.UsageError("the limit of open files leaves no connection")
        self.mostConnections = most
        self.maxConnections = (
            optionalNumber(self, "max-connections", int, 1, most) or most
        )
        self.maxPerHost = optionalNumber(self, "max-per-host", int, 1, most)
        self.idleTimeout = optionalNumber(
            self, "idle-timeout", float, 0.1, LONGEST_TIME
        )
        self.maxAge = optionalNumber(self, "max-age", float, 0.1, LONGEST_TIME)
        self.peerTimeout = number(self, "peer-timeout", int, 1, LONGEST_PEER_TIMEOUT)

    def _addPort(self) -> None:
        """
        Make an endpoint of C{--port} and C{--interface}.

        @raise usage.UsageError: one of them is wrong.
        """
        interface = self["interface"]
        if self["no-echo"]:
            for name in "port", "interface":
                if self[name] is not None:
                    raise usage.UsageError(f"--{name} does not go with --no-echo")
            if self.endpoints:
                raise usage.UsageError("--endpoint does not go with --no-echo")
            return
        if self["port"] is None and self.endpoints:
            if interface is not None:
                raise usage.UsageError(
                    "--interface goes with --port; an endpoint has interface=ADDRESS"
                )
            return
        port = (
            ECHO_PORT if self["port"] is None else number(self, "port", int, 0, 65535)
        )
        if interface is None:
            self.endpoints.insert(0, f"tcp:{port}")
            return
        if not (isIPAddress(interface) or isIPv6Address(interface)):
            raise usage.UsageError(f"--interface {interface!r}: not an IP address")
        try:
            checkOwn(interface)
        except ValueError as error:
            raise usage.UsageError(f"--interface {interface!r}: {error}") from None
        self.endpoints.insert(
            0, f"tcp:{port}:interface={quoteStringArgument(interface)}"
        )
