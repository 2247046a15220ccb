"""
Programs of events for one end of a TLS connection, and what holds after any of them:
hypothesis makes them in the tests, a fuzzer in C{fuzz/}.
"""

from __future__ import annotations

import functools
import ssl
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from echostamp.test.authority import Authority
from echostamp.text import sslText
from echostamp.tls.clientcontext import ClientTls, clientContext
from echostamp.tls.engine import Engine, State
from echostamp.tls.server import refusal
from echostamp.tls.servercontext import Credentials

#: The first octet: whether the end is the server's, and whether the handshake is done.
SERVER, OPEN = 0x01, 0x02

#: Octets of a program: feed the octets that follow; have the peer send them; deliver
#: what the peer has sent; send them to the peer; close this end; close the peer's; the
#: peer's FIN; damage what the peer has sent.  The number of octets is added.
FEED, PEER, DELIVER, SEND, CLOSE, PEER_CLOSES, FIN, DAMAGE = range(0, 256, 32)


@functools.cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """
    Give the contexts of a client and of a server.
    """
    authority = Authority()
    with TemporaryDirectory() as folder:
        ca, server = Path(folder, "ca.pem"), Path(folder, "server.pem")
        ca.write_bytes(authority.certificate)
        server.write_bytes(authority.issue())
        credentials = Credentials(str(server), str(server), None)
        return clientContext(str(ca)), credentials.context


class EngineRun:
    """
    Runs a program, and checks what holds after each step.
    """

    def __init__(self, flags: int) -> None:
        """
        @param flags: the program's first octet.
        """
        client, server = contexts()
        self._near = ClientTls("localhost", client).engine()
        self._far = Engine(server, True)
        if flags & SERVER:
            self._near, self._far = self._far, self._near
        self._wire = bytearray()
        self._sent = self._received = b""
        self._isHonest = True
        if flags & OPEN:
            for _ in range(3):
                for one, other in (
                    (self._near, self._far),
                    (self._far, self._near),
                ):
                    if one.state is State.HANDSHAKE:
                        one.shake()
                    other.feed(one.take())
            assert self._near.state is State.OPEN

    def step(self, event: int, data: bytes, size: int) -> None:
        """
        Do one event.

        @param data: the octets that follow it in the program.
        @param size: how many it asks for.
        """
        if event == FEED:
            self._isHonest = self._isHonest and not data
            self._feed(data)
        elif event == PEER:
            if self._far.state is State.HANDSHAKE:
                self._far.shake()
            elif data and self._mayWrite(self._far):
                self._wire += self._far.encrypt(data)
                self._sent += data
        elif event == DELIVER:
            self._feed(bytes(self._wire[: 8 * size + 1]))
            del self._wire[: 8 * size + 1]
        elif event == SEND and data and self._mayWrite(self._near):
            assert self._near.encrypt(data)
        elif event == CLOSE and self._mayWrite(self._near):
            self._near.close()
            assert not self._mayWrite(self._near)
        elif event == PEER_CLOSES and self._mayWrite(self._far):
            self._far.close()
        elif event == FIN:
            self._near.feedEnd()
            self._feed(b"")
        elif event == DAMAGE and self._wire:
            self._isHonest = False
            self._wire[size % len(self._wire)] ^= 1 << size % 8
        self._wire += self._far.take()
        # Both directions at once would only be another program.
        if self._isHonest:
            self._far.feed(self._near.take())

    def _mayWrite(self, engine: Engine) -> bool:
        """
        Say whether an engine's user may write.
        """
        isOpen = engine.state in (State.OPEN, State.INPUT_ENDED)
        return isOpen and not engine.isClosed

    def _feed(self, data: bytes) -> None:
        """
        Feed octets, as a transport does, and check what has come of them.
        """
        near, before = self._near, self._near.state
        if before is State.OPEN:
            self._read(data)
        elif before is State.HANDSHAKE:
            near.feed(data)
            near.shake()
        while near.hasInput and self._read(b""):
            pass
        order = list(State)
        assert order.index(near.state) >= order.index(before)
        if near.error is not None:
            assert near.state is State.FAILED
            assert sslText(near.error).isprintable()
            assert refusal(near.error).isprintable()

    def _read(self, data: bytes) -> bytes:
        """
        Read, and check whether the engine says rightly that there is more to do.

        @param data: octets that are fed before.
        """
        received = self._near.read(data)
        self._received += received
        isOpen = self._near.state is State.OPEN
        isBusy = self._near.unsent or self._near.hasInput
        assert self._near.isSteady is (isOpen and not isBusy)
        return received

    def end(self) -> None:
        """
        Check the data: nothing was received that was not sent, and in order.
        """
        assert self._sent.startswith(self._received)
        while self._isHonest and self._wire and self._near.state is State.OPEN:
            self.step(DELIVER, b"", 31)
        if self._isHonest and self._near.state is State.OPEN:
            assert self._received == self._sent


def checkEngine(data: bytes) -> None:
    """
    Run a program: no exception escapes, no octet is made up.
    """
    program = BytesIO(data)
    run = EngineRun(int.from_bytes(program.read(1), "big"))
    while octet := program.read(1):
        event, size = octet[0] & 0xE0, octet[0] & 0x1F
        takes = event in (FEED, PEER, SEND)
        run.step(event, program.read(size) if takes else b"", size)
    run.end()
