"""
Sockets that are bound and do not listen yet, and files that sockets have left.
"""

from __future__ import annotations

import errno
import os
import socket
import stat

from twisted.internet.abstract import isIPv6Address

from echostamp.addresses import unmappedText


def checkPath(path: str) -> None:
    """
    See whether a UNIX socket can be made.  What a killed daemon has left there does
    not count: nobody listens on it.

    @raise OSError: the folder is not there or not writable, another file has the name,
        or somebody listens there.
    """
    folder = os.path.dirname(path) or "."
    os.stat(folder)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if os.path.lexists(path):
        with socket.socket(socket.AF_UNIX) as probe:
            found = probe.connect_ex(path)
        if found != errno.ECONNREFUSED or not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def clearPath(path: str) -> None:
    """
    Make room for a UNIX socket: take away what a killed daemon has left, its socket
    and the lock that Twisted put beside it.  The lock is a link to a process id, which
    may belong to another process by now.

    @raise OSError: as L{checkPath}.
    """
    checkPath(path)
    lock = f"{path}.lock"
    if os.path.lexists(path):
        os.unlink(path)
    if os.path.islink(lock):
        os.unlink(lock)


def clash(one: socket.socket, other: socket.socket) -> bool:
    """
    Say whether two bound sockets share an address.
    """
    (oneHost, onePort, *_), (otherHost, otherPort, *_) = (
        one.getsockname(),
        other.getsockname(),
    )
    if onePort != otherPort:
        return False
    # An IPv4 address can be bound as an IPv6 one, too.
    hosts = {unmappedText(host) for host in (oneHost, otherHost)}
    isIPv4 = not any(":" in host for host in hosts)
    return len(hosts) == 1 or "::" in hosts or ("0.0.0.0" in hosts and isIPv4)


def boundSocket(interface: str, port: int) -> socket.socket:
    """
    Bind a TCP socket without listening on it.

    @param interface: an address, or nothing for all addresses: of IPv6 and of IPv4
        by one dual-stack socket, of IPv4 alone where the machine has no IPv6.
    @raise OSError: the address cannot be had.
    """
    if interface:
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        return _bind(family, interface, port)
    try:
        return _bind(socket.AF_INET6, "::", port)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _bind(socket.AF_INET, "0.0.0.0", port)


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    """
    Make a socket that does not block, and bind it.

    @raise OSError: the address cannot be had.
    """
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Whatever the system's default: "::" is every address.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind((host, port) if family == socket.AF_INET else _scoped(host, port))
    except BaseException:
        bound.close()
        raise
    return bound


def _scoped(host: str, port: int) -> tuple[str, int, int, int]:
    """
    Give the socket address of an IPv6 host, which may name its link:
    C{fe80::1%eth0}.

    @raise OSError: there is no such link.
    """
    host, _, link = host.partition("%")
    return host, port, 0, socket.if_nametoindex(link) if link else 0
