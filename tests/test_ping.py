"""What C{echostamp ping} reports is what happened."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp.test.documents import validator
from tests.harness import DEADLINE, Clock, Daemon, figure, run, script

MS = 1_000_000

#: Where C{docs} is.
SOURCE = Path(__file__).parents[1]

#: What a proxy does with a reply: from the number of the connection, that of the probe
#: and the line to what is passed on; L{None} drops the connection.
Rule = Callable[[int, int, bytes], "bytes | None"]


def passOn(connection: int, seq: int, line: bytes) -> bytes:
    """Pass every reply on as it is."""
    return line


class Server:
    """
    A TCP port with a thread for each connection.

    @ivar port: its number.
    @ivar accepted: when connections were, in nanoseconds since the epoch.
    """

    def __init__(
        self, case: SynchronousTestCase, serve: Callable[[int, socket.socket], None]
    ) -> None:
        """
        @param case: closes it at its end.
        @param serve: takes the number of a connection and the connection.
        """
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self.accepted: list[int] = []
        self.port = self._listener.getsockname()[1]
        case.addCleanup(self._close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = len(self._connections)
            self._connections.append(connection)
            self.accepted.append(time.time_ns())
            threading.Thread(
                target=self._guarded, args=(number, connection), daemon=True
            ).start()

    def _guarded(self, number: int, connection: socket.socket) -> None:
        try:
            self._serve(number, connection)
        except OSError:
            pass
        finally:
            hangUp(connection)

    def _close(self) -> None:
        hangUp(self._listener)
        self._listener.close()
        for connection in self._connections:
            hangUp(connection)


def valid(found: Any) -> None:
    """Assert that a record is as the schema has it."""
    validator(SOURCE).validate(found)


def hangUp(connection: socket.socket) -> None:
    """End a connection, whoever waits for it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Proxy(Server):
    """
    A TCP proxy between the client and a daemon.

    @ivar heard: how many messages it has had from the client.
    @ivar passed: how many replies it has passed on whole.
    @ivar swallowed: how many it has not.
    @ivar dropped: when it dropped connections, in nanoseconds since the epoch.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        port: int,
        delay: float = 0.0,
        rule: Rule = passOn,
    ) -> None:
        """
        @param port: the daemon's.
        @param delay: seconds that each direction takes.
        @param rule: what to do with replies.
        """
        self._far = port
        self._delay = delay
        self._rule = rule
        self.heard = self.passed = self.swallowed = 0
        self.dropped: list[int] = []
        super().__init__(case, self._between)

    def _between(self, number: int, near: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._far), DEADLINE) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._back, args=(number, far, near))
            back.start()
            self._pump(near, far, self._there)
            hangUp(far)
            back.join()

    def _back(self, number: int, far: socket.socket, near: socket.socket) -> None:
        def changed(line: bytes) -> bytes | None:
            found = re.search(rb" (\d+) [a-z]+$", line)
            seq = int(found[1]) if found else -1
            result = self._rule(number, seq, line)
            self.passed += result == line
            self.swallowed += not result
            return result

        self._pump(far, near, changed)
        hangUp(near)

    def _there(self, line: bytes) -> bytes:
        self.heard += 1
        return line

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        change: Callable[[bytes], bytes | None],
    ) -> None:
        """Carry lines from one to the other."""
        lines: queue.SimpleQueue[tuple[float, bytes | None]] = queue.SimpleQueue()
        writer = threading.Thread(target=self._write, args=(lines, source, sink))
        writer.start()
        begun = b""
        try:
            while data := source.recv(65536):
                due = time.monotonic() + self._delay
                *whole, begun = (begun + data).split(b"\n")
                for line in whole:
                    changed = change(line + b"\n")
                    lines.put((due, changed))
                    if changed is None:
                        self.dropped.append(time.time_ns())
                        return
        except OSError:
            pass
        finally:
            lines.put((0, None))
            writer.join()

    def _write(
        self,
        lines: queue.SimpleQueue[tuple[float, bytes | None]],
        source: socket.socket,
        sink: socket.socket,
    ) -> None:
        """Write each line when its time has come."""
        while True:
            due, line = lines.get()
            if line is None:
                break
            while (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            try:
                sink.sendall(line)
            except OSError:
                break
        hangUp(source)


class PingCase(SynchronousTestCase):
    """
    Our client, and the far ends that it measures.
    """

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

    def iso(self, *options: str) -> Daemon:
        """Start a daemon whose stamps are fine."""
        return Daemon(self, "--port=0", "--format=iso", *options)

    def freePort(self) -> int:
        """Find a port where nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port: int = server.getsockname()[1]
            return port

    def started(self, *options: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start it, to be ended by the test."""
        process = subprocess.Popen(
            [script("echostamp"), "ping", *options],
            stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process


class ProxiedTests(PingCase):
    """
    What it reports is what the proxy did.
    """

    def test_delay(self) -> None:
        """Through 10 ms each way, probed every 5 ms, replies take 20 ms, and nothing
        is lost."""
        # Where the machine has other work to do, the proxy is late itself.
        for _ in range(3):
            proxy = Proxy(self, self.iso().port, delay=0.010)
            found = self.measured("-c200", "-i5ms", f"127.0.0.1:{proxy.port}")
            stats = found["stats"]
            median = stats["rtt"]["median"] / MS
            if median < 21:
                break
        figure(f"median through 20 ms of delay at 5 ms intervals: {median:.3f} ms")
        self.assertGreaterEqual(median, 20)
        self.assertLess(median, 21)
        self.assertGreaterEqual(stats["rtt"]["min"], 20 * MS)
        counts = stats["sent"], stats["received"], stats["lost"], stats["skipped"]
        self.assertEqual(counts, (200, 200, 0, 0))
        self.assertEqual((proxy.heard, proxy.passed), (200, 200))
        offset = stats["offset"]
        self.assertLessEqual(offset["low"], 0)
        self.assertGreaterEqual(offset["high"], 0)
        for way in "forward", "backward":
            low, high = stats[way]["range"]["median"]
            self.assertLess(low, 12 * MS)
            self.assertGreater(high, 10 * MS)
        self.assertEqual([probe["seq"] for probe in found["probes"]], [*range(200)])

    def test_duplicatesAndAlterations(self) -> None:
        """Lines that come twice, or altered, or not at all, are counted one by one."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            if seq in (3, 8):
                return line * 2
            if seq in (5, 9, 10):
                return line[:-2] + b"!\n"
            return b"" if seq in (12, 13, 17) else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        options = "-c30", "-i20ms", "-W1"
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
        """A connection that is dropped is made again, and the run goes on: the outage
        is listed, and what was under way is unanswered."""

        def rule(connection: int, seq: int, line: bytes) -> bytes | None:
            return None if seq == 10 else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        options = "-c110", "-i20ms", "--no-jitter"
        stats = self.measured(*options, f"127.0.0.1:{proxy.port}")["stats"]
        (outage,) = stats["outages"]
        self.assertRegex(outage["reason"], "closed|lost")
        (dropped,), (_, accepted) = proxy.dropped, proxy.accepted
        self.assertLess(abs(outage["start"] - dropped), 100 * MS)
        self.assertLess(abs(outage["start"] + outage["length"] - accepted), 100 * MS)
        self.assertEqual(outage["lost"], stats["lost"])
        self.assertEqual(outage["skipped"], stats["skipped"])
        self.assertEqual(stats["received"], proxy.passed)
        self.assertEqual(stats["sent"], proxy.passed + stats["lost"])
        self.assertEqual(stats["sent"] + stats["skipped"], 110)
        self.assertIn(stats["lost"], (1, 2, 3))
        self.assertEqual(len(stats["setup"]), 2)
        self.assertIsNotNone(stats["setup"][1]["first_reply"])

    def test_blackHole(self) -> None:
        """A connection that goes silent is given up after three probes, and made
        again."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            return b"" if connection == 0 and seq >= 5 else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        options = "-c90", "-i50ms", "-W225ms", "--no-jitter"
        stats = self.measured(*options, f"127.0.0.1:{proxy.port}")["stats"]
        (outage,) = stats["outages"]
        found = re.fullmatch(r"(\d+) probes in a row timed out", outage["reason"])
        assert found
        self.assertEqual(stats["lost"], outage["lost"] + int(found[1]))
        # What left at the very moment may have met nobody any more.
        self.assertIn(stats["lost"] - proxy.swallowed, (0, 1))
        self.assertEqual(stats["received"], proxy.passed)
        self.assertEqual(stats["sent"], stats["received"] + stats["lost"])
        self.assertGreater(stats["received"], 5)

    def test_text(self) -> None:
        """An outage is told as it happens, in the summary, and is no packet loss."""

        def rule(connection: int, seq: int, line: bytes) -> bytes | None:
            return None if seq == 5 else line

        proxy = Proxy(self, self.iso().port, rule=rule)
        options = "-c110", "-i20ms", "-D", "-O", "--histogram"
        said = self.ping(*options, f"localhost:{proxy.port}").stdout.decode()
        for pattern in (
            rf"^PING localhost:{proxy.port} \(127\.0\.0\.1:\d+\): 32 bytes a message$",
            r"^\[\d{10}\.\d{6}\] 32 bytes from 127\.0\.0\.1:\d+: seq=0 time=\d",
            r"^\[\d{10}\.\d{6}\] seq=5 (the far end closed|the connection was lost)",
            r"^\[\d{10}\.\d{6}\] no connection: ",
            r"^\[\d{10}\.\d{6}\] connected again$",
            r"^No connection from \S+ \S+ \S+ for \S+ m?s: ",
            r"^Unanswered in a row: ",
            r"^The far clock agrees with ours, as far as can be told: within ",
            r"^kernel        smoothed RTT .*, \d+ retransmissions$",
            r"█ \d+$",
        ):
            self.assertTrue(re.search(pattern, said, re.MULTILINE), (pattern, said))
        self.assertNotIn("packet loss", said)


class ClockTests(PingCase):
    """
    A daemon whose clock is wrong.
    """

    def assertWithin(self, form: str, *options: str) -> Any:
        """Assert that what is reported of such a clock holds, and give it."""
        clock = Clock(self)
        clock.set(12.345, 50)
        earliest = time.time_ns()
        daemon = Daemon(self, "--port=0", f"--format={form}", env=clock.env)
        latest = time.time_ns()
        target = f"127.0.0.1:{daemon.port}"
        offset = self.measured(*options, target)["stats"]["offset"]
        # The clock is fast from some moment on between these two.
        least, most = (
            12_345 * MS + (offset["at"] - began) * 50 // 1_000_000
            for began in (latest, earliest)
        )
        self.assertLessEqual(offset["low"], most)
        self.assertGreaterEqual(offset["high"], least)
        self.assertLessEqual(offset["drift_low_ppm"], 50)
        self.assertGreaterEqual(offset["drift_high_ppm"], 50)
        # Barely, where the machine has other work to do.
        self.assertRegex(offset["verdict"], "^constant rates fit")
        width = (offset["high"] - offset["low"]) / MS
        figure(f"bounds of +12.345 s and 50 ppm, {form}: {width:.3f} ms")
        return offset

    def test_fine(self) -> None:
        """The formats C{iso} and C{unix} give it within a round trip."""
        for form in "iso", "unix":
            offset = self.assertWithin(form, "-c100", "-i10ms")
            self.assertLess(offset["high"] - offset["low"], 5 * MS)
            self.assertEqual(offset["resolution"], 1)

    def test_ctime(self) -> None:
        """Whole seconds give it too, with probes near their turn."""
        offset = self.assertWithin("ctime", "-i100ms", "-w5s")
        self.assertLess(offset["high"] - offset["low"], 50 * MS)
        self.assertEqual(offset["resolution"], 1000 * MS)
        self.assertRegex(offset["zone_assumed"], r"^[+-]\d\d:\d\d$")


class FarEndTests(PingCase):
    """
    Other far ends than our daemon on TCP.
    """

    def test_plainEcho(self) -> None:
        """A far end without stamps has a round trip, and no clock."""

        def serve(number: int, connection: socket.socket) -> None:
            while data := connection.recv(65536):
                connection.sendall(data)

        server = Server(self, serve)
        target = f"127.0.0.1:{server.port}"
        said = self.ping("-q", "-c5", "-i10ms", target).stdout.decode()
        self.assertNotIn("seq=", said)
        self.assertIn("5 sent, 5 received, 0 unanswered (0 %)", said)
        self.assertIn("The far clock cannot be told: no stamp that can be read.", said)
        stats = self.measured("-c5", "-i0", target)["stats"]
        self.assertEqual((stats["received"], stats["offset"]), (5, None))

    def test_unix(self) -> None:
        """UNIX sockets; there is no TCP to tell of."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        Daemon(self, "-e", f"unix:{folder}/s", "--format=iso")
        found = self.measured("-c5", "-i10ms", f"unix:{folder}/s")
        self.assertEqual(found["stats"]["received"], 5)
        self.assertIsNone(found["stats"]["kernel"])
        self.assertIsNotNone(found["stats"]["offset"])
        self.assertEqual(found["config"]["addresses"], ["local"])

    def test_tls(self) -> None:
        """TLS, whose handshake is timed apart; a far end that speaks none is told of,
        one that is not trusted too."""
        try:
            from echostamp.test.authority import Authority
        except ImportError as error:
            raise SkipTest(f"the extra tls is not installed: {error}") from None
        authority, folder = Authority(), Path(self.mktemp()).absolute()
        folder.mkdir()
        ca, server = folder / "ca.pem", folder / "server.pem"
        ca.write_bytes(authority.certificate)
        server.write_bytes(authority.issue())
        endpoint = f"tls:0:privateKey={server}:certKey={server}"
        daemon = Daemon(self, "-e", endpoint, "--format=iso")
        target = f"tls:localhost:{daemon.port}"
        stats = self.measured("-4", "-c5", "-i10ms", "--ca", str(ca), target)["stats"]
        self.assertEqual(stats["received"], 5)
        (setUp,) = stats["setup"]
        for step in "resolve", "connect", "tls", "first_reply":
            self.assertGreater(setUp[step], 0, step)
        self.assertIsNotNone(stats["kernel"])
        self.assertIn(b"certificate", self.ping("-4", target, status=1).stderr)
        plain = f"tls:127.0.0.1:{self.iso().port}"
        self.assertIn(b"TLS", self.ping("-w2", plain, status=1).stderr)


class OutputTests(PingCase):
    """
    What is printed, and where.
    """

    def setUp(self) -> None:
        """Start a daemon."""
        self.target = f"127.0.0.1:{self.iso().port}"

    def test_jsonl(self) -> None:
        """C{--jsonl} prints a line a probe as it is settled, then the summary."""
        process = self.started("--jsonl", "-c20", "-i50ms", self.target)
        assert process.stdout
        first = json.loads(process.stdout.readline())
        self.assertIsNone(process.poll())
        rest = [json.loads(line) for line in process.stdout]
        self.assertEqual(process.wait(DEADLINE), 0)
        *probes, summary = [first, *rest]
        self.assertEqual([probe["seq"] for probe in probes], [*range(20)])
        self.assertEqual(summary["stats"]["received"], 20)
        valid({**summary, "probes": probes})
        valid(summary)

    def test_signals(self) -> None:
        """SIGQUIT prints a summary on standard error and goes on; SIGINT and SIGTERM
        print it and end."""
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.started("-i50ms", self.target)
            assert process.stdout
            assert process.stderr
            while b"seq=3 " not in process.stdout.readline():
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGQUIT)
            while not (line := process.stderr.readline()).startswith(b"rtt min/avg"):
                self.assertTrue(line)
            while b"seq=9 " not in process.stdout.readline():
                self.assertIsNone(process.poll())
            process.send_signal(number)
            output, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 0)
            self.assertRegex(output, rb"\n1\d sent, ")
            self.assertIn(b"\nrtt min/avg/max/mdev = ", output)
            self.assertEqual(errors, b"")

    def test_colours(self) -> None:
        """On a terminal the summary's head is bold, but not with C{NO_COLOR}."""
        for env, escapes in ({}, True), ({"NO_COLOR": "1"}, False):
            self.assertEqual("\x1b[1m" in self.onTerminal(env, "-c1"), escapes)

    def test_progress(self) -> None:
        """A quiet run shows on a terminal how far it is, and clears that away."""
        said = self.onTerminal({}, "-q", "-w1200ms", "-i100ms")
        self.assertRegex(
            said, r"\r\x1b\[K\d+ sent, \d+ received, 0 unanswered\r\x1b\[K"
        )

    def onTerminal(self, env: dict[str, str], *options: str) -> str:
        """Run it on a terminal, and give what that shows."""
        usual = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        process = pexpect.spawn(
            script("echostamp"),
            ["ping", *options, self.target],
            env={**usual, "TERM": "xterm", **env},
            timeout=DEADLINE,
            encoding="utf-8",
        )
        process.expect(pexpect.EOF)
        process.close()
        self.assertEqual(process.exitstatus, 0)
        return str(process.before)

    def test_closedOutput(self) -> None:
        """Who reads no more ends it, with status 2 and one line."""
        process = self.started("-i10ms", self.target)
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 2)
        self.assertEqual(errors, b"echostamp: standard output was closed, or is full\n")

    def test_fullDisk(self) -> None:
        """What cannot be written is no success, not even at the end."""
        for form in "--json", "--jsonl", "-q":
            with open("/dev/full", "wb") as full:
                process = self.started("-c2", "-i1ms", form, self.target, stdout=full)
            _, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 2, form)
            self.assertEqual(
                errors, b"echostamp: standard output was closed, or is full\n"
            )


class StatusTests(PingCase):
    """
    How it ends.
    """

    def assertEnds(self, status: int, why: str, *options: str) -> str:
        """Assert that it ends with a status and one line, and give the line."""
        said = self.ping(*options, status=status).stderr.decode()
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn(why, said)
        return said

    def test_nobody(self) -> None:
        """Nobody there: status 1, and a hint at what else could be tried."""
        target = f"127.0.0.1:{self.freePort()}"
        self.assertIn("tls:", self.assertEnds(1, "Connection refused", target))
        found = self.measured(target, status=1)
        self.assertIsNone(found["config"]["began"])

    def test_noName(self) -> None:
        """A name that does not resolve: status 1."""
        self.assertEnds(1, "does not resolve", "-w20", "nobody.invalid")

    def test_noAnswer(self) -> None:
        """A port that accepts and never answers: status 1 at the deadline."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            target = f"127.0.0.1:{server.getsockname()[1]}"
            self.assertEnds(1, "no reply", "-w300ms", "-i100ms", target)

    def test_ourFault(self) -> None:
        """A wrong option, and an address that is not ours: status 2."""
        target = f"127.0.0.1:{self.iso().port}"
        for why, *options in [
            ("--interval", "-i", "0.5ms", target),
            ("--source", "--source=192.0.2.1", target),
            ("--source", "-4", "--source=::1", target),
            ("-6", "-4", "-6", target),
            ("TARGET", "localhost:0"),
        ]:
            self.assertEnds(2, why, *options)

    def test_noEcho(self) -> None:
        """A server that sends lines of its own is no echo: status 1."""

        def greet(number: int, peer: socket.socket) -> None:
            peer.sendall(b"220 mail.example ESMTP\r\n")
            while peer.recv(4096):
                peer.sendall(b"500 what?\r\n")

        target = f"127.0.0.1:{Server(self, greet).port}"
        for option in "-q", "--max-loss=100":
            self.assertEnds(
                1, "is it an echo?", option, "-c4", "-i20ms", "-W300ms", target
            )

    def test_thresholdsWhileTheFarEndIsGone(self) -> None:
        """What could not be sent was not answered."""
        daemon = self.iso()
        process = self.started(
            "-i50ms", "-w3", "--max-loss=5", f"127.0.0.1:{daemon.port}"
        )
        assert process.stdout
        while b"seq=5 " not in process.stdout.readline():
            self.assertIsNone(process.poll())
        daemon.process.kill()
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 3, errors)
        self.assertIn(b"echostamp: --max-loss 5: ", errors)

    def test_heldUp(self) -> None:
        """Where this end is stopped for a while, its replies have no RTT, and it says
        so; nothing is called lost that came."""
        proxy = Proxy(self, self.iso().port, delay=0.1)
        process = self.started(
            "--jsonl", "-i50ms", "-c40", "-W300ms", f"127.0.0.1:{proxy.port}"
        )
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        while time.monotonic() < stopped + 1:
            time.sleep(0.05)
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=DEADLINE)
        *probes, summary = map(json.loads, [*lines, *output.splitlines()])
        stats = summary["stats"]
        self.assertEqual(stats["lost"], 0)
        self.assertGreaterEqual(stats["held_up"], 1)
        self.assertGreaterEqual(stats["held_up_for"], 900 * MS)
        held = [probe for probe in probes if probe["rtt"] is None]
        self.assertGreaterEqual(len(held), 1)
        self.assertLess(stats["rtt"]["max"], 500 * MS)
        figure(f"{len(held)} replies came while ping was stopped for a second")

    def test_thresholds(self) -> None:
        """A threshold that failed, or cannot be told, is named: status 3."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            return b"" if seq == 2 else line

        proxy = Proxy(self, self.iso().port, delay=0.005, rule=rule)
        target = f"127.0.0.1:{proxy.port}"
        plain = Server(self, lambda number, peer: peer.sendall(peer.recv(99)))
        options = "-q", "-c4", "-i20ms", "-W300ms"
        held = "--max-rtt=250ms", "--max-loss=26%", "--max-offset=1s"
        self.ping(*options, *held, target)
        self.assertEnds(3, "--max-rtt", *options, "--max-rtt=5ms", target)
        self.assertEnds(3, "--max-loss", *options, "--max-loss=24", target)
        self.assertEnds(3, "--max-offset", *options, "--max-offset=1ms", target)
        self.assertEnds(
            *(3, "--max-offset", "-c1", "--max-offset=1s"), f"127.0.0.1:{plain.port}"
        )

    def test_addresses(self) -> None:
        """By what addresses it goes can be said, and is told."""
        daemon = self.iso()
        found = self.measured(
            *("-4", "-c1", "--source=127.0.0.2"), f"localhost:{daemon.port}"
        )
        [source] = found["config"]["sources"]
        self.assertRegex(source, r"^127\.0\.0\.2:\d+$")
        self.assertEqual(found["config"]["addresses"], [f"127.0.0.1:{daemon.port}"])
        said = self.ping("-4", "-n", "-c1", f"localhost:{daemon.port}").stdout
        self.assertNotIn(b"localhost", said)

    def test_steadyRate(self) -> None:
        """A thousand probes a second keep their schedule."""
        target = f"127.0.0.1:{self.iso().port}"
        found = self.measured("-i1ms", "-c1500", "--no-jitter", target)
        waits = sorted(probe["t1"] - probe["due"] for probe in found["probes"])
        whole = sorted(Counter(wait // MS for wait in waits).items())
        figure(f"lateness of probes at 1,000 a second, whole ms: {whole}")
        self.assertEqual(found["stats"]["received"], 1500)
        self.assertIsNotNone(found["stats"]["rtt"]["p999"])
        self.assertGreaterEqual(waits[0], 0)
        self.assertLess(waits[len(waits) // 2], MS)
        first, last = found["probes"][0], found["probes"][-1]
        self.assertLess(abs(last["t1"] - first["t1"] - 1499 * MS), 50 * MS)
