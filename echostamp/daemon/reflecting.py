"""
The service of the daemon's STAMP session-reflector.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.logger import Logger

from echostamp.addresses import STAMP_PORT, addressName, socketName
from echostamp.text import printable

if TYPE_CHECKING:
    from echostamp.rfc8762.policy import Shared

log = Logger(namespace="echostamp")


def boundSockets(places: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """
    Make the sockets of a session-reflector.  A place C{::} that follows another place
    is left out where the system has no IPv6.

    @param places: an address and a port for each socket.
    @raise OSError: an address is taken, or cannot be used; C{filename} names it.
    """
    # Imported here and not at the top: a daemon without a reflector starts sooner
    # without these modules.
    from echostamp.rfc8762.sockets import boundUdpSocket

    sockets: list[socket.socket] = []
    for host, port in places:
        if host == "::" and port == 0 and sockets:
            # Both families get the port that the system has chosen for IPv4.
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

    @raise ValueError: it cannot be read or is wrong; the text says how.
    """
    # Not at the top: see L{boundSockets}.
    from echostamp.rfc8762.keys import readKeys

    try:
        return readKeys(path)
    except ValueError as error:
        raise ValueError(f"--reflector-key {path!r}: {error}") from None


def reflectingService(reactor: Any, options: Any) -> ReflectingService:
    """
    Make the service of the session-reflector that the options describe.

    @param options: the L{ReflectorOptions
        <echostamp.daemon.reflectoroptions.ReflectorOptions>}.
    @raise ValueError: the key file is wrong, or an address is taken or cannot be used;
        the text says which and how.
    """
    # Not at the top: see L{boundSockets}.
    from echostamp.rfc8762.policy import Policy, Shared

    policy = Policy(
        allowed=options.allowed,
        perSource=options.perSource,
        total=options.total,
        dscp=bool(options["allow-dscp"]),
        isStateful=bool(options["stateful"]),
        ports=frozenset({STAMP_PORT, *options.answerPorts}),
        ptpAhead=0 if options["ptp-timescale"] == "utc" else None,
    )
    keyFile = options["reflector-key"]
    shared = Shared(policy, _keys(keyFile) if keyFile else {})
    try:
        sockets = boundSockets(options.reflectors)
    except OSError as error:
        raise ValueError(
            f"--reflector: cannot receive at {error.filename}: {error.strerror}"
        ) from None
    # twistd changes the working directory before the service starts.
    keyFile = os.path.abspath(keyFile) if keyFile else None
    return ReflectingService(reactor, sockets, shared, keyFile)


class ReflectingService(Service):
    """
    Answers STAMP packets while the daemon runs.
    """

    name = "reflecting"

    def __init__(
        self,
        reactor: Any,
        sockets: Sequence[socket.socket],
        shared: Shared,
        keyFile: str | None = None,
    ) -> None:
        """
        @param reactor: reads from the sockets.
        @param sockets: see L{boundSockets}.
        @param shared: the policy, the keys and the counts of all ports.
        @param keyFile: the absolute path of the key file; L{None} for no keys.
        """
        # Not at the top: see L{boundSockets}.
        from echostamp.rfc8762.port import Port
        from echostamp.rfc8762.reflector import Reflector

        self._reactor = reactor
        self._shared = shared
        self._keyFile = keyFile
        self._ports = []
        for each in sockets:
            reflector = Reflector(shared)
            port = Port(reactor, each, reflector, shared.policy.isStateful)
            reflector.port = port
            self._ports.append(port)

    def startService(self) -> None:
        """
        Begin to answer, and log the address and the mode of each port.
        """
        Service.startService(self)
        for port in self._ports:
            port.startReading()
            log.info(
                "answering STAMP at {address}, {mode}; arrivals stamped by {clock}, "
                "departures by this program{later}",
                address=socketName(port.address),
                mode="authenticated" if self._shared.keys else "unauthenticated",
                clock="the kernel" if port.stampsArrivals else "this program",
                later=", in follow-ups by the kernel" if port.stampsDepartures else "",
            )

    @property
    def counts(self) -> Mapping[str, int]:
        """How many packets had each fate."""
        return self._shared.counts

    def reload(self) -> None:
        """
        Read the key file again.

        @raise ValueError: the key file is wrong; the old keys stay in use.
        """
        if self._keyFile is not None:
            self._shared.keys = _keys(self._keyFile)

    def logCounts(self) -> None:
        """
        Log how many packets were answered, and how many were not and why.
        """
        counts = self._shared.counts
        text = ", ".join(f"{counts[what]} {what}" for what in sorted(counts))
        log.info("STAMP packets: {text}", text=printable(text or "none"))

    def stopService(self) -> None:
        """
        Stop answering.
        """
        Service.stopService(self)
        for port in self._ports:
            port.close()
        self.logCounts()
