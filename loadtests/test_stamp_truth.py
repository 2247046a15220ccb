"""STAMP's timestamps beside those of a capture at both ends of a wire."""

from __future__ import annotations

import json
import statistics
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import Daemon, figure, run, script, start, tool, until
from tests.namespaces import Namespaces
from tests.pinging import valid

PORT = 8620

#: The first octets of a capture of Ethernet with nanoseconds.
_MAGIC = 0xA1B23C4D

#: Octets before a packet of STAMP: Ethernet, IPv4, UDP.
_IN_FRONT = 14 + 20 + 8


def packets(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """
    Read a capture.

    @return: of each datagram the nanoseconds since the epoch, the source port, and the
        payload.
    """
    octets = path.read_bytes()
    assert struct.unpack_from("=I", octets)[0] == _MAGIC
    at = 24
    while at + 16 <= len(octets):
        seconds, nanoseconds, length, _ = struct.unpack_from("=IIII", octets, at)
        frame = octets[at + 16 : at + 16 + length]
        at += 16 + length
        (source,) = struct.unpack_from("!H", frame, 34)
        yield seconds * 1_000_000_000 + nanoseconds, source, frame[_IN_FRONT:]


class TruthTests(SynchronousTestCase):
    """
    Two network namespaces, and a capture in each.
    """

    def capture(self, inside: tuple[str, ...], link: str) -> Path:
        """Start a capture, and wait until it runs."""
        path = Path(self.mktemp()).absolute()
        tcpdump = tool("tcpdump", "tcpdump")
        process = start(
            self,
            *(*inside, tcpdump, "-i", link, "-n", "-U", "-B", "8192"),
            *("--time-stamp-precision=nano", "-w", str(path), f"udp port {PORT}"),
            stderr=subprocess.PIPE,
        )
        assert process.stderr
        while b"listening on" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        return path

    def times(self, path: Path, count: int) -> list[dict[int, int]]:
        """
        Wait for that many replies, and give the times of requests and of replies by
        their numbers.
        """

        def found() -> list[dict[int, int]] | None:
            requests: dict[int, int] = {}
            replies: dict[int, int] = {}
            for at, source, packet in packets(path):
                number = int.from_bytes(packet[:4], "big")
                (replies if source == PORT else requests)[number] = at
            return [requests, replies] if len(replies) >= count else None

        return until(found)

    def test_truth(self) -> None:
        """T2 and T4 are the capture's times, to the nanosecond.  T1 and T3 are between
        the times of the captures at both ends, which share a clock."""
        wire = Namespaces(self)
        Daemon(
            self,
            *("--port=0", f"--reflector={wire.FAR}:{PORT}", "--stateful"),
            f"--allow={wire.NEAR}",
            command=(*wire.far, "twistd", "-n", "--pidfile="),
        )
        near = self.capture(wire.near, wire.NEAR_LINK)
        far = self.capture(wire.far, wire.FAR_LINK)
        done = run(
            *(*wire.near, script("echostamp"), "ping", "--json", "-c300", "-i5ms"),
            *("--tlv=follow-up", f"stamp:{wire.FAR}:{PORT}"),
        )
        self.assertEqual(done.returncode, 0, done)
        found: Any = json.loads(done.stdout)
        valid(found)
        self.assertEqual(found["stats"]["received"], 300)
        self.assertGreaterEqual(found["stats"]["stamp"]["followed_up"], 300)
        sentHere, cameHere = self.times(near, 302)
        cameThere, sentThere = self.times(far, 302)
        differences: dict[str, list[int]] = {"t1": [], "t2": [], "t3": [], "t4": []}
        shorter = []
        for probe in found["probes"]:
            # The client drops the reply to its first packet.
            number = probe["seq"] + 1
            witness = {
                "t1": sentHere[number],
                "t2": cameThere[number],
                "t3": sentThere[number],
                "t4": cameHere[number],
            }
            self.assertEqual(probe["t2"], witness["t2"])
            self.assertEqual(probe["t4"], witness["t4"])
            # A packet that leaves is captured before the device has it.
            self.assertGreaterEqual(probe["t1"], witness["t1"])
            self.assertLessEqual(probe["t1"], witness["t2"])
            self.assertGreaterEqual(probe["t3"], witness["t3"])
            self.assertLessEqual(probe["t3"], witness["t4"])
            for name, at in witness.items():
                differences[name].append(probe[name] - at)
            rtt = witness["t4"] - witness["t1"] - (witness["t3"] - witness["t2"])
            shorter.append(rtt - probe["rtt"])
            # Nothing else may make an RTT shorter.
            left = probe["t1"] - witness["t1"] + probe["t3"] - witness["t3"]
            self.assertEqual(rtt - probe["rtt"], left)
        for name, all_ in differences.items():
            sizes = sorted(map(abs, all_))
            median, p99 = statistics.median(sizes), sizes[len(sizes) * 99 // 100]
            figure(f"{name} and the capture's: median {median:.0f} ns, p99 {p99} ns")
            self.assertLess(median, 20_000)
        figure(f"an RTT is at most {max(shorter)} ns below the capture's")
        self.assertLessEqual(found["stats"]["offset"]["low"], 0)
        self.assertGreaterEqual(found["stats"]["offset"]["high"], 0)
        self.assertLess(time.time_ns() - found["config"]["began"], 3600 * 10**9)
