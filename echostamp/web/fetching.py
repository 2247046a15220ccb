"""
Fetches the rows of other daemons, with Twisted's L{Agent} over connections of ours.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.http import OK, PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from echostamp.connect.failures import whatFailed
from echostamp.connect.target import hostEndpoint, hostTls
from echostamp.connect.tls import OptionError, TlsClientEndpoint, TlsError
from echostamp.monitor.peer import WebPlace
from echostamp.monitor.resolving import PeerReactor, PeerResolver
from echostamp.web.guarding import NO_HTTP, FetchError, GuardedEndpoint

#: Seconds that a row may take, from the look-up of the host to the last octet.
LONGEST = 5.0

#: How many names are looked up at a time.  The monitor needs the same threads.
LOOK_UPS = 2

_PORTS = {"http": 80, "https": 443}

#: How texts about TLS name the options of the command line.
_OPTION = re.compile(r"--(?=(?:ca|cert|key)\b)")


class Fetchers:
    """
    Makes the fetchers of rows.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: looks up names, connects, and runs the timers.
        """
        resolver = PeerResolver(reactor, DeferredSemaphore(LOOK_UPS))
        # There is no address to stay at.
        resolver.present = str
        resolver.found = len
        self._reactor = PeerReactor(reactor, resolver)

    def __call__(self, place: WebPlace) -> Callable[[], Deferred[bytes]]:
        """Make the fetcher of a daemon's row."""
        return RowFetcher(self._reactor, place).fetch


class RowFetcher:
    """
    Fetches the row of a daemon.

    It follows no redirects, and keeps no cookies and no connections.  It does not ask
    for compression: so the limit of octets is one of memory, too.
    """

    def __init__(self, reactor: Any, place: WebPlace) -> None:
        """
        @param reactor: looks up names, connects, and runs the timers.
        @param place: where the daemon's pages are.
        """
        self._reactor = reactor
        self._files = place.files
        parts = urlsplit(place.url)
        self._isTls = parts.scheme == "https"
        # RFC 6874 has the link of an address behind %25.
        self._host = (parts.hostname or "").replace("%25", "%")
        self._port = parts.port or _PORTS[parts.scheme]
        base = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/')}"
        self._url = f"{base}/api/v1/peers".encode()
        self._headers = Headers(
            {
                b"Host": [_hostHeader(self._host, parts.port)],
                b"Accept": [b"application/json"],
                b"Accept-Encoding": [b"identity"],
                b"User-Agent": [b"EchoStamp"],
            }
        )
        # Keeps the context: the files are read again when they have changed.
        self._tls: object = None

    def fetch(self) -> Deferred[bytes]:
        """
        Fetch the row.

        @return: its octets.  It fails with L{FetchError}.  Where it is cancelled, the
            connection is aborted.
        """
        fetching = Deferred.fromCoroutine(self._fetch())
        fetching.addTimeout(LONGEST, self._reactor, _tooLate)
        return fetching.addErrback(_explain)

    async def _fetch(self) -> bytes:
        """
        Fetch the row, however long it takes.
        """
        guarded = GuardedEndpoint(self._endpoint())
        agent = Agent.usingEndpointFactory(self._reactor, guarded)
        try:
            response = await agent.request(b"GET", self._url, self._headers)
            body = await _bodyOf(response)
        except Exception:
            guarded.abort()
            guarded.check()
            raise
        # A body without a length ends wherever the connection does.
        guarded.check()
        if response.code != OK:
            raise FetchError(f"HTTP {response.code}")
        return body

    def _endpoint(self) -> IStreamClientEndpoint:
        """
        Make the endpoint of a connection.

        @raise ValueError: a file cannot be read, or the host cannot be looked up.
        """
        endpoint = hostEndpoint(self._reactor, self._host, self._port, LONGEST)
        if not self._isTls:
            return endpoint
        self._tls = tls = hostTls(self._host, self._files)
        return TlsClientEndpoint(self._reactor, endpoint, tls)


def _hostHeader(host: str, port: int | None) -> bytes:
    """
    Write the header Host.

    @param host: a name or an address, perhaps with its link.
    @param port: as the URL has it.
    """
    host = host.partition("%")[0]
    name = f"[{host}]" if ":" in host else host
    return (name if port is None else f"{name}:{port}").encode()


def _bodyOf(response: IResponse) -> Deferred[bytes]:
    """
    Read the body of an answer.
    """
    body = _Body()
    response.deliverBody(body)
    return body.done


class _Body(Protocol):
    """
    Collects a body.

    @ivar done: fires with its octets.
    """

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._pieces: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        """Keep a part."""
        self._pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give the octets.  If the answer has no length, the connection's end is its
        end."""
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(b"".join(self._pieces))
        else:
            self.done.errback(reason)


def _tooLate(result: object, seconds: float) -> NoReturn:
    """
    Say that it took too long, whatever the end of it looked like.

    @raise TimeoutError: always.
    """
    raise TimeoutError


def _explain(failure: Failure) -> NoReturn:
    """
    Say in a few words why a row could not be fetched.

    @raise FetchError: always.
    """
    error = failure.value
    isAnswer = False
    while isinstance(error, (ResponseFailed, RequestTransmissionFailed)):
        isAnswer = True
        error = error.reasons[0].value
    if isinstance(error, FetchError):
        raise error
    if isinstance(error, ConnectionDone):
        why = "it closed the connection before its answer was complete"
    elif isAnswer and not isinstance(error, (ConnectionLost, ssl.SSLError)):
        # An error of Twisted's parser, which may be of any type.
        why = NO_HTTP
    else:
        why = whatFailed(Failure(error))
    if isinstance(error, (OptionError, TlsError)):
        why = _OPTION.sub("web-", why)
    raise FetchError(why) from None
