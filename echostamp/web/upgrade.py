"""
The address where a browser joins the conversation: a request that asks for a WebSocket.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.web import http
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, RejectConnection
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from echostamp.web.request import WebRequest
from echostamp.web.requestheaders import isSameOrigin
from echostamp.web.websocket import WebSocketTransport

#: The headers that the handshake is about (RFC 6455, section 4.2.1).
_HEADERS = (
    "Connection",
    "Host",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Upgrade",
)

#: The status of an answer that names the version of WebSocket which is needed.
_UPGRADE_REQUIRED = 426

#: Octets of the random key that a client sends.
_KEY = 16


class Upgrade:
    """
    Makes the connection of a request a WebSocket, with a protocol above it.
    """

    def __init__(
        self, reactor: Any, factory: IProtocolFactory, isStopping: Callable[[], bool]
    ) -> None:
        """
        @param reactor: runs the timers of the connections.
        @param factory: makes the protocols, which support half-close.  It refuses a
            connection by making none.
        @param isStopping: whether the daemon is stopping.
        """
        self._reactor = reactor
        self._factory = factory
        self._isStopping = isStopping

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        if request.method != b"GET":
            request.setHeader(b"Allow", b"GET")
            request.answer(http.NOT_ALLOWED, "only GET is allowed")
            return
        if not _isFromHere(request):
            why = "the header Origin is that of another site"
            request.answer(http.FORBIDDEN, why)
            return
        try:
            answer = _handshake(request)
        except RemoteProtocolError as error:
            _reject(request, error)
            return
        channel: Any = request.channel
        protocol = None
        if not self._isStopping():
            protocol = self._factory.buildProtocol(channel.getPeer())
        if protocol is None:
            why = "the daemon takes no connection now"
            request.answer(http.SERVICE_UNAVAILABLE, why)
            return
        stream = WebSocketTransport(self._reactor, protocol, self._isStopping)
        channel.handOver(stream, answer)


def _isFromHere(request: WebRequest) -> bool:
    """
    Tell whether no page of another site has sent a request.  A program sends no header
    Origin.
    """
    headers = request.requestHeaders
    origins = headers.getRawHeaders("Origin", [])
    host = request.header("Host")
    return all(isSameOrigin(each, host) for each in origins)


def _handshake(request: WebRequest) -> bytes:
    """
    Accept a request that asks for a WebSocket as it should.

    @return: the head of the answer.
    @raise RemoteProtocolError: the request is wrong.
    """
    headers = request.requestHeaders
    if request.clientproto != b"HTTP/1.1":
        raise RemoteProtocolError("HTTP/1.1 is needed")
    if headers.hasHeader(b"Content-Length") or headers.hasHeader(b"Transfer-Encoding"):
        raise RemoteProtocolError("a body is not allowed")
    given = [
        (each.encode(), request.header(each).encode("latin-1"))
        for each in _HEADERS
        if headers.hasHeader(each)
    ]
    handshake = H11Handshake(ConnectionType.SERVER)
    try:
        handshake.initiate_upgrade_connection(given, "/")
        key = binascii.a2b_base64(dict(given)[b"Sec-WebSocket-Key"], strict_mode=True)
    except RemoteProtocolError:
        raise
    except Exception:
        # h11's own errors, and those of a host's name.
        raise RemoteProtocolError("a header is wrong") from None
    if len(key) != _KEY:
        raise RemoteProtocolError("Sec-WebSocket-Key is wrong")
    return handshake.send(AcceptConnection())


def _reject(request: WebRequest, error: RemoteProtocolError) -> None:
    """
    Say why a request is wrong.
    """
    hint = error.event_hint
    status = http.BAD_REQUEST
    if isinstance(hint, RejectConnection):
        status = hint.status_code
        for name, value in hint.headers:
            request.setHeader(name, value)
    if status == _UPGRADE_REQUIRED:
        request.setHeader(b"Upgrade", b"websocket")
    request.answer(status, f"no WebSocket: {error}")
