"""
What Prometheus reads from a daemon that watches peers, for tests.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.harness import DEADLINE, Daemon, freePort, readAll, until
from tests.pinging import STATEFUL
from tests.watching import WatchingCase

#: The samples of a scrape: by name, and by the values of the labels.
Samples = dict[str, dict[tuple[str, ...], float]]

#: The names of counters and of other metrics of a peer.
DUE, SENT = "echostamp_probes_due_total", "echostamp_probes_sent_total"
RECEIVED, SKIPPED = "echostamp_probes_received_total", "echostamp_probes_skipped_total"
LOST, UP = "echostamp_probes_lost_total", "echostamp_peer_up"


class MetricsCase(WatchingCase):
    """
    A test of the metrics of a real daemon.
    """

    def scrape(self, port: int, query: str = "") -> Samples:
        """Scrape a daemon."""
        return samplesOf(self.page(port, query))

    def page(self, port: int, query: str = "") -> str:
        """Scrape a daemon, and give the text."""
        url = f"http://127.0.0.1:{port}/metrics{query}"
        with urlopen(url, timeout=DEADLINE) as answer:
            found: bytes = answer.read()
        return found.decode()

    def ups(self, port: int) -> list[str]:
        """Give which peers are up and down, as 1 and 0.  It takes less time than to
        read all samples."""
        return re.findall(rf"^{UP}\{{.*\}} ([01])$", self.page(port), re.M)

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

    def far(self, *options: str, **how: Any) -> tuple[Daemon, str, str]:
        """
        Start a far end.

        @return: it, and its targets: of lines, and of STAMP.
        """
        port = freePort()
        reflector = f"--reflector=127.0.0.1:{port}"
        far = Daemon(self, f"-p{port}", reflector, *STATEFUL, *options, **how)
        return far, f"127.0.0.1:{port}", f"stamp:127.0.0.1:{port}"

    def known(self, samples: Samples, *peers: str) -> bool:
        """Tell whether peers are up, and their probes are answered."""
        return all(
            of(samples, UP, name) == 1 and of(samples, RECEIVED, name) > 5
            for name in peers
        )

    def goOn(self, web: int, name: str, count: int) -> None:
        """Wait until so many more probes of a peer were answered."""
        only = f"?peer={name}"
        enough = of(self.scrape(web, only), RECEIVED, name) + count
        until(lambda: of(self.scrape(web, only), RECEIVED, name) >= enough)

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


def of(samples: Samples, name: str, peer: str) -> float:
    """Add up the series of a peer."""
    series = samples.get(name, {})
    return sum(value for labels, value in series.items() if labels[0] == peer)
