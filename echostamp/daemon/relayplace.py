"""
Reads the URL of a relay: where it is, and the key of the room.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from echostamp.addresses import addressName, parseHostPort

#: The TCP port of Redis.
REDIS_PORT = 6379

#: A URL and its parts.
_URL = re.compile(
    r"(?P<scheme>[^:/]*)://(?:(?P<user>[^/?#]*)@)?(?P<where>[^/?#@]*)(?P<path>.*)",
    re.DOTALL,
)

#: What a key or the name of a user may be.
_NAME = re.compile(rb"[!-~]{1,200}")

_FORM = "redis://[USER@]HOST[:PORT]/KEY"


class RelayPlace(NamedTuple):
    """
    Where a relay is.

    @ivar host: the name or the address of the Redis server.
    @ivar port: its TCP port.
    @ivar isTls: whether to connect over TLS.
    @ivar user: the name of the user of Redis; empty for the default user.
    @ivar key: the key of the stream.
    """

    host: str
    port: int
    isTls: bool
    user: str
    key: str

    def __str__(self) -> str:
        scheme = "rediss" if self.isTls else "redis"
        return f"{scheme}://{addressName(self.host, self.port)}/{self.key}"


def parseRelay(text: str) -> RelayPlace:
    """
    Read the URL of a relay: C{redis://[USER@]HOST[:PORT]/KEY}, or the same behind
    C{rediss:}.  In a user and a key, C{%2F} and the like stand for other characters.

    @raise ValueError: it is wrong.  The text says how, and holds no password.
    """
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError(f"not {_FORM}")
    scheme, user = found["scheme"], found["user"] or ""
    if scheme not in ("redis", "rediss"):
        raise ValueError("it has to begin with redis:// or rediss://")
    if "@" in found["path"]:
        # It may be a password with a slash.
        raise ValueError("@ is %40 in a key; a password goes to --relay-password-file")
    if ":" in user:
        raise ValueError("a password goes into a file: see --relay-password-file")
    if found["user"] == "":
        raise ValueError("no user before the @")
    address = parseHostPort(found["where"], REDIS_PORT)
    if address is None:
        raise ValueError(f"{found['where']!r} is not HOST or HOST:PORT")
    key = found["path"].removeprefix("/")
    if not key:
        raise ValueError(f"no key: {_FORM}")
    if re.search("[/?#]", key):
        raise ValueError("/, ? and # are %2F, %3F and %23 in a key")
    host, port = address
    return RelayPlace(host, port, scheme == "rediss", user and _name(user), _name(key))


def _name(text: str) -> str:
    """
    Read a user or a key.

    @raise ValueError: it has other characters than printable ASCII, or is too long.
    """
    octets = unquote_to_bytes(text)
    if not _NAME.fullmatch(octets):
        raise ValueError(f"{text!r} is not 1 to 200 printable ASCII characters")
    return octets.decode("ascii")
