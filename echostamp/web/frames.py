"""
The frames of a WebSocket, at the server's end; pure.

C{wsproto} reads and writes them; the source is RFC 6455, whose sections comments name.
"""

from __future__ import annotations

from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

#: Frames that are read at once.  Each takes microseconds, also where it is empty.
FRAMES = 64


class Frames:
    """
    Reads the frames of a peer, and makes our own.

    What is fed and not taken is kept.

    @ivar isMore: whether there may be more to take.
    @ivar hasEnded: whether the last frame was read: a Close frame or a wrong one.
    @ivar isWrong: whether it was a wrong one.
    """

    def __init__(self) -> None:
        self.isMore = self.hasEnded = self.isWrong = False
        # The code and the reason of our Close frame, where the peer decides them.
        self._closing: tuple[int, str | None] | None = None
        self._ping: bytes | None = None
        self._frames = FrameProtocol(False, [])

    def feed(self, data: bytes) -> None:
        """
        Add what was read.
        """
        if not self.hasEnded:
            self._frames.receive_bytes(data)
            self.isMore = True

    def take(self) -> bytes:
        """
        Read at most L{FRAMES} frames.

        @return: the octets of messages that they hold.
        """
        pieces: list[bytes] = []
        count = 0
        self.isMore = False
        try:
            for opcode, payload, *_ in self._frames.received_frames():
                count += 1
                if isinstance(payload, str):
                    pieces.append(payload.encode())
                elif isinstance(payload, tuple):
                    self.hasEnded, self._closing = True, payload
                elif opcode is Opcode.PING:
                    self._ping = bytes(payload)
                elif opcode is not Opcode.PONG:
                    pieces.append(payload)
                if count == FRAMES:
                    self.isMore = not self.hasEnded
                    break
        except ParseFailed as error:
            self.hasEnded = self.isWrong = True
            self._closing = error.code, str(error)
        return b"".join(pieces)

    def message(self, data: bytes) -> bytes:
        """
        Make a message, a binary one: it may end within a character.
        """
        return bytes(self._frames.send_data(data))

    def pong(self) -> bytes:
        """
        Answer the last ping that was not answered (section 5.5.3).

        @return: empty where there is none.
        """
        ping, self._ping = self._ping, None
        return b"" if ping is None else bytes(self._frames.pong(ping))

    def close(self, isStopping: bool) -> bytes:
        """
        Make our Close frame.  It has the peer's code, or says what was wrong.

        @param isStopping: whether this end stops, where the peer has said nothing.
        """
        own = CloseReason.GOING_AWAY if isStopping else CloseReason.NORMAL_CLOSURE
        code, reason = self._closing or (own, None)
        return bytes(self._frames.close(code, reason or None))
