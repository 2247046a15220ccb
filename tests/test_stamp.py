"""C{echostamp ping stamp:} against the daemon's session-reflector."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

from tests.farends import Relay
from tests.harness import DEADLINE, Daemon, figure, run, script, until
from tests.namespaces import Namespaces
from tests.pinging import MS, STATEFUL, US, PingCase
from tests.reflecting import Reflecting


class StampTests(PingCase):
    """
    Both ends of RFC 8762.
    """

    def test_loopback(self) -> None:
        """On one machine the offset is 0, within its bound, with the kernel's
        timestamps at this end."""
        places = ["127.0.0.1:0", "[::1]:0"]
        for host, port in Reflecting.shared(self, places=places).places:
            target = f"stamp:[{host}]:{port}" if ":" in host else f"stamp:{host}:{port}"
            whole = self.measured("-c25", "-i5ms", target)
            stats = whole["stats"]
            self.assertEqual((stats["sent"], stats["received"]), (25, 25))
            self.assertEqual(stats["rtt_is"], "(T4-T1)-(T3-T2)")
            self.assertLessEqual(stats["offset"]["low"], 0)
            self.assertGreaterEqual(stats["offset"]["high"], 0)
            found = stats["stamp"]
            self.assertEqual((found["kernel_t1"], found["kernel_t4"]), (25, 25))
            for hops in found["hops_forward"], found["hops_backward"]:
                self.assertEqual(hops, {"last": 0, "min": 0, "max": 0, "changes": 0})
            self.assertEqual(found["invalid"], {})
            median = stats["rtt"]["median"] / US
            figure(f"three kernel timestamps, {host}: median RTT {median:.1f} us")
            for probe in whole["probes"]:
                self.assertLessEqual(probe["t2"], probe["t3"])

    def test_followUp(self) -> None:
        """With follow-ups T3 is the kernel's, too, which makes the RTT shorter."""
        port = self.reflector(*STATEFUL)
        target = f"stamp:127.0.0.1:{port}"
        stats = self.measured("-c25", "-i5ms", "--tlv=follow-up", target)["stats"]
        self.assertEqual(stats["received"], 25)
        self.assertGreaterEqual(stats["stamp"]["followed_up"], 22)
        self.assertEqual(stats["stamp"]["tlv_problems"], {})
        median = stats["rtt"]["median"] / US
        figure(f"four kernel timestamps: median RTT {median:.1f} us")
        width = stats["offset"]["high"] - stats["offset"]["low"]
        self.assertLessEqual(width, stats["rtt"]["median"])
        self.assertLessEqual(stats["offset"]["low"], 0)
        self.assertGreaterEqual(stats["offset"]["high"], 0)

    def test_options(self) -> None:
        """PTP, padding, SSID, marks, and a source address have their effects."""
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
        """A reflector that counts PTP's time in UTC is not reported as one 37 s off."""
        port = self.reflector("--ptp-timescale=utc")
        said = self.ping("-c3", "-i10ms", "--ptp", f"stamp:127.0.0.1:{port}")
        self.assertIn(b"count PTP's time in UTC", said.stdout)

    def test_keys(self) -> None:
        """With the right key replies come, with a wrong one or without one none."""
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
        for process in [
            self.started("-c2", "-i10ms", "-W200ms", *option, target)
            for option in ([f"--key={wrong}"], [])
        ]:
            self.assertEqual(process.wait(DEADLINE), 1)

    def test_lossesByDirection(self) -> None:
        """The report counts the packets that a relay loses, doubles and forges, by
        direction."""

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            # Number 0 is the warm-up packet, which the client drops.
            if way == "there":
                return [] if number in (4, 5, 9) else [packet]
            if number in (8, 12):
                return []
            if number == 15:
                return [packet, packet]
            if number == 17:
                return [packet[:30] + bytes([packet[30] ^ 1]) + packet[31:], packet]
            return [packet]

        relay = Relay(self, self.reflector(*STATEFUL), rule)
        options = "-c30", "-i10ms", "-W1"
        stats = self.measured(*options, f"stamp:127.0.0.1:{relay.port}")["stats"]
        counts = stats["sent"], stats["received"], stats["lost"], stats["duplicates"]
        self.assertEqual(counts, (30, 25, 5, 1))
        found = stats["stamp"]
        self.assertTrue(found["stateful"])
        self.assertEqual(found["lost_forward"], {"min": 3, "max": 5})
        self.assertEqual(found["lost_backward"], {"min": 0, "max": 2})
        self.assertEqual(found["invalid"], {"T1 was not returned": 1})

    def test_impossibleTimes(self) -> None:
        """Where a reflector's T3 is far before its T2, or is 0, the RTT is not known,
        and a threshold that needs it cannot be judged."""

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            if way == "there":
                return [packet]
            seconds = int.from_bytes(packet[4:8], "big") - 3
            t3 = bytes(8) if number % 2 else seconds.to_bytes(4, "big") + packet[8:12]
            return [packet[:4] + t3 + packet[12:]]

        relay = Relay(self, self.reflector(), rule)
        options = "-c4", "-i10ms", f"stamp:127.0.0.1:{relay.port}"
        done = self.ping("--json", "--max-rtt=1us", *options, status=3)
        stats = json.loads(done.stdout)["stats"]
        self.assertEqual((stats["received"], stats["untimed"]), (4, 4))
        self.assertIn("--max-rtt 1.000 \u00b5s: not known", stats["error"])
        self.assertIsNone(stats["rtt"])
        self.assertIsNone(stats["offset"])
        faults = {"T2 or T3 not given": 2, "T3 before T2": 2}
        self.assertEqual(stats["stamp"]["residence_faults"], faults)
        self.ping("-q", f"--max-rtt={DEADLINE}s", *options)

    def test_ssids(self) -> None:
        """A reply with another SSID is none.  One with SSID 0 counts, but for
        --strict-ssid."""

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            other = bytes([0, 9]) if number == 2 else bytes(2)
            return [packet if way == "there" else packet[:14] + other + packet[16:]]

        relay = Relay(self, self.reflector(), rule)
        options = "-c3", "-i10ms", "-W300ms", "--ssid=7"
        target = f"stamp:127.0.0.1:{relay.port}"
        stats = self.measured(*options, target)["stats"]
        self.assertEqual(stats["received"], 2)
        self.assertGreaterEqual(stats["stamp"]["ssid_zeroed"], 3)
        self.assertEqual(stats["stamp"]["invalid"], {"with another SSID": 1})
        done = self.ping("--strict-ssid", *options, target, status=1)
        self.assertIn(b"with SSID 0", done.stderr)

    def test_reordered(self) -> None:
        """Packets that overtake one another in either direction are not lost, and the
        reflector does not look restarted."""
        held: dict[str, bytes] = {}

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            if number == (5 if way == "there" else 12):
                held[way] = packet
                return []
            return [packet, held.pop(way)] if way in held else [packet]

        for kind in STATEFUL, ():
            relay = Relay(self, self.reflector(*kind), rule)
            options = "-c30", "-i10ms"
            stats = self.measured(*options, f"stamp:127.0.0.1:{relay.port}")["stats"]
            self.assertEqual((stats["received"], stats["reordered"]), (30, 2))
            found = stats["stamp"]
            for way in "forward", "backward":
                self.assertEqual(found[f"lost_{way}"], {"min": 0, "max": 0})
            self.assertEqual((found["lost_unknown"], found["restarts"]), (0, 0))

    def test_restarted(self) -> None:
        """Packets that are lost while the reflector restarts are not assigned to a
        direction."""
        options = "--port=0", *STATEFUL
        first = Reflecting(self, *STATEFUL)
        port = first.place[1]
        process = self.started(
            "-i20ms", "-W300ms", "--jsonl", f"stamp:127.0.0.1:{port}"
        )
        self.probes(process, True, 20)
        first.stop(signal.SIGKILL)
        self.probes(process, False, 1)
        Daemon(self, f"--reflector=127.0.0.1:{port}", *options)
        self.probes(process, True, 20)
        stats = self.stopped(process)[-1]["stats"]
        found = stats["stamp"]
        self.assertEqual((found["stateful"], found["restarts"]), (True, 1))
        self.assertGreater(stats["lost"], 0)
        for way in "forward", "backward":
            self.assertEqual(found[f"lost_{way}"], {"min": 0, "max": 0})
        self.assertEqual(found["lost_unknown"], stats["lost"])

    def test_linkLocal(self) -> None:
        """An address that is valid on one link only is asked on that link."""
        wire = Namespaces(self)
        wire.addLinkLocal("fe80::a", "fe80::b")
        daemon = Daemon(
            self,
            *("--port=0", f"--reflector=[fe80::b%{wire.FAR_LINK}]:8620"),
            command=(*wire.far, "twistd", "-n", "--pidfile="),
        )
        until(lambda: "answering STAMP" in daemon.log())
        done = run(
            *(*wire.near, script("echostamp"), "ping", "--json", "-c3", "-i10ms"),
            f"stamp:[fe80::b%{wire.NEAR_LINK}]:8620",
        )
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(json.loads(done.stdout)["stats"]["received"], 3)

    def test_nobody(self) -> None:
        """A port without a reflector is reported.  When the reflector dies, the
        schedule is kept."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind(("127.0.0.1", 0))
            target = f"stamp:127.0.0.1:{unused.getsockname()[1]}"
        done = self.ping("-c5", "-i20ms", "-W200ms", target, status=1)
        self.assertIn(b"nobody is at the port", done.stderr)
        reflector = Reflecting(self)
        process = self.started(
            *("-c40", "-i20ms", "-W300ms", "--jsonl"),
            f"stamp:127.0.0.1:{reflector.place[1]}",
        )
        assert process.stdout
        for _ in range(5):
            process.stdout.readline()
        reflector.process.send_signal(signal.SIGKILL)
        output, _ = process.communicate(timeout=DEADLINE)
        stats = json.loads(output.splitlines()[-1])["stats"]
        self.assertEqual((process.returncode, stats["sent"]), (0, 40))
        self.assertEqual(stats["skipped"], 0)
        self.assertEqual(stats["sent"], stats["received"] + stats["lost"])
        self.assertGreater(stats["lost"], 5)
        self.assertIn("Connection refused", stats["stamp"]["refused"])

    def test_flooded(self) -> None:
        """A far end that floods the client with packets does not disturb its
        schedule."""

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            return [packet] if way == "there" else [packet, *[b"x" * 44] * 500]

        relay = Relay(self, self.reflector(), rule)
        found = self.measured("-c20", "-i20ms", f"stamp:127.0.0.1:{relay.port}")
        stats = found["stats"]
        self.assertEqual((stats["sent"], stats["skipped"]), (20, 0))
        self.assertGreater(stats["stamp"]["invalid"]["not ours"], 1000)
        waits = [probe["t1"] - probe["due"] for probe in found["probes"]]
        figure(f"flooded with 25,000 packets a second: {max(waits) / MS:.1f} ms late")

    def test_errors(self) -> None:
        """A command line that cannot work gets one line and status 2."""
        runs = [
            (why, self.started("-c1", *options))
            for why, *options in [
                ("--size 46: 44, or 48 and more", "-s46", "stamp:127.0.0.1"),
                ("No such file", "--key=/nowhere", "stamp:127.0.0.1"),
                ("go with stamp:HOST", "--ssid=3", "127.0.0.1"),
                ("goes with --ssid", "--strict-ssid", "stamp:127.0.0.1"),
                ("--source", "--source=192.0.2.1", "stamp:127.0.0.1"),
                ("no host", "stamp:"),
            ]
        ]
        for why, process in runs:
            _, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual((process.returncode, errors.count(b"\n")), (2, 1), errors)
            self.assertIn(why.encode(), errors)
        done = run(script("echostamp"), "talk", "stamp:127.0.0.1")
        self.assertIn(b"stamp: goes with 'echostamp ping'", done.stderr)
