"""
Members of a room that read slowly, or not at all.

The tests go by what the daemon and the kernel report: the reasons in the log, the stamp
of the notice that a member has left, and when its kernel last took data.  The process
of the tests may be held up for a while; it is no slow reader then, but an absent one.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import time
from collections.abc import Callable

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp.intercom.pace import BACKLOG, STALLED, SURGE
from tests.filling import isAsleep
from tests.harness import DEADLINE, Daemon, figure, memory, readLines, until
from tests.rooms import INTERCOM, UNIX, Crowd, shareRoom

MEGABYTE = 1_000_000

#: Octets of what the speaker writes, and of what the others read of it.
LINE = 1000
HEARD = len(b"[1700000000.123456789] <speaker> ") + LINE

#: Seconds after which a slow reader would be cut if nobody saw that it reads.
LONG = STALLED + 1

#: Octets by which such a reader is behind: more than kernels hold, and less than what
#: it is waited for.
BEHIND = 700_000

#: Seconds between two reads after which the process of the tests was held up.
HELD_UP = 0.5

#: How often a test begins again because its process was held up.
TRIES = 3

#: In Linux's tcp_info: milliseconds since data was received, and octets received.
_LAST_DATA_RECEIVED = struct.Struct("=52xI")
_BYTES_RECEIVED = struct.Struct("=128xQ")


def lastTaken(peer: socket.socket) -> float:
    """
    Ask the kernel when it last took data of a connection.

    @return: seconds since the UNIX epoch.
    """
    before = time.time()
    info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    [milliseconds] = _LAST_DATA_RECEIVED.unpack_from(info)
    return before - float(milliseconds) / 1000


def taken(peer: socket.socket) -> int:
    """
    Ask the kernel how many octets of a connection it took, whether they were read or
    not.
    """
    info = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    [count] = _BYTES_RECEIVED.unpack_from(info)
    return int(count)


class SlowReader:
    """
    Reads a connection at a rate.

    It reads in small pieces what is due by its rate, all of it if it was held up.

    @ivar count: how many octets were read.
    @ivar gap: the longest time between two reads, in seconds.
    @ivar isCut: whether the connection has ended.
    """

    def __init__(self, peer: socket.socket, rate: float) -> None:
        """
        @param peer: the connection.
        @param rate: octets a second.
        """
        peer.setblocking(False)
        self._peer = peer
        self._rate = rate
        self._began = self._last = time.monotonic()
        self.count = 0
        self.gap = 0.0
        self.isCut = False

    def read(self) -> bytes:
        """Read what is due, as far as the kernel has it."""
        now = time.monotonic()
        self.gap = max(self.gap, now - self._last)
        self._last = now
        due = int((now - self._began) * self._rate)
        received = bytearray()
        try:
            while self.count < due and not self.isCut:
                data = self._peer.recv(min(4000, due - self.count))
                self.isCut = not data
                self.count += len(data)
                received += data
        except BlockingIOError:
            pass
        except ConnectionError:
            self.isCut = True
        return bytes(received)


class Talk:
    """
    A speaker that writes numbered lines, three members that read them, and one that
    does not read.

    @ivar daemon: whose room it is.
    @ivar dead: the connection of the member that does not read.
    @ivar heard: how many lines each of the three has read.
    @ivar heardAtCut: how many of them were before the notice that the dead one left.
    @ivar left: when the dead one left, by the daemon's clock; 0 before that.
    """

    def __init__(self, case: SynchronousTestCase, daemon: Daemon) -> None:
        """
        Let all join.
        """
        self._case = case
        self.daemon = daemon
        self._room = Crowd(case, daemon)
        self._speaker, *self._listeners, dead = self._room.members(
            b"speaker", b"one", b"two", b"three", b"dead"
        )
        self._room.leave(dead)
        self.dead = dead.socket
        self.heard = [0] * len(self._listeners)
        self.heardAtCut = 0
        self.left = 0.0
        self._said = self._answered = 0

    def goOn(self, most: int) -> None:
        """
        Let the speaker write up to so many octets, and check what the others read.
        """
        if self._said < most and len(self._speaker.unsaid) < MEGABYTE:
            numbers = range(self._said // LINE, most // LINE)[:256]
            self._said += LINE * len(numbers)
            self._room.say(self._speaker, b"".join(map(self.line, numbers)))
        self._room.turn()
        self._answered += len(self._speaker.lines())
        for number, listener in enumerate(self._listeners):
            for line in listener.lines():
                _, _, text = line.partition(b"] <speaker> ")
                if text:
                    self._case.assertEqual(text + b"\n", self.line(self.heard[number]))
                    self.heard[number] += 1
                elif found := re.fullmatch(UNIX + rb"\* dead left", line):
                    self.heardAtCut = self.heard[number]
                    self.left = float(found[0][1:21])

    def goOnUntilCut(self, most: int, seconds: float = 2 * DEADLINE) -> None:
        """Go on until the dead one is cut."""
        end = time.monotonic() + seconds
        while not self.left:
            self._case.assertLess(time.monotonic(), end, (self.heard, self.why()))
            self.goOn(most)

    def fallBehind(self) -> None:
        """
        Write until the dead one is so far behind that the speaker has to wait: it gets
        no reply although the daemon has nothing to do.  On a busy machine the dead one
        may be cut before that is seen.
        """
        looks = 0
        end = time.monotonic() + DEADLINE
        while looks < 10 and not self.left:
            self._case.assertLess(time.monotonic(), end)
            before = self._answered
            isOwed = before * LINE < self._said
            self.goOn(self._said if isOwed else self._said + 50 * LINE)
            isStill = isOwed and self._answered == before
            isStill = isStill and isAsleep(self.daemon.process.pid)
            looks = looks + 1 if isStill else 0

    @staticmethod
    def line(number: int) -> bytes:
        """Give one line of the speaker's."""
        return b"%0999d\n" % number

    def why(self) -> list[str]:
        """Give the reasons of all cuts, from the log."""
        return re.findall(r" cut: (.*)", self.daemon.log())

    def secondsToCut(self) -> float:
        """Give the seconds between the last data that the dead one's kernel took and
        the cut."""
        return self.left - lastTaken(self.dead)


class DeadReaderCase(SynchronousTestCase):
    """
    A member that does not read.

    @cvar most: how many octets are written beside it.
    @cvar late: seconds by which the daemon may cut it late.
    @cvar isQuiet: whether the machine has nothing else to do.  On a busy one the room
        may have waited for so long that it waits no more, and then the backlog decides.
    """

    most: int
    late: float
    isQuiet = True

    def assertInTime(self, seconds: float, least: float) -> None:
        """Assert that a dead member was cut in time."""
        self.assertGreater(seconds, least - 0.1)
        self.assertLess(seconds, STALLED + self.late)

    def test_deadReader(self) -> None:
        """One member never reads while another writes megabytes.  The others get all of
        it, the daemon holds next to nothing, and the one is cut in time."""
        daemon = Daemon(self, *INTERCOM)
        talk = Talk(self, daemon)
        # The first lines warm everything up that is made once.
        while min(talk.heard) < 500:
            talk.goOn(500 * LINE)
        before = daemon.memory()
        talk.goOnUntilCut(self.most)
        end = time.monotonic() + 2 * DEADLINE
        while min(talk.heard) * LINE < self.most:
            self.assertLess(time.monotonic(), end, talk.heard)
            talk.goOn(self.most)
        grown = memory(daemon.process.pid, "VmHWM") - before
        seconds = talk.secondsToCut()
        figure(
            f"a dead reader, {self.most} octets written: {min(talk.heard)} lines read "
            f"of {self.most // LINE}, {grown} octets more, cut {seconds:.2f} s after "
            f"it stopped taking ({', '.join(talk.why())})"
        )
        self.assertEqual(talk.why(), [f"more than {BACKLOG} bytes behind"])
        self.assertLess(grown, 8 * MEGABYTE)
        self.assertInTime(seconds, 0.0)

    def test_deadReaderAndLittleTalk(self) -> None:
        """A member that is not too far behind is cut because it takes nothing."""
        # A room that has not waited for anybody yet.
        talk = Talk(self, Daemon(self, *INTERCOM))
        talk.fallBehind()
        talk.goOnUntilCut(0)
        seconds = talk.secondsToCut()
        figure(f"a dead reader: cut {seconds:.2f} s after it stopped taking (limit 6)")
        if self.isQuiet or talk.why() != [f"more than {BACKLOG} bytes behind"]:
            self.assertEqual(talk.why(), [f"took nothing for {STALLED:g} s"])
            self.assertInTime(seconds, STALLED)


class SlowReaderCase(SynchronousTestCase):
    """
    A member that reads slowly.
    """

    def test_backlog(self) -> None:
        """With a smaller C{--backlog} a dead member is cut sooner."""
        backlogs = BACKLOG, SURGE
        talks = [
            Talk(self, shareRoom(self, *INTERCOM, f"--backlog={backlog}"))
            for backlog in backlogs
        ]
        end = time.monotonic() + 2 * DEADLINE
        while not all(talk.left for talk in talks):
            self.assertLess(time.monotonic(), end, [talk.why() for talk in talks])
            for talk in talks:
                if not talk.left:
                    talk.goOn(20 * MEGABYTE)
        after = [talk.heardAtCut * HEARD - taken(talk.dead) for talk in talks]
        for talk, backlog in zip(talks, backlogs, strict=True):
            self.assertEqual(talk.why(), [f"more than {backlog} bytes behind"])
        figure(f"cut by --backlog: {after[0]} and {after[1]} octets not taken")
        self.assertLess(after[1], after[0])

    def test_slowReader(self) -> None:
        """A member that is a little slower than a burst gets everything and is not cut,
        whatever the backlog: it is waited for."""
        for options in [], [f"--backlog={SURGE}"]:
            self.tried(lambda: self.readAll(*options))  # noqa: B023

    def readAll(self, *options: str) -> SlowReader | None:
        """
        Read everything slowly.

        @return: the reader, if it was cut.
        """
        most, rate = 2 * MEGABYTE, 4 * MEGABYTE
        # A room that has not waited for anybody yet.
        talk = Talk(self, Daemon(self, *INTERCOM, *options))
        talk.dead.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow = SlowReader(talk.dead, rate)
        began = time.monotonic()
        rest, count = b"", 0
        while count * LINE < most or min(talk.heard) < count:
            self.assertLess(time.monotonic(), began + 2 * DEADLINE)
            talk.goOn(most)
            *lines, rest = (rest + slow.read()).split(b"\n")
            if slow.isCut:
                return slow
            for line in lines:
                text = line.partition(b"] <speaker> ")[2]
                self.assertEqual(text + b"\n", Talk.line(count))
                count += 1
        figure(
            f"a slow reader {options}: {count} lines of {most // LINE} in "
            f"{time.monotonic() - began:.1f} s"
        )
        self.assertEqual(talk.why(), [])
        return None

    def tried(self, attempt: Callable[[], SlowReader | None]) -> None:
        """
        Assert that a slow reader is not cut.

        @param attempt: reads slowly; gives the reader if it was cut.
        """
        gaps = []
        for _ in range(TRIES):
            reader = attempt()
            if not reader:
                return
            # The room waits for one that reads, not for one that is not there.
            self.assertGreater(reader.gap, HELD_UP, f"cut after {reader.count}")
            gaps.append(f"{reader.gap:.1f}")
            self.doCleanups()
        raise SkipTest(f"the process of the tests was held up for {gaps} s")

    def readLong(self, talk: Talk, peer: socket.socket, rate: int) -> SlowReader | None:
        """
        Read slowly for long, and be behind all the time, but not too far.

        @return: the reader, if it was cut.
        """
        slow = SlowReader(peer, rate)
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            talk.goOn(slow.count + BEHIND)
            slow.read()
            if talk.why() or slow.isCut:
                return slow
        self.assertGreater(slow.count, LONG * rate / 4)
        return None

    def test_verySlowReader(self) -> None:
        """A member that reads 150 KB in a second is not cut, as long as it reads as
        fast as the others write."""

        def attempt() -> SlowReader | None:
            talk = Talk(self, shareRoom(self, *INTERCOM))
            talk.dead.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            return self.readLong(talk, talk.dead, 150_000)

        self.tried(attempt)

    def test_verySlowReaderOfUnixSocket(self) -> None:
        """A member that reads 50 KB in a second of a UNIX socket is not cut."""

        def attempt() -> SlowReader | None:
            daemon = Daemon(self, *INTERCOM, "-e", "unix:s")
            until(lambda: "listening on 's'" in daemon.log())
            talk = Talk(self, daemon)
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(DEADLINE)
                peer.connect(os.path.relpath(daemon.folder / "s"))
                peer.sendall(b"/name slow\n")
                readLines(peer, 1)
                talk.dead.shutdown(socket.SHUT_WR)
                return self.readLong(talk, peer, 50_000)

        self.tried(attempt)
