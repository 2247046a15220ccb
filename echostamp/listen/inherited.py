"""
Listening sockets that systemd has made and passes on: sd_listen_fds(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from echostamp.endpointparts import Description, checkNames

#: The first descriptor that systemd passes on.
_FIRST = 3

#: The most sockets that are looked for.
_MOST = 1000


class Inherited(NamedTuple):
    """
    A descriptor that systemd has passed on.

    @ivar number: the descriptor.
    @ivar name: its FileDescriptorName=; C{unknown} where systemd gives no names.
    """

    number: int
    name: str


def firstEnvironment(path: str = "/proc/self/environ") -> dict[str, str]:
    """
    Give the environment that this process was started with.  Twisted has removed what
    systemd says from the present one when C{twisted.internet.endpoints} was imported.

    @return: empty where the system does not keep it: it has no systemd then.
    """
    try:
        with open(path, "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return {}
    pairs = [os.fsdecode(entry).partition("=") for entry in entries]
    return {name: value for name, _, value in pairs}


def inheritedSockets(environ: Mapping[str, str], process: int) -> list[Inherited]:
    """
    Find the descriptors that systemd has passed on.

    @param environ: the environment: see L{firstEnvironment}.
    @param process: this process's number; descriptors may be meant for another.
    """
    count = environ.get("LISTEN_FDS", "")
    isOurs = environ.get("LISTEN_PID", "") == str(process)
    if not (isOurs and count.isdecimal() and len(count) < 5):
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    number = min(int(count), _MOST)
    if len(names) != number:
        names = ["unknown"] * number
    return [Inherited(_FIRST + index, name) for index, name in enumerate(names)]


def chosenSockets(
    description: Description, inherited: Sequence[Inherited]
) -> list[Inherited]:
    """
    Find the descriptors that a description means: C{systemd:name=NAME}, all of this
    name; C{systemd:index=N}, the one at this place; C{systemd:}, all.

    @raise ValueError: it has a wrong part, or means none; the text says which there
        are.
    """
    # The domain is not needed: a socket knows its own.
    checkNames(description, ("domain", "name", "index"))
    found = list(inherited)
    if (name := description.named.get("name")) is not None:
        found = [each for each in found if each.name == name]
    if (index := description.named.get("index")) is not None:
        place = str(_FIRST + int(index)) if index.isdecimal() and len(index) < 5 else ""
        found = [each for each in found if str(each.number) == place]
    if found:
        return found
    if not inherited:
        raise ValueError("systemd has passed no socket to this process")
    names = ", ".join(repr(each.name) for each in inherited)
    raise ValueError(f"systemd has passed no such socket; their names: {names}")


def listeningSocket(inherited: Inherited) -> socket.socket:
    """
    Take over a descriptor, as a socket that does not block.

    @raise ValueError: it is no stream socket that listens.
    """
    try:
        copied = os.dup(inherited.number)
        try:
            found = socket.socket(fileno=copied)
        except OSError:
            os.close(copied)
            raise
    except OSError:
        raise ValueError(f"its {inherited.name!r} is no socket") from None
    isListening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if found.type != socket.SOCK_STREAM or not isListening:
        found.close()
        raise ValueError(
            f"its socket {inherited.name!r} is no stream socket that listens"
        )
    found.setblocking(False)
    return found
