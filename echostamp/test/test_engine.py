"""Tests for L{echostamp.tls.engine}."""

from __future__ import annotations

import ssl
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.authority import Authority
from echostamp.test.tlsmessages import KEY_UPDATE, SERVER, MessageWriter
from echostamp.test.tlsprograms import (
    CLOSE,
    DAMAGE,
    DELIVER,
    FIN,
    OPEN,
    PEER,
    PEER_CLOSES,
    checkEngine,
)
from echostamp.test.tlsprograms import SERVER as SERVERS
from echostamp.tls.clientcontext import ClientTls, clientContext
from echostamp.tls.engine import RECORD, Engine, State
from echostamp.tls.servercontext import Credentials


class EngineCase(SynchronousTestCase):
    """
    Two engines, one of them a server's.
    """

    def setUp(self) -> None:
        """Make the contexts."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.useHosts("localhost")

    def useHosts(self, *hosts: str) -> None:
        """Have the server's certificate name these hosts."""
        authority = Authority()
        ca, server = self.folder / "ca.pem", self.folder / "server.pem"
        ca.write_bytes(authority.certificate)
        server.write_bytes(authority.issue("common.example", hosts))
        self.clientContext = clientContext(str(ca))
        self.serverContext = Credentials(str(server), str(server), None, True).context

    def begin(self, host: str = "localhost") -> None:
        """Make engines that have not begun."""
        self.client = ClientTls(host, self.clientContext).engine()
        self.server = Engine(self.serverContext, True)

    def shake(self) -> None:
        """Do the handshake, as far as it goes."""
        for _ in range(3):
            for one, other in (self.client, self.server), (self.server, self.client):
                if one.state is State.HANDSHAKE:
                    one.shake()
                other.feed(one.take())

    def open(self) -> None:
        """Make engines that are open."""
        self.begin()
        self.shake()
        self.assertEqual((self.client.state, self.server.state), (State.OPEN,) * 2)


class EngineTests(EngineCase):
    """
    L{Engine} turns ciphertext into plaintext, and the reverse.
    """

    def versions(self) -> list[ssl.TLSVersion]:
        """Give the versions of TLS."""
        return [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2]

    def test_handshake(self) -> None:
        """A handshake ends in the state C{OPEN} at both ends.  TLS 1.3 has no
        tickets."""
        for version in self.versions():
            self.clientContext.maximum_version = version
            self.open()
            self.assertEqual(self.server.take(), b"")
            self.assertFalse(self.server.hasInput)
            self.assertEqual(self.server.certificate(), {})
            self.assertIn("subject", self.client.certificate())

    def test_failedHandshake(self) -> None:
        """A refused certificate is C{FAILED} at both ends: the client has the error of
        verification, the server that of the alert."""
        self.begin("elsewhere")
        self.shake()
        self.assertEqual((self.client.state, self.server.state), (State.FAILED,) * 2)
        self.assertIsInstance(self.client.error, ssl.SSLCertVerificationError)
        self.assertIn("alert", str(self.server.error))

    def test_endInTheHandshake(self) -> None:
        """A FIN within the handshake is C{FAILED} without an error."""
        self.begin()
        self.server.feed(b"\x16\x03")
        self.server.feedEnd()
        self.server.shake()
        self.assertEqual((self.server.state, self.server.error), (State.FAILED, None))

    def test_data(self) -> None:
        """What is encrypted at one end is read at the other: all whole records at
        once, as long as they may be."""
        self.open()
        for data in b"a", b"x" * RECORD, b"y" * 100_000:
            self.client.feed(self.server.encrypt(data))
            self.assertTrue(self.client.hasInput)
            self.assertEqual(self.client.read(), data)
            self.assertFalse(self.client.hasInput)
        self.assertEqual(self.client.read(), b"")
        self.assertEqual(self.client.state, State.OPEN)

    @given(st.lists(st.binary(min_size=1)), st.data())
    def test_anyCuts(self, pieces: list[bytes], draw: st.DataObject) -> None:
        """However ciphertext is cut, the plaintext is the same."""
        self.open()
        ciphertext = b"".join(map(self.client.encrypt, pieces))
        received = b""
        while ciphertext:
            size = draw.draw(st.integers(1, len(ciphertext)))
            self.server.feed(ciphertext[:size])
            received += self.server.read()
            ciphertext = ciphertext[size:]
        self.assertEqual(received, b"".join(pieces))

    @given(st.binary(max_size=60))
    @example(bytes([OPEN | SERVERS, PEER | 5]) + b"hello" + bytes([DELIVER | 31, FIN]))
    @example(bytes([OPEN, PEER | 1]) + b"a" + bytes([PEER_CLOSES, DELIVER | 31, CLOSE]))
    @example(bytes([OPEN, CLOSE, PEER | 1]) + b"a" + bytes([DELIVER | 31]))
    @example(bytes([SERVERS, PEER, DELIVER | 31, DELIVER | 31, DELIVER | 31]))
    @example(bytes([OPEN, PEER | 1]) + b"a" + bytes([DAMAGE | 9, DELIVER | 31, CLOSE]))
    def test_anyProgram(self, program: bytes) -> None:
        """No order of octets and events raises an exception, or makes data up."""
        checkEngine(program)

    def test_close(self) -> None:
        """A close_notify ends the peer's input behind the data, and no more: the peer
        can still send, and is still read."""
        for version in self.versions():
            self.clientContext.maximum_version = version
            self.open()
            self.server.feed(self.client.encrypt(b"before"))
            # What the server has been fed and has not read is not lost.
            data = self.server.encrypt(b"last")
            self.server.close()
            self.client.feed(data + self.server.take())
            self.assertEqual(self.server.read(), b"before")
            self.assertTrue(self.server.isClosed)
            self.assertEqual(self.client.read(), b"last")
            self.assertEqual(self.client.state, State.INPUT_ENDED)
            self.assertFalse(self.client.hasInput)
            self.server.feed(self.client.encrypt(b"after"))
            self.assertEqual(self.server.read(), b"after")
            self.client.close()
            self.server.feed(self.client.take())
            self.assertEqual(self.server.read(), b"")
            self.assertEqual(self.server.state, State.INPUT_ENDED)

    def test_finWithoutCloseNotify(self) -> None:
        """A FIN ends the input behind the data, also within a record."""
        for more in b"", b"\x17\x03\x03":
            self.open()
            self.server.feed(self.client.encrypt(b"last") + more)
            self.server.feedEnd()
            self.assertEqual(self.server.read(), b"last")
            self.assertEqual(self.server.read(), b"")
            self.assertEqual(self.server.state, State.INPUT_ENDED)

    def test_damagedRecord(self) -> None:
        """A damaged record is C{FAILED} behind the data, with an alert to send."""
        self.open()
        damaged = b"\x17\x03\x03\x00\x20" + bytes(32)
        self.server.feed(self.client.encrypt(b"good") + damaged)
        self.assertEqual(self.server.read(), b"good")
        self.assertEqual(self.server.read(), b"")
        self.assertEqual(self.server.state, State.FAILED)
        self.assertIsNotNone(self.server.error)
        self.assertGreater(self.server.unsent, 0)

    def test_tickets(self) -> None:
        """Session tickets in any number leave nothing behind, and data is read behind
        them."""
        keylog = self.folder / "keys"
        self.clientContext.keylog_filename = str(keylog)
        self.open()
        writer = MessageWriter(keylog, SERVER)
        # RFC 8446, section 4.6.1: lifetime, age, nonce, ticket, no extensions.
        body = bytes(4) + bytes(4) + b"\x01a" + b"\x00\x20" + bytes(32) + bytes(2)
        ticket = b"\x04" + len(body).to_bytes(3, "big") + body
        for _ in range(1000):
            self.client.feed(writer.record(ticket))
            self.assertEqual(self.client.read(), b"")
        self.assertEqual((self.client.state, self.client.unsent), (State.OPEN, 0))
        self.client.feed(writer.record(KEY_UPDATE))
        self.assertEqual(self.client.read(), b"")
        self.server.feed(self.client.encrypt(b"still here"))
        self.assertEqual(self.server.read(), b"still here")

    def test_steady(self) -> None:
        """Data, and a part of a record, leave the engine steady.  The answer to a key
        update, a close_notify and a FIN do not."""
        keylog = self.folder / "keys"
        self.clientContext.keylog_filename = str(keylog)
        self.open()
        data = self.client.encrypt(b"data")
        self.assertEqual(self.server.read(data[:9]), b"")
        self.assertTrue(self.server.isSteady)
        self.assertEqual(self.server.read(data[9:]), b"data")
        self.assertTrue(self.server.isSteady)
        writer = MessageWriter(keylog, SERVER)
        # OpenSSL answers some of them only when it writes.
        self.client.read(b"".join([writer.record(KEY_UPDATE) for _ in range(3)]))
        self.assertGreater(self.client.unsent, 0)
        self.assertFalse(self.client.isSteady)
        self.open()
        self.client.close()
        self.assertEqual(self.server.read(self.client.take()), b"")
        self.assertFalse(self.server.isSteady)
        self.open()
        self.server.feedEnd()
        self.assertEqual(self.server.read(self.client.encrypt(b"last")), b"last")
        self.assertFalse(self.server.isSteady)

    def test_namesAndAddresses(self) -> None:
        """A certificate counts for its names, wildcards and addresses, not for its
        common name, and for a name outside ASCII as its A-label."""
        self.useHosts(
            *("a.example", "*.b.example", "192.0.2.1", "2001:db8::1", "straße.example")
        )
        for host, isRight in [
            ("a.example", True),
            ("x.b.example", True),
            ("192.0.2.1", True),
            ("2001:db8::1", True),
            ("straße.example", True),
            ("STRASSE.example", False),
            ("xn--strae-oqa.example", True),
            ("b.example", False),
            ("x.y.b.example", False),
            ("192.0.2.2", False),
            ("common.example", False),
        ]:
            self.begin(host)
            self.shake()
            self.assertIs(self.client.state is State.OPEN, isRight, host)
