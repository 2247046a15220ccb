"""
The daemon: its options, and how its parts are put together.
"""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NoReturn, cast

from twisted.application.service import IService
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import quoteStringArgument
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.python import usage

from echostamp import __version__
from echostamp.addresses import ECHO_PORT
from echostamp.daemon.limits import (
    PEER_TIMEOUT,
    Gate,
    LimitedVisitors,
    acknowledged,
    mostConnections,
    watchPeer,
)
from echostamp.daemon.optionvalues import number, optionalNumber
from echostamp.daemon.reflecting import ReflectorOptions, reflectingService
from echostamp.daemon.shutdown import GRACE, DrainingService
from echostamp.daemon.systemd import Notifier, NotifyingService
from echostamp.intercom.pace import BACKLOG, SURGE
from echostamp.intercom.room import Intercom
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.sending import replySender
from echostamp.line.settings import PAUSE, EchoSettings
from echostamp.line.stamper import MAX_LENGTH
from echostamp.listen.preparing import (
    ListeningService,
    PreparingReactor,
    preparedPort,
)
from echostamp.listen.readers import Readers
from echostamp.stamps import StampFormat, stampFormat
from echostamp.text import printable
from twisted import __version__ as twistedVersion

log = Logger(namespace="echostamp")

#: The longest pause, in seconds.
LONGEST_PAUSE = 3600.0

#: The longest that a connection may be idle, or stand, in seconds: a year.
LONGEST_TIME = 31_536_000.0

#: The most octets that C{--max-length} may ask for: with them a connection's share
#: of memory stays within the promised 256 KiB.
LONGEST_MAX_LENGTH = 98_304

#: The most bytes that C{--backlog} may ask for.
LONGEST_BACKLOG = 1 << 30


class Options(ReflectorOptions, usage.Options):
    """
    What stands behind C{twistd echostamp}.

    A wrong option ends the process with one line on standard error.
    """

    synopsis = "[options]"
    longdesc = (
        "Send each line that comes back with the time at which it came in front: "
        "[Mon Dec 14 09:30:00 2015] line. Try it with nc, telnet or echostamp talk."
    )

    optParameters = [
        ["port", "p", None, f"TCP port to listen on, 0 for any (default {ECHO_PORT})."],
        ["interface", "i", None, "Address to listen on (default all, IPv6 and IPv4)."],
        [
            "format",
            "f",
            "ctime",
            "How stamps look: ctime, iso, unix, or a strftime pattern.",
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
            "Connections at a time (default: what the limit of descriptors leaves).",
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
            "Seconds that a connection may be without a whole message and without "
            "taking a reply (default: for ever).",
        ],
        [
            "max-age",
            None,
            None,
            "Seconds that a connection may stand (default: for ever).",
        ],
        [
            "peer-timeout",
            None,
            str(PEER_TIMEOUT),
            "Seconds after which a peer that acknowledges nothing has vanished.",
        ],
        [
            "grace",
            None,
            f"{GRACE:g}",
            "Seconds that connections may take to be drained when the daemon stops.",
        ],
        [
            "backlog",
            None,
            None,
            "Bytes that a client of the intercom may be behind before it is cut "
            f"(default {BACKLOG}).",
        ],
    ]
    optFlags = [
        ["utc", None, "Print UTC and not the local time."],
        ["intercom", None, "Tell what one client says to all the others."],
        ["no-notices", None, "Do not tell them who comes and goes."],
    ]

    #: What the options come to, once they have been read.
    endpoints: list[str]
    proxies: list[IPv4Network | IPv6Network]
    format: StampFormat
    pause: float
    maxLength: int
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

    def opt_endpoint(self, description: str) -> None:
        """
        Twisted server endpoint to listen on, repeatable; a number is a TCP port.
        """
        # Python reads no number of thousands of digits.
        isNumber = description.isdecimal()
        if isNumber and (len(description) > 5 or int(description) > 65535):
            raise usage.UsageError(
                f"--endpoint {description!r}: not a port from 0 to 65535"
            )
        self.endpoints.append(description)

    opt_e = opt_endpoint

    def opt_proxy_from(self, network: str) -> None:
        """
        Network whose PROXY headers are believed, for proxy: endpoints, repeatable.
        """
        try:
            self.proxies.append(ip_network(network))
        except ValueError as error:
            raise usage.UsageError(f"--proxy-from {network!r}: {error}") from None

    def opt_version(self) -> NoReturn:
        """
        Show EchoStamp's version and exit.
        """
        print(f"EchoStamp {__version__} (Twisted {twistedVersion})")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line.

        @raise SystemExit: with a line that says what is wrong.
        """
        try:
            usage.Options.parseOptions(self, options)
        except usage.UsageError as error:
            raise SystemExit(printable(f"echostamp: {error}")) from None

    def parseArgs(self, *args: str) -> None:
        """
        Take no arguments.
        """
        if args:
            raise usage.UsageError(f"unexpected argument: {args[0]!r}")

    def postOptions(self) -> None:
        """
        Turn the texts into values.
        """
        try:
            self.format = stampFormat(self["format"], bool(self["utc"]))
        except ValueError as error:
            raise usage.UsageError(f"--format {self['format']!r}: {error}") from None
        self.pause = number(self, "pause", float, 0, LONGEST_PAUSE)
        self.maxLength = number(self, "max-length", int, 1, LONGEST_MAX_LENGTH)
        self._addPort()
        self.checkReflector()
        # A port of STAMP's has a socket, and perhaps an epoll.
        most = mostConnections(len(self.endpoints) + 2 * len(self.reflectors))
        if most < 1:
            raise usage.UsageError("the limit of open files leaves no connection")
        self.maxConnections = (
            optionalNumber(self, "max-connections", int, 1, most) or most
        )
        self.maxPerHost = optionalNumber(self, "max-per-host", int, 1, most)
        self.idleTimeout = optionalNumber(
            self, "idle-timeout", float, 0.1, LONGEST_TIME
        )
        self.maxAge = optionalNumber(self, "max-age", float, 0.1, LONGEST_TIME)
        self.peerTimeout = number(self, "peer-timeout", int, 1, 32_767)
        self.grace = number(self, "grace", float, 0, LONGEST_PAUSE)
        for name in "backlog", "no-notices":
            if self[name] and not self["intercom"]:
                raise usage.UsageError(f"--{name} goes with --intercom")
        self.backlog = (
            optionalNumber(self, "backlog", int, SURGE, LONGEST_BACKLOG) or BACKLOG
        )

    def _addPort(self) -> None:
        """
        Make an endpoint of C{--port} and C{--interface}.
        """
        interface = self["interface"]
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
        self.endpoints.insert(
            0, f"tcp:{port}:interface={quoteStringArgument(interface)}"
        )


def makeService(options: Options) -> IService:
    """
    Put the daemon together.

    @raise SystemExit: with a line that says what is wrong, where an endpoint does
        not parse or its address cannot be had.  Nothing listens then.
    """
    from twisted.internet import reactor

    # Twisted's timers go by the time of day, which may be set: back, and they stand
    # still, the watchdog's too; forward, and all of them are due at once.
    cast(Any, reactor).seconds = time.monotonic
    visitors = LimitedVisitors(
        reactor, options.idleTimeout, options.maxAge, options.grace
    )
    intercom = Intercom(
        reactor, options.backlog, not options["no-notices"], acknowledged
    )
    factory = TimestampEchoFactory(
        reactor,
        EchoSettings(options.format, options.pause, options.maxLength),
        connectionLog=visitors,
        sender=intercom.join if options["intercom"] else replySender,
    )
    counts: Counter[str] = Counter()

    def door(inner: IProtocolFactory) -> IProtocolFactory:
        return Gate(
            inner, visitors.refused, options.maxConnections, options.maxPerHost, counts
        )

    def proxyDoor(inner: IProtocolFactory) -> IProtocolFactory:
        from echostamp.listen.proxy import ProxyFactory

        # Behind a proxy, who a connection is of is known when its header is there.
        hosts = Gate(inner, visitors.refused, None, options.maxPerHost, counts)
        proxies = ProxyFactory(
            reactor, hosts, options.proxies, refused=visitors.refused
        )
        return Gate(proxies, visitors.refused, options.maxConnections, None, counts)

    preparing = PreparingReactor(
        reactor,
        door,
        proxyDoor if options.proxies else None,
        lambda bound: watchPeer(bound, options.peerTimeout),
        visitors,
        # twistd goes there before the service starts.
        "" if options.parent is None else options.parent.get("rundir", ""),
        Readers(reactor) if hasattr(select, "epoll") else None,
    )
    prepared = []
    for description in options.endpoints:
        try:
            prepared.append(preparedPort(preparing, description, factory))
        except ValueError as error:
            why = f"--endpoint {description!r}: {error}"
        except OSError as error:
            what = f" ({error.filename})" if error.filename else ""
            why = f"cannot listen on {description!r}: {error.strerror or error}{what}"
        else:
            continue
        raise SystemExit(printable(f"echostamp: {why}"))
    notifier = Notifier(os.environ)

    def reload() -> None:
        notifier.reloading()
        try:
            for what, each in reloads:
                try:
                    each()
                except ValueError as error:
                    log.error("not reloaded: {error}", error=printable(str(error)))
                else:
                    log.info("{what} reloaded", what=what)
        finally:
            notifier.ready()

    reloads = [("certificates", each) for each in preparing.reloads]
    reflecting: list[Any] = []
    if options.reflectors:
        try:
            reflecting.append(reflectingService(reactor, options))
        except ValueError as error:
            raise SystemExit(printable(f"echostamp: {error}")) from None
        if options["reflector-key"]:
            reloads.append(("keys of STAMP", reflecting[0].reload))
    services = NotifyingService(reactor, notifier)
    # They are stopped in the reverse order: nobody comes in while the others leave.
    parts: list[Any] = [
        DrainingService(reactor, factory, options.grace, reload, lambda: counts[""]),
        ListeningService(prepared),
        *reflecting,
    ]
    for part in parts:
        part.setServiceParent(services)
    return services
