"""The session-reflector's TLVs, of RFC 8972, and its keys."""

from __future__ import annotations

import hmac
import random
import signal
import struct
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import figure, until
from tests.reflecting import (
    ONE,
    PLAIN,
    ROUNDING,
    T1,
    TWO,
    Asker,
    Reflecting,
    Z,
    authenticated,
    keyFile,
    ntp,
    ptp,
    sealed,
    tlv,
)


class TlvTests(SynchronousTestCase):
    """
    TLVs of RFC 8972.
    """

    def test_tlvs(self) -> None:
        """Each type of TLV, and each way to be wrong."""
        places = ["127.0.0.1:0", "[::1]:0", "0"]
        daemon = Reflecting.shared(self, "--allow-dscp", places=places)
        noise = random.Random(8972).randbytes(400)
        wants = struct.pack("!H2x", 10 << 10)  # DSCP AF11, please
        isGiven = struct.pack("!H2x", 10 << 10 | 46 << 4 | 1 << 2)
        sixteen = tlv(1, b"") * 16
        with Asker(tos=0xB9) as asker:

            def check(tail: bytes, expected: bytes, mark: int = 0xB8) -> None:
                heard = asker.ask(PLAIN + tail, daemon.place)
                self.assertEqual(heard.octets[44:], expected)
                self.assertEqual(heard.tos, mark)

            information = asker.ask(PLAIN + tlv(3, bytes(4)), daemon.place).octets[44:]
            self.assertIn(information[4:], (b"\1\2\1\2", b"\5\2\5\2"))
            check(tlv(1, b"hello"), tlv(1, b"hello", 0))
            check(tlv(1, b""), tlv(1, b"", 0))
            check(tlv(3, bytes(4)), information)
            check(tlv(3, bytes(9)), b"\0\3\0\x09" + information[4:] + bytes(5))
            check(tlv(4, wants), tlv(4, isGiven, 0), 10 << 2)
            # Stateless: there is no previous reply.
            check(tlv(7, bytes(16)), tlv(7, bytes(16), 0))
            # Without a key the HMAC cannot be checked.
            check(
                tlv(3, bytes(4)) + tlv(8, bytes(16)),
                tlv(3, bytes(4), 0xA0) + tlv(8, bytes(16), 0xA0),
            )
            for unknown in 0, 2, 5, 6, 9, 179, 255:
                check(tlv(unknown, b"x"), tlv(unknown, b"x", 0x80))
            # Out of order, and one of them twice.
            check(
                tlv(4, wants) + tlv(9, b"") + tlv(1, b"x") + tlv(1, b"y"),
                tlv(4, isGiven, 0) + tlv(9, b"") + tlv(1, b"x", 0) + tlv(1, b"y", 0),
                10 << 2,
            )
            # Malformed: cut off, too long, of a length that the type does not have.
            # The octets behind it stay as they are.
            check(b"\x80", b"\xc0")
            check(b"\x80\1\0", b"\x40\1\0")
            check(b"\x80\1\0\5four", b"\x40\1\0\5four")
            check(b"\x80\1\xff\xff", b"\x40\1\xff\xff")
            check(b"\x80\x09\0\5four", b"\xc0\x09\0\5four")
            check(tlv(4, b"x") + tlv(1, b"y"), tlv(4, b"x", 0x40) + tlv(1, b"y"))
            check(
                tlv(1, b"x") + tlv(7, b"\xff" * 15),
                tlv(1, b"x", 0) + tlv(7, bytes(12) + b"\xff" * 3, 0x40),
            )
            # Only the first 16 are read.
            check(sixteen + tlv(1, b""), sixteen.replace(b"\x80", b"\0") + tlv(1, b""))
            most = tlv(1, b"") * 16_365
            check(most, sixteen.replace(b"\x80", b"\0") + most[len(sixteen) :])
            # Octets that do not begin with the flag U alone are padding.
            for padding in bytes(400), b"\x01" + noise, b"\xff" * 99, tlv(1, b"x", 0):
                check(padding, padding)

    def test_authenticated(self) -> None:
        """In authenticated mode TLVs other than padding need an HMAC of their own."""
        daemon = Reflecting(self, f"--reflector-key={keyFile(self, '* ' + ONE.hex())}")
        request = authenticated(5, ONE)
        with Asker() as asker:

            def answered(tail: bytes) -> bytes:
                return asker.ask(request + tail, daemon.place).octets[112:]

            self.assertEqual(answered(tlv(1, b"x")), tlv(1, b"x", 0))
            self.assertEqual(answered(bytes(99)), bytes(99))
            one = tlv(2, b"x")
            seal = hmac.digest(ONE, request[:4] + one, "sha256")[:16]
            self.assertEqual(answered(one + tlv(8, seal)), one + tlv(8, seal, 0))
            for wrong in tlv(8, bytes(16)), b"", tlv(8, seal) + tlv(3, bytes(4)):
                flagged = (one + wrong).replace(b"\x80", b"\xa0")
                self.assertEqual(answered(one + wrong), flagged)

    def test_stateful(self) -> None:
        """A stateful reflector counts the replies of each session.  It reports when the
        previous reply left, by the kernel's clock: between its T3 and its arrival."""
        daemon = Reflecting(self, "--stateful", "--allow=127.0.0.0/8", "--allow=::/0")
        self.assertIn("in follow-ups by the kernel", daemon.log())
        waits = []
        with Asker() as one, Asker() as other:
            for isPtp in False, True:
                read, estimate = (ptp, Z | 1) if isPtp else (ntp, 1)
                previous: tuple[int, int] | None = None
                for number in range(3):
                    # The reflector's numbers are not the sender's.
                    base = struct.pack("!I8sHH28x", 70 + number, T1, estimate, isPtp)
                    reply = one.ask(base + tlv(7, bytes(16)), daemon.place).octets
                    arrived = time.time_ns()
                    self.assertEqual(struct.unpack("!I", reply[:4]), (number,))
                    self.assertEqual(reply[24:28], base[:4])
                    self.assertEqual(reply[44:48], b"\0\7\0\x10")
                    found, left, method = struct.unpack("!I8sB3x", reply[48:])
                    if previous is None:
                        self.assertEqual(reply[48:], bytes(16))
                    else:
                        self.assertEqual((found, method), (number - 1, 2))
                        self.assertLess(previous[0] - ROUNDING, read(left))
                        self.assertLess(read(left), previous[1])
                        waits.append(read(left) - previous[0])
                    previous = read(reply[4:12]), arrived
                    # Another session, in between.
                    between = other.ask(base + tlv(7, bytes(16)), daemon.place).octets
                    self.assertEqual(struct.unpack("!I", between[:4]), (number,))
        shown = ", ".join(f"{each / 1000:.0f}" for each in waits)
        figure(f"replies left {shown} us after their T3, by the follow-ups")
        self.assertEqual(daemon.counts(), {"answered": 12})

    def test_reactors(self) -> None:
        """On Twisted's other reactors, too, the kernel reports when replies left."""
        for reactor in "select", "poll", "asyncio":
            daemon = Reflecting(
                self,
                *("--stateful", "--allow=127.0.0.0/8"),
                command=("twistd", "-n", "--pidfile=", f"--reactor={reactor}"),
            )
            with Asker() as asker:
                for number in range(3):
                    reply = asker.ask(PLAIN + tlv(7, bytes(16)), daemon.place).octets
                    self.assertEqual(reply[:4], struct.pack("!I", number))
                found, left = struct.unpack("!I8s4x", reply[48:])
            self.assertEqual(found, 1)
            self.assertLess(ntp(left), ntp(reply[16:24]))
            self.assertEqual(daemon.stop(), 0)


class KeyTests(SynchronousTestCase):
    """
    Keys, which can be reloaded.
    """

    def test_rotation(self) -> None:
        """SIGHUP reloads the keys: at first one is valid, then both, then the other.  A
        wrong file changes nothing."""
        path = keyFile(self, f"* {ONE.hex()}\n")
        daemon = Reflecting(self, f"--reflector-key={path}")
        self.assertIn("authenticated;", daemon.log())
        self.assertNotIn("unauthenticated;", daemon.log())

        def reload(text: str, said: str) -> None:
            before = daemon.log().count(said)
            path.write_text(text)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: daemon.log().count(said) > before)

        both = f"* {ONE.hex()}\n* {TWO.hex()}\n"
        for text, said, keys in [
            ("", "", [ONE]),
            (both, "keys of STAMP reloaded", [ONE, TWO]),
            ("* nonsense", "not reloaded: --reflector-key", [ONE, TWO]),
            (f"* {TWO.hex()}\n", "keys of STAMP reloaded", [TWO]),
        ]:
            if said:
                reload(text, said)
            with Asker() as asker:
                for number, key in enumerate([ONE, TWO, TWO[::-1]]):
                    asker.sendto(authenticated(number, key), daemon.place)
                # The last request is always answered.
                last = authenticated(9, keys[-1])
                replies = [asker.ask(last, daemon.place).octets]
                while replies[-1][:4] != last[:4]:
                    replies.append(asker.heard().octets)
            found = [
                key
                for reply in replies
                for key in (ONE, TWO)
                if reply == sealed(reply[:96], key)
            ]
            self.assertEqual(found, [*keys, keys[-1]])
        counts = daemon.counts()
        self.assertEqual(counts, {"answered": 10, "no valid HMAC": 6})
        for each in ONE, TWO:
            self.assertNotIn(each.hex(), daemon.log())

    def test_ssids(self) -> None:
        """Each SSID has its own keys.  An SSID without a key counts apart from a wrong
        key."""
        path = keyFile(self, f"7 {ONE.hex()}\n")
        daemon = Reflecting(self, f"--reflector-key={path}")
        with Asker() as asker:
            asker.sendto(authenticated(1, ONE, 8), daemon.place)
            asker.sendto(authenticated(2, TWO, 7), daemon.place)
            asker.sendto(PLAIN, daemon.place)
            reply = asker.ask(authenticated(3, ONE, 7), daemon.place).octets
            self.assertEqual(reply[:4], b"\0\0\0\3")
            self.assertTrue(asker.hasNothing())
        self.assertEqual(
            daemon.counts(),
            {"answered": 1, "no valid HMAC": 1, "no key for its SSID": 2},
        )
