"""
Members of a room that read next to nothing, but never stop.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.allowance import MOST_WAITING
from echostamp.intercom.pace import BACKLOG
from tests.harness import DEADLINE, Daemon, figure
from tests.rooms import INTERCOM, Crowd
from tests.slowreaders import SlowReader

#: Octets a second that such a member reads.
RATE = 1500

#: What is written, and how it ends for the others.
_LINE = b"x" * 999 + b"\n"
_LINES = _LINE * 100


class Dripped:
    """
    A room with a speaker, a listener, and members that read next to nothing.

    @ivar daemon: whose room it is.
    @ivar heard: how many octets the listener has read.
    @ivar longest: seconds of the silences of more than half a second, by the stamps
        that the listener reads.
    """

    def __init__(self, case: SynchronousTestCase, count: int) -> None:
        """
        @param count: how many members read next to nothing.
        """
        self.daemon = Daemon(case, *INTERCOM)
        self._crowd = Crowd(case, self.daemon)
        self._speaker, self._listener = self._crowd.members(b"speaker", b"listener")
        self._slow = [self._drip(case) for _ in range(count)]
        self.heard = 0
        self.silent = 0.0
        self._last = 0.0

    def _drip(self, case: SynchronousTestCase) -> SlowReader:
        """Join as a member whose kernel holds next to nothing."""
        peer = socket.socket()
        case.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 100)
        peer.settimeout(DEADLINE)
        peer.connect(("127.0.0.1", self.daemon.port))
        return SlowReader(peer, RATE)

    def goOnWhile(self, condition: Callable[[], object], seconds: float) -> None:
        """Let the speaker write as much as it can while a condition holds."""
        end = time.monotonic() + seconds
        while condition():
            assert time.monotonic() < end, f"still so after {seconds} s: {self.heard}"
            if len(self._speaker.unsaid) < len(_LINES):
                self._crowd.say(self._speaker, _LINES)
            self._crowd.turn()
            self._speaker.heard.clear()
            self.heard += len(self._listener.heard)
            for line in self._listener.lines():
                self._note(float(line[1:21]))
            self.heard -= len(self._listener.heard)
            for each in self._slow:
                each.read()

    def _note(self, stamp: float) -> None:
        """Note a silence before a stamp."""
        if self._last and stamp - self._last > 0.5:
            self.silent += stamp - self._last
        self._last = stamp

    @property
    def reasons(self) -> list[str]:
        """The reasons of all cuts, from the log."""
        return re.findall(r" cut: (.*)", self.daemon.log())


class RateCase(SynchronousTestCase):
    """
    What the others get done beside such members.

    @cvar seconds: how long each room is watched.
    """

    seconds: float

    def rate(self, count: int) -> float:
        """
        Measure how many octets a second a listener gets beside so many such members.
        """
        room = Dripped(self, count)
        room.goOnWhile(lambda: room.heard < 3_000_000 and not count, DEADLINE)
        before, end = room.heard, time.monotonic() + self.seconds
        room.goOnWhile(lambda: time.monotonic() < end, 2 * self.seconds)
        rate = (room.heard - before) / self.seconds
        figure(
            f"{count} readers of {RATE} B/s: the others get {rate / 1e6:.1f} MB/s, "
            f"silent for {room.silent:.1f} s of {self.seconds:g} s"
        )
        self.doCleanups()
        return rate

    def test_rate(self) -> None:
        """With one or ten such members the others get at least 80 % of the rate that
        they have without them, just before or just after."""
        before = self.rate(0)
        for count in 1, 10:
            beside, after = self.rate(count), self.rate(0)
            self.assertGreater(beside, 0.8 * min(before, after))
            before = after


class SilenceCase(SynchronousTestCase):
    """
    How long such members silence a room.
    """

    def test_silence(self) -> None:
        """Ten such members hold up the others for two seconds together, and are then
        cut by their backlog."""
        room = Dripped(self, 10)
        room.goOnWhile(lambda: len(room.reasons) < 10, 2 * DEADLINE)
        figure(f"ten readers of {RATE} B/s: the others are silent for {room.silent} s")
        self.assertEqual(room.reasons, [f"more than {BACKLOG} bytes behind"] * 10)
        self.assertLess(room.silent, MOST_WAITING + 3)
