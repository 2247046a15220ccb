"""
The session-reflector of a daemon with several processes.

The parent binds the sockets and keeps them as long as it runs.  A worker reads those
that it is told to read.  So the kernel sends each flow to the same socket, whichever
process reads it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from echostamp.daemon.reflecting import reflectorSockets
from echostamp.daemon.reflectorrules import ReflectorRules, reflectorRules
from echostamp.keyfiles import Files

if TYPE_CHECKING:
    from echostamp.rfc8762.port import Port
    from echostamp.rfc8762.sessions import Sessions


class KeptReflector:
    """
    The parent's part: it keeps the sockets, and reads none.

    @ivar rules: the policy, and the keys, which are checked here before the workers get
        them.
    @ivar places: for each place a socket for each worker.
    """

    def __init__(
        self, places: Sequence[Sequence[socket.socket]], rules: ReflectorRules
    ) -> None:
        """
        @param places: see L{boundSockets <echostamp.daemon.reflecting.boundSockets>}.
        @param rules: see L{ReflectorRules}.
        """
        self.rules = rules
        self.places = places
        # From now on the kernel stamps the packets, also those that wait for a worker.
        self._ports = [[rules.port(None, each) for each in place] for place in places]

    def logPlaces(self) -> None:
        """
        Log the address and the mode of each place.
        """
        for ports in self._ports:
            self.rules.logPlace(ports[0])

    def close(self) -> None:
        """
        Close the sockets.
        """
        for each in (each for place in self.places for each in place):
            each.close()


class WorkerReflector:
    """
    A worker's part: it answers at the sockets that it is told to read.

    @ivar rules: the policy, the keys, and the counts of this worker.
    """

    def __init__(
        self,
        reactor: Any,
        places: Sequence[Sequence[int]],
        rules: ReflectorRules,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param reactor: reads from the sockets.
        @param places: for each place the descriptor of each worker's socket.
        @param rules: see L{ReflectorRules}.
        @param monotonic: gives nanoseconds by a clock that is never set.
        """
        self.rules = rules
        self._reactor = reactor
        # Those of each worker, of all places.
        self._kept = dict(enumerate(zip(*places, strict=True)))
        self._monotonic = monotonic
        self._reading: dict[int, tuple[Sessions, list[Port]]] = {}

    def read(self, indexes: Collection[int]) -> int:
        """
        Read exactly the sockets of some workers.

        @param indexes: those workers' numbers, less 1.
        @return: how many sessions end with the sockets that are not read any more:
            whoever reads these next begins them at zero.
        @raise KeyError: there is no such worker, or L{closeOthers} has closed its
            sockets.
        """
        # Not at the top: see L{ReflectorRules.port}.
        from echostamp.rfc8762.sessions import Sessions

        ended = 0
        for index in self._reading.keys() - set(indexes):
            sessions, ports = self._reading.pop(index)
            ended += sessions.living(self._monotonic())
            for port in ports:
                port.close()
        for index in set(indexes) - self._reading.keys():
            sessions = Sessions()
            ports = [
                self.rules.port(self._reactor, _duplicate(each), sessions)
                for each in self._kept[index]
            ]
            self._reading[index] = sessions, ports
            for port in ports:
                port.startReading()
        return ended

    def closeOthers(self) -> None:
        """
        Close the descriptors of the sockets that are not read.
        """
        for index in self._kept.keys() - self._reading.keys():
            for each in self._kept.pop(index):
                os.close(each)

    def close(self) -> None:
        """
        Stop answering, and close all descriptors.
        """
        self.read(())
        self.closeOthers()


def _duplicate(descriptor: int) -> socket.socket:
    """
    Give a socket of our own that can be closed while the descriptor stays open.
    """
    made = socket.socket(fileno=os.dup(descriptor))
    made.setblocking(False)
    return made


def keptReflector(options: Any, workers: int, files: Files) -> KeptReflector:
    """
    Make the parent's part.

    @param options: see L{reflectorRules}.
    @param workers: how many there are.
    @param files: reads the key file, and keeps it for the workers.
    @raise ValueError: the key file is wrong, or an address is taken or cannot be used;
        the text says which and how.
    """
    rules = reflectorRules(options, files)
    return KeptReflector(reflectorSockets(options, workers), rules)


def workerReflector(
    reactor: Any,
    options: Any,
    places: Sequence[Sequence[int]],
    files: Files,
    grant: Callable[[int], int],
) -> WorkerReflector:
    """
    Make a worker's part.

    @param reactor: reads from the sockets.
    @param options: see L{reflectorRules}.
    @param places: see L{WorkerReflector}.
    @param files: has the key file.
    @param grant: see L{reflectorRules}.
    @raise ValueError: the key file is wrong; the text says how.
    """
    return WorkerReflector(reactor, places, reflectorRules(options, files, grant))
