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
from echostamp.daemon.limitoptions import LimitOptions
from echostamp.daemon.monitoroptions import MonitorOptions
from echostamp.daemon.optionvalues import checkMapped, number, optionalNumber
from echostamp.daemon.reflectoroptions import ReflectorOptions
from echostamp.daemon.relayoptions import RelayOptions
from echostamp.daemon.shutdown import GRACE
from echostamp.daemon.startup import checkPlaces, holdStandardDescriptors
from echostamp.daemon.workeroptions import WorkerOptions
from echostamp.intercom.pace import BACKLOG, SURGE
from echostamp.line.settings import PAUSE
from echostamp.line.stamper import MAX_LENGTH
from echostamp.stamps import StampFormat, stampFormat
from echostamp.text import printable
from twisted import __version__ as twistedVersion

#: The longest C{--pause} and C{--grace}, in seconds.
LONGEST_PAUSE = 3600.0

#: The most octets that C{--max-length} accepts: with them the memory for a connection
#: stays within the promised 256 KiB.
LONGEST_MAX_LENGTH = 98_304

#: The most bytes that C{--backlog} accepts.
LONGEST_BACKLOG = 1 << 30


class Options(
    WorkerOptions,
    RelayOptions,
    LimitOptions,
    ReflectorOptions,
    HistoryOptions,
    MonitorOptions,
    usage.Options,
):
    """
    The options of C{twistd echostamp}, as texts and as values.

    A wrong option ends the process with one line on standard error.

    @ivar arguments: the command line that was parsed.
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

    arguments: list[str]
    endpoints: list[str]
    proxies: list[IPv4Network | IPv6Network]
    format: StampFormat
    pause: float
    maxLength: int
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
        self.arguments = list(options or ())
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
        self.checkRelay()
        self.checkWorkers()
        self.checkLimits()
        self.grace = number(self, "grace", float, 0, LONGEST_PAUSE)
        for name in "backlog", "no-notices", "no-commands":
            if self[name] and not self["intercom"]:
                raise usage.UsageError(f"--{name} goes with --intercom")
        self.backlog = (
            optionalNumber(self, "backlog", int, SURGE, LONGEST_BACKLOG) or BACKLOG
        )

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
