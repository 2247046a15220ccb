"""
The transport of TLS under protocols that are not ours: Twisted's own tests of
transports and their producers, and C{twisted.web}.
"""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.test.connectionmixins import (
    ConnectionTestsMixin,
    EndpointCreator,
    StreamClientTestsMixin,
)
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.internet.test.test_tcp import AbortConnectionMixin
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import File

from echostamp.connect.tls import TlsClientEndpoint
from echostamp.listen.tlsendpoint import TlsServerEndpoint
from echostamp.tls.clientcontext import ClientTls, clientContext
from echostamp.tls.servercontext import Credentials
from tests.harness import DEADLINE
from tests.tlspeers import lastingFiles


def serverEndpoint(reactor: Any) -> TlsServerEndpoint:
    """
    Make an endpoint that listens on loopback.
    """
    server = lastingFiles().server
    return TlsServerEndpoint(
        reactor, 0, Credentials(server, server, None), interface="127.0.0.1"
    )


class TlsEndpoints(EndpointCreator):
    """
    Our endpoints, for Twisted's tests.
    """

    def server(self, reactor: Any) -> IStreamServerEndpoint:
        """Make a server's endpoint."""
        return serverEndpoint(reactor)

    def client(self, reactor: Any, serverAddress: Any) -> IStreamClientEndpoint:
        """Make the endpoint of a client of this server."""
        tls = ClientTls("localhost", clientContext(lastingFiles().ca))
        connecting = TCP4ClientEndpoint(reactor, "127.0.0.1", serverAddress.port)
        return TlsClientEndpoint(reactor, connecting, tls)


class TwistedsTests(ReactorBuilder, SynchronousTestCase):
    """
    Twisted's tests of transports and their producers, each with a reactor of its own.
    """

    reactorFactory = EPollReactor
    endpoints = TlsEndpoints()
    timeout = DEADLINE

    runAbortTest = AbortConnectionMixin.runAbortTest
    test_dataReceivedAbort = AbortConnectionMixin.test_dataReceivedAbort
    test_abortTwice = AbortConnectionMixin.test_clientAbortsConnectionTwice
    test_abortThenLose = (
        AbortConnectionMixin.test_clientAbortsConnectionThenLosesConnection
    )
    test_serverAbortsTwice = AbortConnectionMixin.test_serverAbortsConnectionTwice
    test_serverAbortsThenLoses = (
        AbortConnectionMixin.test_serverAbortsConnectionThenLosesConnection
    )
    test_resumeProducingAbort = AbortConnectionMixin.test_resumeProducingAbort
    test_resumeProducingAbortLater = AbortConnectionMixin.test_resumeProducingAbortLater
    test_resumeProducingThrows = AbortConnectionMixin.test_resumeProducingThrows
    test_dataReceivedThrows = AbortConnectionMixin.test_dataReceivedThrows

    test_writeAfterDisconnect = ConnectionTestsMixin.test_writeAfterDisconnect
    test_garbage = ConnectionTestsMixin.test_protocolGarbageAfterLostConnection
    test_producerAfterDisconnect = (
        StreamClientTestsMixin.test_unregisterProducerAfterDisconnect
    )
    test_disconnectWhileProducing = StreamClientTestsMixin.test_disconnectWhileProducing

    def listen(self, reactor: Any, factory: Any) -> None:
        """Listen with a factory."""
        listening = self.endpoints.server(reactor).listen(factory)
        self.address = self.successResultOf(listening).getHost()

    def connect(self, reactor: Any, factory: Any) -> Deferred[Any]:
        """Connect a factory's protocol."""
        connecting = self.endpoints.client(reactor, self.address).connect(factory)
        return cast("Deferred[Any]", connecting)


class Whole(Resource):
    """
    A page that is written at once.
    """

    isLeaf = True

    def __init__(self, page: bytes) -> None:
        """
        @param page: what it holds.
        """
        super().__init__()
        self._page = page

    def render_GET(self, request: Any) -> bytes:
        """Give the page."""
        return self._page


class WebTests(TestCase):
    """
    C{twisted.web} above TLS.
    """

    async def test_tenMegabytes(self) -> None:
        """10 MB arrive whole: of a file, by a pull producer, and of a page that is
        written at once; twice over one connection each."""
        page = b"".join(b"%063d\n" % number for number in range(160_000))
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "page").write_bytes(page)
        root = File(str(folder))
        root.putChild(b"whole", Whole(page))
        port: Any = await serverEndpoint(reactor).listen(Site(root))
        self.addCleanup(port.stopListening)

        def get() -> None:
            context = ssl.create_default_context(cafile=lastingFiles().ca)
            client = http.client.HTTPSConnection(
                "localhost", port.getHost().port, timeout=DEADLINE, context=context
            )
            for path in ("/page", "/whole") * 2:
                client.request("GET", path)
                answer = client.getresponse()
                self.assertEqual((answer.status, answer.read() == page), (200, True))
            client.close()

        await deferToThread(get)
