"""
A broadcaster on asyncio's own loop: it passes the lines of each connection on to all
the others, in the form of EchoStamp's intercom.
"""

from __future__ import annotations

import asyncio

from shared import Stamps, arguments, listening

from echostamp.intercom.formatting import linesForOthers
from echostamp.intercom.pace import BACKLOG
from echostamp.line.stamper import MAX_LENGTH, Stamper

stamps = Stamps()
everyone: dict[Broadcast, asyncio.Transport] = {}


class Broadcast(asyncio.Protocol):
    """Stamps the input, and passes it on to the others."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        host, port = transport.get_extra_info("peername")
        self.transport = transport
        self.stamper = Stamper()
        self.prefix = b"<%s:%d> " % (host.encode(), port)
        everyone[self] = transport

    def data_received(self, data: bytes) -> None:
        """Answer a read, pass it on, and disconnect those that are too far behind."""
        wasPassing = self.stamper.isPassing
        reply = self.stamper.feed(data, stamps.stamp())
        self.transport.write(reply)
        if wasPassing:
            # The others have got the beginning of this message already.
            reply = reply.partition(b"\n")[2]
        if not reply:
            return
        told = linesForOthers(reply, self.prefix, MAX_LENGTH)
        for other, transport in everyone.items():
            if other is not self:
                transport.write(told)
                if transport.get_write_buffer_size() > BACKLOG:
                    transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        del everyone[self]


async def serve() -> None:
    """
    Accept connections until the process ends.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Broadcast, sock=listening(arguments().port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
