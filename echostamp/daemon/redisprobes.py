"""
Commands that show whether a relay on Redis can be used.
"""

from __future__ import annotations

from collections.abc import Iterator

#: The id of a daemon that there is not, and what nobody claims.
_NOBODY, _NOTHING = b"0" * 32, b"nothing"


def probes(key: bytes) -> Iterator[tuple[bytes, ...]]:
    """
    Give one of each command that a relay needs, but C{XLEN} and C{XADD}.  If Redis
    carries these out, it does so with the others.  None changes what daemons see.

    @param key: the key of the stream.
    """
    daemons, daemon = key + b":daemons", key + b":daemon:" + _NOBODY
    yield b"XRANGE", key, b"-", b"-", b"COUNT", b"1"
    yield b"XREVRANGE", key, b"-", b"-", b"COUNT", b"1"
    yield b"XREAD", b"COUNT", b"1", b"STREAMS", key, b"$"
    yield b"SRANDMEMBER", daemons, b"1"
    yield b"SADD", daemons, _NOBODY
    yield b"SREM", daemons, _NOBODY
    yield b"EXISTS", daemon
    yield b"GETRANGE", daemon, b"0", b"0"
    yield b"PEXPIRE", daemon, b"1"
    yield b"SET", key + b":claim:" + _NOTHING, b"1", b"NX", b"PX", b"1"
    yield b"DEL", daemon
