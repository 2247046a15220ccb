"""Other people's programs read the session-reflector's replies."""

from __future__ import annotations

import hmac
import importlib
import re
import struct
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import lack, run, tool
from tests.reflecting import (
    NTP_EPOCH,
    ONE,
    TWO,
    Asker,
    Reflecting,
    authenticated,
    keyFile,
    ntp,
    tlv,
)


class ToolTests(SynchronousTestCase):
    """
    C{openssl}, C{tshark} and C{scapy}.
    """

    def test_openssl(self) -> None:
        """C{openssl dgst} makes the same HMACs of replies and of TLVs in them.  A
        request with either of two keys gets a reply with the same key."""
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
        """C{tshark} reads the fields of the replies."""
        tshark = tool("tshark", "tshark")
        daemon = Reflecting.shared(self)
        path = Path(self.mktemp()).absolute()
        with Asker(ttl=61) as asker, path.open("wb") as file:
            # A pcap file of IP packets without a link layer.
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
            shown = []
            for name in "sender_timestamp", "receive_timestamp", "timestamp":
                found = re.search(r"(\d\d):(\d\d):(\d\d)\.(\d{9})", fields[name])
                assert found, fields
                hours, minutes, seconds, rest = map(int, found.groups())
                shown.append(((hours * 60 + minutes) * 60 + seconds) * 10**9 + rest)
            midnight = datetime.fromtimestamp(t1 // 10**9, UTC).replace(
                hour=0, minute=0, second=0
            )
            day = 86_400 * 10**9
            sent = (t1 - int(midnight.timestamp()) * 10**9) % day
            self.assertLessEqual(abs(shown[0] - sent), 2)
            for earlier, later in pairwise(shown):
                self.assertLess((later - earlier) % day, 10**9)

    def test_scapy(self) -> None:
        """The reflector answers requests that scapy builds, with TLVs, and scapy reads
        the replies."""
        try:
            stamp: Any = importlib.import_module("scapy.contrib.stamp")
        except ImportError as error:
            lack(f"scapy: {error}")
        daemon = Reflecting.shared(self)
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
