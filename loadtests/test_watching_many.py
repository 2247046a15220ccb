"""Daemons that watch many peers: what they hold, and how they are scraped."""

from __future__ import annotations

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

from echostamp.test.proberruns import MOST
from loadtests import scrapedpeers
from tests.harness import DEADLINE, Daemon, figure, freePort, lack, start, until
from tests.scraping import DUE, LOST, RECEIVED, SENT, SKIPPED, MetricsCase, of
from tests.tlspeers import lastingFiles

#: The most octets that 1,000 STAMP peers may take.
MOST_OF_THOUSAND = 100_000_000

#: The most seconds that a scrape may take, and that it may hold the event loop.
LONGEST, HELD = 1.0, 0.005


class ManyCase(MetricsCase):
    """
    A test of a daemon that watches many peers.
    """

    def writeMany(self, settings: str, **peers: str) -> None:
        """
        Write the file of peers.

        @param settings: for all of them.
        @param peers: the settings of each.
        """
        entries = (f"[peer.{name}]\n{text}\n" for name, text in peers.items())
        new = self.folder / "new"
        new.write_text(f"{settings}\n{''.join(entries)}")
        new.replace(self.peers)

    def allUp(self, web: int, count: int) -> None:
        """Wait until so many peers are up, and no others are known."""
        until(lambda: self.ups(web) == ["1"] * count)


class ReloadTests(ManyCase):
    """
    Peers that stay as they are while others change.
    """

    def test_unchangedPeers(self) -> None:
        """100 peers are not touched by 20 reloads in which 100 others change: they keep
        their connections and counters, and none of their probes is lost or answered
        late."""
        far, line, stamp = self.far()
        _, otherLine, otherStamp = self.far()
        same = {f"line{number}": f'target = "{line}"' for number in range(50)}
        same |= {f"stamp{number}": f'target = "{stamp}"' for number in range(50)}
        web = freePort()

        def write(reload: int) -> None:
            others = {}
            for number in range(100):
                target = (otherLine, otherStamp)[number % 2]
                # Half of them change their probes, the others are new each time.
                name = f"other{number}" if number < 50 else f"new{reload}x{number}"
                others[name] = f'target = "{target}"\ninterval = "{reload + 500}ms"'
            self.writeMany('interval = "500ms"\ntimeout = "2s"', **same | others)

        write(0)
        daemon = self.watch(f"--web={web}")
        self.allUp(web, 200)
        before, began = self.scrape(web), time.monotonic()
        for reload in range(1, 21):
            write(reload)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: self.reloads(web) == reload)  # noqa: B023
            self.assertAccounts(self.scrape(web), same)
        self.goOn(web, "line0", 5)
        after, lasted = self.scrape(web), time.monotonic() - began
        for name in same:
            due = of(after, DUE, name)
            self.assertApproximates(due - of(before, DUE, name), 2 * lasted, 4)
            # Behind such a reload all memory is looked through, and probes that are due
            # meanwhile are not sent: that is a stall, and counts as one.
            stalled = after[SKIPPED][name, "stall"]
            self.assertLess(stalled, 4, name)
            self.assertEqual(of(after, SKIPPED, name), stalled, name)
            self.assertEqual(of(after, SENT, name), due - stalled, name)
            for what in LOST, "echostamp_replies_late_total":
                self.assertEqual(of(after, what, name), 0, (what, name))
            self.assertGreaterEqual(of(after, RECEIVED, name), due - stalled - 3)
        self.assertEqual(self.reloads(web), 20)
        self.assertEqual(far.log().count(" connected\n"), 50)
        self.assertEqual(far.log().count("disconnected"), 0)
        self.assertEqual(set(self.kinds()), {"reload"})

    def reloads(self, web: int) -> float:
        """Give how often the peers were read again."""
        return self.scrape(web)["echostamp_events_total"]["", "reload"]


class DescriptorTests(ManyCase):
    """
    More connections than C{select} takes.
    """

    def test_manyLines(self) -> None:
        """One daemon watches 1,100 peers, each over a connection, and still serves its
        echo."""
        count, limit = 1100, 4000
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < limit:
            lack(f"{limit} descriptors")
        command = "prlimit", f"--nofile={limit}", "twistd", "-n", "--pidfile="
        far = Daemon(self, "-p0", command=command)
        self.writeMany(
            'interval = "1s"\ntimeout = "3s"',
            **{f"p{n}": f'target = "127.0.0.1:{far.port}"' for n in range(count)},
        )
        web = freePort()
        daemon = Daemon(
            self,
            *("-p0", f"--peers={self.peers}", f"--web={web}"),
            command=command,
        )
        self.allUp(web, count)
        samples = self.scrape(web)
        self.assertGreater(samples["process_open_fds"][()], count)
        self.assertEqual(sum(samples[LOST].values()), 0)
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            self.assertTrue(peer.recv(100).endswith(b"] hello\n"))


class MemoryTests(ManyCase):
    """
    What peers take of a real daemon's memory.
    """

    def grown(self, settings: str, entry: str, few: int, many: int) -> float:
        """
        Measure how much more memory a daemon with many peers takes than one with few,
        after some time.

        @param settings: for all peers.
        @param entry: of each.
        @return: octets.
        """
        daemons = []
        for count in few, many:
            self.peers = self.folder / f"{count}.toml"
            self.writeMany(settings, **{f"p{n}": entry for n in range(count)})
            web = freePort()
            daemon = Daemon(self, "-p0", f"--peers={self.peers}", f"--web={web}")
            self.allUp(web, count)
            daemons.append((web, daemon))
        self.goOn(web, "p0", 40)
        for web, _ in daemons:
            self.assertEqual(set(self.ups(web)), {"1"})
        less, more = (daemon.memory() for _, daemon in daemons)
        return more - less

    def test_stamp(self) -> None:
        """1,000 STAMP peers, a probe a second each, take at most 100 MB."""
        _, _, stamp = self.far()
        settings = 'interval = "1s"\ntimeout = "3s"'
        found = self.grown(settings, f'target = "{stamp}"', 1, 1001)
        figure(f"1,000 STAMP peers: {found / 1e6:.1f} MB")
        self.assertTrue(10_000_000 < found < MOST_OF_THOUSAND)

    def test_tls(self) -> None:
        """A peer over TLS takes at most 64 KiB more than one without."""
        files = lastingFiles()
        far = Daemon(self, *files.endpoint())
        settings = f'interval = "500ms"\ntimeout = "3s"\nca = "{files.ca}"'
        entry = f'target = "tls:localhost:{far.port}"'
        count = 200
        found = self.grown(settings, entry, 20, 20 + count) / count
        figure(f"a peer over TLS: {found / 1024:.0f} KiB")
        self.assertTrue(10_000 < found < 2 * MOST)


class ScrapeTests(ManyCase):
    """
    Scrapes of many peers while these are probed.
    """

    def test_whileTheyAreProbed(self) -> None:
        """A scrape of 1,000 STAMP peers, with a probe a second each, takes at most a
        second, and holds the event loop for 5 ms at most at a time."""
        web = self.site(1000)
        times, holds = [], []
        for kind in "gzip", "identity":
            for _ in range(5):
                self.read(web, "held")
                began = time.monotonic()
                self.read(web, "metrics", kind)
                times.append(time.monotonic() - began)
                holds.append(self.held(web)[0])
        took, held = statistics.median(times), statistics.median(holds)
        figure(
            f"a scrape of 1,000 peers that are probed: {took:.2f} s, {max(times):.2f} "
            f"at most; holds the loop for {held * 1000:.1f} ms, "
            f"{max(holds) * 1000:.1f} at most"
        )
        # Python's collections of garbage, which any turn may have, are not counted by
        # the median.
        self.assertLess(took, LONGEST)
        self.assertLess(held, HELD)

    def test_row(self) -> None:
        """The row of 200 and of 1,000 STAMP peers takes at most a millisecond of CPU
        time for each, and holds the event loop for 5 ms at most at a time, without the
        collections of garbage, which any turn may have.  It is made once for all who
        ask within 5 seconds."""
        for count in 200, 1000:
            web = self.site(count)
            # By the time of each.
            rows: dict[int, tuple[float, float]] = {}

            def ask() -> bool:
                self.held(web)  # noqa: B023
                at = json.loads(self.read(web, "api/v1/peers"))["time"]  # noqa: B023
                _, held, total = self.held(web)  # noqa: B023
                rows.setdefault(at, (held, total))  # noqa: B023
                return len(rows) == 5  # noqa: B023

            until(ask)
            holds, totals = zip(*rows.values(), strict=True)
            total = statistics.median(totals)
            figure(
                f"a row of {count} peers: {total * 1000:.0f} ms of CPU time, "
                f"{max(totals) * 1000:.0f} at most; holds the loop for "
                f"{max(holds) * 1000:.1f} ms at most"
            )
            self.assertLess(total, count / 1000)
            self.assertLess(max(holds), HELD)

    def held(self, web: int) -> list[float]:
        """Give how long turns took since this was asked before: the longest, without
        collections of garbage, and all together."""
        found: list[float] = json.loads(self.read(web, "held"))
        return found

    def site(self, count: int) -> int:
        """Serve the figures of so many peers that are probed, and give the port."""
        _, _, stamp = self.far()
        self.writeMany(
            'interval = "1s"\ntimeout = "3s"',
            **{f"p{number}": f'target = "{stamp}"' for number in range(count)},
        )
        top = Path(scrapedpeers.__file__).parents[1]
        path = os.pathsep.join([str(top), *filter(None, [os.getenv("PYTHONPATH")])])
        process = start(
            self,
            *(sys.executable, scrapedpeers.__file__, str(self.peers)),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert process.stdout is not None
        web: int = json.loads(process.stdout.readline())
        self.goOn(web, f"p{count - 1}", 20)
        return web

    def read(self, web: int, page: str, encoding: str = "identity") -> bytes:
        """Read a page."""
        url = f"http://127.0.0.1:{web}/{page}"
        asked = Request(url, headers={"Accept-Encoding": encoding})
        with urlopen(asked, timeout=DEADLINE) as answer:
            found: bytes = answer.read()
        return found
