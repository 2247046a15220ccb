"""
TCP sockets that are bound and do not listen yet, and the files of UNIX sockets.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from array import array
from contextlib import ExitStack, suppress

from twisted.internet.abstract import isIPAddress, isIPv6Address

from echostamp.addresses import checkOwn, scopeOf, unmappedText

#: Connections that may wait to be accepted.  The kernel drops the SYN of those beyond
#: it, which the peer repeats only after a second; Twisted's 50 fill in milliseconds.
ACCEPT_BACKLOG = 1024

#: Attaches a filter to a socket, by Linux' asm-generic/socket.h.
_SO_ATTACH_FILTER = 26

#: A filter's instructions, by linux/filter.h: the code, where to jump when true and
#: when not, and a number.  They read the flags of a segment, and drop SYN without ACK.
_DROP_NEW = (
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
)

#: Octets that the path of a UNIX socket may have, by sys/un.h.
LONGEST_PATH = 107

#: Seconds after which a peer that acknowledges nothing counts as vanished.
PEER_TIMEOUT = 60


def longestQueue(backlog: int) -> int:
    """
    Give how many connections may wait to be accepted.

    @param backlog: what the endpoint asks for.
    @raise ValueError: it is outside its bounds.
    """
    if not 0 <= backlog <= 65_535:
        raise ValueError("backlog is a number from 0 to 65535")
    return max(backlog, ACCEPT_BACKLOG)


def checkUnix(address: str, mode: int) -> None:
    """
    Check the parameters of a UNIX socket.

    @param address: the path of its file.
    @param mode: that of its file.
    @raise ValueError: one is outside its bounds.
    """
    if not 0 <= mode <= 0o777:
        raise ValueError("mode is an octal number from 0 to 777")
    if not 1 <= len(os.fsencode(address)) <= LONGEST_PATH:
        raise ValueError(f"a path has 1 to {LONGEST_PATH} octets")


def checkPath(path: str) -> None:
    """
    Check that a UNIX socket can be made.  A socket that a killed daemon has left is no
    obstacle: nobody listens on it.

    @raise OSError: the folder is missing or not writable, another file has the name,
        or another process listens there.
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
    Make room for a UNIX socket: delete the socket that a killed daemon has left, and
    the lock that Twisted put beside it.  The lock is a link to a process id, which may
    belong to another process by now.

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
    Check whether two bound sockets share an address.
    """
    (oneHost, onePort, *oneLink), (otherHost, otherPort, *otherLink) = (
        one.getsockname(),
        other.getsockname(),
    )
    if onePort != otherPort or (oneHost == otherHost and oneLink != otherLink):
        # A link-local address is another one on another link.
        return False
    # An IPv4 address can also be bound as an IPv4-mapped IPv6 address.
    hosts = {unmappedText(host) for host in (oneHost, otherHost)}
    isIPv4 = not any(":" in host for host in hosts)
    return len(hosts) == 1 or "::" in hosts or ("0.0.0.0" in hosts and isIPv4)


def boundTcpSockets(interface: str, port: int, number: int) -> list[socket.socket]:
    """
    Bind TCP sockets to one address without listening on them.  The kernel spreads
    connections over those that listen: SO_REUSEPORT in socket(7).

    @param interface: see L{boundTcpSocket}.
    @param number: how many sockets there will be.
    @raise OSError: the address is taken, or cannot be used.
    @raise ValueError: it is not an address of a machine, or lacks its link.
    """
    if port:
        # Another daemon of this user may listen there by SO_REUSEPORT, too.  Only a
        # socket without it finds that.  A port that the system picks is nobody's.
        boundTcpSocket(interface, port).close()
    with ExitStack() as opened:
        bound: list[socket.socket] = []
        while len(bound) < number:
            made = boundTcpSocket(interface, port, isShared=True)
            bound.append(opened.enter_context(made))
            port = made.getsockname()[1]
        opened.pop_all()
        return bound


def boundTcpSocket(interface: str, port: int, isShared: bool = False) -> socket.socket:
    """
    Bind a TCP socket without listening on it.

    @param interface: an address, or an empty text for all addresses: those of IPv6 and
        IPv4 by one dual-stack socket, those of IPv4 alone where the machine has no
        IPv6.
    @param isShared: whether other sockets of this user may be bound to the same
        address.
    @raise OSError: the address is taken, or cannot be used.
    @raise ValueError: it is not an address of a machine, or lacks its link.
    """
    if interface:
        is6 = isIPv6Address(interface)
        if is6 or isIPAddress(interface):
            checkOwn(interface)
        family = socket.AF_INET6 if is6 else socket.AF_INET
        return _bind(family, interface, port, isShared)
    try:
        return _bind(socket.AF_INET6, "::", port, isShared)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _bind(socket.AF_INET, "0.0.0.0", port, isShared)


def checkAlone(bound: socket.socket) -> None:
    """
    Check that nobody listens at the address of a socket of L{boundTcpSockets}.  Another
    daemon of this user that starts at the same time can bind it as well, and the kernel
    would spread connections over both.

    @raise OSError: another process listens there.
    """
    with socket.socket(bound.family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bound.family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.bind(bound.getsockname())


def dropNew(listening: socket.socket) -> None:
    """
    Have the kernel drop what new peers send, for all processes that have a socket.  The
    connections that wait there can be accepted, and then no other is reset when the
    socket is closed.  A peer repeats its SYN after a second, and is refused then.

    @param listening: a TCP socket that will soon be closed: this cannot be undone by
        another process that has it.
    """
    program = array("B")
    for each in _DROP_NEW:
        program.frombytes(struct.pack("=HBBI", *each))
    described = struct.pack("@HP", len(_DROP_NEW), program.buffer_info()[0])
    # A system without filters closes it nevertheless.
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def keepUrgentData(connection: socket.socket) -> None:
    """
    Leave urgent data in the stream, where it is an octet like others: RFC 6093, section
    6.  By default the kernel takes it out.

    @param connection: a TCP socket; one that listens hands the option on to the
        connections that it accepts.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)


def watchPeer(connection: socket.socket, seconds: int) -> None:
    """
    Have the kernel end connections whose peer has vanished, whether they are idle or
    have data that is not acknowledged.  A peer that is alive and reads nothing counts
    as vanished, too: its closed window acknowledges nothing.

    @param connection: a TCP socket; one that listens hands the options on to the
        connections that it accepts.
    @param seconds: how long a peer may be silent when it should acknowledge; RFC 1122,
        section 4.2.3.6, and RFC 5482.
    """
    idle = max(1, seconds // 2)
    rest = max(1, seconds - idle)
    probes = min(4, rest)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in [
        ("TCP_KEEPIDLE", idle),
        ("TCP_KEEPINTVL", rest // probes),
        ("TCP_KEEPCNT", probes),
        ("TCP_USER_TIMEOUT", seconds * 1000),
    ]:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _bind(
    family: socket.AddressFamily, host: str, port: int, isShared: bool
) -> socket.socket:
    """
    Make a socket that does not block, and bind it.

    @raise OSError: the address is taken, or cannot be used.
    @raise ValueError: the host is a name that cannot be looked up.
    """
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if isShared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # The system's default may differ: "::" has to be every address.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind((host, port) if family == socket.AF_INET else _scoped(host, port))
    except TypeError:
        # This is what bind() raises for a name that IDNA refuses.
        bound.close()
        raise ValueError(f"interface={host!r} is not an address") from None
    except BaseException:
        bound.close()
        raise
    return bound


def _scoped(host: str, port: int) -> tuple[str, int, int, int]:
    """
    Give the socket address of an IPv6 host, which may name its link, or the number of
    it: C{fe80::1%eth0}.

    @raise OSError: there is no such link.
    """
    host, scope = scopeOf(host)
    return host, port, 0, scope
