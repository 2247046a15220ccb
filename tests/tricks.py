"""Clients that try to look like somebody else in a room of the intercom."""

from __future__ import annotations

import random
import re
import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.naming import isName
from tests.harness import HOSTILE, figure
from tests.rooms import INTERCOM, UNIX, Crowd, shareRoom

#: Characters that no terminal may get: controls except tab, other ends of lines, and
#: those that turn the direction of text.
UNSAFE = re.compile(
    "[\0-\x08\n-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)

#: The end of what the others read of a client that has left.
LEFT = re.compile(rb"(?m)^" + UNIX + rb"\* \S+ left\n\Z")

#: Octets that may make a message look like something else.
TRICKS = (
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\r",
    b"\r\r\n",
    b"\0",
    b"\t",
    b"\v",
    b"\f",
    b"\x1c\x1d\x1e",
    b"\x1b[2J\x1b[1;1H",
    b"\x1b]0;title\x07",
    b"\x08" * 40,
    b"\x7f",
    b"\x9b2J",
    b"\xc2",
    b"\xe2\x80",
    "\x85\x9b\u2028\u2029\u202e\u2066\u061c".encode(),
    b"] ",
    b"<bob> ",
    b"* x joined",
    b"[1700000000.123456789] ",
    b"[1700000000.123456789] <bob> forged",
    b"\n[1700000000.123456789] * bob left\n",
    b"\r[1700000000.123456789] * bob left",
    b"/who\n",
    b"/help\r\n",
    b"/quit\n",
    b"/name bob\n",
    b"/name eve\n",
    b"/name <bob> x\n",
    b"/name " + b"x" * 300 + b"\n",
    b"\n/name bob\n/name dan\n/who\n/who",
    b"[1700000000.123456789] /quit",
    b"/bob\n",
    b"/etc/passwd",
    b"x" * 45,
    bytes(range(256)),
    HOSTILE,
)


def _trick(chance: random.Random) -> bytes:
    """
    Give octets that may look like something else, or any octets.
    """
    if chance.random() < 0.7:
        return chance.choice(TRICKS)
    return chance.randbytes(chance.randrange(1, 60))


class TricksCase(SynchronousTestCase):
    """
    A member that reads, and clients that attack it.
    """

    def setUp(self) -> None:
        """Share a daemon, and add a member that reads."""
        self.start("--pause=0.02")

    def start(self, *options: str) -> None:
        """Share a daemon with options, and add a member that reads."""
        self.crowd = Crowd(self, shareRoom(self, *INTERCOM, *options))
        [self.listener] = self.crowd.members(b"bob")

    def attack(self, pieces: list[bytes], isCut: bool = False) -> list[bytes]:
        """
        Let a client join, write and leave.

        @param pieces: the octets that it writes; it reads something after each piece
            but the last.
        @param isCut: whether it leaves by a reset, after it has read something.
        @return: the messages that the others read between the notices.
        """
        mallory = self.crowd.join()
        awaited = len(pieces) if isCut else len(pieces) - 1
        for number, piece in enumerate(pieces):
            before = len(mallory.heard)
            self.crowd.say(mallory, piece)
            if number < awaited:
                self.crowd.until(
                    lambda: mallory.isOver or len(mallory.heard) > before  # noqa: B023
                )
            if mallory.isOver:
                # It has quit.
                break
        self.crowd.until(lambda: mallory.isOver or not mallory.unsaid)
        if isCut and not mallory.isOver:
            mallory.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            self.crowd.leave(mallory)
            mallory.socket.close()
        else:
            mallory.socket.shutdown(socket.SHUT_WR)
        self.crowd.until(lambda: LEFT.search(self.listener.heard))
        return self._said(mallory.name, pieces)

    def _said(self, name: bytes, pieces: list[bytes]) -> list[bytes]:
        """
        Give the messages that the others have read between the notices.  Assert that
        all are in the name that the client had at that time.

        @param name: the name that it had first.
        @param pieces: the octets that it has written.
        """
        first, *lines, last = self.listener.lines()
        joined = re.fullmatch(UNIX + rb"\* (\S+) joined", first)
        assert joined, first
        if joined[1] != name:
            # Its first message has requested another one.
            name = self._newName(joined[1], pieces)
        said = []
        for line in lines:
            renamed = re.fullmatch(UNIX + rb"\* (\S+) is now (\S+)", line)
            if renamed:
                self.assertEqual(renamed[1], name, pieces)
                name = self._newName(renamed[2], pieces)
                continue
            found = re.match(UNIX + b"<" + re.escape(name) + b"> ", line)
            assert found, (line, pieces)
            text = line[found.end() :]
            self.assertIsNone(UNSAFE.search(text.decode(errors="replace")), pieces)
            said.append(text)
        self.assertRegex(last, b"^" + UNIX + rb"\* " + re.escape(name) + b" left$")
        return said

    def _newName(self, name: bytes, pieces: list[bytes]) -> bytes:
        """Assert that a client may have a name that it has requested."""
        self.assertNotEqual(name, b"bob", pieces)
        self.assertTrue(isName(name), (name, pieces))
        self.assertIn(b"/name " + name.removesuffix(b"-2"), b"".join(pieces))
        return name


class AnyOctetsCase(TricksCase):
    """
    Clients that send any octets, in any pieces.

    @cvar clients: how many.
    """

    clients: int

    def setUp(self) -> None:
        """Each test starts a daemon of its own."""

    def assertInOwnName(self, longest: int) -> None:
        """Assert that clients write under their own names only, whatever they send and
        in whatever pieces, with a C{--max-length}."""
        chance = random.Random(longest)
        self.start("--pause=0.005", f"--max-length={longest}")
        count = 0
        for _ in range(self.clients):
            pieces: list[bytes] = []
            for _ in range(chance.randrange(1, 5)):
                size = chance.randrange(1, 8)
                piece = b"".join(_trick(chance) for _ in range(size))
                # After a newline no pause ends a message.
                if any(b"\n" in each for each in [*pieces, piece]):
                    piece += b"\n"
                pieces.append(piece)
            pieces[-1] += chance.choice([b"", b"half"])
            count += len(self.attack(pieces, chance.random() < 0.2))
        figure(
            f"{self.clients} clients full of tricks, messages of {longest} octets at "
            f"most: {count} lines, each in its own name"
        )

    def test_anyOctets(self) -> None:
        """Whatever a client sends, it is in its own name, in messages of any length."""
        self.assertInOwnName(65_536)

    def test_anyOctetsOverlong(self) -> None:
        """Whatever a client sends, it is in its own name, also if most messages are too
        long."""
        self.assertInOwnName(40)

    def test_anyOctetsShortest(self) -> None:
        """Whatever a client sends, it is in its own name, also with the shortest
        C{--max-length}."""
        for longest in 1, 2, 3:
            self.assertInOwnName(longest)

    def test_anyOctetsLikeCommands(self) -> None:
        """Whatever a client sends, it is in its own name, also if the longest message
        is about as long as a command."""
        for longest in 4, 5, 6, 10, 11, 255, 256, 257:
            self.assertInOwnName(longest)
