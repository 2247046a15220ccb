"""
What all ports of the daemon's STAMP session-reflector have in common, made of the
options: by the one process of a daemon, or by its parent and each worker.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from echostamp.addresses import STAMP_PORT, socketName
from echostamp.keyfiles import DISK, Files
from echostamp.text import printable

if TYPE_CHECKING:
    from echostamp.rfc8762.policy import Shared
    from echostamp.rfc8762.port import Port
    from echostamp.rfc8762.sessions import Sessions

log = Logger(namespace="echostamp")


class ReflectorRules:
    """
    The policy, the keys and the counts of a session-reflector.

    @ivar shared: what its ports use of them.
    """

    def __init__(self, shared: Shared, keyFile: str = "", files: Files = DISK) -> None:
        """
        @param shared: the policy, the keys and the counts of all ports.
        @param keyFile: the absolute path of the key file; empty for no keys.
        @param files: reads it.
        """
        self.shared = shared
        self._keyFile = keyFile
        self._files = files

    @property
    def counts(self) -> Mapping[str, int]:
        """How many packets had each fate."""
        return self.shared.counts

    def reload(self) -> None:
        """
        Read the key file again.

        @raise ValueError: the key file is wrong; the old keys stay in use.
        """
        if self._keyFile:
            self.shared.keys = _keys(self._keyFile, self._files)

    def port(
        self, reactor: Any, bound: socket.socket, sessions: Sessions | None = None
    ) -> Port:
        """
        Make a port that answers once it reads.

        @param reactor: reads from it; L{None} where this process will not.
        @param bound: its socket.
        @param sessions: its sessions; L{None} for those of all ports.
        """
        # Imported here and not at the top: a daemon without a reflector starts sooner
        # without these modules.
        from echostamp.rfc8762.port import Port
        from echostamp.rfc8762.reflector import Reflector

        reflector = Reflector(self.shared, sessions=sessions)
        port = Port(reactor, bound, reflector, self.shared.policy.isStateful)
        reflector.port = port
        return port

    def logPlace(self, port: Port) -> None:
        """
        Log the address and the mode of a port.
        """
        log.info(
            "answering STAMP at {address}, {mode}; arrivals stamped by {clock}, "
            "departures by this program{later}",
            address=socketName(port.address),
            mode="authenticated" if self.shared.keys else "unauthenticated",
            clock="the kernel" if port.stampsArrivals else "this program",
            later=", in follow-ups by the kernel" if port.stampsDepartures else "",
        )


def reflectorRules(
    options: Any, files: Files = DISK, grant: Callable[[int], int] | None = None
) -> ReflectorRules:
    """
    Make the rules that the options describe, and read the key file.

    @param options: the L{ReflectorOptions
        <echostamp.daemon.reflectoroptions.ReflectorOptions>}.
    @param files: reads the key file.
    @param grant: gives shares of the total rate, where several processes answer: see
        L{Rates <echostamp.rfc8762.admission.Rates>}.
    @raise ValueError: the key file is wrong; the text says how.
    """
    # Not at the top: see L{ReflectorRules.port}.
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
    keyFile = options["reflector-key"] or ""
    shared = Shared(policy, _keys(keyFile, files) if keyFile else {}, grant=grant)
    # twistd changes the working directory before the service starts.
    return ReflectorRules(shared, files.absolute(keyFile), files)


def _keys(path: str, files: Files) -> Any:
    """
    Read the key file.

    @raise ValueError: it cannot be read or is wrong; the text says how.
    """
    # Not at the top: see L{ReflectorRules.port}.
    from echostamp.rfc8762.keys import readKeys

    try:
        keys = readKeys(path, files)
    except ValueError as error:
        raise ValueError(f"--reflector-key {path!r}: {error}") from None
    files.accept([files.absolute(path)])
    return keys


def logPackets(counts: Mapping[str, int]) -> None:
    """
    Log how many packets were answered, and how many were not and why.

    @param counts: how many packets had each fate.
    """
    text = ", ".join(f"{counts[what]} {what}" for what in sorted(counts))
    log.info("STAMP packets: {text}", text=printable(text or "none"))
