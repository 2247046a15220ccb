"""The intercom: every member gets all lines, in one order."""

from __future__ import annotations

import random
import re
import socket
import threading
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from tests import crowding
from tests.harness import DEADLINE, figure, readAll, sendWithFin
from tests.rooms import INTERCOM, UNIX, Crowd, shareRoom


class HearingTests(SynchronousTestCase):
    """
    Every member gets all lines, in one order.
    """

    def test_oneOrder(self) -> None:
        """Several members write at once, in pieces: all get the same messages in the
        same order and with the same stamps, their own among them."""
        count = 400
        crowd = Crowd(self, shareRoom(self, *INTERCOM))
        clients = crowd.members(*(b"member%d" % n for n in range(10)))
        speakers = clients[:6]
        chance = random.Random(1)
        said = [
            [b"say %d %d" % (n, chance.getrandbits(199)) for n in range(count)]
            for _ in speakers
        ]
        rest = [b"".join(line + b"\n" for line in lines) for lines in said]
        heard: list[list[bytes]] = [[] for _ in clients]

        def goOn() -> bool:
            # No speaker is far ahead of what all members have read.
            unsaid = sum(text.count(b"\n") for text in rest)
            if count * len(speakers) - unsaid - min(map(len, heard)) < 50:
                for number, speaker in enumerate(speakers):
                    size = chance.randrange(300)
                    crowd.say(speaker, rest[number][:size])
                    rest[number] = rest[number][size:]
            for lines, client in zip(heard, clients, strict=True):
                lines += client.linesAsOthersHear()
            return all(len(lines) >= count * len(speakers) for lines in heard)

        crowd.until(goOn)
        for other in heard[1:]:
            self.assertEqual(other, heard[0])
        names = [line.split(b" ")[1] for line in heard[0]]
        for speaker, lines in zip(speakers, said, strict=True):
            name = b"<%s>" % speaker.name
            self.assertEqual(
                [line.split(b"> ")[1] for line in heard[0] if name in line], lines
            )
        changes = sum(one != other for one, other in pairwise(names))
        figure(
            f"6 speakers, 10 members: {len(names)} lines in the same order for all, "
            f"the speaker changes {changes} times"
        )
        self.assertGreater(changes, count // 4)

    def assertHalfCloses(self, isAmidTalk: bool) -> None:
        """Assert that a member that writes much, with a FIN behind, gets every reply
        and EOF, and that the others get it all."""
        daemon = shareRoom(self, *INTERCOM)
        crowd = Crowd(self, daemon)
        [listener] = crowd.members(b"listener")
        lines = [b"line %d" % n for n in range(10_000)] + [b"last"]
        received = bytearray()
        with daemon.connect() as peer:

            def speak() -> None:
                peer.sendall(b"/name half\n" + b"\n".join(lines))
                peer.shutdown(socket.SHUT_WR)

            threads = [
                threading.Thread(target=speak),
                threading.Thread(target=lambda: received.extend(readAll(peer))),
            ]
            for thread in threads:
                thread.start()
            heard: list[bytes] = []

            def goOn() -> bool:
                if isAmidTalk and not listener.unsaid:
                    crowd.say(listener, b"talk\n")
                heard.extend(listener.lines())
                return any(line.endswith(b"] * half left") for line in heard[-1000:])

            crowd.until(goOn)
            for thread in threads:
                thread.join(DEADLINE)
        own = re.sub(rb"(?m)^" + UNIX + rb"<listener> talk\n", b"", bytes(received))
        own = re.sub(rb"(?m)^" + UNIX, b"", own)
        self.assertEqual(own.rstrip(b"\n"), b"/name half\n" + b"\n".join(lines))
        told = [line.partition(b"> ")[2] for line in heard if b" <half> " in line]
        self.assertEqual(told, lines)

    def test_halfClose(self) -> None:
        """A member that half-closes behind many lines gets every reply, in silence."""
        self.assertHalfCloses(False)

    def test_halfCloseAmidTalk(self) -> None:
        """A member that half-closes behind many lines gets every reply while another
        writes."""
        self.assertHalfCloses(True)

    def test_halfCloseAtOnce(self) -> None:
        """300 clients that send two lines and a FIN in one segment: 300 get both
        replies and EOF, and the others get all."""
        crowd = Crowd(self, shareRoom(self, *INTERCOM))
        [listener] = crowd.members(b"listener")
        answered = 0
        for _ in range(300):
            client = crowd.join()
            sendWithFin(client.socket, b"one\ntwo\n")
            left = b"* %s left\n" % client.name
            crowd.until(lambda: client.isOver and left in listener.heard)  # noqa: B023
            answered += re.sub(UNIX, b"", client.heard) == b"one\ntwo\n"
            heard = re.sub(UNIX, b"", listener.heard).replace(client.name, b"X")
            self.assertEqual(heard, b"* X joined\n<X> one\n<X> two\n* X left\n")
            listener.heard.clear()
        figure(f"intercom, two lines and a FIN in one segment: {answered} of 300")
        self.assertEqual(answered, 300)


class ManyMembersTests(crowding.ManyMembersCase):
    """
    A room with many members.
    """

    others, lines, single = 59, 2000, 100
