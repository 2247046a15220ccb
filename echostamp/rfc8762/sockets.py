"""
UDP sockets with an address.
"""

from __future__ import annotations

import errno
import socket


def boundUdpSocket(host: str, port: int) -> socket.socket:
    """
    Make a UDP socket that is bound to an address and does not block.

    @param host: an IPv4 or IPv6 address; C{0.0.0.0} or C{::} for all of its family.
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
        bound.bind((address[0], port, *address[2:]))
        if family == socket.AF_INET and _isBroadcast(host):
            raise OSError(errno.EADDRNOTAVAIL, "Not the address of one machine")
    except BaseException:
        bound.close()
        raise
    return bound


def _isBroadcast(host: str) -> bool:
    """
    Return whether an IPv4 address is the broadcast address of a network.  The system
    refuses to connect a socket to one, unless the socket allows it.  Nothing is sent.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        return asking.connect_ex((host, 1)) == errno.EACCES
