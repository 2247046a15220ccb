"""A daemon that watches a peer over several paths, of which some lose probes."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
import zlib

from tests.harness import Daemon, figure, freePort, until
from tests.watching import WatchingCase

#: How many paths there are, and how many flows are probed.
PATHS, FLOWS = 8, 16


class Paths:
    """
    Passes UDP packets on over one of several paths, which the source port decides, as
    routers do it (ECMP).

    @ivar port: where it listens.
    @ivar loss: one of how many packets is lost on the way there, by path.
    """

    def __init__(self, case: WatchingCase, reflector: int) -> None:
        """
        @param reflector: the port to which packets are passed on.
        """
        self.loss: dict[int, int] = {}
        self._counts = [0] * PATHS
        self._reflector = "127.0.0.1", reflector
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(("127.0.0.1", 0))
        self.port = self._near.getsockname()[1]
        self._far: dict[tuple[str, int], socket.socket] = {}
        self._isOver = False
        thread = threading.Thread(target=self._run)
        thread.start()
        case.addCleanup(thread.join)
        case.addCleanup(setattr, self, "_isOver", True)

    @staticmethod
    def pathOf(port: int) -> int:
        """Give the path of a source port."""
        return zlib.crc32(port.to_bytes(2, "big")) % PATHS

    def _run(self) -> None:
        """Pass packets on, until the test ends."""
        while not self._isOver:
            clients = {each: peer for peer, each in self._far.items()}
            ready, _, _ = select.select([self._near, *clients], [], [], 0.1)
            for each in ready:
                packet, peer = each.recvfrom(2000)
                if each is self._near:
                    self._pass(packet, peer)
                else:
                    self._near.sendto(packet, clients[each])
        for each in (self._near, *self._far.values()):
            each.close()

    def _pass(self, packet: bytes, peer: tuple[str, int]) -> None:
        """Pass a packet on, unless its path loses it."""
        path = self.pathOf(peer[1])
        self._counts[path] += 1
        every = self.loss.get(path)
        if every is not None and self._counts[path] % every == 0:
            return
        if peer not in self._far:
            self._far[peer] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._far[peer].sendto(packet, self._reflector)

    @property
    def used(self) -> list[int]:
        """The paths that are used, the first one first."""
        return list(dict.fromkeys(self.pathOf(port) for _, port in list(self._far)))


class FlowsTests(WatchingCase):
    """
    A peer behind several paths.
    """

    def test_paths(self) -> None:
        """Of eight paths one that loses everything is named within 15 s, and one that
        loses one in five within 60 s, by the flows that take them; no other is."""
        reflector = freePort()
        Daemon(self, "-p0", f"--reflector=127.0.0.1:{reflector}")
        paths = Paths(self, reflector)
        self.write(
            far=f'target = "stamp:127.0.0.1:{paths.port}"\nflows = {FLOWS}\n'
            'interval = "200ms"\ntimeout = "1s"'
        )
        self.watch()
        until(lambda: len(paths.used) >= 3 and sum(paths._counts) > 10 * FLOWS)
        dead, bad = paths.used[:2]
        began = time.monotonic()
        paths.loss = {dead: 1, bad: 5}
        until(lambda: self.named(paths, dead), 15)
        figure(f"a dead path is named after {time.monotonic() - began:.1f} s")
        until(lambda: self.named(paths, bad), 60)
        figure(f"one that loses 20 % after {time.monotonic() - began:.1f} s")
        self.assertEqual({each["event"] for each in self.events("far")}, {"flow_loss"})
        for event in self.events("far"):
            self.assertIn(self.pathNamed(event["text"]), (dead, bad))
        # The peer is up all the time.
        self.assertEqual(self.kinds("far").count("down"), 0)

    def named(self, paths: Paths, path: int) -> bool:
        """Tell whether an event names a path."""
        texts = [each["text"] for each in self.events("far")]
        return any(self.pathNamed(each) == path for each in texts)

    def pathNamed(self, text: str) -> int:
        """Give the path of the port that an event names."""
        found = re.search(r"flow \d+ from [0-9.]+:(\d+) lost ", text)
        assert found, text
        return Paths.pathOf(int(found[1]))
