"""C{echostamp ping stamp:} against the daemon's session-reflector."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, Daemon, Namespaces, figure, run, script, until
from tests.test_ping import valid

US = 1000
MS = 1000 * US


class Relay:
    """
    A UDP relay to a reflector, which loses, doubles and delays packets, and forges
    replies, as a test has it.

    @ivar port: where it is.
    """

    def __init__(self, case: SynchronousTestCase, target: int, rule: Any) -> None:
        """
        @param case: closes it at its end.
        @param target: the reflector's port.
        @param rule: takes the direction, the number of the packet in it, and the
            packet; gives the packets that are passed on.
        """
        self._target = ("127.0.0.1", target)
        self._rule = rule
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(("127.0.0.1", 0))
        self._far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._far.bind(("127.0.0.1", 0))
        self._peer: Any = None
        self.port = self._near.getsockname()[1]
        for each in self._there, self._back:
            threading.Thread(target=each, daemon=True).start()
        case.addCleanup(self._far.close)
        case.addCleanup(self._near.close)
        case.addCleanup(self._wake)

    def _wake(self) -> None:
        """End both threads."""
        for each in self._near, self._far:
            address = each.getsockname()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"end", address)

    def _there(self) -> None:
        number = 0
        while (found := self._near.recvfrom(65536))[0] != b"end":
            packet, self._peer = found
            for each in self._rule("there", number, packet):
                self._far.sendto(each, self._target)
            number += 1

    def _back(self) -> None:
        number = 0
        while (packet := self._far.recv(65536)) != b"end":
            for each in self._rule("back", number, packet):
                self._near.sendto(each, self._peer)
            number += 1


class StampTests(SynchronousTestCase):
    """
    Both ends of RFC 8762.
    """

    def reflector(self, *options: str, host: str = "127.0.0.1") -> int:
        """Start a daemon with a reflector, and give its port."""
        place = f"[{host}]:0" if ":" in host else f"{host}:0"
        self.daemon = Daemon(self, "--port=0", f"--reflector={place}", *options)
        line = until(
            lambda: next(
                (x for x in self.daemon.lines() if "answering STAMP" in x), None
            )
        )
        return int(
            line.rpartition(f"{host}:" if ":" not in host else "]:")[2].split(",")[0]
        )

    def ping(
        self, *options: str, status: int = 0
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end."""
        done = run(script("echostamp"), "ping", *options)
        self.assertEqual(done.returncode, status, done)
        return done

    def measured(self, *options: str, status: int = 0) -> Any:
        """Run it, and give its JSON, which is valid."""
        found = json.loads(self.ping("--json", *options, status=status).stdout)
        valid(found)
        return found

    def test_loopback(self) -> None:
        """On one machine the offset is 0, within its bound, with the kernel's
        timestamps at this end."""
        for host in "127.0.0.1", "::1":
            port = self.reflector(host=host)
            target = f"stamp:[{host}]:{port}" if ":" in host else f"stamp:{host}:{port}"
            found = self.measured("-c50", "-i10ms", target)
            stats = found["stats"]
            self.assertEqual((stats["sent"], stats["received"]), (50, 50))
            self.assertEqual(stats["rtt_is"], "(T4-T1)-(T3-T2)")
            self.assertLessEqual(stats["offset"]["low"], 0)
            self.assertGreaterEqual(stats["offset"]["high"], 0)
            told = stats["stamp"]
            self.assertEqual((told["kernel_t1"], told["kernel_t4"]), (50, 50))
            self.assertEqual((told["hops_forward"], told["hops_backward"]), (0, 0))
            self.assertEqual(told["invalid"], {})
            median = stats["rtt"]["median"] / US
            figure(f"three kernel timestamps, {host}: median RTT {median:.1f} us")
            for probe in found["probes"]:
                self.assertLessEqual(probe["t2"], probe["t3"])

    def test_followUp(self) -> None:
        """With follow-ups T3 is the kernel's, too, and the RTT the shorter for it."""
        port = self.reflector("--stateful", "--allow=127.0.0.0/8")
        target = f"stamp:127.0.0.1:{port}"
        stats = self.measured("-c50", "-i10ms", "--tlv=follow-up", target)["stats"]
        self.assertEqual(stats["received"], 50)
        self.assertGreaterEqual(stats["stamp"]["followed_up"], 45)
        self.assertEqual(stats["stamp"]["tlv_problems"], {})
        median = stats["rtt"]["median"] / US
        figure(f"four kernel timestamps: median RTT {median:.1f} us")
        self.assertLess(stats["offset"]["high"] - stats["offset"]["low"], MS)
        self.assertLessEqual(stats["offset"]["low"], 0)
        self.assertGreaterEqual(stats["offset"]["high"], 0)

    def test_options(self) -> None:
        """PTP, padding, SSID, marks, a source: each does what it says."""
        port = self.reflector("--allow-dscp")
        options = "--ptp --ssid=7 --dscp=46 --tlv=cos --tlv=timestamp --size=200 -c3"
        source = "--source=127.0.0.3"
        target = f"stamp:127.0.0.1:{port}"
        found = self.measured(*options.split(), "-i10ms", source, target)
        stats = found["stats"]
        self.assertEqual(stats["received"], 3)
        self.assertTrue(stats["stamp"]["far_clock"]["ptp"])
        self.assertEqual(stats["stamp"]["class_of_service"], [46, 46, 0, 0])
        self.assertEqual(stats["stamp"]["timestamp_information"][1::2], [2, 2])
        self.assertLess(abs(stats["offset"]["estimate"]), MS)
        self.assertTrue(found["config"]["sources"][0].startswith("127.0.0.3:"))
        self.assertEqual(found["config"]["size"], 200)

    def test_timescale(self) -> None:
        """A reflector that counts PTP's time in UTC is told from one 37 s off."""
        port = self.reflector("--ptp-timescale=utc")
        said = self.ping("-q", "-c3", "-i10ms", "--ptp", f"stamp:127.0.0.1:{port}")
        self.assertIn(b"seems to count PTP's time in UTC", said.stdout)

    def test_keys(self) -> None:
        """With the right key replies come, with another one none."""
        path = Path(self.mktemp()).absolute()
        for name, key in ("right", "ab" * 16), ("wrong", "cd" * 16):
            file = path.with_name(f"{path.name}.{name}")
            file.write_text(f"* {key}\n")
            os.chmod(file, 0o600)
        right, wrong = f"{path}.right", f"{path}.wrong"
        port = self.reflector(f"--reflector-key={right}")
        target = f"stamp:127.0.0.1:{port}"
        stats = self.measured("-c3", "-i10ms", f"--key={right}", "--tlv=cos", target)
        self.assertEqual(stats["stats"]["received"], 3)
        self.assertEqual(stats["stats"]["stamp"]["tlv_problems"], {})
        for option in [f"--key={wrong}"], []:
            self.ping("-c2", "-i10ms", "-W200ms", *option, target, status=1)

    def test_lossesByDirection(self) -> None:
        """What a relay loses, doubles and forges on either way is what is reported."""

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            # Number 0 is the one that is thrown away.
            if way == "there":
                return [] if number in (4, 5, 9) else [packet]
            if number in (8, 12):
                return []
            if number == 15:
                return [packet, packet]
            if number == 17:
                return [packet[:30] + bytes([packet[30] ^ 1]) + packet[31:], packet]
            return [packet]

        port = self.reflector("--stateful", "--allow=127.0.0.0/8")
        relay = Relay(self, port, rule)
        options = "-c30", "-i10ms", "-W500ms"
        stats = self.measured(*options, f"stamp:127.0.0.1:{relay.port}")["stats"]
        counts = stats["sent"], stats["received"], stats["lost"], stats["duplicates"]
        self.assertEqual(counts, (30, 25, 5, 1))
        told = stats["stamp"]
        self.assertTrue(told["stateful"])
        self.assertEqual((told["lost_forward"], told["lost_backward"]), (3, 2))
        self.assertEqual(told["invalid"], {"not ours": 1})

    def test_reordered(self) -> None:
        """Packets that overtake one another on either way are not lost, and a reflector
        that gets them so has not begun anew."""
        held: dict[str, bytes] = {}

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            if number == (5 if way == "there" else 12):
                held[way] = packet
                return []
            return [packet, held.pop(way)] if way in held else [packet]

        for kind in ["--stateful", "--allow=127.0.0.0/8"], []:
            relay = Relay(self, self.reflector(*kind), rule)
            options = "-c30", "-i10ms", "-W500ms"
            stats = self.measured(*options, f"stamp:127.0.0.1:{relay.port}")["stats"]
            self.assertEqual((stats["received"], stats["reordered"]), (30, 2))
            told = stats["stamp"]
            lost = [told[f"lost_{way}"] for way in ("forward", "backward", "unknown")]
            self.assertEqual((lost, told["restarts"]), ([0, 0, 0], 0))

    def test_restarted(self) -> None:
        """Packets that are lost while the reflector begins anew are not called lost on
        either way."""
        options = "--stateful", "--allow=127.0.0.0/8"
        port = self.reflector(*options)
        process = subprocess.Popen(
            [
                *(script("echostamp"), "ping", "-c300", "-i20ms", "-W300ms", "--jsonl"),
                f"stamp:127.0.0.1:{port}",
            ],
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        for _ in range(20):
            process.stdout.readline()
        self.daemon.stop(signal.SIGKILL)
        Daemon(self, "--port=0", f"--reflector=127.0.0.1:{port}", *options)
        output, _ = process.communicate(timeout=DEADLINE)
        stats = json.loads(output.splitlines()[-1])["stats"]
        self.assertEqual((process.returncode, stats["sent"]), (0, 300))
        told = stats["stamp"]
        self.assertEqual((told["stateful"], told["restarts"]), (True, 1))
        self.assertGreater(stats["lost"], 0)
        lost = [told[f"lost_{way}"] for way in ("forward", "backward", "unknown")]
        self.assertEqual(lost, [0, 0, stats["lost"]])

    def test_linkLocal(self) -> None:
        """An address that holds on one link alone is asked on that link."""
        wire = Namespaces(self)
        wire.addLinkLocal("fe80::a", "fe80::b")
        self.daemon = Daemon(
            self,
            *("--port=0", f"--reflector=[fe80::b%{wire.FAR_LINK}]:8620"),
            command=(*wire.far, "twistd", "-n", "--pidfile="),
        )
        until(lambda: "answering STAMP" in self.daemon.log())
        done = run(
            *(*wire.near, script("echostamp"), "ping", "--json", "-c3", "-i10ms"),
            f"stamp:[fe80::b%{wire.NEAR_LINK}]:8620",
        )
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(json.loads(done.stdout)["stats"]["received"], 3)

    def test_nobody(self) -> None:
        """Where nobody is, or the reflector dies, the schedule is kept."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind(("127.0.0.1", 0))
            target = f"stamp:127.0.0.1:{unused.getsockname()[1]}"
        done = self.ping("-c5", "-i20ms", "-W200ms", target, status=1)
        self.assertIn(b"nobody is at the port", done.stderr)
        port = self.reflector()
        process = subprocess.Popen(
            [
                *(script("echostamp"), "ping", "-c60", "-i20ms", "-W300ms", "--jsonl"),
                f"stamp:127.0.0.1:{port}",
            ],
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        for _ in range(5):
            process.stdout.readline()
        self.daemon.process.send_signal(signal.SIGKILL)
        output, _ = process.communicate(timeout=DEADLINE)
        stats = json.loads(output.splitlines()[-1])["stats"]
        self.assertEqual((process.returncode, stats["sent"]), (0, 60))
        self.assertEqual(stats["skipped"], 0)
        self.assertEqual(stats["sent"], stats["received"] + stats["lost"])
        self.assertGreater(stats["lost"], 5)
        self.assertIn("Connection refused", stats["stamp"]["refused"])

    def test_flooded(self) -> None:
        """A far end that floods it with packets does not keep it from its schedule."""

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            return [packet] if way == "there" else [packet, *[b"x" * 44] * 500]

        relay = Relay(self, self.reflector(), rule)
        options = "-c40", "-i20ms", "-W1s"
        found = self.measured(*options, f"stamp:127.0.0.1:{relay.port}")
        stats = found["stats"]
        self.assertEqual((stats["sent"], stats["skipped"]), (40, 0))
        self.assertGreater(stats["stamp"]["invalid"]["not ours"], 1000)
        waits = [probe["t1"] - probe["due"] for probe in found["probes"]]
        figure(f"flooded with 25,000 packets a second: {max(waits) / MS:.1f} ms late")

    def test_errors(self) -> None:
        """What cannot be is one line that says what."""
        for why, *options in [
            ("--size 46: 44, or 48 and more", "-s46", "stamp:127.0.0.1"),
            ("No such file", "--key=/nowhere", "stamp:127.0.0.1"),
            ("go with stamp:HOST", "--ssid=3", "127.0.0.1"),
            ("--source", "--source=192.0.2.1", "stamp:127.0.0.1"),
            ("no host", "stamp:"),
        ]:
            done = self.ping("-c1", *options, status=2)
            self.assertIn(why.encode(), done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), 1, done)
        done = run(script("echostamp"), "talk", "stamp:127.0.0.1")
        self.assertIn(b"stamp: goes with 'echostamp ping'", done.stderr)
