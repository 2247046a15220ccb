"""The losses that a daemon counts are those of a capture."""

from __future__ import annotations

import signal

from tests.capturing import Capture
from tests.harness import Daemon, shortFolder, until
from tests.namespaces import LINK, Routed
from tests.scraping import MetricsCase, Samples

MILLISECOND = 10**6

#: The counters of the peer.
SENT, RECEIVED, LOST, LATE, IN_FLIGHT = (
    f"echostamp_{each}"
    for each in (
        "probes_sent_total",
        "probes_received_total",
        "probes_lost_total",
        "replies_late_total",
        "probes_in_flight",
    )
)


class LossTests(MetricsCase):
    """
    A daemon, a reflector, and a router between them.
    """

    def setUp(self) -> None:
        """Start the reflector, and capture at both ends."""
        super().setUp()
        self.net = Routed(self, "near", "far")
        command = "twistd", "-n", "--pidfile="
        self.reflector = Daemon(
            self,
            *("-p0", "--reflector=862", "--stateful", "--allow=198.18.0.0/16"),
            command=(*self.net.commands["far"], *command),
        )
        self.web = shortFolder(self) / "web"
        self.near, self.atFar = (
            Capture(self, self.net.commands[each], LINK) for each in ("near", "far")
        )

    def probe(self, settings: str) -> None:
        """Start the daemon that probes it."""
        target = f"stamp:{self.net.addresses['far']}"
        self.peers.write_text(f'[peer.far]\ntarget = "{target}"\n{settings}\n')
        Daemon(
            self,
            *("-p0", f"--peers={self.peers}", f"--web=unix:{self.web}"),
            command=(*self.net.commands["near"], "twistd", "-n", "--pidfile="),
        )

    def settled(self, more: int) -> Samples | None:
        """
        Give the metrics of a moment at which no probe is in flight.

        @param more: how many probes were sent, at least.
        """
        found = self.scrapePath(self.web)
        isSettled = found[SENT]["far",] >= more and not found[IN_FLIGHT]["far",]
        return found if isSettled else None

    def assertLosses(self, found: Samples, timeout: int) -> None:
        """
        Check that the counters are those of the captures, read with the same timeout.

        @param timeout: in nanoseconds.
        """
        for each in self.near, self.atFar:
            each.read()
        counts = dict.fromkeys(
            ("received", "late", "forward", "backward", "unknown"), 0
        )
        for number, wait in self.near.waits(int(found[SENT]["far",])).items():
            if wait is not None and wait <= timeout:
                counts["received"] += 1
                continue
            counts["late"] += wait is not None
            if wait is not None or not counts["received"]:
                # It was lost nowhere, or before the first reply.
                counts["unknown"] += 1
            else:
                hasArrived = number in self.atFar.probes
                counts["backward" if hasArrived else "forward"] += 1
        lost = {direction: count for (_, direction), count in found[LOST].items()}
        received, late = found[RECEIVED]["far",], found[LATE]["far",]
        self.assertEqual({"received": received, "late": late, **lost}, counts)

    def test_bothWays(self) -> None:
        """The losses of each direction are counted exactly, where both have some."""
        self.net.drop("near", "far", "udp dport 862", 7)
        self.net.drop("far", "near", "udp sport 862", 11)
        self.probe('interval = "25ms"\ntimeout = "1s"')
        until(lambda: self.scrapePath(self.web)[SENT]["far",] > 300)
        # From now on all are answered: the fate of those before is known soon.
        self.net.dropNothing()
        found = until(lambda: self.settled(300))
        self.assertLosses(found, 1000 * MILLISECOND)
        for direction in "forward", "backward":
            self.assertGreater(found[LOST]["far", direction], 20)

    def test_late(self) -> None:
        """Probes that are answered after the timeout are lost; those before are not,
        however long the reflector kept them."""
        self.probe('interval = "200ms"\njitter = false\ntimeout = "300ms"')
        until(lambda: self.scrapePath(self.web)[RECEIVED]["far",] > 3)
        self.reflector.process.send_signal(signal.SIGSTOP)
        stopped = self.sent()
        # Of these the last two are in time.  The one before has waited for 400 ms.
        until(lambda: self.sent() >= stopped + 6)
        self.reflector.process.send_signal(signal.SIGCONT)
        found = until(lambda: self.settled(stopped + 8))
        self.assertLosses(found, 300 * MILLISECOND)
        self.assertGreater(found[LATE]["far",], 2)

    def sent(self) -> int:
        """Give the number of the last packet so far."""
        self.near.read()
        return max(self.near.probes)
