"""
UDP sockets with an address.
"""

from __future__ import annotations

import errno
import os
import socket


def boundUdpSocket(host: str, port: int, isShared: bool = False) -> socket.socket:
    """
    Make a UDP socket that is bound to an address and does not block.

    @param host: an IPv4 or IPv6 address; C{0.0.0.0} or C{::} for all of its family.
    @param isShared: whether others of this user may have the address, too.
    @raise OSError: the address is not available, or is a network's broadcast address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, None, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
    except OSError:
        if "%" not in host:
            raise
        raise OSError(errno.ENODEV, "There is no such link") from None
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        if isShared:
            _share(bound)
        bound.bind((address[0], port, *address[2:]))
        if family == socket.AF_INET and _isBroadcast(host):
            raise OSError(errno.EADDRNOTAVAIL, "Not the address of one machine")
    except BaseException:
        bound.close()
        raise
    return bound


def boundUdpSockets(host: str, port: int, count: int) -> list[socket.socket]:
    """
    Make UDP sockets that are bound to one address, for as many processes.  The kernel
    chooses one for each flow, and always the same one.

    @param host: see L{boundUdpSocket}.
    @param port: 0 for any: all get the same.
    @raise OSError: the address is not available, or the system cannot have several
        sockets at one.
    """
    made = [boundUdpSocket(host, port)]
    if count == 1:
        return made
    try:
        # Not before it is bound: then a daemon of the same user that has the address
        # would share it, and get some of the packets.
        _share(made[0])
        port = made[0].getsockname()[1]
        while len(made) < count:
            made.append(boundUdpSocket(host, port, isShared=True))
    except BaseException:
        for each in made:
            each.close()
        raise
    return made


def _share(one: socket.socket) -> None:
    """
    Let other sockets of this user be bound to the address of a socket.

    @raise OSError: the system does not have that.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _isBroadcast(host: str) -> bool:
    """
    Return whether an IPv4 address is the broadcast address of a network.  The system
    refuses to connect a socket to one, unless the socket allows it.  Nothing is sent.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return asking.connect_ex((host, 1)) == errno.EACCES
