"""
Turns the descriptions of endpoints into ports that are ready to listen.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IProtocolFactory, IStreamServerEndpoint
from twisted.python.failure import Failure

from echostamp.endpointparts import parseDescription
from echostamp.listen.descriptions import checkDescription
from echostamp.listen.inherited import chosenSockets
from echostamp.listen.listening import PreparedPort
from echostamp.listen.preparing import PreparingReactor
from echostamp.listen.tlsendpoint import tlsServerEndpoint

#: What Twisted says, before the kind, about one that neither it nor a plugin has.
_UNKNOWN = "Unknown endpoint type: "


def preparedPorts(
    reactor: PreparingReactor, description: str, factory: IProtocolFactory
) -> list[PreparedPort]:
    """
    Prepare to listen on an endpoint.

    @param reactor: prepares the ports; all endpoints of a daemon share one.
    @param description: any of Twisted's server endpoint descriptions, C{tls:},
        C{systemd:} or C{proxy:}; a bare number is a TCP port.
    @param factory: makes the protocols of the connections.
    @return: one port, or for C{systemd:} each that is meant.
    @raise ValueError: the description is wrong; the text says how.
    @raise OSError: the address is taken, or cannot be used.
    """
    kind, _, rest = description.partition(":")
    if kind == "proxy":
        if rest.startswith("proxy:"):
            raise ValueError("proxy: is given twice")
        return preparedPorts(reactor.behindProxy(), rest, factory)
    if kind == "systemd":
        meant = parseDescription(description)
        found = chosenSockets(meant, reactor.settings.inherited)
        return [reactor.adoptInherited(each, factory) for each in found]
    return [_preparedPort(reactor, description, factory)]


def _preparedPort(
    reactor: PreparingReactor, description: str, factory: IProtocolFactory
) -> PreparedPort:
    """
    Prepare to listen on an endpoint of one port: see L{preparedPorts}.
    """
    if description.isdecimal():
        description = f"tcp:{description}"
    prepared: list[object] = []
    failed: list[Failure] = []
    try:
        endpoint = _endpoint(reactor, description)
        endpoint.listen(factory).addCallbacks(prepared.append, failed.append)
        for failure in failed:
            failure.raiseException()
    except OSError:
        raise
    except Exception as error:
        # Each kind of endpoint has its own parser, perhaps from a plugin.  They raise
        # many kinds of errors: TypeError, KeyError, ImportError, StopIteration.
        if (text := str(error)).startswith(_UNKNOWN):
            kind = text.removeprefix(_UNKNOWN)
            raise ValueError(f"{kind} is no kind of endpoint") from error
        if isinstance(error, ValueError):
            raise
        why = f"{type(error).__name__}: {text}"
        raise ValueError(f"it cannot be set up ({why})") from error
    if not prepared or not isinstance(prepared[0], PreparedPort):
        raise ValueError("it does not wait for connections")
    return prepared[0]


def _endpoint(reactor: PreparingReactor, text: str) -> IStreamServerEndpoint:
    """
    Parse a description.  C{tls:} is parsed here, even where Twisted has an endpoint of
    this name.  Twisted parses all others, after its own kinds were checked here.
    """
    description = parseDescription(text)
    if description.kind == "ssl":
        raise ValueError("ssl: is Twisted's; use tls:, with the same parts")
    if description.kind != "tls":
        inner = text
        while inner.startswith("haproxy:"):
            inner = inner.removeprefix("haproxy:")
        checkDescription(parseDescription(inner))
        return cast(IStreamServerEndpoint, serverFromString(reactor, text))
    settings = reactor.settings
    endpoint = tlsServerEndpoint(
        reactor, description, settings.handshakes, settings.files
    )
    reactor.reloads.append(endpoint.reload)
    return cast(IStreamServerEndpoint, endpoint)
