"""A daemon that watches peers goes on, whatever happens, and knows what happened."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from echostamp.probe.retries import FIRST_DELAY, LONGEST_DELAY
from tests.clocks import Clock
from tests.harness import (
    DEADLINE,
    Daemon,
    deadPort,
    figure,
    freePort,
    readLines,
    run,
    script,
    shortFolder,
    start,
    until,
)
from tests.namespaces import Namespaces
from tests.scraping import (
    DUE,
    LOST,
    RECEIVED,
    SENT,
    SKIPPED,
    UP,
    MetricsCase,
    Samples,
    of,
)


class FaultsCase(MetricsCase):
    """
    A test of a daemon that watches, beside far ends with faults.
    """

    @contextmanager
    def serving(self, *targets: str, before: tuple[str, ...] = ()) -> Iterator[None]:
        """
        Check that a daemon serves its targets meanwhile: no probe is lost, and none
        waits for long.

        @param before: the command line before C{echostamp}.
        """
        command = *before, script("echostamp"), "ping", "-i100ms", "-W5s", "--json"
        pings = [
            start(self, *command, target, stdout=subprocess.PIPE) for target in targets
        ]
        yield
        for each in pings:
            each.send_signal(signal.SIGINT)
            found = json.loads(each.communicate(timeout=DEADLINE)[0])["stats"]
            self.assertGreater(found["received"], 20)
            self.assertEqual(found["received"], found["sent"] - found["under_way"])
            self.assertLess(found["rtt"]["max"], 10**9)

    def untilCounted(self, web: int, peer: str, kind: str, count: int) -> None:
        """Wait until a peer has had so many events of a kind: of several in a minute
        one is written, and all are counted."""
        events = "echostamp_events_total"
        until(lambda: self.scrape(web)[events].get((peer, kind)) == count)
        self.assertEqual(set(self.kinds(peer)), {kind})

    def assertUp(self, samples: Samples, **peers: int) -> None:
        """Check which peers are up."""
        found = {name: samples[UP].get((name,)) for name in peers}
        self.assertEqual(found, {name: float(isUp) for name, isUp in peers.items()})


class DeadPeersTests(FaultsCase):
    """
    Far ends that are not there.
    """

    def test_deadPeers(self) -> None:
        """Refused ports, black holes, and a name that does not resolve are down, each
        for its reason.  Others stay up.  The counters add up at every scrape, and the
        daemon serves its echo and its reflector."""
        _, line, stamp = self.far()
        refused = deadPort(self)
        with ExitStack() as stack:
            # Connections are not accepted, and packets are not read.
            hole = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            silent = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            silent.bind(("127.0.0.1", 0))
            # The queue of connections is full: an attempt to connect has no answer.
            full = stack.enter_context(
                socket.create_server(("127.0.0.1", 0), backlog=0)
            )
            stack.enter_context(socket.create_connection(full.getsockname()))
            targets = {
                "line": line,
                "stamp": stamp,
                "refused": f"127.0.0.1:{refused}",
                "stamprefused": f"stamp:127.0.0.1:{refused}",
                "hole": f"127.0.0.1:{hole.getsockname()[1]}",
                "stamphole": f"stamp:127.0.0.1:{silent.getsockname()[1]}",
                "full": f"127.0.0.1:{full.getsockname()[1]}",
                "nameless": "nosuch.invalid",
            }
            self.write(**{name: f'target = "{each}"' for name, each in targets.items()})
            web, reflector = freePort(), freePort()
            daemon = self.watch(f"--web={web}", f"--reflector=127.0.0.1:{reflector}")
            dead = set(targets) - {"line", "stamp"}
            own = f"127.0.0.1:{daemon.port}", f"stamp:127.0.0.1:{reflector}"
            with self.serving(*own):
                until(lambda: {each["peer"] for each in self.events()} >= dead)
                ends = time.monotonic() + 10
                while time.monotonic() < ends:
                    samples = self.scrape(web)
                    self.assertAccounts(samples, targets)
        self.assertUp(samples, line=1, stamp=1, **dict.fromkeys(dead, 0))
        for name in dead:
            downs = [each for each in self.events(name) if each["event"] == "down"]
            self.assertEqual(len(downs), 1, name)
            self.assertEqual(of(samples, RECEIVED, name), 0, name)
        for name in "refused", "full", "nameless":
            self.assertEqual(of(samples, SENT, name), 0, name)
        for name in "stamprefused", "hole", "stamphole":
            self.assertGreater(of(samples, LOST, name), 50, name)
        for name in "line", "stamp":
            self.assertEqual(of(samples, LOST, name), 0)
            self.assertEqual(of(samples, SENT, name), of(samples, DUE, name))
        resolved = samples["echostamp_peer_resolved"]
        self.assertEqual(
            [each[0] for each, is_ in resolved.items() if not is_], ["nameless"]
        )
        skipped = samples[SKIPPED]
        self.assertGreater(skipped["nameless", "unresolved"], 50)
        self.assertGreater(skipped["refused", "no_connection"], 50)
        self.assertIn("refused down: no reply for ", daemon.log())
        self.assertRegex(daemon.log(), "refused down: .*: Connection refused\n")
        self.assertRegex(daemon.log(), "nameless down: .*: the name does not resolve\n")
        self.assertLess(len(daemon.lines()), 60)


class ManyDieTests(FaultsCase):
    """
    Many peers die at once.
    """

    #: How many peers there are, half of them over each protocol.
    count = 200

    def attempts(self, wire: Namespaces) -> int:
        """Give how many connections were attempted at the near end."""
        table = run(*wire.near, "cat", "/proc/net/snmp").stdout.decode()
        names, values = re.findall(r"^Tcp: (.*)$", table, re.M)
        return int(values.split()[names.split().index("ActiveOpens")])

    def test_dieAndComeBack(self) -> None:
        """200 peers whose machine dies are down once and up once.  What is said first
        is that none answers.  The counters add up, no probe is left out of them, and
        neither attempts to connect nor lines of the log come in masses.  The daemon
        serves its echo and its reflector meanwhile."""
        wire = Namespaces(self)
        command = script("twistd"), "-n", "--pidfile="
        options = "-p8002", f"--reflector={wire.FAR}", "--stateful", "--allow=0.0.0.0/0"
        far = Daemon(self, *options, command=(*wire.far, *command))
        half = self.count // 2
        lines = [f"line{number}" for number in range(half)]
        stamps = [f"stamp{number}" for number in range(half)]
        text = 'interval = "1s"\ntimeout = "1s"\n'
        text += "".join(
            f'[peer.{each}]\ntarget = "{wire.FAR}:8002"\n' for each in lines
        )
        text += "".join(
            f'[peer.{each}]\ntarget = "stamp:{wire.FAR}"\n' for each in stamps
        )
        self.peers.write_text(text)
        web = shortFolder(self) / "web"
        daemon = Daemon(
            self,
            *("-p8002", f"--reflector={wire.NEAR}", f"--web=unix:{web}"),
            *(f"--peers={self.peers}", f"--events={self.eventsFile}"),
            command=(*wire.near, *command),
        )
        names = [*lines, *stamps]
        until(lambda: self.known(self.scrapePath(web), *names))
        before, began = self.scrapePath(web), time.monotonic()
        own = f"{wire.NEAR}:8002", f"stamp:{wire.NEAR}"
        with self.serving(*own, before=tuple(wire.far)):
            far.stop(signal.SIGKILL)
            samples = self.watchAttempts(wire, web, names, "down")
            self.assertEqual(set(samples[UP].values()), {0.0})
            Daemon(self, *options, command=(*wire.far, *command))
            self.watchAttempts(wire, web, names, "up")
        after = self.scrapePath(web)
        lasted = time.monotonic() - began
        self.assertEqual(set(after[UP].values()), {1.0})
        for name in names:
            # A reflector that was started again counts from the beginning.
            kinds = [each for each in self.kinds(name) if each != "reflector_restart"]
            self.assertEqual(kinds, ["down", "up"], name)
            due = of(after, DUE, name) - of(before, DUE, name)
            self.assertApproximates(due, lasted, 2)
            self.assertEqual(after["echostamp_peer_downs_total"][name,], 1)
        for name in stamps:
            self.assertEqual(of(after, SKIPPED, name), of(before, SKIPPED, name))
        events = self.events()
        self.assertEqual((events[0]["peer"], events[0]["event"]), ("", "down"))
        self.assertEqual(events[0]["text"], f"none of the {self.count} peers answers")
        self.assertEqual(self.kinds(""), ["down", "up"])
        self.assertEqual(self.kinds().count("reflector_restart"), len(stamps))
        most = 2 * len(names) + len(stamps) + 40
        self.assertLess(len(daemon.lines()), most)
        figure(f"{len(names)} peers die and come back: {len(daemon.lines())} log lines")

    def watchAttempts(
        self, wire: Namespaces, web: Path, names: list[str], kind: str
    ) -> Samples:
        """
        Wait until an event of this kind was written for all peers, and some seconds
        more.  Check all the time that the counters add up, and that attempts to connect
        neither come together, nor more often than the waits between them allow.
        """
        began = last = time.monotonic()
        first = before = self.attempts(wire)
        ends = 0.0
        while True:
            samples = self.scrapePath(web)
            self.assertAccounts(samples, names)
            found, now = self.attempts(wire), time.monotonic()
            # The first waits are between 0.5 and 1.5 seconds, so that 100 peers have
            # some 100 attempts a second.
            self.assertLess(found - before, 30 + 150 * (now - last))
            before, last = found, now
            if not ends and self.kinds().count(kind) > self.count:
                ends = now + 6
            if ends and now > ends:
                break
        most = len(names) // 2 * _mostAttempts(now - began)
        self.assertLessEqual(found - first, most)
        return samples


def _mostAttempts(seconds: float) -> int:
    """
    Give how often one peer may try to connect, if chance makes each wait as short as it
    can be.
    """
    attempts, wait = 1, FIRST_DELAY
    while seconds > wait:
        seconds -= wait
        attempts += 1
        wait = min(1.5 * wait, LONGEST_DELAY)
    return attempts


class ClockTests(FaultsCase):
    """
    Clocks that are set.
    """

    def assertUndisturbed(self, web: int, name: str) -> None:
        """Check that no probe of a peer was lost, and that it was never down."""
        samples = self.scrape(web)
        self.assertAccounts(samples, [name])
        self.assertUp(samples, **{name: 1})
        for each in LOST, SKIPPED, "echostamp_peer_downs_total":
            self.assertEqual(of(samples, each, name), 0, each)

    def test_farClock(self) -> None:
        """A far clock that is set is an event of this peer, and changes nothing
        else."""
        clock = Clock(self)
        _, far, _ = self.far("--format=iso", env=clock.env)
        _, other, _ = self.far("--format=iso")
        self.write(far=f'target = "{far}"', other=f'target = "{other}"')
        web = freePort()
        self.watch(f"--web={web}")
        until(lambda: self.known(self.scrape(web), "far", "other"))
        # The clock was looked at before, every 15 seconds.
        self.goOn(web, "far", 200)
        clock.set(3600)
        self.untilCounted(web, "far", "clock_step", 1)
        for name in "far", "other":
            self.assertUndisturbed(web, name)
        self.assertEqual(self.kinds("other"), [])
        self.assertEqual(self.kinds(""), [])
        self.assertEqual(self.scrape(web)["echostamp_clock_steps_total"]["far",], 1)

    def test_ownClock(self) -> None:
        """Our own clock that is set is an event of this machine.  No peer is down, or
        has another clock."""
        clock = Clock(self)
        _, far, _ = self.far("--format=iso")
        self.write(far=f'target = "{far}"')
        web = freePort()
        daemon = Daemon(
            self,
            *("-p0", f"--peers={self.peers}", f"--events={self.eventsFile}"),
            f"--web={web}",
            env=clock.env,
        )
        until(lambda: self.known(self.scrape(web), "far"))
        # Our clock was looked at before, every second.
        self.goOn(web, "far", 20)
        for count, ahead in enumerate((-86_400, 3600), 1):
            clock.set(ahead)
            self.untilCounted(web, "", "own_clock_step", count)
        # The windows have been judged, and the far clock was looked at.
        self.goOn(web, "far", 160)
        self.assertUndisturbed(web, "far")
        self.assertEqual(self.kinds("far"), [])
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            readLines(peer, 1)


class StoppedTests(FaultsCase):
    """
    A daemon that is stopped.
    """

    def test_stopped(self) -> None:
        """After 10 s of SIGSTOP there is one stall.  No peer was down, and no probe is
        lost; those that were due are counted as left out by the stall."""
        _, line, stamp = self.far()
        self.write(line=f'target = "{line}"', stamp=f'target = "{stamp}"')
        web = freePort()
        daemon = self.watch(f"--web={web}")
        names = "line", "stamp"
        until(lambda: self.known(self.scrape(web), *names))
        before, began = self.scrape(web), time.monotonic()
        process = daemon.process.pid
        os.kill(process, signal.SIGSTOP)
        until(lambda: time.monotonic() > began + 10)
        os.kill(process, signal.SIGCONT)
        until(lambda: self.kinds("") == ["stall"])
        for name in names:
            self.goOn(web, name, 50)
        after, lasted = self.scrape(web), time.monotonic() - began
        self.assertAccounts(after, names)
        self.assertUp(after, line=1, stamp=1)
        self.assertGreater(self.events("")[0]["values"]["length"], 9 * 10**9)
        for name in names:
            self.assertEqual(self.kinds(name), [])
            self.assertEqual(of(after, LOST, name), 0)
            due = of(after, DUE, name) - of(before, DUE, name)
            self.assertApproximates(due, 10 * lasted, 5)
            skipped = after[SKIPPED][name, "stall"]
            self.assertEqual(of(after, SKIPPED, name), skipped)
            # Those whose timeout is not over yet may still be sent.
            self.assertTrue(90 < skipped < 105, skipped)


class FullDiskTests(FaultsCase):
    """
    A disk that is full.
    """

    def test_events(self) -> None:
        """Events that cannot be written are counted, and logged as always.  The log
        says once why they are not written."""
        self.eventsFile = Path("/dev/full")
        _, line, _ = self.far()
        dead = deadPort(self)
        self.write(
            line=f'target = "{line}"',
            **{f"dead{number}": f'target = "127.0.0.1:{dead}"' for number in range(5)},
        )
        web = freePort()
        daemon = self.watch(f"--web={web}")
        until(lambda: daemon.log().count(" down: no reply for ") == 5)
        samples = self.scrape(web)
        self.assertUp(samples, line=1, dead0=0, dead4=0)
        self.assertEqual(samples["echostamp_write_errors_total"], {("events",): 5})
        why = "--events '/dev/full': No space left on device\n"
        self.assertEqual(daemon.log().count("--events"), 1)
        self.assertIn(why, daemon.log())
        self.assertAccounts(samples, ["line", "dead0"])
        self.assertEqual(daemon.stop(), 0)
