"""
Clients of a WebSocket in memory.
"""

from __future__ import annotations

from wsproto.frame_protocol import FrameProtocol, Opcode


class Reader:
    """
    Reads the frames of a server.

    @ivar octets: what they hold.
    @ivar pongs: answers to pings.
    @ivar closed: the code and the reason of the Close frame; L{None} before it.
    """

    def __init__(self) -> None:
        self.octets = b""
        self.pongs: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self._frames = FrameProtocol(True, [])
        self._read = 0

    def read(self, sent: bytes) -> None:
        """
        Read on.

        @param sent: all that the server has sent behind the head of its answer.
        """
        self._frames.receive_bytes(bytes(sent[self._read :]))
        self._read = len(sent)
        for opcode, payload, *_ in self._frames.received_frames():
            if isinstance(payload, tuple):
                self.closed = int(payload[0]), payload[1]
            elif opcode is Opcode.PONG:
                self.pongs.append(_octets(payload))
            else:
                assert opcode is Opcode.BINARY
                self.octets += _octets(payload)


def _octets(payload: str | bytes) -> bytes:
    """
    Give a payload that is no text.
    """
    assert not isinstance(payload, str)
    return bytes(payload)


class Writer:
    """
    Writes the frames of a client.
    """

    def __init__(self) -> None:
        self._frames = FrameProtocol(True, [])

    def data(self, payload: bytes | str, isLast: bool = True) -> bytes:
        """Make a frame of a message."""
        return bytes(self._frames.send_data(payload, isLast))

    def ping(self, payload: bytes = b"") -> bytes:
        """Make a ping."""
        return bytes(self._frames.ping(payload))

    def close(self, code: int = 1000, reason: str = "") -> bytes:
        """Make a Close frame."""
        return bytes(self._frames.close(code, reason))
