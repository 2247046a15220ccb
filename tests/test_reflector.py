"""The session-reflector: a real daemon, and real datagrams."""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import importlib
import os
import random
import re
import signal
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    Daemon,
    Namespaces,
    figure,
    lack,
    run,
    script,
    tool,
    until,
)
from tests.test_limits import cpu

#: From NTP's epoch to UNIX's, in seconds.
NTP_EPOCH = 2_208_988_800

#: Nanoseconds that a timestamp in NTP's format may be off for its resolution.
ROUNDING = 1

#: Of Linux, where Python has no names for them.
IP_RECVTTL, CLONE_NEWNET = 12, 0x4000_0000

#: Error estimates: of a clock of which nothing is known; Z is for PTP.
UNKNOWN, Z = 0x3FFF, 0x4000

ONE, TWO = bytes(range(1, 17)), bytes(range(101, 133))

T1 = bytes.fromhex("0123456789abcdef")

#: What is asked for where any answer would do.
PLAIN = b"\0\0\0\5" + T1 + b"\0\1" + bytes(30)


class Reflecting(Daemon):
    """
    A daemon that answers STAMP on loopback, on ports that the system picked.

    @ivar places: addresses and ports.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        *options: str,
        places: Sequence[str] = ("127.0.0.1:0",),
        command: tuple[str, ...] = ("twistd", "-n", "--pidfile="),
    ) -> None:
        """
        Start it, and wait until it answers.

        @param options: what stands behind C{echostamp} on the command line.
        @param places: as C{--reflector} takes them.
        @param command: what stands in front of C{echostamp}.
        """
        reflectors = [f"--reflector={place}" for place in places]
        super().__init__(case, "--port=0", *reflectors, *options, command=command)
        # Each has a line in the log, and all addresses are one of either family.
        sockets = sum(2 if place.partition(":")[0] == "0" else 1 for place in places)
        found = until(lambda: self._answering(sockets))
        self.places = [(host.strip("[]"), int(port)) for host, port in found]

    def _answering(self, sockets: int) -> list[tuple[str, str]] | None:
        if self.process.poll() is not None:
            raise AssertionError(self.log())
        found = re.findall(
            r"answering STAMP at (\S+):(\d+), .*by the kernel,.*\n", self.log()
        )
        return found if len(found) == sockets else None

    @property
    def place(self) -> tuple[str, int]:
        """Where it answers, or where it does first."""
        return self.places[0]

    def counts(self) -> Counter[str]:
        """Ask for what became of the packets."""
        before = self.log().count("STAMP packets: ")
        self.process.send_signal(signal.SIGUSR1)
        until(lambda: self.log().count("STAMP packets: ") > before)
        return self.counted()

    def counted(self) -> Counter[str]:
        """Read what it has said of them last."""
        line = until(
            lambda: re.findall(r"STAMP packets: (.*)\n", self.log()),
        )[-1]
        counts: Counter[str] = Counter()
        for each in [] if line == "none" else line.split(", "):
            count, _, what = each.partition(" ")
            counts[what] = int(count)
        return counts


class Heard(NamedTuple):
    """
    A datagram that has come.

    @ivar octets: what is in it.
    @ivar ttl: its TTL or hop limit.
    @ivar tos: its traffic class.
    @ivar peer: whence.
    """

    octets: bytes
    ttl: int
    tos: int
    peer: Any


class Asker(socket.socket):
    """
    A socket that asks, and fails its test at the deadline.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, ttl: int = 64, tos: int = 0
    ) -> None:
        """
        @param host: its own address.
        @param port: its own port; 0 for any.
        @param ttl: the TTL or hop limit of what it sends.
        @param tos: the traffic class of what it sends.
        """
        is6 = ":" in host
        super().__init__(socket.AF_INET6 if is6 else socket.AF_INET, socket.SOCK_DGRAM)
        self.settimeout(DEADLINE)
        if is6:
            level = socket.IPPROTO_IPV6
            self.setsockopt(level, socket.IPV6_UNICAST_HOPS, ttl)
            self.setsockopt(level, socket.IPV6_TCLASS, tos)
            self.setsockopt(level, socket.IPV6_RECVHOPLIMIT, 1)
            self.setsockopt(level, socket.IPV6_RECVTCLASS, 1)
        else:
            level = socket.IPPROTO_IP
            self.setsockopt(level, socket.IP_TTL, ttl)
            self.setsockopt(level, socket.IP_TOS, tos)
            self.setsockopt(level, IP_RECVTTL, 1)
            self.setsockopt(level, socket.IP_RECVTOS, 1)
        self.bind((host, port))

    def heard(self) -> Heard:
        """Wait for a datagram."""
        octets, beside, _, peer = self.recvmsg(65_535, 512)
        told = {
            kind: int.from_bytes(value[:4], sys.byteorder) for _, kind, value in beside
        }
        if self.family == socket.AF_INET6:
            ttl, tos = told[socket.IPV6_HOPLIMIT], told[socket.IPV6_TCLASS]
        else:
            ttl, tos = told[socket.IP_TTL], told[socket.IP_TOS]
        return Heard(octets, ttl, tos, peer)

    def ask(self, request: bytes, place: Any) -> Heard:
        """Send a request, and wait for what comes."""
        self.sendto(request, place)
        return self.heard()

    def hasNothing(self) -> bool:
        """Say whether nothing has come."""
        self.setblocking(False)
        try:
            self.recv(65_535)
        except BlockingIOError:
            return True
        finally:
            self.settimeout(DEADLINE)
        return False


def ntp(octets: bytes) -> int:
    """Read a time in NTP's format, in nanoseconds since the epoch."""
    units = int.from_bytes(octets, "big") - (NTP_EPOCH << 32)
    return (units * 10**9 + (1 << 31)) >> 32


def ptp(octets: bytes) -> int:
    """Read a time in PTP's format, of TAI."""
    seconds, nanoseconds = (
        int.from_bytes(each, "big") for each in (octets[:4], octets[4:])
    )
    return (seconds - 37) * 10**9 + nanoseconds


def sealed(octets: bytes, key: bytes) -> bytes:
    """Put the HMAC of authenticated mode behind octets."""
    return octets + hmac.new(key, octets, hashlib.sha256).digest()[:16]


def authenticated(number: int, key: bytes, ssid: int = 0, estimate: int = 1) -> bytes:
    """Make a request of authenticated mode."""
    fields = struct.pack("!I12x8sHH68x", number, T1, estimate, ssid)
    return sealed(fields, key)


def tlv(kind: int, value: bytes, flags: int = 0x80) -> bytes:
    """Make a TLV."""
    return struct.pack("!BBH", flags, kind, len(value)) + value


def keyFile(case: SynchronousTestCase, text: str, mode: int = 0o600) -> Path:
    """Make a key file."""
    path = Path(case.mktemp()).absolute()
    path.write_text(text)
    path.chmod(mode)
    return path


@contextmanager
def inside(namespace: tuple[str, ...]) -> Iterator[None]:
    """
    Make sockets in a network namespace.

    @param namespace: the beginning of a command line that runs something in it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        open("/proc/thread-self/ns/net") as ours,
        open(f"/run/netns/{namespace[-1]}") as theirs,
    ):
        if libc.setns(theirs.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(ours.fileno(), CLONE_NEWNET)


class Forger:
    """
    Sends datagrams that say that they are from elsewhere.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        """
        @param case: is skipped without root.
        """
        if os.geteuid():
            lack("root")
        kind = socket.SOCK_RAW
        self._socket = socket.socket(socket.AF_INET, kind, socket.IPPROTO_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        case.addCleanup(self._socket.close)
        self._socket6 = socket.socket(socket.AF_INET6, kind, socket.IPPROTO_RAW)
        case.addCleanup(self._socket6.close)

    def send(
        self, packet: bytes, peer: tuple[str, int], place: tuple[str, int]
    ) -> None:
        """
        Send a datagram.

        @param peer: whence it says to be.
        """
        if ":" in place[0]:
            self._send6(packet, peer, place)
            return
        length = 28 + len(packet)
        # The kernel fills in what is 0, but UDP's checksum, which may be 0.
        header = struct.pack(
            "!BBHHHBBH4s4sHHHH",
            *(0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0),
            *(socket.inet_aton(peer[0]), socket.inet_aton(place[0])),
            *(peer[1], place[1], length - 20, 0),
        )
        self._socket.sendto(header + packet, (place[0], 0))

    def _send6(
        self, packet: bytes, peer: tuple[str, int], place: tuple[str, int]
    ) -> None:
        """
        Send one over IPv6, where UDP's checksum has to be right.
        """
        ends = b"".join(
            socket.inet_pton(socket.AF_INET6, host) for host in (peer[0], place[0])
        )
        length = 8 + len(packet)
        ports = struct.pack("!HHH", peer[1], place[1], length)
        covered = ends + struct.pack("!II", length, socket.IPPROTO_UDP)
        covered += ports + bytes(2) + packet + bytes(len(packet) % 2)
        words = struct.unpack(f"!{len(covered) // 2}H", covered)
        # A sum of ones' complement, of which the complement is sent, but never 0.
        check = 0xFFFF - sum(words) % 0xFFFF
        header = struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, 64) + ends
        datagram = header + ports + struct.pack("!H", check) + packet
        self._socket6.sendto(datagram, (place[0], 0))


class ReplyTests(SynchronousTestCase):
    """
    Replies, octet by octet.
    """

    def checkReply(self, asker: Asker, place: Any, length: int, ttl: int) -> None:
        """Ask with so many octets, and look at each octet of the answer."""
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
        """Requests of every length, on IPv4 and IPv6; too short ones have no reply."""
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
        """In authenticated mode, too, the times have the request's format, and each
        octet is where RFC 8762, figure 6, has it."""
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
        """At all addresses, it answers from the one that was asked; both families have
        one port."""
        daemon = Reflecting(self, places=["0"])
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
                # A socket that is connected hears nobody else.
                asker.connect((host, port))
                asker.send(PLAIN)
                self.assertEqual(len(asker.recv(100)), 44)

    def test_marks(self) -> None:
        """The DSCP comes back only if that is allowed; ECN never does."""
        places = ["127.0.0.1:0", "[::1]:0", "0"]
        for options, mark in [((), 0), (("--allow-dscp",), 0xB8)]:
            daemon = Reflecting(self, *options, places=places)
            for host, port in daemon.places:
                own = "::1" if ":" in host else "127.0.0.1"
                with Asker(own, tos=0xB9) as asker:
                    for request in PLAIN, PLAIN + b"x":
                        heard = asker.ask(request, (own, port))
                        self.assertEqual(heard.tos, mark)

    def test_kernelTimestamp(self) -> None:
        """A packet came when the kernel had it, however late the daemon reads it."""
        daemon = Reflecting(self, places=["127.0.0.1:0", "[::1]:0"])
        status = Path(f"/proc/{daemon.process.pid}/stat")
        for place in daemon.places:
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
        """What it says of its clock is what the kernel says: S where somebody keeps
        it, an error that is not less than the kernel's, else that nothing is known."""
        daemon = Reflecting(self)
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
            # It grows by 0.5 us a ms.
            self.assertAlmostEqual(claimed, error / 1e6, delta=claimed / 64 + 0.01)


class PeersTests(SynchronousTestCase):
    """
    Other people's programs.
    """

    def test_openssl(self) -> None:
        """The HMACs of replies, and of TLVs in them, are those of C{openssl dgst};
        either of two keys is answered with itself."""
        openssl = tool("openssl", "openssl")
        text = f"7 {ONE.hex()}\n7 {TWO.hex()}\n* {TWO.hex()}\n"
        daemon = Reflecting(self, f"--reflector-key={keyFile(self, text)}")

        def digest(key: bytes, octets: bytes) -> bytes:
            done = run(
                *(openssl, "dgst", "-sha256", "-mac", "HMAC"),
                *("-macopt", f"hexkey:{key.hex()}", "-binary"),
                stdin=octets,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout[:16]

        with Asker(ttl=50) as asker:
            for ssid, key in (7, ONE), (7, TWO), (9, TWO):
                request = authenticated(3, key, ssid)
                self.assertEqual(request[96:], digest(key, request[:96]))
                tlvs = tlv(3, bytes(4))
                tlvs += tlv(8, hmac.digest(key, request[:4] + tlvs, "sha256")[:16])
                reply = asker.ask(request + tlvs, daemon.place).octets
                self.assertEqual(len(reply), len(request + tlvs))
                self.assertEqual(reply[96:112], digest(key, reply[:96]))
                self.assertEqual(reply[0:4] + reply[48:52], request[:4] * 2)
                self.assertEqual(reply[26:28], request[26:28])
                self.assertEqual(reply[64:74], request[16:26])
                self.assertEqual(reply[80], 50)
                self.assertEqual(reply[112:116], b"\0\3\0\4")
                self.assertEqual(reply[120:124], b"\0\x08\0\x10")
                covered = reply[:4] + reply[112:120]
                self.assertEqual(reply[124:140], digest(key, covered))
                self.assertLessEqual(ntp(reply[32:40]), ntp(reply[16:24]))

    def test_tshark(self) -> None:
        """C{tshark} reads the fields of our replies."""
        tshark = tool("tshark", "tshark")
        daemon = Reflecting(self)
        path = Path(self.mktemp()).absolute()
        with Asker(ttl=61) as asker, path.open("wb") as file:
            # pcap, with IP packets as they are.
            file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
            requests = []
            for number in 5, 6, 0xFFFF_FFFF:
                t1 = time.time_ns()
                wire = (t1 // 10**9 + NTP_EPOCH) << 32 | (t1 % 10**9 << 32) // 10**9
                requests.append((number, t1))
                request = struct.pack("!IQH30x", number, wire, 0x8A80)
                reply = asker.ask(request, daemon.place).octets
                udp = struct.pack("!HHHH", daemon.place[1], 4711, 8 + len(reply), 0)
                head = struct.pack("!BBHHHBBHII", 0x45, 0, 72, 0, 0, 255, 17, 0, 1, 2)
                frame = head + udp + reply
                file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)
        as_ = f"udp.port=={daemon.place[1]},twamp.test"
        done = run(tshark, "-r", str(path), "-d", as_, "-T", "pdml")
        self.assertEqual(done.returncode, 0, done.stderr)
        packets = ElementTree.fromstring(done.stdout).findall("packet")
        self.assertEqual(len(packets), 3)
        for packet, (number, t1) in zip(packets, requests, strict=True):
            fields = {
                str(field.get("name")).removeprefix("twamp.test."): field.get(
                    "show", ""
                )
                for field in packet.iter("field")
            }
            self.assertEqual(int(fields["seq_number"]), number)
            self.assertEqual(int(fields["sender_seq_number"]), number)
            self.assertEqual(int(fields["sender_ttl"]), 61)
            self.assertEqual(int(fields["sender_error_estimate"], 0), 0x8A80)
            self.assertEqual(int(fields["mbz1"], 0) | int(fields["mbz2"], 0), 0)
            told = []
            for name in "sender_timestamp", "receive_timestamp", "timestamp":
                found = re.search(r"(\d\d):(\d\d):(\d\d)\.(\d{9})", fields[name])
                assert found, fields
                hours, minutes, seconds, rest = map(int, found.groups())
                told.append(((hours * 60 + minutes) * 60 + seconds) * 10**9 + rest)
            midnight = datetime.fromtimestamp(t1 // 10**9, UTC).replace(
                hour=0, minute=0, second=0
            )
            day = 86_400 * 10**9
            sent = (t1 - int(midnight.timestamp()) * 10**9) % day
            self.assertLessEqual(abs(told[0] - sent), 2)
            for earlier, later in pairwise(told):
                self.assertLess((later - earlier) % day, 10**9)

    def test_scapy(self) -> None:
        """What scapy builds is answered, TLVs too, and it reads the answer."""
        try:
            stamp: Any = importlib.import_module("scapy.contrib.stamp")
        except ImportError as error:
            lack(f"scapy: {error}")
        daemon = Reflecting(self)
        request = stamp.STAMPSessionSenderTestUnauthenticated(
            seq=3,
            ts=3_909_000_000.5,
            err_estimate=stamp.ErrorEstimate(S=1, scale=10, multiplier=128),
            ssid=0xBEEF,
            tlv_objects=[
                stamp.STAMPTestTLV(flags=0x80, type=1, len=5, value=b"hello"),
                stamp.STAMPTestTLV(flags=0x80, type=3, len=4, value=bytes(4)),
                stamp.STAMPTestTLV(flags=0x80, type=2, len=2, value=b"xy"),
            ],
        )
        with Asker(ttl=33) as asker:
            octets = asker.ask(bytes(request), daemon.place).octets
        self.assertEqual(len(octets), len(bytes(request)))
        reply = stamp.STAMPSessionReflectorTestUnauthenticated(octets)
        self.assertEqual((reply.seq, reply.seq_sender, reply.ssid), (3, 3, 0xBEEF))
        self.assertEqual((reply.ttl_sender, reply.mbz1, reply.mbz2), (33, 0, 0))
        self.assertEqual(float(reply.ts_sender), 3_909_000_000.5)
        self.assertEqual(bytes(reply.err_estimate_sender), b"\x8a\x80")
        self.assertLess(0, reply.ts - reply.ts_rx)
        self.assertLess(abs(float(reply.ts) - NTP_EPOCH - time.time()), 60)
        self.assertEqual(
            [(each.type, int(each.flags)) for each in reply.tlv_objects],
            [(1, 0), (3, 0), (2, 0x80)],
        )
        self.assertEqual(reply.tlv_objects[0].value, b"hello")


class TlvTests(SynchronousTestCase):
    """
    RFC 8972.
    """

    def test_tlvs(self) -> None:
        """Each type, and each way to be wrong."""
        daemon = Reflecting(self, "--allow-dscp", places=["127.0.0.1:0"])
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
            # Without a key nobody can say whether it is right.
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
            # Malformed: cut off, too long, of a length that the type has not; what
            # stands behind is left alone.
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
            # No more than 16 are looked at.
            check(sixteen + tlv(1, b""), sixteen.replace(b"\x80", b"\0") + tlv(1, b""))
            most = tlv(1, b"") * 16_365
            check(most, sixteen.replace(b"\x80", b"\0") + most[len(sixteen) :])
            # What does not begin with U alone is padding.
            for padding in bytes(400), b"\x01" + noise, b"\xff" * 99, tlv(1, b"x", 0):
                check(padding, padding)

    def test_authenticated(self) -> None:
        """In authenticated mode TLVs need an HMAC of their own, but padding."""
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
        """A stateful one counts each session's replies, and tells when the previous one
        left, by the kernel's clock: between its T3 and its arrival."""
        daemon = Reflecting(self, "--stateful", "--allow=127.0.0.0/8", "--allow=::/0")
        self.assertIn("in follow-ups by the kernel", daemon.log())
        waits = []
        with Asker() as one, Asker() as other:
            for isPtp in False, True:
                read, estimate = (ptp, Z | 1) if isPtp else (ntp, 1)
                previous: tuple[int, int] | None = None
                for number in range(3):
                    # Its numbers are not its sender's.
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
                    # Another session between them.
                    between = other.ask(base + tlv(7, bytes(16)), daemon.place).octets
                    self.assertEqual(struct.unpack("!I", between[:4]), (number,))
        shown = ", ".join(f"{each / 1000:.0f}" for each in waits)
        figure(f"replies left {shown} us after their T3, as follow-ups say")
        self.assertEqual(daemon.counts(), {"answered": 12})

    def test_reactors(self) -> None:
        """On Twisted's other reactors, too, the kernel says when replies left."""
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
    Keys that change.
    """

    def test_rotation(self) -> None:
        """SIGHUP has the keys read again: at first one is valid, then both, then the
        other; a file that is wrong changes nothing."""
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
                # Behind them comes what is answered in any case.
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
        """Each SSID has its own keys; one that has none is told from a wrong one."""
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


class RefusalTests(SynchronousTestCase):
    """
    What is not answered: no half of a loop, and no amplifier.
    """

    def test_portsThatAnswer(self) -> None:
        """Nothing goes to ports at which something answers whatever it gets, nor to its
        own address and port."""
        forger = Forger(self)
        daemon = Reflecting(self, places=["127.0.0.1:0", "0"])
        for place in daemon.places[:2]:
            before = daemon.counts()
            host, port = "127.0.0.1", place[1]
            with Asker() as asker:
                for each in 0, 7, 13, 19, 37:
                    forger.send(PLAIN, ("127.0.0.1", each), (host, port))
                    forger.send(PLAIN, ("127.0.0.9", each), (host, port))
                forger.send(PLAIN, (host, port), (host, port))
                asker.ask(PLAIN, (host, port))
            found = daemon.counts()
            found.subtract(before)
            self.assertEqual(
                +found,
                {"from a port that answers": 10, "from this port": 1, "answered": 1},
            )

    def test_portsThatAnswer6(self) -> None:
        """The same on IPv6, where nobody forges a thing."""
        if os.geteuid():
            lack("root")
        daemon = Reflecting(self, places=["[::1]:0"])
        for port in 7, 13, 19, 37:
            with Asker("::1", port) as asker, Asker("::1") as other:
                asker.sendto(PLAIN, daemon.place)
                other.ask(PLAIN, daemon.place)
                self.assertTrue(asker.hasNothing())
        counts = daemon.counts()
        self.assertEqual(counts, {"answered": 4, "from a port that answers": 4})

    def test_severalMachines(self) -> None:
        """Nothing answers what was sent to broadcast or multicast addresses, nor goes
        to such; of several addresses the one that was asked answers, link-local ones
        too, and where there is no way back that is counted."""
        wire = Namespaces(self)
        near, far = wire.near, wire.far
        for namespace, link, number in [
            (near, wire.NEAR_LINK, 1),
            (far, wire.FAR_LINK, 2),
        ]:
            for address in f"fe80::{number}", f"2001:db8::{number}", f"fd00::{number}":
                command = ("ip", "address", "add", f"{address}/64", "dev", link)
                done = run(*namespace, *command, "nodad")
                self.assertEqual(done.returncode, 0, done.stderr)
        run(*near, "ip", "link", "set", "lo", "up")
        daemon = Reflecting(
            self, places=["0"], command=(*near, "twistd", "-n", "--pidfile=")
        )
        port = daemon.place[1]
        with inside(far):
            forger = Forger(self)
            four, six = Asker(wire.FAR), Asker("::")
            index = socket.if_nametoindex(wire.FAR_LINK)
        with four, six:
            four.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            four.setsockopt(
                socket.IPPROTO_IP,
                socket.IP_MULTICAST_IF,
                socket.inet_aton(wire.FAR),
            )
            several = ["198.18.0.3", "255.255.255.255", "224.0.0.1"]
            for host in several:
                four.sendto(PLAIN, (host, port))
            self.assertEqual(four.ask(PLAIN, (wire.NEAR, port)).peer[0], wire.NEAR)
            self.assertTrue(four.hasNothing())
            for host in several:
                # The kernel throws most of these away by itself.
                forger.send(PLAIN, (host, 4711), (wire.NEAR, port))
            six.sendto(PLAIN, ("ff02::1", port, 0, index))
            for host in "2001:db8::1", "fd00::1", "fe80::1":
                scope = index if host.startswith("fe80") else 0
                heard = six.ask(PLAIN, (host, port, 0, scope))
                self.assertEqual(heard.peer, (host, port, 0, scope))
            self.assertTrue(six.hasNothing())
            forger.send(PLAIN, ("203.0.113.1", 4711), (wire.NEAR, port))
            four.ask(PLAIN, (wire.NEAR, port))
            self.assertTrue(four.hasNothing())
        counts = daemon.counts()
        self.assertEqual(counts["to several machines"], 4)
        self.assertEqual(counts["answered"], 5)
        self.assertLessEqual(counts.total(), 9 + len(several) + 1)

    def test_twoReflectors(self) -> None:
        """A forged packet between two of ours, whatever their modes and its format: one
        reply, which the other knows for one."""
        forger = Forger(self)
        key = f"--reflector-key={keyFile(self, '* ' + ONE.hex())}"
        stateful = ("--stateful", "--allow=127.0.0.0/8")
        plain, counting = Reflecting(self), Reflecting(self, *stateful)
        keyed, countingKeyed = Reflecting(self, key), Reflecting(self, key, *stateful)
        wanted: dict[Reflecting, Counter[str]] = {
            each: Counter() for each in (plain, counting, keyed, countingKeyed)
        }
        for packet, pairs in [
            (PLAIN, [(plain, counting), (counting, plain)]),
            (PLAIN[:14], [(plain, counting)]),
            (PLAIN + tlv(7, bytes(16)), [(counting, plain)]),
            (PLAIN[:12] + b"\x40\1" + PLAIN[14:], [(plain, counting)]),
            (PLAIN + bytes(1400), [(plain, counting)]),
            *(
                (
                    authenticated(1, ONE, 0, estimate),
                    [(keyed, countingKeyed), (countingKeyed, keyed), (keyed, plain)],
                )
                for estimate in (1, Z | 1)
            ),
        ]:
            for one, other in pairs:
                forger.send(packet, other.place, one.place)
                wanted[one]["answered"] += 1
                wanted[other]["a reply"] += 1
                until(lambda: other.counts() == wanted[other])  # noqa: B023
                self.assertEqual(one.counts(), wanted[one])
        for daemon, counts in wanted.items():
            self.assertEqual(daemon.counts(), counts)

    def test_twoReflectors6(self) -> None:
        """So it is over IPv6."""
        forger = Forger(self)
        one, other = (Reflecting(self, places=["[::1]:0"]) for _ in range(2))
        for number, packet in enumerate([PLAIN, PLAIN[:14], PLAIN + bytes(1401)], 1):
            forger.send(packet, other.place[:2], one.place[:2])
            until(lambda: other.counts() == {"a reply": number})  # noqa: B023
            self.assertEqual(one.counts(), {"answered": number})

    def test_wildcards(self) -> None:
        """Who has the same port elsewhere is answered; a forged packet from one of its
        own addresses to another has no more than one reply, either."""
        forger = Forger(self)
        daemon = Reflecting(self)
        with Asker("127.0.0.9", daemon.place[1]) as asker:
            asker.ask(PLAIN, daemon.place)
        daemon = Reflecting(self, places=["0"])
        port = daemon.place[1]
        forger.send(PLAIN, ("127.0.0.1", port), ("127.0.0.2", port))
        until(lambda: daemon.counts() == {"answered": 1, "a reply": 1})
        with Asker() as asker:
            asker.ask(PLAIN, ("127.0.0.1", port))
        self.assertEqual(daemon.counts(), {"answered": 2, "a reply": 1})

    def test_repliesOfOthers(self) -> None:
        """What another make of session-reflector sends is not answered."""
        daemon = Reflecting(self)
        now = time.time_ns()
        seconds = now // 10**9
        with Asker() as asker:
            for years in 0, 20:
                # Its clock need not be right.
                t3 = (seconds + NTP_EPOCH + years * 31_557_600) % 2**32
                received = struct.pack("!II", t3, 0)
                for sent in struct.pack("!II", t3, 5), struct.pack("!II", t3 + 1, 0):
                    reply = struct.pack("!I8sHH8s", 1, sent, 0x8A80, 0, received)
                    reply += b"\0\0\0\1" + T1 + b"\0\1" + b"\0\0\x40"
                    asker.sendto(reply, daemon.place)
                    asker.sendto(reply + bytes(3), daemon.place)
            asker.ask(PLAIN, daemon.place)
            self.assertTrue(asker.hasNothing())
        self.assertEqual(daemon.counts(), {"answered": 1, "a reply": 8})

    def test_allowed(self) -> None:
        """C{--allow}: others are not answered."""
        daemon = Reflecting(
            self,
            *("--allow=127.0.0.2", "--allow=::1/128"),
            places=["127.0.0.1:0", "[::1]:0"],
        )
        with Asker() as asker, Asker("127.0.0.2") as two, Asker("::1") as six:
            asker.sendto(PLAIN, daemon.place)
            two.ask(PLAIN, daemon.place)
            six.ask(PLAIN, daemon.places[1])
            self.assertTrue(asker.hasNothing())
        self.assertEqual(daemon.counts(), {"answered": 2, "not allowed": 1})


#: Runs a reflector in a process of its own, with sources that nobody has counted yet.
SOURCES = """
import ipaddress, re, sys, time
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.reflector import Reflector

class Port:
    address = ("192.0.2.1", 862)
    stampsDepartures = False
    tellsHow = True
    def send(self, packet, peer, to, tos):
        return 0

def memory():
    status = open("/proc/self/status").read()
    return int(re.search(r"VmRSS:\\s+(\\d+)", status)[1]) * 1024

allowed = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
shared = Shared(Policy(allowed, isStateful=sys.argv[1] == "stateful"))
reflector = Reflector(shared)
reflector.port = Port()
packet = bytes.fromhex(sys.argv[2])
for each in range(10):
    reflector.received(packet, (f"192.0.2.{each}", 4711), 1, 64, 0, None)
before = memory()
began = time.process_time()
for each in range(150_000):
    four = f"10.{each >> 16}.{each >> 8 & 255}.{each & 255}"
    six = f"2001:db8:{each >> 16:x}:{each & 65535:x}::1"
    reflector.received(packet, (four, 4711), 1, 64, 0, None)
    reflector.received(packet, (six, 4711, 0, 0), 1, 64, 0, None)
took = time.process_time() - began
print(memory() - before, took, len(shared.sessions), dict(shared.counts))
"""


class FloodTests(SynchronousTestCase):
    """
    Many packets, and many sources.
    """

    def test_sources(self) -> None:
        """300,000 sources, half of them of IPv6: memory grows by at most 1 MB; where
        sessions are counted, by what the most sessions take."""
        for mode, most in ("stateless", 1 << 20), ("stateful", 8 << 20):
            # What measures coverage needs memory, too.
            bare = (
                "env",
                "-u",
                "COVERAGE_PROCESS_START",
                "-u",
                "COVERAGE_PROCESS_CONFIG",
            )
            done = run(*bare, sys.executable, "-c", SOURCES, mode, PLAIN.hex())
            self.assertEqual(done.returncode, 0, done.stderr)
            grown, took, sessions, counts = done.stdout.decode().split(maxsplit=3)
            figure(
                f"300,000 sources, {mode}: {int(grown) / 1024:.0f} KiB more, "
                f"{float(took) / 0.3:.1f} us each, {sessions} sessions, "
                f"{counts.strip()}"
            )
            self.assertLessEqual(int(grown), most)
            self.assertLessEqual(int(sessions), 10_000)

    def test_forgedSources(self) -> None:
        """300,000 forged sources, to a real daemon."""
        wire = Namespaces(self)
        run(*wire.near, "ip", "route", "add", "10.0.0.0/8", "via", wire.FAR)
        place = (wire.NEAR, 8620)
        daemon = Reflecting(
            self,
            places=[f"{place[0]}:{place[1]}"],
            command=(*wire.near, "twistd", "-n", "--pidfile="),
        )
        with inside(wire.far):
            forger = Forger(self)
            asker = Asker(wire.FAR)
        with asker:
            asker.ask(PLAIN, place)
            before, began = daemon.memory(), time.monotonic()
            for each in range(300_000):
                forger.send(
                    PLAIN,
                    (f"10.{each >> 16}.{each >> 8 & 255}.{each & 255}", 9999),
                    place,
                )
                if each % 200 == 0:
                    # As fast as it goes, but no faster: all of them shall be seen.  It
                    # is one of those that are told apart in each second.
                    asker.ask(PLAIN, place)
            seconds = time.monotonic() - began
        grown = daemon.memory() - before
        counts = daemon.counts()
        figure(
            f"300,000 forged sources in {seconds:.1f} s: {grown / 1024:.0f} KiB more, "
            f"{dict(counts)}"
        )
        self.assertLessEqual(grown, 1 << 20)
        seen = sum(counts.values()) - 1501
        self.assertGreater(seen, 295_000)
        # 2,048 sources a second, and one's rate for all others.
        bound = (2048 + 5000 + 1500) * (seconds + 1)
        self.assertLessEqual(counts["answered"], bound)

    def test_oneSource(self) -> None:
        """One source over its rate is answered by its rate, and another one as ever."""
        rate = 100
        daemon = Reflecting(self, f"--max-pps={rate}")
        began = time.monotonic()
        with Asker() as asker, Asker("127.0.0.2") as other:
            for _ in range(50):
                for _ in range(100):
                    asker.sendto(PLAIN, daemon.place)
                other.ask(PLAIN, daemon.place)
            seconds = time.monotonic() - began
        counts = daemon.counts()
        answered = counts["answered"] - 50
        figure(
            f"one source over its rate of {rate}: {answered} of 5000 in {seconds:.2f} s"
            ", another one 50 of 50"
        )
        self.assertEqual(counts.total(), 5050)
        self.assertGreaterEqual(answered, rate)
        self.assertLessEqual(answered, rate * (int(seconds) + 2))

    def test_flood(self) -> None:
        """A flood of small or large packets ends nothing: those that the kernel has
        room for are counted, and a line is echoed in between."""
        million = "1000000"
        daemon = Reflecting(
            self,
            f"--max-pps={million}",
            f"--max-total-pps={million}",
            "--allow=::/0",
            "--allow=127.0.0.1",
        )
        for what, packet, count in [
            ("44 octets", PLAIN, 40_000),
            ("16,365 TLVs", PLAIN + tlv(1, b"") * 16_365, 4000),
            ("nothing", b"", 40_000),
        ]:
            slowest = 0.0
            before, busy, began = (
                daemon.counts(),
                cpu(daemon.process.pid),
                time.monotonic(),
            )
            with Asker() as asker, daemon.connect() as peer:
                for each in range(count):
                    asker.sendto(packet, daemon.place)
                    if each % (count // 20) == 0:
                        asked = time.monotonic()
                        peer.sendall(b"hello\n")
                        self.assertIn(b"hello", peer.recv(100))
                        slowest = max(slowest, time.monotonic() - asked)
            seconds = time.monotonic() - began
            seen = daemon.counts()
            seen.subtract(before)
            busy = (cpu(daemon.process.pid) - busy) / max(seen.total(), 1)
            figure(
                f"flood of {what}: {count / seconds:.0f}/s sent, "
                f"{seen.total() / count:.0%} seen, {busy * 1e6:.0f} us each, "
                f"a line echoed within {slowest * 1000:.1f} ms"
            )
            self.assertLess(slowest, 1)
            self.assertGreater(seen.total(), 0)
            self.assertEqual(seen.total(), max(seen["answered"], seen["too short"]))

    def test_garbage(self) -> None:
        """Whatever comes, the next request is answered; and the log stays short."""
        key = f"--reflector-key={keyFile(self, '* ' + ONE.hex())}"
        more = ("--max-pps=1000000", "--max-total-pps=1000000")
        stateful = ("--stateful", "--allow=127.0.0.0/8", *more)
        for options, last in [
            (stateful, PLAIN),
            ((key, *stateful), authenticated(5, ONE)),
        ]:
            daemon = Reflecting(self, *options)
            chance = random.Random(862)
            count = 0
            with Asker() as asker:
                for _ in range(300):
                    size = chance.choice([0, 1, 13, 14, 44, 112, 200, 1472, 65_507])
                    noise = chance.randbytes(chance.randrange(size + 1))
                    for packet in [
                        noise,
                        last[: len(noise)] + noise[len(last) :],
                        PLAIN + b"\x80" + noise[: 65_507 - 45],
                        last + tlv(chance.randrange(10), noise[:100]) * 16,
                    ]:
                        with Asker() as each:
                            each.sendto(packet, daemon.place)
                        # The kernel has room for only two of the longest.
                        asker.ask(last, daemon.place)
                        count += 2
            counts = daemon.counts()
            # Who has gone by then does not take his reply, and the network says so.
            del counts["not sent (ECONNREFUSED)"]
            self.assertEqual(counts.total(), count, counts)
            self.assertEqual(daemon.stop(), 0)
            log = daemon.log()
            self.assertNotIn("Traceback", log)
            self.assertLess(len(log.splitlines()), 20)
            self.assertEqual(daemon.unprintable(), [])


class LogTests(SynchronousTestCase):
    """
    What is said.
    """

    def test_counts(self) -> None:
        """The counts by reason are there at SIGUSR1, as often as one likes, and when it
        stops."""
        daemon = Reflecting(self)
        self.assertEqual(daemon.counts(), {})
        with Asker() as asker:
            asker.sendto(b"", daemon.place)
            asker.ask(PLAIN, daemon.place)
        for _ in range(2):
            self.assertEqual(daemon.counts(), {"answered": 1, "too short": 1})
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(
            daemon.log().count("STAMP packets: 1 answered, 1 too short"), 3
        )

    def test_newLogFile(self) -> None:
        """Where twistd has a log file, SIGUSR1 begins a new one as ever, and the counts
        are in it."""
        daemon = Reflecting(
            self, command=("twistd", "-n", "--pidfile=", "--logfile=log")
        )
        self.assertEqual(daemon.counts(), {})
        self.assertIn("answering STAMP", (daemon.folder / "log.1").read_text())
        self.assertNotIn("answering STAMP", daemon.log())


class UserErrorTests(SynchronousTestCase):
    """
    What a user can get wrong.
    """

    def refused(self, *options: str, command: tuple[str, ...] = (), text: str) -> None:
        """Assert that one line on standard error says so, and the status too."""
        twistd = (*command, script("twistd"), "-n", "--pidfile=")
        done = run(*twistd, "echostamp", "-p0", *options)
        self.assertNotEqual(done.returncode, 0)
        error = done.stderr.decode()
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertTrue(error.startswith("echostamp: "), error)
        self.assertIn(text, error)
        self.assertEqual(done.stdout, b"")

    def test_options(self) -> None:
        """Options that are wrong, or do not go together."""
        for options, text in [
            (["--reflector=x"], "--reflector 'x': not a port"),
            (["--reflector=localhost:862"], "--reflector 'localhost:862': not a port"),
            (["--reflector=224.0.0.1"], "not the address of one machine"),
            (["--reflector=0", "--max-pps=0"], "--max-pps '0': not a whole number"),
            (["--reflector=0", "--stateful"], "--stateful goes with --allow or"),
            (["--stateful", "--allow=::/0"], "--stateful goes with --reflector"),
        ]:
            self.refused(*options, text=text)

    def test_addresses(self) -> None:
        """A port that is taken, or not allowed; an address that is not here."""
        with Asker() as taken:
            place = f"127.0.0.1:{taken.getsockname()[1]}"
            self.refused(
                f"--reflector={place}", text=f"{place}: Address already in use"
            )
        place = "192.0.2.1:862"
        self.refused(f"--reflector={place}", text=f"{place}: Cannot assign")
        place = "127.255.255.255:0"
        self.refused(f"--reflector={place}", text=f"{place}: Not the address of one")
        without: tuple[str, ...] = ()
        if not os.geteuid():
            setpriv = tool("setpriv", "util-linux")
            without = (setpriv, "--bounding-set=-net_bind_service")
        self.refused(
            "--reflector=127.0.0.1",
            command=without,
            text="127.0.0.1:862: Permission denied",
        )

    def test_keyFiles(self) -> None:
        """A key file that is not there, is readable by others, or is wrong; nothing of
        a key is shown."""
        right = f"* {ONE.hex()}\n"
        for path, text in [
            (Path("nowhere"), "No such file or directory"),
            (keyFile(self, right, 0o644), "others may read it; chmod o= it"),
            (keyFile(self, right + right[:10]), "line 2: the key does not have 16"),
            (keyFile(self, "x " + right), "line 1: not an SSID, or *, and a key"),
            (keyFile(self, ""), "there is no key in it"),
        ]:
            self.refused(
                *("--reflector=127.0.0.1:0", f"--reflector-key={path}"),
                text=f"--reflector-key {str(path)!r}: {text}",
            )
