"""
Daemons that watch peers, for tests.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.eventlines import eventsIn
from tests.harness import DEADLINE, Daemon, readAll, run, script

#: The samples of a scrape: by name, and by the values of the labels.
Samples = dict[str, dict[tuple[str, ...], float]]


class WatchingCase(SynchronousTestCase):
    """
    A test of a daemon that watches peers.
    """

    def setUp(self) -> None:
        """Make a folder for the files."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.peers = self.folder / "peers.toml"
        self.eventsFile = self.folder / "events"

    def write(self, **targets: str) -> None:
        """Write the file of peers: each is probed ten times a second."""
        text = 'interval = "100ms"\ntimeout = "500ms"\n'
        for name, rest in targets.items():
            text += f"[peer.{name}]\n{rest}\n"
        new = self.folder / "new"
        new.write_text(text)
        new.replace(self.peers)

    def watch(self, *options: str) -> Daemon:
        """Start a daemon that watches."""
        return Daemon(
            self,
            "-p0",
            f"--peers={self.peers}",
            f"--events={self.eventsFile}",
            *options,
        )

    def events(self, peer: str | None = None) -> list[Any]:
        """Give the events so far, or those of one peer."""
        events = eventsIn(self.eventsFile)
        return [each for each in events if peer in (None, each["peer"])]

    def kinds(self, peer: str | None = None) -> list[str]:
        """Give the kinds of the events so far."""
        return [each["event"] for each in self.events(peer)]

    def twistd(self, *options: str) -> Any:
        """Run a daemon that ends at once."""
        return run(script("twistd"), "-n", "--pidfile=", "echostamp", *options)


class MetricsCase(WatchingCase):
    """
    A test of the metrics of a real daemon.
    """

    def scrape(self, port: int, query: str = "") -> Samples:
        """Scrape a daemon."""
        url = f"http://127.0.0.1:{port}/metrics{query}"
        with urlopen(url, timeout=20) as answer:
            return samplesOf(answer.read().decode())

    def scrapePath(self, path: Path) -> Samples:
        """Scrape a daemon at a UNIX socket, which is reached from any namespace."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(DEADLINE)
            peer.connect(str(path))
            peer.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            return samplesOf(readAll(peer).partition(b"\r\n\r\n")[2].decode())

    def status(self, port: int, path: str) -> int:
        """Give the status of a page; 0 while nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return 0

    def assertAccounts(self, samples: Samples, peers: Iterable[str]) -> None:
        """Check that the counters of each peer add up."""

        def of(name: str, peer: str) -> float:
            found = samples[f"echostamp_{name}"]
            return sum(value for labels, value in found.items() if labels[0] == peer)

        for peer in peers:
            sent = of("probes_sent_total", peer)
            received = of("probes_received_total", peer)
            skipped = of("probes_skipped_total", peer)
            self.assertEqual(of("probes_due_total", peer), skipped + sent)
            lost = of("probes_lost_total", peer)
            self.assertEqual(sent, received + lost + of("probes_in_flight", peer))
            untimed = of("probes_untimed_total", peer)
            self.assertEqual(received, of("rtt_seconds_count", peer) + untimed)


def samplesOf(text: str) -> Samples:
    """Read the samples of a scrape."""
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sample.labels.values())
            samples.setdefault(sample.name, {})[labels] = sample.value
    return samples
