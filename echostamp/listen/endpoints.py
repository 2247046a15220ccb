"""
Turns the descriptions of endpoints into ports that are ready to listen.
"""

from __future__ import annotations

import re
from typing import cast

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

from echostamp.listen.preparing import PreparedPort, PreparingReactor
from echostamp.tls.clientcontext import TLS_MISSING

#: One part of a description: a colon, and the text up to the next colon.  A colon or
#: backslash in the text itself has a backslash before it.
_PART = re.compile(r":((?:\\.|[^:\\])*)", re.DOTALL)


def preparedPort(
    reactor: PreparingReactor, description: str, factory: IProtocolFactory
) -> PreparedPort:
    """
    Prepare to listen on an endpoint.

    @param reactor: prepares the port; all endpoints of a daemon share one.
    @param description: any of Twisted's server endpoint descriptions, C{tls:} or
        C{proxy:}; a bare number is a TCP port.
    @param factory: makes the protocols of the connections.
    @raise ValueError: the description is wrong; the text says how.
    @raise OSError: the address is taken, or cannot be used.
    """
    if description.isdecimal():
        description = f"tcp:{description}"
    kind, _, rest = description.partition(":")
    if kind == "proxy":
        if rest.startswith("proxy:"):
            raise ValueError("proxy: is given twice")
        return preparedPort(reactor.behindProxy(), rest, factory)
    prepared: list[object] = []
    failed: list[Failure] = []
    try:
        endpoint = _endpoint(reactor, kind, description)
        endpoint.listen(factory).addCallbacks(prepared.append, failed.append)
        for failure in failed:
            failure.raiseException()
    except OSError:
        raise
    except Exception as error:
        # Each kind of endpoint has its own parser, perhaps from a plugin.  They raise
        # many kinds of errors: TypeError, KeyError, ImportError, StopIteration.
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{name}{error}") from error
    if not prepared or not isinstance(prepared[0], PreparedPort):
        raise ValueError("it does not wait for connections")
    return prepared[0]


def _endpoint(
    reactor: PreparingReactor, kind: str, description: str
) -> IStreamServerEndpoint:
    """
    Parse a description.  C{tls:} is parsed here, even where Twisted has an endpoint of
    this name.  Twisted parses all others.
    """
    if kind in ("tls", "ssl"):
        try:
            # Imported here and not at the top: the extra C{tls} is optional.
            from echostamp.listen.tlsendpoint import tlsServerEndpoint
        except ImportError:
            raise ValueError(TLS_MISSING) from None
    if kind != "tls":
        return cast(IStreamServerEndpoint, serverFromString(reactor, description))
    _, *parts = _PART.findall(f":{description}")
    words: list[str] = []
    named: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if equals:
            named[_unescaped(name)] = _unescaped(value)
        else:
            words.append(_unescaped(part))
    endpoint = tlsServerEndpoint(reactor, words, named, reactor.settings.handshakes)
    reactor.reloads.append(endpoint.reload)
    return cast(IStreamServerEndpoint, endpoint)


def _unescaped(part: str) -> str:
    """
    Remove the backslashes that escape characters of a part.
    """
    return re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL)
