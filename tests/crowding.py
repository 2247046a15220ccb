"""Crowds in a room of the intercom, whose size and time a suite sets."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, HOSTILE, figure
from tests.rooms import INTERCOM, UNIX, Client, Crowd, shareRoom

MEGABYTE = 1_000_000


class ManyMembersCase(SynchronousTestCase):
    """
    A room with many members.

    @cvar others: how many members read.
    @cvar lines: how many lines one more member writes at once.
    @cvar single: how many lines it writes one by one.
    """

    others: int
    lines: int
    single: int

    def test_manyMembers(self) -> None:
        """One of many members writes many lines: each of the others gets them all in
        order."""
        count, others = self.lines, self.others
        crowd = Crowd(self, shareRoom(self, *INTERCOM))
        speaker, *listeners = crowd.members(*(b"c%d" % n for n in range(others + 1)))
        said = [b"line %d of what is said" % n for n in range(count)]
        crowd.say(speaker, b"".join(line + b"\n" for line in said))
        began = time.monotonic()
        last = b"> %s\n" % said[-1]
        crowd.until(lambda: all(each.heard.endswith(last) for each in listeners), 60)
        seconds = time.monotonic() - began
        heard = listeners[0].heard
        self.assertTrue(all(each.heard == heard for each in listeners))
        for line, text in zip(listeners[0].lines(), said, strict=True):
            self.assertRegex(line, b"^" + UNIX + b"<c0> " + text + b"$")
        figure(
            f"one says {count} lines at once, {others} hear them all: {seconds:.2f} s, "
            f"{count * others / seconds:.0f} lines/s out"
        )
        # Each line is written after the reply to the last one, so it goes out alone.
        one = self.single
        for each in listeners:
            each.heard.clear()
        began = time.monotonic()
        for _ in range(one):
            speaker.heard.clear()
            crowd.say(speaker, b"again\n")
            crowd.until(lambda: speaker.heard)
        crowd.until(lambda: all(e.heard.count(b"again") == one for e in listeners))
        seconds = time.monotonic() - began
        figure(
            f"one says {one} lines one by one, {others} hear all: {seconds:.2f} s, "
            f"{one * others / seconds:.0f} lines/s out"
        )


class Passing:
    """
    Clients that join, write and leave in all ways.

    @ivar counts: how often they have joined, and have left in each way.
    """

    def __init__(self, crowd: Crowd, chance: random.Random, count: int) -> None:
        """
        @param count: how many there are at most.
        """
        self._crowd = crowd
        self._chance = chance
        self._clients: list[Client | None] = [None] * count
        self.counts = dict.fromkeys(["join", "reset", "close", "shutdown"], 0)

    def act(self) -> None:
        """Let one of them do something."""
        chance = self._chance
        place = chance.randrange(len(self._clients))
        client = self._clients[place]
        if client is None:
            self.counts["join"] += 1
            name = chance.choice([b"", b"", b"bob", b"p%d" % place])
            self._clients[place] = self._crowd.join(name)
        elif client.isOver:
            client.socket.close()
            self._clients[place] = None
        elif chance.random() < 0.7:
            words = chance.choice(
                [b"hello\n", b"ha", b"lf\n", b"x" * 70_000 + b"\n", HOSTILE]
            )
            self._crowd.say(client, words if len(client.unsaid) < MEGABYTE else b"")
            client.heard.clear()
        elif not self._leaves(client):
            self._clients[place] = None

    def _leaves(self, client: Client) -> bool:
        """
        Let one leave.

        @return: whether it still reads.
        """
        how = self._chance.choice(["reset", "close", "shutdown"])
        self.counts[how] += 1
        if how == "shutdown":
            client.unsaid.clear()
            # It may have done so before.
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_WR)
            return True
        if how == "reset":
            client.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self._crowd.leave(client)
        client.socket.close()
        return False

    def end(self) -> None:
        """Close all of them."""
        for client in filter(None, self._clients):
            if not client.isOver:
                self._crowd.leave(client)
            client.socket.close()


class TurmoilCase(SynchronousTestCase):
    """
    Many clients that join and leave.

    @cvar seconds: for how long.
    """

    seconds: float

    def test_turmoil(self) -> None:
        """Fifty clients join, write and leave in all ways, while others stay.  The
        lines of those that stay reach all of them, in order."""
        chance = random.Random(4)
        daemon = shareRoom(self, *INTERCOM)
        crowd = Crowd(self, daemon)
        stayers = crowd.members(*(b"stayer%d" % n for n in range(6)))
        speakers = stayers[:3]
        said = [0] * len(speakers)
        passing = Passing(crowd, chance, 50)
        heard: list[list[bytes]] = [[] for _ in stayers]

        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            for _ in range(chance.randrange(4)):
                passing.act()
            for number, speaker in enumerate(speakers):
                if not speaker.unsaid:
                    crowd.say(speaker, b"say %d\n" % said[number])
                    said[number] += 1
            crowd.turn()
            for lines, stayer in zip(heard, stayers, strict=True):
                lines += stayer.linesAsOthersHear()
        passing.end()
        crowd.until(lambda: not any(speaker.unsaid for speaker in speakers))
        last = crowd.join(b"last")
        crowd.say(last, b"last\n")

        def allLeft() -> bool:
            for lines, stayer in zip(heard, stayers, strict=True):
                lines += stayer.linesAsOthersHear()
            return all(
                any(line.endswith(b"<last> last") for line in lines[-500:])
                and _present(lines) == {b"last"}
                for lines in heard
            )

        crowd.until(allLeft, 2 * DEADLINE)
        for other in heard[1:]:
            self.assertEqual(other, heard[0])
        for number, speaker in enumerate(speakers):
            texts = [
                line.partition(b"> ")[2]
                for line in heard[0]
                if b" <%s> " % speaker.name in line
            ]
            self.assertEqual(texts, [b"say %d" % n for n in range(said[number])])
        figure(
            f"{self.seconds} s of joining and leaving {passing.counts}: {sum(said)} "
            f"lines of those who stayed, read by all {len(stayers)} in order among "
            f"{len(heard[0])}"
        )
        self.assertNotIn("Traceback", daemon.log())


def _present(lines: list[bytes]) -> set[bytes]:
    """
    Work out the members from the notices, and check that the notices fit together.
    """
    names: set[bytes] = set()
    for line in lines:
        notice = re.fullmatch(UNIX + rb"\* (\S+) (joined|left|is now)(?: (\S+))?", line)
        if notice:
            name, what, new = notice.groups()
            assert (name in names) == (what != b"joined"), line
            names ^= {name, new} if new else {name}
    return names
