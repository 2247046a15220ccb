"""
An asyncio Protocol on asyncio's own loop, which sets TCP_NODELAY.
"""

from __future__ import annotations

import asyncio
import ssl

from shared import Stamps, arguments, listening

from echostamp.line.stamper import Stamper

stamps = Stamps()


class Echo(asyncio.Protocol):
    """Stamps the input."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make a stamper for the connection."""
        self.transport = transport
        self.stamper = Stamper()

    def data_received(self, data: bytes) -> None:
        """Answer a read."""
        self.transport.write(self.stamper.feed(data, stamps.stamp()))


async def serve() -> None:
    """
    Accept connections until the process ends.
    """
    port, certificate, key = arguments()
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, sock=listening(port), ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
