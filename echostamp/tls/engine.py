"""
TLS without I/O: ciphertext in, plaintext out, and the reverse.

An L{Engine} is one end of one connection.  It owns no socket, no timer and no protocol:
what it is fed comes from a transport, and what it makes is for a transport.  Its state
and its error are values.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from enum import Enum

#: Octets of plaintext that one record holds at most: RFC 8446, section 5.1.
RECORD = 1 << 14


class State(Enum):
    """
    How far a connection has come.  A state never returns to an earlier one.
    """

    #: The handshake is not complete.
    HANDSHAKE = "handshake"
    #: Data can be read and, until L{Engine.close}, written.
    OPEN = "open"
    #: The peer's close_notify or its FIN has come.  Data can still be written.
    INPUT_ENDED = "input ended"
    #: The handshake, a record or the peer's alert has ended the connection.
    FAILED = "failed"


#: L{State.OPEN} for code that runs for each read: to look up an attribute of an
#: enumeration takes ten times as long.
OPEN = State.OPEN


class Engine:
    """
    One end of a TLS connection.

    @ivar state: how far it has come.
    @ivar error: why it is L{State.FAILED}; L{None} also where the peer's FIN or
        close_notify came within the handshake.
    @ivar isClosed: whether L{close} was called: nothing can be encrypted any more.
    @ivar isSteady: whether L{read} has left nothing to do but to pass on its data: the
        state is still L{State.OPEN}, and there is no output and no FIN.
    @ivar beginsIt: whether this end sends first: the client's.
    """

    __slots__ = (
        "_finReceived",
        "_incoming",
        "_outgoing",
        "_tls",
        "beginsIt",
        "error",
        "isClosed",
        "isSteady",
        "state",
    )

    def __init__(
        self, context: ssl.SSLContext, isServer: bool, host: str | None = None
    ) -> None:
        """
        @param context: the certificates, and the rules of the handshake.
        @param isServer: whether this is the server's end.
        @param host: the name or address that the server's certificate must have; only
            for the client's end.
        """
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, isServer, host)
        self._finReceived = False
        self.beginsIt = not isServer
        self.state = State.HANDSHAKE
        self.error: ssl.SSLError | None = None
        self.isClosed = False
        self.isSteady = True

    def feed(self, data: bytes) -> None:
        """
        Take ciphertext that has arrived.  L{shake} and L{read} use it.
        """
        self._incoming.write(data)

    def feedEnd(self) -> None:
        """
        Note that the peer's FIN has arrived behind what was fed.
        """
        self._finReceived = True

    @property
    def hasInput(self) -> bool:
        """Whether L{read} may find something: data, or the end of the input."""
        return self.state is State.OPEN and (
            bool(self._incoming.pending) or self._finReceived
        )

    @property
    def unsent(self) -> int:
        """The octets of ciphertext that L{take} would give."""
        return self._outgoing.pending

    def shake(self) -> None:
        """
        Continue the handshake with what was fed.  There may be output afterwards, also
        when it has failed: an alert.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            if self._finReceived:
                self.state = State.FAILED
        except ssl.SSLZeroReturnError:
            self.state = State.FAILED
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self.state = State.OPEN

    def read(self, data: bytes = b"") -> bytes:
        """
        Decrypt what was fed.

        @param data: ciphertext that has arrived behind it.
        @return: the data of every whole record; empty where there is none, or where the
            state is not L{State.OPEN} any more.
        """
        incoming = self._incoming
        incoming.write(data)
        received = b""
        try:
            received = record = self._tls.read(RECORD)
            while record and incoming.pending:
                record = self._tls.read(RECORD)
                received += record
            if not record:
                self.state = State.INPUT_ENDED
        except ssl.SSLWantReadError:
            if self._finReceived:
                # It came without close_notify, or within a record.
                self.state = State.INPUT_ENDED
        except ssl.SSLZeroReturnError:
            self.state = State.INPUT_ENDED
        except ssl.SSLError as error:
            self._fail(error)
        isQuiet = not (self._outgoing.pending or self._finReceived)
        self.isSteady = isQuiet and self.state is OPEN
        return received

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """
        Encrypt data.  Not allowed before the handshake is complete, nor after L{close}.

        @param data: at least one octet.
        @return: the records, behind all earlier output.
        """
        self._tls.write(data)
        return self._outgoing.read()

    def take(self) -> bytes:
        """
        Give the ciphertext that was made apart from L{encrypt}: of the handshake, of
        key updates, of alerts.
        """
        return self._outgoing.read()

    def close(self) -> None:
        """
        Make a close_notify.  The input stays open.
        """
        self.isClosed = True
        # After it has made a close_notify, OpenSSL looks for the peer's, and takes data
        # for an error.  So it finds nothing.
        fed = self._incoming.read()
        # Usually it wants to read the peer's.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        self._incoming.write(fed)

    def certificate(self) -> dict[str, object]:
        """
        Give what the peer's certificate says, as L{ssl.SSLSocket.getpeercert} does.

        @return: empty where the peer has shown none, or none was verified; and after
            L{forget}.
        @raise ValueError: it breaks the rules of X.509.
        """
        return dict(self._tls.getpeercert() or {}) if hasattr(self, "_tls") else {}

    def forget(self) -> None:
        """
        Free OpenSSL's memory: the connection is lost.  The protocol and the transport
        refer to each other, so that this engine may stay for long, and the garbage
        collector does not know how much memory it has.
        """
        self.isClosed = True
        del self._tls
        self._incoming = self._outgoing = ssl.MemoryBIO()

    def _fail(self, error: ssl.SSLError) -> None:
        """
        End the connection.
        """
        # The traceback would keep this engine, and all that calls it, in a cycle.
        self.error = error.with_traceback(None)
        self.state = State.FAILED
