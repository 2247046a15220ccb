"""What Prometheus reads from a daemon that watches peers."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import Any

from tests.harness import Daemon, freePort, readLines, script, shortFolder, until
from tests.namespaces import Namespaces
from tests.scraping import MetricsCase


class MetricsTests(MetricsCase):
    """
    The figures of a real daemon.
    """

    def test_accounts(self) -> None:
        """At every scrape the counters of each peer add up, while one dies and comes
        back, one is dead, and the peers file changes."""
        port, web = freePort(), freePort()
        far = Daemon(self, f"-p{port}", f"--reflector=127.0.0.1:{port}")
        targets = {
            "line": f'target = "127.0.0.1:{port}"',
            "stamp": f'target = "stamp:127.0.0.1:{port}"',
            "dead": 'target = "127.0.0.1:1"',
        }
        self.write(**targets)
        self.watch(f"--web={web}")
        until(lambda: self.status(web, "readyz") == 200)
        ends = time.monotonic() + 8
        isDead = False
        while time.monotonic() < ends:
            self.assertAccounts(self.scrape(web), targets)
            if not isDead and time.monotonic() > ends - 6:
                isDead = True
                far.stop()
        Daemon(self, f"-p{port}", f"--reflector=127.0.0.1:{port}")
        until(lambda: self.scrape(web)["echostamp_peer_up"] == _ups(line=1, stamp=1))
        before = self.scrape(web)
        self.write(**targets | {"line": targets["line"] + '\ninterval = "50ms"'})
        until(lambda: "reload" in self.kinds(""))
        for _ in range(20):
            after = self.scrape(web)
            self.assertAccounts(after, targets)
            for name, series in before.items():
                if name.endswith("_total"):
                    for labels, value in series.items():
                        self.assertGreaterEqual(after[name][labels], value, name)
            before = after

    def test_refused(self) -> None:
        """Probes that the system refuses to send, as its link is down, are skipped."""
        wire = Namespaces(self)
        command = script("twistd"), "-n", "--pidfile="
        reflector = f"--reflector={wire.FAR}"
        Daemon(self, "-p0", reflector, command=(*wire.far, *command))
        web = shortFolder(self) / "web"
        self.write(far=f'target = "stamp:{wire.FAR}"')
        options = f"--peers={self.peers}", f"--events={self.eventsFile}"
        Daemon(
            self,
            *("-p0", *options, f"--web=unix:{web}"),
            command=(*wire.near, *command),
        )
        received, sent = (
            "echostamp_probes_received_total",
            "echostamp_probes_sent_total",
        )
        until(lambda: self.scrapePath(web)[received]["far",] > 3)
        wire.cut()
        until(lambda: self.kinds("far") == ["down"])
        before = self.scrapePath(web)
        skipped = "echostamp_probes_skipped_total"
        refused = before[skipped]["far", "send_error"]
        self.assertGreater(refused, 2)
        until(lambda: self.scrapePath(web)[skipped]["far", "send_error"] > refused + 5)
        after = self.scrapePath(web)
        self.assertEqual(after[sent], before[sent])
        self.assertAccounts(after, ["far"])

    def test_daemon(self) -> None:
        """The echo and the reflector are counted, with no peers, too."""
        port, web = freePort(), freePort()
        daemon = Daemon(self, f"-p{port}", "--max-connections=1", f"--web={web}")
        with daemon.connect() as peer:
            peer.sendall(b"hello\nagain\n")
            readLines(peer, 2)
            with daemon.connect() as second:
                self.assertEqual(second.recv(1), b"")
            found = self.scrape(web)
        self.assertEqual(found["echostamp_connections"], {(): 1})
        self.assertEqual(found["echostamp_connections_total"], {(): 1})
        self.assertEqual(found["echostamp_connections_refused_total"][("limit",)], 1)
        self.assertEqual(found["echostamp_messages_total"], {(): 2})
        self.assertEqual(found["echostamp_received_bytes_total"], {(): 12})
        self.assertEqual(found["echostamp_peers"], {(): 0})
        self.assertIn(f"serving web pages on 127.0.0.1:{web}\n", daemon.log())

    def test_ready(self) -> None:
        """While connections are drained, the daemon is alive and not ready."""
        web = freePort()
        daemon = Daemon(self, "-p0", "--grace=20", f"--web={web}")
        self.assertEqual(self.status(web, "readyz"), 200)
        with daemon.connect() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.setblocking(False)
            _fill(peer)
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: self.status(web, "readyz") == 503)
            self.assertEqual(self.status(web, "healthz"), 200)
        self.assertEqual(daemon.process.wait(30), 0)

    def test_takenPort(self) -> None:
        """A port that is taken is one line, and nothing listens."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = self.twistd("-p0", f"--web=127.0.0.1:{port}")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr.decode(),
            f"echostamp: --web: cannot listen on 'tcp:{port}:interface=127.0.0.1': "
            f"{os.strerror(98)}\n",
        )

    def test_exposed(self) -> None:
        """A place that the network reaches is listened on with a warning."""
        daemon = Daemon(self, "-p0", "--web=tcp:0")
        self.assertIn("everybody who reaches it can read the pages", daemon.log())


def _ups(**peers: int) -> dict[tuple[str, ...], float]:
    """Give what the metric of peers that are up shows; one more peer is dead."""
    return {("dead",): 0.0, **{(name,): float(up) for name, up in peers.items()}}


def _fill(peer: Any) -> None:
    """Send until the daemon reads no more."""
    last = time.monotonic()
    while time.monotonic() - last < 2:
        try:
            peer.send(b"x" * 999 + b"\n")
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
