"""The session-reflector's replies, octet by octet, from a real daemon."""

from __future__ import annotations

import ctypes
import random
import signal
import struct
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import figure, until
from tests.reflecting import (
    ONE,
    PLAIN,
    ROUNDING,
    T1,
    Asker,
    Reflecting,
    Z,
    authenticated,
    keyFile,
    ntp,
    ptp,
    sealed,
)

#: An error estimate of a clock about which nothing is known.
UNKNOWN = 0x3FFF


class ReplyTests(SynchronousTestCase):
    """
    Replies, octet by octet.
    """

    def checkReply(self, asker: Asker, place: Any, length: int, ttl: int) -> None:
        """Ask with a request of this length, and check each octet of the reply."""
        isPtp = length % 2 == 1
        estimate = struct.pack("!H", 0x0A80 | (Z if isPtp else 0))
        number = struct.pack("!I", length)
        tail = bytes(random.Random(length).randrange(1, 256) for _ in range(length))
        request = (number + T1 + estimate + b"\xab\xcd" + bytes(28) + tail)[:length]
        before = time.time_ns()
        heard = asker.ask(request, place)
        after = time.time_ns()
        reply = heard.octets
        self.assertEqual(heard.peer[:2], place[:2])
        self.assertEqual((heard.ttl, heard.tos), (255, 0))
        self.assertEqual(len(reply), max(44, length))
        self.assertEqual(reply[0:4], number)
        read = ptp if isPtp else ntp
        t3, t2 = read(reply[4:12]), read(reply[16:24])
        self.assertLessEqual(before - ROUNDING, t2)
        self.assertLessEqual(t2, t3)
        self.assertLessEqual(t3, after + ROUNDING)
        (far,) = struct.unpack("!H", reply[12:14])
        self.assertEqual(bool(far & Z), isPtp)
        self.assertNotEqual(far & 0xFF, 0)
        self.assertEqual(reply[14:16], b"\xab\xcd" if length >= 44 else bytes(2))
        self.assertEqual(reply[24:28], number)
        self.assertEqual(reply[28:36], T1)
        self.assertEqual(reply[36:38], estimate)
        self.assertEqual(reply[38:40], bytes(2))
        self.assertEqual(reply[40], ttl)
        self.assertEqual(reply[41:44], bytes(3))
        self.assertEqual(reply[44:], request[44:])

    def test_lengths(self) -> None:
        """Requests of every length get a reply, on IPv4 and IPv6, except those that are
        too short."""
        daemon = Reflecting(self, places=["127.0.0.1:0", "[::1]:0"])
        for place in daemon.places:
            with Asker(place[0], ttl=77) as asker:
                for length in 0, 1, 13:
                    asker.sendto(bytes(length), place)
                for length in 14, 41, 44, 45, 112, 1472, 65_507:
                    self.checkReply(asker, place, length, 77)
                self.assertTrue(asker.hasNothing())
        counts = daemon.counts()
        self.assertEqual(counts, {"answered": 14, "too short": 6})
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.counted(), counts)

    def test_authenticated(self) -> None:
        """In authenticated mode, too, the times have the request's format.  Each octet
        is where figure 6 of RFC 8762 puts it."""
        daemon = Reflecting(self, f"--reflector-key={keyFile(self, '* ' + ONE.hex())}")
        for isPtp in False, True:
            read, estimate = (ptp, Z | 1) if isPtp else (ntp, 1)
            with Asker(ttl=77) as asker:
                before = time.time_ns()
                request = authenticated(9, ONE, 0xABCD, estimate)
                reply = asker.ask(request, daemon.place).octets
                after = time.time_ns()
            t3, t2 = read(reply[16:24]), read(reply[32:40])
            self.assertLessEqual(before - ROUNDING, t2)
            self.assertLessEqual(t2, t3)
            self.assertLessEqual(t3, after + ROUNDING)
            self.assertEqual(bool(reply[24] & Z >> 8), isPtp)
            self.assertEqual(reply[:16], struct.pack("!I12x", 9))
            self.assertEqual(reply[26:32], b"\xab\xcd" + bytes(4))
            sent = struct.pack("!8xI12x8sH6xB15x", 9, T1, estimate, 77)
            self.assertEqual(reply[40:96], sent)
            self.assertEqual(reply, sealed(reply[:96], ONE))

    def test_addressThatWasAsked(self) -> None:
        """A reflector on all addresses answers from the one that was asked.  Both
        families have one port."""
        daemon = Reflecting.shared(self, places=["0"])
        [(any4, port), (any6, port6)] = daemon.places
        self.assertEqual((any4, any6, port), ("0.0.0.0", "::", port6))
        for own, host in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.3", "127.9.9.9"),
            ("::1", "::1"),
        ]:
            with Asker(own, ttl=9) as asker:
                self.checkReply(asker, (host, port), 44, 9)
                self.checkReply(asker, (host, port), 1472, 9)
                # A connected socket hears no other address.
                asker.connect((host, port))
                asker.send(PLAIN)
                self.assertEqual(len(asker.recv(100)), 44)

    def test_marks(self) -> None:
        """The reply has the DSCP of the request only if that is allowed, and never its
        ECN."""
        places = ["127.0.0.1:0", "[::1]:0", "0"]
        for options, mark in [((), 0), (("--allow-dscp",), 0xB8)]:
            daemon = Reflecting.shared(self, *options, places=places)
            for host, port in daemon.places:
                own = "::1" if ":" in host else "127.0.0.1"
                with Asker(own, tos=0xB9) as asker:
                    for request in PLAIN, PLAIN + b"x":
                        heard = asker.ask(request, (own, port))
                        self.assertEqual(heard.tos, mark)

    def test_kernelTimestamp(self) -> None:
        """T2 is when the kernel had the packet, however late the daemon reads it."""
        daemon = Reflecting.shared(self, places=["127.0.0.1:0", "[::1]:0", "0"])
        self.addCleanup(daemon.process.send_signal, signal.SIGCONT)
        status = Path(f"/proc/{daemon.process.pid}/stat")
        for place in daemon.places[:2]:
            with Asker(place[0]) as asker:
                daemon.process.send_signal(signal.SIGSTOP)
                until(lambda: ") T " in status.read_text())
                before = time.time_ns()
                asker.sendto(PLAIN, place)
                after = time.time_ns()
                daemon.process.send_signal(signal.SIGCONT)
                reply = asker.heard().octets
            self.assertLessEqual(before - ROUNDING, ntp(reply[16:24]))
            self.assertLessEqual(ntp(reply[16:24]), after + ROUNDING)
            self.assertLess(after - ROUNDING, ntp(reply[4:12]))

    def test_errorEstimate(self) -> None:
        """The error estimate is the kernel's: S and an error that is not less than the
        kernel's where the clock is synchronised, otherwise that nothing is known."""
        daemon = Reflecting.shared(self)
        with Asker() as asker:
            heard = asker.ask(PLAIN, daemon.place)
        (estimate,) = struct.unpack("!H", heard.octets[12:14])
        # struct timex, of 64 bits.
        timex = (ctypes.c_char * 208)()
        state = ctypes.CDLL(None).adjtimex(timex)
        (error,) = struct.unpack_from("@l", timex, 24)
        (status,) = struct.unpack_from("@i", timex, 40)
        figure(f"adjtimex: state {state}, status {status:#x}, error {error} us")
        if state == 5 or status & 0x40:
            self.assertEqual(estimate, UNKNOWN)
        else:
            self.assertTrue(estimate & 0x8000)
            claimed = (estimate & 0xFF) * 2.0 ** ((estimate >> 8 & 0x3F) - 32)
            # The error grows by 0.5 us a ms.
            self.assertLessEqual(abs(claimed - error / 1e6), claimed / 64 + 0.01)
