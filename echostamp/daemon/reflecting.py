"""
The service of the daemon's STAMP session-reflector.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.application.service import Service

from echostamp.addresses import addressName
from echostamp.daemon.reflectorrules import (
    ReflectorRules,
    logPackets,
    reflectorRules,
)


def boundSockets(
    places: Sequence[tuple[str, int]], workers: int = 1
) -> list[list[socket.socket]]:
    """
    Make the sockets of a session-reflector.  A place C{::} that follows another place
    is left out where the system has no IPv6.

    @param places: an address and a port for each.
    @param workers: how many processes will receive.
    @return: for each place a socket for each process.
    @raise OSError: an address is taken, or cannot be used; C{filename} names it.
    """
    # Imported here and not at the top: a daemon without a reflector starts sooner
    # without this module.
    from echostamp.rfc8762.sockets import boundUdpSockets

    made: list[list[socket.socket]] = []
    for host, port in places:
        if host == "::" and port == 0 and made:
            # Both families get the port that the system has chosen for IPv4.
            port = made[-1][0].getsockname()[1]
        try:
            made.append(boundUdpSockets(host, port, workers))
        except OSError as error:
            lacks = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
            if host == "::" and made and error.errno in lacks:
                continue
            for each in (each for sockets in made for each in sockets):
                each.close()
            error.filename = addressName(host, port)
            raise
    return made


def reflectorSockets(options: Any, workers: int = 1) -> list[list[socket.socket]]:
    """
    Make the sockets of the session-reflector that the options describe.

    @param options: see L{reflectorRules}.
    @param workers: see L{boundSockets}.
    @raise ValueError: an address is taken or cannot be used; the text says which and
        how.
    """
    try:
        return boundSockets(options.reflectors, workers)
    except OSError as error:
        raise ValueError(
            f"--reflector: cannot receive at {error.filename}: {error.strerror}"
        ) from None


def reflectingService(reactor: Any, options: Any) -> ReflectingService:
    """
    Make the service of the session-reflector that the options describe, for a daemon
    with one process.

    @param options: see L{reflectorRules}.
    @raise ValueError: the key file is wrong, or an address is taken or cannot be used;
        the text says which and how.
    """
    rules = reflectorRules(options)
    sockets = [each for (each,) in reflectorSockets(options)]
    return ReflectingService(reactor, sockets, rules)


class ReflectingService(Service):
    """
    Answers STAMP packets while the daemon runs.

    @ivar rules: what all ports have in common.
    """

    name = "reflecting"

    def __init__(
        self, reactor: Any, sockets: Sequence[socket.socket], rules: ReflectorRules
    ) -> None:
        """
        @param reactor: reads from the sockets.
        @param sockets: one for each place.
        @param rules: what all ports have in common.
        """
        self.rules = rules
        self._ports = [rules.port(reactor, each) for each in sockets]

    def startService(self) -> None:
        """
        Begin to answer, and log the address and the mode of each port.
        """
        Service.startService(self)
        for port in self._ports:
            port.startReading()
            self.rules.logPlace(port)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many packets had each fate."""
        return self.rules.counts

    def reload(self) -> None:
        """
        Read the key file again.

        @raise ValueError: the key file is wrong; the old keys stay in use.
        """
        self.rules.reload()

    def logCounts(self) -> None:
        """
        Log how many packets were answered, and how many were not and why.
        """
        logPackets(self.counts)

    def stopService(self) -> None:
        """
        Stop answering.
        """
        Service.stopService(self)
        for port in self._ports:
            port.close()
        self.logCounts()
