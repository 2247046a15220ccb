"""C{echostamp ping} reports what happened between it and the far end."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from echostamp.test.authority import Authority
from tests.clocks import Clock
from tests.farends import Proxy, Server
from tests.harness import DEADLINE, Daemon, figure, shortFolder
from tests.pinging import MS, PingCase


class ProxiedTests(PingCase):
    """
    Through a proxy: the report is what the proxy did.
    """

    def test_delay(self) -> None:
        """Through 10 ms each way, probed every 5 ms, no reply takes less than 20 ms,
        and nothing is lost."""
        proxy = Proxy(self, self.iso().port, delay=0.010)
        found = self.measured("-c80", "-i5ms", f"127.0.0.1:{proxy.port}")
        stats = found["stats"]
        counts = stats["sent"], stats["received"], stats["lost"], stats["skipped"]
        self.assertEqual(counts, (80, 80, 0, 0))
        self.assertEqual((proxy.heard, proxy.passed), (80, 80))
        self.assertGreaterEqual(stats["rtt"]["min"], 20 * MS)
        offset = stats["offset"]
        self.assertLessEqual(offset["low"], 0)
        self.assertGreaterEqual(offset["high"], 0)
        for way in "forward", "backward":
            _, high = stats[way]["range"]["median"]
            self.assertGreater(high, 10 * MS)
        self.assertEqual([probe["seq"] for probe in found["probes"]], [*range(80)])

    def test_ticks(self) -> None:
        """The report says in which steps a far clock ticks, and the truth is within
        its bounds."""
        daemon = Daemon.shared(self, "--port=0", "--format=unix")
        second = 1000 * MS
        for step in Fraction(second, 60), Fraction(15_625_000), Fraction(MS):

            def cut(number: int, seq: int, line: bytes, step: Fraction = step) -> bytes:
                stamp, message = line.split(b"] ", 1)
                shown = int(int(stamp[1:].replace(b".", b"")) // step * step)
                return b"[%d.%09d] %b" % (*divmod(shown, second), message)

            proxy = Proxy(self, daemon.port, rule=cut)
            target = f"127.0.0.1:{proxy.port}"
            offset = self.measured("-c100", "-i10ms", target)["stats"]["offset"]
            self.assertLess(abs(offset["step"] - step), 8)
            self.assertGreaterEqual(offset["resolution"], offset["step"])
            # Other work of the machine may look like a slew.
            self.assertRegex(offset["verdict"], "^constant rates fit")
            self.assertLessEqual(offset["low"], 0)
            self.assertGreaterEqual(offset["high"], 0)
            width = (offset["high"] - offset["low"]) / MS
            figure(
                f"bounds of a clock that ticks every {offset['step']} ns: {width} ms"
            )

    def test_duplicatesAndAlterations(self) -> None:
        """Lines that come twice, altered, or not at all are counted one by one."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            if seq in (3, 8):
                return line * 2
            if seq in (5, 9, 10):
                return line[:-2] + b"!\n"
            return b"" if seq in (12, 13, 17) else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        options = "-c30", "-i10ms", "-W1"
        stats = self.measured(*options, f"127.0.0.1:{proxy.port}")["stats"]
        for key, count in [
            ("sent", 30),
            ("received", 27),
            ("lost", 3),
            ("duplicates", 2),
            ("altered", 3),
            ("late", 0),
            ("skipped", 0),
            ("bursts", {"1": 1, "2": 1}),
            ("loss_percent", 10),
            ("outages", []),
        ]:
            self.assertEqual(stats[key], count, key)

    def test_droppedConnection(self) -> None:
        """A connection that is dropped is made again, and the run goes on.  The outage
        is listed, and the probes in flight are lost."""

        def rule(connection: int, seq: int, line: bytes) -> bytes | None:
            return None if seq == 3 else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        process = self.started(
            "--jsonl", "-i20ms", "--no-jitter", f"127.0.0.1:{proxy.port}"
        )
        probes = self.probes(process, False, 1) + self.probes(process, True, 5)
        *rest, summary = self.stopped(process)
        stats = summary["stats"]
        (outage,) = stats["outages"]
        self.assertRegex(outage["reason"], "closed|lost")
        (dropped,), (_, accepted) = proxy.dropped, proxy.accepted
        begin, end = outage["start"], outage["start"] + outage["length"]
        self.assertLess(dropped, begin)
        self.assertLess(begin, accepted)
        after = [each["t1"] for each in probes + rest if each["t1"] > begin]
        # Our realtime clock and the steady one may differ by what is set meanwhile.
        self.assertLess(end, min(after) + MS)
        self.assertEqual(outage["lost"], stats["lost"])
        self.assertEqual(outage["skipped"], stats["skipped"])
        self.assertCounts(stats, proxy)
        self.assertGreaterEqual(stats["lost"], 1)
        self.assertEqual(len(stats["setup"]), 2)
        self.assertIsNotNone(stats["setup"][1]["first_reply"])

    def assertCounts(self, stats: Any, proxy: Proxy) -> None:
        """Assert that the counts of a run that was stopped are those of its proxy."""
        underWay = stats["sent"] - stats["received"] - stats["lost"]
        self.assertGreaterEqual(underWay, 0)
        self.assertIn(proxy.passed - stats["received"], range(underWay + 1))

    def test_blackHole(self) -> None:
        """A connection that goes silent is given up after three probes, and made
        again."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            return b"" if connection == 0 and seq >= 5 else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        options = "--jsonl", "-i50ms", "-W225ms", "--no-jitter"
        process = self.started(*options, f"127.0.0.1:{proxy.port}")
        self.probes(process, False, 3)
        self.probes(process, True, 5)
        stats = self.stopped(process)[-1]["stats"]
        (outage,) = stats["outages"]
        found = re.fullmatch(r"(\d+) probes in a row timed out", outage["reason"])
        assert found
        self.assertGreaterEqual(int(found[1]), 3)
        self.assertEqual(stats["lost"], outage["lost"] + int(found[1]))
        # A probe that leaves as the connection is given up may meet nobody, and on a
        # busy machine a reply may be late.
        more = stats["lost"] - proxy.swallowed
        self.assertTrue(0 <= more <= 1 + stats["late"], (stats, proxy.swallowed))
        self.assertCounts(stats, proxy)

    def test_text(self) -> None:
        """An outage is printed as it happens and in the summary, and is no packet
        loss."""

        def rule(connection: int, seq: int, line: bytes) -> bytes | None:
            return None if seq == 30 else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        options = "-i20ms", "-D", "-O", "-v", "--histogram"
        process = self.started(*options, f"localhost:{proxy.port}")
        assert process.stdout
        lines: list[bytes] = []
        while not lines or b"] connected again" not in lines[-1]:
            lines.append(process.stdout.readline())
            self.assertTrue(lines[-1], lines)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE)
        said = b"".join([*lines, output]).decode()
        for pattern in (
            rf"^PING localhost:{proxy.port} \(127\.0\.0\.1:\d+\): 32 bytes a message$",
            r"^\[\d{10}\.\d{6}\] 32 bytes from 127\.0\.0\.1:\d+: seq=\d+ time=\d",
            r"^\[\d{10}\.\d{6}\] no connection: .* \(\d+ lost in flight\)$",
            r"^\[\d{10}\.\d{6}\] connected again after \S+ m?s, \d+ not sent$",
            r"^no connection from \S+ \S+ \S+ for \S+ m?s: ",
            r"^lost in a row ",
            r"^far clock     agrees with ours within ",
            r"^kernel        smoothed RTT .*, \d+ retransmissions?$",
            r"█ \d+$",
        ):
            self.assertTrue(re.search(pattern, said, re.MULTILINE), (pattern, said))
        self.assertNotIn("packet loss", said)

    def test_heldUp(self) -> None:
        """While the client itself is stopped, its replies have no RTT.  It reports
        that, and counts no reply as lost that came."""
        proxy = Proxy(self, self.iso().port, delay=0.1)
        process = self.started(
            "--jsonl", "-i50ms", "-c60", "-W800ms", f"127.0.0.1:{proxy.port}"
        )
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)  # it is stopped for longer than a probe may take
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=DEADLINE)
        *probes, summary = map(json.loads, [*lines, *output.splitlines()])
        stats = summary["stats"]
        self.assertEqual(stats["lost"], 0)
        self.assertGreaterEqual(stats["held_up"], 1)
        self.assertGreaterEqual(stats["held_up_for"], 900 * MS)
        held = [probe for probe in probes if probe["rtt"] is None]
        self.assertGreaterEqual(len(held), 1)
        # A machine with other work to do may hold up all of them.
        longest = max((probe["rtt"] or 0 for probe in probes), default=0)
        self.assertLess(longest, 900 * MS)
        figure(f"{len(held)} replies came while ping was stopped for a second")


class ClockTests(PingCase):
    """
    A daemon whose clock is wrong.
    """

    def measuredClock(self, form: str, *options: str) -> Any:
        """
        Assert that the report about a wrong clock is true.

        @param form: the daemon's C{--format}.
        @param options: the client's.
        @return: the JSON's C{stats}.
        """
        clock = Clock(self)
        clock.set(12.345, 50)
        earliest = time.time_ns()
        daemon = Daemon(self, "--port=0", f"--format={form}", env=clock.env)
        latest = time.time_ns()
        target = f"127.0.0.1:{daemon.port}"
        stats = self.measured(*options, target)["stats"]
        offset = stats["offset"]
        # The clock begins to be fast somewhere between these two.
        least, most = (
            12_345 * MS + (offset["at"] - began) * 50 // 1_000_000
            for began in (latest, earliest)
        )
        self.assertLessEqual(offset["low"], most)
        self.assertGreaterEqual(offset["high"], least)
        self.assertLessEqual(offset["drift_low_ppm"], 50)
        self.assertGreaterEqual(offset["drift_high_ppm"], 50)
        # They fit only just where the machine has other work to do.
        self.assertRegex(offset["verdict"], "^constant rates fit")
        width = (offset["high"] - offset["low"]) / MS
        figure(f"bounds of +12.345 s and 50 ppm, {form}: {width:.3f} ms")
        return stats

    def test_fine(self) -> None:
        """The formats C{iso} and C{unix} give the offset within a round trip."""
        for form in "iso", "unix":
            stats = self.measuredClock(form, "-c40", "-i10ms")
            offset = stats["offset"]
            width = offset["high"] - offset["low"]
            self.assertLessEqual(width, stats["rtt"]["median"])
            self.assertEqual(offset["resolution"], 1)

    def test_ctime(self) -> None:
        """Whole seconds give it too, with probes near the turn of the second."""
        offset = self.measuredClock("ctime", "-i100ms", "-w2500ms")["offset"]
        self.assertLess(offset["high"] - offset["low"], 500 * MS)
        self.assertEqual(offset["resolution"], 1000 * MS)
        self.assertRegex(offset["zone_assumed"], r"^[+-]\d\d:\d\d$")


class FarEndTests(PingCase):
    """
    Far ends other than the daemon on TCP.
    """

    def test_plainEcho(self) -> None:
        """A far end without stamps has a round trip and no clock."""

        def serve(number: int, connection: socket.socket) -> None:
            while data := connection.recv(65536):
                connection.sendall(data)

        server = Server(self, serve)
        target = f"127.0.0.1:{server.port}"
        said = self.ping("-q", "-c30", "-i10ms", target).stdout.decode()
        self.assertNotIn("seq=", said)
        self.assertIn("30 sent, 30 received, 0 % loss, 100 % available, in ", said)
        self.assertIn("\nfar clock     not known: no stamp that can be read\n", said)
        stats = self.measured("-c5", "-i0", target)["stats"]
        self.assertEqual((stats["received"], stats["offset"]), (5, None))

    def test_unix(self) -> None:
        """A UNIX socket has no figures of the kernel's TCP."""
        folder = shortFolder(self)
        Daemon(self, "-e", f"unix:{folder}/s", "--format=iso")
        found = self.measured("-c5", "-i10ms", f"unix:{folder}/s")
        self.assertEqual(found["stats"]["received"], 5)
        self.assertIsNone(found["stats"]["kernel"])
        self.assertIsNotNone(found["stats"]["offset"])
        self.assertEqual(found["config"]["addresses"], ["local"])

    def test_tls(self) -> None:
        """TLS has the time of the handshake apart.  A far end without TLS, and one that
        is not trusted, are named."""
        authority, folder = Authority(), Path(self.mktemp()).absolute()
        folder.mkdir()
        ca, server = folder / "ca.pem", folder / "server.pem"
        ca.write_bytes(authority.certificate)
        server.write_bytes(authority.issue())
        endpoint = f"tls:0:privateKey={server}:certKey={server}"
        daemon = Daemon(self, "-e", endpoint, "--format=iso")
        target = f"tls:localhost:{daemon.port}"
        stats = self.measured("-4", "-c20", "-i10ms", "--ca", str(ca), target)["stats"]
        self.assertEqual(stats["received"], 20)
        (setUp,) = stats["setup"]
        for step in "resolve", "connect", "tls", "first_reply":
            self.assertGreater(setUp[step], 0, step)
        self.assertIsNotNone(stats["kernel"])
        self.assertIn(b"certificate", self.ping("-4", target, status=1).stderr)
        plain = f"tls:127.0.0.1:{self.iso().port}"
        self.assertIn(b"TLS", self.ping("-w20", plain, status=1).stderr)

    def test_addresses(self) -> None:
        """Options choose the addresses, and the JSON has them."""
        daemon = self.iso()
        found = self.measured(
            *("-4", "-c1", "--source=127.0.0.2"), f"localhost:{daemon.port}"
        )
        [source] = found["config"]["sources"]
        self.assertRegex(source, r"^127\.0\.0\.2:\d+$")
        self.assertEqual(found["config"]["addresses"], [f"127.0.0.1:{daemon.port}"])
        said = self.ping("-4", "-n", "-c1", f"localhost:{daemon.port}").stdout
        self.assertNotIn(b"localhost", said)
