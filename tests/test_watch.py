"""C{echostamp watch}: its lines of JSON, its screens, its exit status."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

from echostamp.test.documents import validator
from tests.farends import Proxy, Relay
from tests.harness import DEADLINE, deadPort, lack, run, script, start
from tests.panes import Pane
from tests.pinging import STATEFUL, PingCase
from tests.reflecting import Reflecting


class WatchCase(PingCase):
    """
    Runs it against far ends.
    """

    def setUp(self) -> None:
        """Take a daemon over either protocol."""
        self.line = f"127.0.0.1:{self.iso().port}"
        self.stamp = f"stamp:127.0.0.1:{self.reflector()}"

    def watch(
        self, *options: str, status: int = 0
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end, which has to have this exit status."""
        done = run(script("echostamp"), "watch", *options)
        self.assertEqual(done.returncode, status, done)
        return done

    def watching(self, *options: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start it with pipes for its output."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return start(self, script("echostamp"), "watch", *options, **{**pipes, **more})

    def documents(self, octets: bytes) -> list[Any]:
        """Read lines of JSON, each of which is valid."""
        check = validator(Path(__file__).parents[1], "watch.schema.json")
        found = [json.loads(line) for line in octets.splitlines()]
        for each in found:
            check.validate(each)
        return found


class JsonTests(WatchCase):
    """
    Not on a terminal.
    """

    def test_lines(self) -> None:
        """Each target has a line for each window, and a last one at the deadline; the
        counters of each add up, and the figures are those of the window."""
        done = self.watch(*("--window=1s", "-i50ms", "-w2500ms", self.line, self.stamp))
        found = self.documents(done.stdout)
        self.assertEqual(done.stderr, b"")
        for target, transport in (self.line, "tcp"), (self.stamp, "stamp"):
            lines = [each for each in found if each["target"] == target]
            self.assertEqual([each["last"] for each in lines], [False, False, True])
            for each in lines:
                self.assertEqual(each["transport"], transport)
                self.assertIs(each["up"], True)
                self.assertEqual(each["window"], 10**9)
                self.assertLessEqual(each["stats"]["sent"], 30)
                total = each["totals"]
                lost = sum(
                    total[f"lost_{way}"] for way in ("forward", "backward", "unknown")
                )
                self.assertEqual(
                    total["sent"], total["received"] + lost + total["under_way"]
                )
            self.assertGreater(lines[-1]["totals"]["received"], 25)
            self.assertIsNotNone(lines[-1]["stats"]["offset"])

    def test_flushed(self) -> None:
        """Lines come at once, and a signal ends it with its own status."""
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.watching("--window=1s", "-i50ms", self.line)
            assert process.stdout
            first = process.stdout.readline()
            process.send_signal(number)
            rest, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual((process.returncode, errors), (128 + number, b""))
            self.assertTrue(self.documents(first + rest)[-1]["last"])

    def test_closedOutput(self) -> None:
        """A reader that goes away ends it in silence, by SIGPIPE."""
        process = self.watching("--window=1s", "-i50ms", self.line)
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, errors), (-signal.SIGPIPE, b""))

    def test_fullDisk(self) -> None:
        """Output that cannot be written is a failure of this end."""
        with open("/dev/full", "wb") as full:
            process = self.watching("--window=1s", self.line, stdout=full)
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 2)
        self.assertEqual(errors, b"echostamp: standard output was closed, or is full\n")


class StatusTests(WatchCase):
    """
    The exit status.
    """

    def test_neverAnswered(self) -> None:
        """A target that never answers is named, with the reason."""
        dead = f"127.0.0.1:{deadPort(self)}"
        done = self.watch("-i50ms", "-w1s", self.line, dead, status=1)
        self.assertEqual(
            done.stderr.decode(),
            f"echostamp: 1 of 2 targets: {dead}: Connection refused\n",
        )

    def test_exceeded(self) -> None:
        """A threshold that is exceeded at the end is named, with its target."""
        options = "-i50ms", "-w2s", "--max-rtt=1us"
        done = self.watch(*options, self.line, self.stamp, status=3)
        self.assertRegex(
            done.stderr.decode(),
            rf"^echostamp: 2 of 2 targets: {self.line}: max-rtt: median of the RTT .*, "
            rf"limit 1.000 µs; {self.stamp}: max-rtt: .*\n$",
        )

    def test_loss(self) -> None:
        """A loss above its threshold is exceeded; a median is not moved by it."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            return b"" if seq % 4 == 1 else line

        far = Proxy(self, self.iso().port, rule=rule).port
        options = "-i50ms", "-W200ms", "-w2s", "--max-rtt=190ms", "--max-loss=10"
        done = self.watch(*options, f"127.0.0.1:{far}", self.line, status=3)
        self.assertRegex(done.stderr, rb": 127.0.0.1:%d: max-loss: .* lost" % far)

    def test_wrong(self) -> None:
        """A wrong command line is one line, and status 2."""
        for arguments, text in [
            ((self.line, self.line), b"given twice"),
            (("far:0",), b"TARGET 'far:0'"),
            ((), b"TARGET"),
            (("--dscp=EF", self.line), self.line.encode()),
            (("--source=203.0.113.77", self.line), b"--source 203.0.113.77"),
        ]:
            done = self.watch(*arguments, status=2)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
            self.assertIn(text, done.stderr)


class ManyTests(WatchCase):
    """
    Many targets.
    """

    def test_descriptors(self) -> None:
        """Targets that need more descriptors than the usual limit of open files, and
        than C{select} takes, are all watched."""
        count = 600
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * count + 100:
            lack("a hard limit of 1,300 open files")
        allow = "--allow=127.0.0.0/8", "--max-pps=10000", "--max-total-pps=10000"
        port = Reflecting.shared(self, *allow, places=["0.0.0.0:0"]).place[1]
        targets = [
            f"stamp:127.0.{number // 250}.{number % 250 + 1}:{port}"
            for number in range(count)
        ]
        client = shlex.join([script("echostamp"), "watch", "-w5s", *targets])
        done = run("bash", "-c", f"ulimit -Sn 1024; exec {client}")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        found = self.documents(done.stdout)
        self.assertEqual([each["target"] for each in found], targets)
        for each in found:
            self.assertGreater(each["totals"]["received"], 0)


class DirectionTests(WatchCase):
    """
    Real losses over STAMP.
    """

    def relay(self) -> str:
        """Give a target that loses every fifth packet on the way there, and of those
        that arrive every tenth on the way back."""

        def rule(way: str, number: int, packet: bytes) -> list[bytes]:
            return [] if number % (5 if way == "there" else 10) == 4 else [packet]

        relay = Relay(self, self.reflector(*STATEFUL), rule)
        return f"stamp:127.0.0.1:{relay.port}"

    def test_totals(self) -> None:
        """Each lost probe is counted in its direction."""
        options = "--window=1s", "-i20ms", "-W200ms", "-w4s"
        found = self.documents(self.watch(*options, self.relay()).stdout)[-1]
        total = found["totals"]
        self.assertGreater(total["sent"], 150)
        self.assertEqual(total["lost_unknown"], 0)
        # Those that are in flight at the end, or wait for their direction.
        waiting = total["under_way"]
        self.assertLessEqual(waiting, 30)
        for way, share in ("forward", 0.2), ("backward", 0.08):
            lost = total[f"lost_{way}"]
            self.assertLessEqual(lost, share * total["sent"] + 2, way)
            self.assertGreaterEqual(lost + waiting + 2, share * total["sent"], way)

    def test_columns(self) -> None:
        """The table shows the loss, and the part of each direction."""
        command = shlex.join(
            [script("echostamp"), "watch", "-i20ms", "-W200ms", self.relay()]
        )
        pane = Pane(self, command, 80, 12)
        figures = r"(\S+) +(\S+) +(\S+) +\S+ +\S+\n"
        row = rf"stamp:\S+ +up +\S+ +\S+ +\S+ +{figures}"

        def isSteady(shown: str) -> bool:
            found = re.search(row, shown)
            if found is None or "-" in found.groups():
                return False
            loss, forward, backward = map(float, found.groups())
            return 20 < loss < 36 and 15 < forward < 25 and 3 < backward < 13

        pane.until(isSteady)
        pane.type("q")
        pane.until(lambda shown: re.search(row, shown) and "q quit" not in shown)


class ScreenTests(WatchCase):
    """
    On a terminal.
    """

    def pane(self, *options: str, env: str = "", lines: int = 12) -> Pane:
        """Start it in a terminal, behind a line of a shell's."""
        command = shlex.join([script("echostamp"), "watch", *options])
        return Pane(self, f"echo before; {env} {command}", 80, lines)

    def test_live(self) -> None:
        """A row for each target, worst first; q leaves the last table below what was
        there before, and the status says that one never answered."""
        dead = f"127.0.0.1:{deadPort(self)}"
        pane = self.pane("-i100ms", "-W300ms", self.line, self.stamp, dead)
        screen = pane.until(lambda shown: re.search(r"\S+ +down ", shown))
        head, columns, first, *rest = screen.splitlines()
        self.assertEqual(
            head, "3 targets, 1 down; last 60s; RTTs, offset in ms, loss in %"
        )
        self.assertEqual(columns.split()[:4], ["target", "state", "last", "median"])
        self.assertRegex(first, rf"^{dead} +down +- +- +- +100 ")
        self.assertRegex(
            "\n".join(rest),
            rf"{self.line} +up +[\d.]+ +[\d.]+ +[\d.]+ +0 +0 +0 +[-+][\d.]+±[\d.]+ \S",
        )
        self.assertRegex(rest[-2], rf"^\d\d:\d\d:\d\d {dead} down: no reply for ")
        self.assertNotIn("before", screen)
        pane.type("q")
        screen = pane.until(lambda shown: "status 1" in shown)
        self.assertTrue(screen.startswith("before\n3 targets, 1 down; "), screen)
        self.assertIn(f"1 of 3 targets: {dead}: Connection refused", screen)
        self.assertNotIn("q quit", screen)

    def test_keys(self) -> None:
        """Keys sort, find and scroll."""
        targets = [f"127.0.0.{number}:{self.iso().port}" for number in range(1, 16)]
        pane = self.pane("-i200ms", *targets)
        pane.shows("q quit")
        pane.type("n")
        pane.until(lambda shown: shown.splitlines()[2].startswith("127.0.0.10:"))
        pane.type("n")
        pane.until(lambda shown: shown.splitlines()[2].startswith("127.0.0.9:"))
        pane.type("", "Down", "Down")
        pane.until(lambda shown: shown.splitlines()[2].startswith("127.0.0.7:"))
        pane.type("", "End")
        pane.until(lambda shown: shown.splitlines()[-2].startswith("127.0.0.10:"))
        pane.type("/0.14")
        screen = pane.until(lambda shown: "find: 0.14_" in shown)
        self.assertIn("shown: 1", screen)
        self.assertNotIn("127.0.0.9:", screen)
        pane.type("", "Escape")
        pane.until(lambda shown: "127.0.0.9:" in shown)
        pane.type("", "C-c")
        pane.shows("status 130")

    def test_resize(self) -> None:
        """The table fits a terminal that gets another size, at once."""
        pane = self.pane("-i200ms", self.line, self.stamp)
        pane.shows("q quit")
        pane.resize(40, 6)
        pane.until(lambda shown: re.search(r"state median loss\n", shown))
        pane.resize(120, 20)
        pane.until(lambda shown: re.search(r"offset RTTs\n(.*\n){17}sort: ", shown))

    def test_suspend(self) -> None:
        """Ctrl-Z gives the terminal back, and fg goes on."""
        pane = Pane(self, "PS1='$ ' bash --norc -i", 80, 14)
        pane.type(f"{script('echostamp')} watch -i200ms {self.line}", "Enter")
        pane.shows("q quit")
        pane.type("", "C-z")
        pane.shows("Stopped")
        pane.type("stty -a | grep -o '[-]*icanon'; echo ok", "Enter")
        pane.until(lambda shown: "\nicanon\nok" in shown)
        pane.type("fg", "Enter")
        pane.until(lambda shown: re.search(" up .*q quit", shown, re.DOTALL))
        pane.type("q")
        pane.until(lambda shown: "q quit" not in shown and "1 target; " in shown)

    def test_killed(self) -> None:
        """A signal that ends it gives the terminal back."""
        command = f"{script('echostamp')} watch -i200ms {self.line}"
        for name, status in ("HUP", 129), ("TERM", 143), ("USR1", 138):
            place = Path(self.mktemp()).absolute()
            pane = Pane(
                self,
                f"sh -c 'echo $$ > {place}; exec {command}'; echo s $?; "
                "stty -a | grep -o '[-]*icanon'",
            )
            pane.shows("sort: Worst")
            os.kill(int(place.read_text()), signal.Signals[f"SIG{name}"])
            screen = pane.until(lambda shown: "icanon" in shown)
            self.assertIn(f"s {status}\nicanon", screen)
            self.assertNotIn("sort: Worst", screen)

    def test_dumb(self) -> None:
        """A terminal that can only print gets a table after each window."""
        options = "--window=1s", "-w2500ms", "-i100ms", self.line
        pane = self.pane(*options, env="TERM=dumb", lines=24)
        screen = pane.until(lambda shown: "status 0" in shown)
        self.assertEqual(screen.count("1 target; last 1s; "), 3)
        self.assertNotIn("q quit", screen)

    def test_colours(self) -> None:
        """A target that is down is red, but not with C{NO_COLOR}; the word says it,
        too."""
        dead = f"127.0.0.1:{deadPort(self)}"
        for env, isRed in ("NO_COLOR=", True), ("NO_COLOR=1", False):
            pane = self.pane("-i50ms", "-W50ms", dead, env=env)
            screen = pane.until(lambda shown: " down " in shown, "-e")
            self.assertEqual("\x1b[31m" in screen, isRed)
