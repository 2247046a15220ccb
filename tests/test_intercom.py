"""The intercom over real sockets: who hears what, and that nobody stops the others."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import re
import selectors
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp.intercom.pace import BACKLOG, STALLED, SURGE
from tests.harness import (
    DEADLINE,
    HOSTILE,
    STAMP,
    Daemon,
    figure,
    memory,
    readAll,
    readLines,
    run,
    script,
    tool,
    until,
)
from tests.test_proxy import freePort

MEGABYTE = 1_000_000

#: An intercom whose stamps all differ.
INTERCOM = ("--port=0", "--intercom", "--format=unix")

#: Such a stamp.
UNIX = rb"\[\d{10}\.\d{9}\] "

#: What no terminal may be shown, in text: controls except tab, what else ends a line,
#: and what turns the direction of text.
UNSAFE = re.compile(
    "[\0-\x08\n-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


class Client:
    """
    A client that reads whatever comes, and says what it has to say as it can.

    @ivar socket: its connection.
    @ivar name: what the others call it.
    @ivar heard: what has come and has not been taken by L{lines}.
    @ivar unsaid: what is still to be said.
    @ivar isOver: whether the connection has ended.
    """

    def __init__(self, peer: socket.socket, name: bytes = b"") -> None:
        """
        @param peer: a connection.
        @param name: one that it asks for.
        """
        peer.setblocking(False)
        self.socket = peer
        self.name = name or b"%s:%d" % (
            peer.getsockname()[0].encode(),
            peer.getsockname()[1],
        )
        self.heard = bytearray()
        self.unsaid = bytearray(b"/name %s\n" % name if name else b"")
        self.isOver = False

    def lines(self) -> list[bytes]:
        """Take the whole lines that have come."""
        *lines, self.heard = self.heard.split(b"\n")
        return [bytes(line) for line in lines]

    def linesAsOthersHear(self) -> list[bytes]:
        """
        Take the whole lines that have come, with the name put into what it has said
        itself, all of which has to begin with a letter.
        """
        own = re.compile(rb"(\[[^]]*\] )(?=[a-z])")
        begin = rb"\1<" + self.name + b"> "
        return [own.sub(begin, line, count=1) for line in self.lines()]

    def turn(self) -> None:
        """
        Say and read what can be.
        """
        try:
            if self.unsaid:
                del self.unsaid[: self.socket.send(self.unsaid[: 1 << 18])]
        except BlockingIOError:
            pass
        except OSError:
            self.isOver = True
        try:
            data = self.socket.recv(1 << 18)
            self.heard += data
            self.isOver |= not data
        except BlockingIOError:
            pass
        except OSError:
            self.isOver = True


class Crowd:
    """
    Many clients at once.
    """

    def __init__(self, case: SynchronousTestCase, daemon: Daemon) -> None:
        """
        @param case: closes them at its end.
        @param daemon: where they go.
        """
        self._case = case
        self._daemon = daemon
        self._selector = selectors.DefaultSelector()
        case.addCleanup(self._selector.close)

    def join(self, name: bytes = b"", peer: socket.socket | None = None) -> Client:
        """
        Let another client come, who may ask for a name, by a connection of its own.
        """
        client = Client(peer or self._daemon.connect(), name)
        self._case.addCleanup(client.socket.close)
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        self.say(client, b"")
        return client

    def members(self, *names: bytes) -> list[Client]:
        """
        Let clients with names come, and wait until all know of all.
        """
        clients = [self.join(name) for name in names]
        self.until(lambda: all(each.heard.count(b"/name ") for each in clients))
        self.settle(clients)
        return clients

    def settle(self, clients: list[Client]) -> None:
        """
        Wait until clients have heard all that was said, and forget it.
        """
        self.say(clients[0], b"settle\n")
        self.until(lambda: all(each.heard.endswith(b"settle\n") for each in clients))
        for each in clients:
            each.heard.clear()

    def say(self, client: Client, words: bytes) -> None:
        """
        Give a client something to say.
        """
        client.unsaid += words
        self._watch(client)

    def _watch(self, client: Client) -> None:
        """
        Watch for what a client can do.
        """
        events = selectors.EVENT_READ
        if client.unsaid:
            events |= selectors.EVENT_WRITE
        if self._selector.get_key(client.socket).events != events:
            self._selector.modify(client.socket, events, client)

    def leave(self, client: Client) -> None:
        """
        Read no more from a client, and write no more to it.
        """
        self._selector.unregister(client.socket)

    def turn(self) -> None:
        """
        Let all clients do what they can, or wait for a moment.
        """
        for key, _ in self._selector.select(0.02):
            client: Client = key.data
            client.turn()
            if client.isOver:
                self.leave(client)
            else:
                self._watch(client)

    def until(self, condition: Callable[[], object], seconds: float = DEADLINE) -> None:
        """
        Go on until a condition holds.
        """
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{condition} did not hold in {seconds} s"
            self.turn()


class HearingTests(SynchronousTestCase):
    """
    Who hears what, and in which order.
    """

    def test_oneOrder(self) -> None:
        """Several speak at once, in pieces: all hear the same messages in the same
        order and with the same stamps, their own among them."""
        count = 1000
        crowd = Crowd(self, Daemon(self, *INTERCOM))
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
            # Nobody is far ahead of what has been heard.
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

    def test_twoHundred(self) -> None:
        """200 clients, one of which says 10,000 lines: each of the others has them all
        in order."""
        count, others = 10_000, 199
        crowd = Crowd(self, Daemon(self, *INTERCOM))
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
        # Each when the one before it is back, so that it goes out for itself.
        one = 1000
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

    def assertHalfCloses(self, isAmidTalk: bool) -> None:
        """Assert that one who says much, with a FIN behind, gets every reply and EOF,
        and that the others hear it all."""
        daemon = Daemon(self, *INTERCOM)
        crowd = Crowd(self, daemon)
        [listener] = crowd.members(b"listener")
        lines = [b"line %d" % n for n in range(50_000)] + [b"last"]
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
        """One who says much and half-closes gets it all, in silence."""
        self.assertHalfCloses(False)

    def test_halfCloseAmidTalk(self) -> None:
        """The same while another talks."""
        self.assertHalfCloses(True)

    def test_halfCloseAtOnce(self) -> None:
        """300 clients who say two lines with a FIN in one segment: 300 get both replies
        and EOF, and the others hear all."""
        crowd = Crowd(self, Daemon(self, *INTERCOM))
        [listener] = crowd.members(b"listener")
        answered = 0
        for _ in range(300):
            client = crowd.join()
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            client.socket.send(b"one\ntwo\n")
            client.socket.shutdown(socket.SHUT_WR)
            left = b"* %s left\n" % client.name
            crowd.until(lambda: client.isOver and left in listener.heard)  # noqa: B023
            answered += re.sub(UNIX, b"", client.heard) == b"one\ntwo\n"
            heard = re.sub(UNIX, b"", listener.heard).replace(client.name, b"X")
            self.assertEqual(heard, b"* X joined\n<X> one\n<X> two\n* X left\n")
            listener.heard.clear()
        figure(f"intercom, two lines and a FIN in one segment: {answered} of 300")
        self.assertEqual(answered, 300)


class SlowReaderTests(SynchronousTestCase):
    """
    Some do not read, or not as fast as the others speak.
    """

    def crowd(self, *options: str) -> None:
        """Start a daemon with a speaker, three who listen, and one who will not."""
        self.daemon = Daemon(self, *INTERCOM, *options)
        self.room = Crowd(self, self.daemon)
        self.speaker, *self.listeners, self.dead = self.room.members(
            b"speaker", b"one", b"two", b"three", b"dead"
        )
        self.room.leave(self.dead)
        self.taken, self.tookLast = 0, time.monotonic()
        self.said = self.answered = 0
        self.heard = [0] * 3
        self.left = 0.0

    def goOn(self, most: int) -> None:
        """
        Let the speaker speak up to so many octets; check what the listeners hear, and
        watch what the dead one's kernel takes.
        """
        if self.said < most and len(self.speaker.unsaid) < MEGABYTE:
            lines = [self.line(n) for n in range(self.said // 1000, most // 1000)][:256]
            self.said += 1000 * len(lines)
            self.room.say(self.speaker, b"".join(lines))
        self.room.turn()
        self.answered += len(self.speaker.lines())
        for number, listener in enumerate(self.listeners):
            for line in listener.lines():
                _, _, text = line.partition(b"] <speaker> ")
                if not text:
                    if line.endswith(b"] * dead left"):
                        self.left = self.left or time.monotonic()
                    continue
                self.assertEqual(text + b"\n", self.line(self.heard[number]))
                self.heard[number] += 1
        if not self.left:
            taken = _unread(self.dead.socket)
            if taken > self.taken:
                self.taken, self.tookLast = taken, time.monotonic()

    def line(self, number: int) -> bytes:
        """Give one of what the speaker says, of 1000 octets."""
        return b"%0999d\n" % number

    def why(self) -> list[str]:
        """Give the reasons of all cuts, of the log."""
        return re.findall(r" cut: (.*)", self.daemon.log())

    def test_deadReader(self) -> None:
        """One never reads, while another says 61 MB: the others hear all of it, the
        daemon holds next to nothing, and the one is cut in time."""
        most = 61 * MEGABYTE
        self.crowd()
        # What is said first warms everything up that is made once.
        while min(self.heard) < 500:
            self.goOn(500_000)
        before = self.daemon.memory()
        end = time.monotonic() + 60
        while min(self.heard) * 1000 < most or not self.left:
            self.assertLess(time.monotonic(), end, (self.heard, self.left))
            self.goOn(most)
        grown = memory(self.daemon.process.pid, "VmHWM") - before
        seconds = self.left - self.tookLast
        figure(
            f"a dead reader, {most} octets said: {min(self.heard)} lines heard of "
            f"{most // 1000}, {grown} octets more, cut {seconds:.2f} s after it "
            f"stopped taking ({', '.join(self.why())})"
        )
        self.assertEqual(self.why(), [f"more than {BACKLOG} bytes behind"])
        self.assertLess(grown, 8 * MEGABYTE)
        self.assertLess(seconds, 6)

    def fallBehind(self) -> None:
        """Speak until the dead one is so far behind that the speaker has to wait."""
        waiting = time.monotonic()
        while time.monotonic() - waiting < 0.5:
            if self.answered * 1000 == self.said:
                waiting = time.monotonic()
                self.goOn(self.said + 50_000)
            else:
                self.goOn(self.said)

    def test_deadReaderAndLittleTalk(self) -> None:
        """One that is not too far behind is cut because it takes nothing."""
        self.crowd()
        self.fallBehind()
        end = time.monotonic() + DEADLINE
        while not self.left:
            self.assertLess(time.monotonic(), end)
            self.goOn(self.said)
        seconds = self.left - self.tookLast
        figure(f"a dead reader: cut {seconds:.2f} s after it stopped taking (limit 6)")
        self.assertEqual(self.why(), [f"took nothing for {STALLED:g} s"])
        self.assertTrue(STALLED - 0.1 < seconds < 6, seconds)

    def test_backlog(self) -> None:
        """With a smaller C{--backlog} it is cut sooner."""
        after = []
        for options, backlog in ([], BACKLOG), ([f"--backlog={SURGE}"], SURGE):
            self.crowd(*options)
            end = time.monotonic() + DEADLINE
            while not self.left:
                self.assertLess(time.monotonic(), end)
                self.goOn(20 * MEGABYTE)
            told = len(b"[1700000000.123456789] <speaker> ") + 1000
            after.append(max(self.heard) * told - self.taken)
            self.assertEqual(self.why(), [f"more than {backlog} bytes behind"])
        figure(f"cut by --backlog: {after[0]} and {after[1]} octets not taken")
        self.assertLess(after[1], after[0])

    def test_slowReader(self) -> None:
        """One that reads slowly, but does, gets everything and is not cut, whatever the
        backlog."""
        most = 10 * MEGABYTE
        for options in [], [f"--backlog={SURGE}"]:
            self.crowd(*options)
            slow = self.dead
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            count, read, began = 0, 0, time.monotonic()
            while count * 1000 < most:
                self.goOn(most)
                seconds = time.monotonic() - began
                self.assertLess(seconds, DEADLINE)
                if read < seconds * 2 * MEGABYTE:
                    try:
                        data = slow.socket.recv(60_000)
                    except BlockingIOError:
                        continue
                    self.assertTrue(data, "the slow reader was cut")
                    read += len(data)
                    slow.heard += data
                    for line in slow.lines():
                        text = line.partition(b"] <speaker> ")[2]
                        self.assertEqual(text + b"\n", self.line(count))
                        count += 1
            while min(self.heard) < count:
                self.goOn(most)
            figure(
                f"a slow reader {options}: {count} lines of {most // 1000} in "
                f"{time.monotonic() - began:.1f} s"
            )
            self.assertEqual(self.why(), [])

    def assertIsNotCut(self, reader: socket.socket, rate: int) -> None:
        """Assert that one that never stops reading, slowly, is not cut for 6 s."""
        reader.setblocking(False)
        read, began = 0, time.monotonic()
        while (seconds := time.monotonic() - began) < 6:
            self.goOn(60 * MEGABYTE)
            if read < seconds * rate:
                # The daemon may not have written to it yet.
                with contextlib.suppress(BlockingIOError):
                    read += len(reader.recv(4000))
            self.assertEqual(self.why(), [], f"{read} octets read in {seconds:.2f} s")

    def test_verySlowReader(self) -> None:
        """One that reads 150 KB in a second is not cut, as long as it does."""
        self.crowd()
        self.assertIsNotCut(self.dead.socket, 150_000)

    def test_verySlowReaderOfUnixSocket(self) -> None:
        """Nor is one that reads 50 KB in a second of a UNIX socket."""
        self.crowd("-e", "unix:s")
        until(lambda: "listening on 's'" in self.daemon.log())
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(DEADLINE)
            peer.connect(os.path.relpath(self.daemon.folder / "s"))
            peer.sendall(b"/name slow\n")
            readLines(peer, 1)
            self.dead.socket.shutdown(socket.SHUT_WR)
            self.assertIsNotCut(peer, 50_000)

    def test_wrongOptions(self) -> None:
        """What is wrong with options is said in one line."""
        for options, names in [
            (["--backlog=1048576"], "--backlog goes with --intercom"),
            (["--no-notices"], "--no-notices goes with --intercom"),
            (["--intercom", f"--backlog={SURGE - 1}"], f"--backlog '{SURGE - 1}'"),
            (["--intercom", "--backlog=much"], "--backlog 'much'"),
        ]:
            refused = run(
                script("twistd"), "-n", "--pidfile=", "echostamp", "-p0", *options
            )
            self.assertNotEqual(refused.returncode, 0)
            self.assertEqual(refused.stderr.count(b"\n"), 1, refused.stderr)
            self.assertEqual(refused.stdout, b"")
            self.assertIn(names, refused.stderr.decode())


def _unread(peer: socket.socket) -> int:
    """
    Give how many octets a kernel holds of a connection for who does not read it.
    """
    answer = fcntl.ioctl(peer, termios.FIONREAD, bytes(4))
    count: int = struct.unpack("i", answer)[0]
    return count


class ComingAndGoingTests(SynchronousTestCase):
    """
    Some come and go.
    """

    def test_notices(self) -> None:
        """Who comes and goes is told, by address or by the name asked for; who is
        silent is told of after a second."""
        crowd = Crowd(self, Daemon(self, *INTERCOM))
        [listener] = crowd.members(b"listener")
        silent = crowd.join()
        crowd.until(lambda: b"joined" in listener.heard)
        crowd.say(silent, b"/name bob\nhello\n/name eve\n")
        crowd.until(lambda: silent.heard.count(b"\n") == 3)
        silent.socket.shutdown(socket.SHUT_WR)
        crowd.until(lambda: b"left" in listener.heard)
        self.assertEqual(
            re.sub(UNIX, b"", listener.heard).splitlines(),
            [
                b"* %s joined" % silent.name,
                b"* %s is now bob" % silent.name,
                b"<bob> hello",
                b"<bob> /name eve",
                b"* bob left",
            ],
        )
        self.assertEqual(
            re.sub(UNIX, b"", silent.heard), b"/name bob\nhello\n/name eve\n"
        )

    def test_noNotices(self) -> None:
        """C{--no-notices}: it is not told; who does not get a name is still told."""
        crowd = Crowd(self, Daemon(self, *INTERCOM, "--no-notices"))
        [listener] = crowd.members(b"listener")
        gone = crowd.join(b"listener")
        crowd.say(gone, b"hello\n")
        crowd.until(lambda: b"you are listener-2: " in gone.heard)
        gone.socket.shutdown(socket.SHUT_WR)
        crowd.until(lambda: gone.isOver)
        # Who is silent for more than a second, and leaves.
        silent = crowd.join()
        began = time.monotonic()
        crowd.until(lambda: time.monotonic() - began > 1.5)
        silent.socket.shutdown(socket.SHUT_WR)
        crowd.until(lambda: silent.isOver)
        crowd.say(crowd.join(), b"last\n")
        crowd.until(lambda: b"last" in listener.heard)
        self.assertRegex(
            bytes(listener.heard),
            b"^" + UNIX + b"<listener-2> hello\n" + UNIX + rb"<[\d.:]+> last\n$",
        )

    def test_turmoil(self) -> None:
        """For 20 s fifty clients come, speak and are cut off, while others stay: what
        those say reaches all of them, in order."""
        chance = random.Random(4)
        daemon = Daemon(self, *INTERCOM)
        crowd = Crowd(self, daemon)
        stayers = crowd.members(*(b"stayer%d" % n for n in range(6)))
        speakers = stayers[:3]
        said = [0] * len(speakers)
        passing: list[Client | None] = [None] * 50
        counts = dict.fromkeys(["come", "reset", "close", "shutdown"], 0)
        heard: list[list[bytes]] = [[] for _ in stayers]

        def act(place: int) -> None:
            client = passing[place]
            if client is None:
                counts["come"] += 1
                name = chance.choice([b"", b"", b"bob", b"p%d" % place])
                passing[place] = crowd.join(name)
            elif client.isOver:
                client.socket.close()
                passing[place] = None
            elif chance.random() < 0.7:
                words = chance.choice(
                    [b"hello\n", b"ha", b"lf\n", b"x" * 70_000 + b"\n", HOSTILE]
                )
                crowd.say(client, words if len(client.unsaid) < MEGABYTE else b"")
                client.heard.clear()
            else:
                how = chance.choice(["reset", "close", "shutdown"])
                counts[how] += 1
                if how == "shutdown":
                    client.unsaid.clear()
                    # It may have been done before.
                    with contextlib.suppress(OSError):
                        client.socket.shutdown(socket.SHUT_WR)
                    return
                if how == "reset":
                    client.socket.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                crowd.leave(client)
                client.socket.close()
                passing[place] = None

        end = time.monotonic() + 20
        while time.monotonic() < end:
            for _ in range(chance.randrange(4)):
                act(chance.randrange(len(passing)))
            for number, speaker in enumerate(speakers):
                if not speaker.unsaid:
                    crowd.say(speaker, b"say %d\n" % said[number])
                    said[number] += 1
            crowd.turn()
            for lines, stayer in zip(heard, stayers, strict=True):
                lines += stayer.linesAsOthersHear()
        for client in filter(None, passing):
            if not client.isOver:
                crowd.leave(client)
            client.socket.close()
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

        crowd.until(allLeft)
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
            f"20 s of coming and going {counts}: {sum(said)} lines of who stayed, all "
            f"heard by {len(stayers)} in order among {len(heard[0])}"
        )
        self.assertNotIn("Traceback", daemon.log())


def _present(lines: list[bytes]) -> set[bytes]:
    """
    Work out from the notices who is there, and see that they fit together.
    """
    names: set[bytes] = set()
    for line in lines:
        notice = re.fullmatch(UNIX + rb"\* (\S+) (joined|left|is now)(?: (\S+))?", line)
        if notice:
            name, what, new = notice.groups()
            assert (name in names) == (what != b"joined"), line
            names ^= {name, new} if new else {name}
    return names


#: What may make a message look like something else.
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
    b"x" * 45,
    bytes(range(256)),
    HOSTILE,
)


def _trick(chance: random.Random) -> bytes:
    """
    Give something that may look like something else, or anything.
    """
    if chance.random() < 0.7:
        return chance.choice(TRICKS)
    return chance.randbytes(chance.randrange(1, 60))


class ForgingTests(SynchronousTestCase):
    """
    Nobody can look like somebody else.
    """

    def setUp(self) -> None:
        """Start a daemon, and somebody who listens."""
        self.start("--pause=0.02")

    def start(self, *options: str) -> None:
        """Start a daemon with options, and somebody who listens."""
        self.crowd = Crowd(self, Daemon(self, *INTERCOM, *options))
        [self.listener] = self.crowd.members(b"bob")

    def attack(self, pieces: list[bytes], isCut: bool = False) -> list[bytes]:
        """
        Let somebody come, say something and leave.

        @param pieces: what it says; each but the last after it has heard something.
        @param isCut: whether it leaves by a reset, when it has heard something.
        @return: what the others heard between the notices, without what has to stand
            before it.
        """
        mallory = self.crowd.join()
        awaited = len(pieces) if isCut else len(pieces) - 1
        for number, piece in enumerate(pieces):
            before = len(mallory.heard)
            self.crowd.say(mallory, piece)
            if number < awaited:
                self.crowd.until(lambda: len(mallory.heard) > before)  # noqa: B023
        self.crowd.until(lambda: not mallory.unsaid)
        if isCut:
            mallory.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            self.crowd.leave(mallory)
            mallory.socket.close()
        else:
            mallory.socket.shutdown(socket.SHUT_WR)
        left = b"* %s left\n" % mallory.name
        self.crowd.until(lambda: self.listener.heard.endswith(left))
        first, *lines, last = self.listener.lines()
        self.assertRegex(first, b"^" + UNIX + rb"\* " + mallory.name + b" joined$")
        self.assertRegex(last, b"^" + UNIX + rb"\* " + mallory.name + b" left$")
        said = []
        for line in lines:
            found = re.match(UNIX + b"<" + mallory.name + b"> ", line)
            assert found, (line, pieces)
            text = line[found.end() :]
            self.assertIsNone(UNSAFE.search(text.decode(errors="replace")), pieces)
            said.append(text)
        return said

    def test_handMade(self) -> None:
        """What is made to look like something else is a message of who said it."""
        forged = b"[1700000000.123456789] * x joined"
        for pieces, told in [
            ([b"a\n" + forged + b"\n"], [b"a", forged]),
            ([b"a\r" + forged + b"\n"], [b"a?" + forged]),
            ([b"a\r\n" + forged + b"\r\n"], [b"a", forged]),
            ([b"a\r\r\n" + forged], [b"a?", forged]),
            ([b"a\n\r" + forged], [b"a", b"?" + forged]),
            ([b"a\v" + forged + b"\n"], [b"a?" + forged]),
            ([b"a\0b\tc\x1b[2J\x7f\n"], [b"a?b\tc?[2J?"]),
            (["a\u2028b\x85c\u202ed\xe9\n".encode()], ["a?b?c?d\xe9".encode()]),
            ([b"\n\n"], [b"", b""]),
            ([b"\n", forged], [b"", forged]),
            # Each of them ended by a pause.
            ([b"a", forged, b"\r", forged], [b"a", forged, b"?", forged]),
            ([b"a", b"\n", forged + b"\nb"], [b"a", b"", forged, b"b"]),
            ([b"/name"], [b"/name"]),
            ([b" /name eve\n"], [b" /name eve"]),
            ([b"a\n/name eve\n"], [b"a", b"/name eve"]),
        ]:
            self.assertEqual(self.attack(pieces), told, pieces)

    def test_halfAMessageAndAReset(self) -> None:
        """What had not ended when its connection was cut is not heard."""
        self.assertEqual(self.attack([b"a\nb\nhalf"], isCut=True), [b"a", b"b"])

    def test_overlong(self) -> None:
        """What C{--max-length} stamps unfinished is cut for the others; where it ends,
        nothing else begins."""
        self.start("--pause=0.02", "--max-length=10")
        forged = b"[1] * x "
        for pieces, told in [
            ([b"0123456789ab\n"], [b"0123456789"]),
            (
                [b"\n", b"0123456789ab", forged + b"\n" + forged],
                [b"", b"0123456789", forged],
            ),
            ([b"\n", b"0123456789ab", b"\n"], [b"", b"0123456789"]),
            ([b"\n", b"0123456789ab", b"\r", b"\r" + forged], [b"", b"0123456789"]),
            ([b"\n", b"0123456789ab", b"c", b"d\ne"], [b"", b"0123456789", b"e"]),
            (["012345678\u2028\n".encode()], [b"012345678?"]),
            (["012345678\xe9x\n".encode()], [b"012345678"]),
        ]:
            self.assertEqual(self.attack(pieces), told, pieces)

    def assertInOwnName(self, longest: int) -> None:
        """Assert that, whatever clients say, in whatever pieces, it is in their own
        names, with a C{--max-length}."""
        chance = random.Random(longest)
        self.start("--pause=0.005", f"--max-length={longest}")
        count = 0
        for _ in range(150):
            pieces: list[bytes] = []
            for _ in range(chance.randrange(1, 5)):
                size = chance.randrange(1, 8)
                piece = b"".join(_trick(chance) for _ in range(size))
                # Behind a newline no pause ends a message.
                if any(b"\n" in each for each in [*pieces, piece]):
                    piece += b"\n"
                pieces.append(piece)
            pieces[-1] += chance.choice([b"", b"half"])
            count += len(self.attack(pieces, chance.random() < 0.2))
        figure(
            f"150 clients full of tricks, messages of {longest} octets at most: "
            f"{count} lines, each in its own name"
        )

    def test_anyOctets(self) -> None:
        """Any octets, in messages of any length."""
        self.assertInOwnName(65_536)

    def test_anyOctetsOverlong(self) -> None:
        """Any octets, in messages most of which are too long."""
        self.assertInOwnName(40)

    def test_anyOctetsShortest(self) -> None:
        """Any octets, in messages that are as short as C{--max-length} has them."""
        for longest in 1, 2, 3:
            self.assertInOwnName(longest)

    def test_names(self) -> None:
        """What is no name, or looks like another's address, is refused; one in use
        gets a number."""
        for asked, called in [
            (b"eve", b"eve"),
            (b"A.b:C_d[9]-", b"A.b:C_d[9]-"),
            (b"x" * 32, b"x" * 32),
            (b"bob", b"bob-2"),
            (b"bob\r", b"bob-2"),
            (b"", None),
            (b"x" * 33, None),
            (b"a b", None),
            (b"<bob>", None),
            (b"bob>", None),
            (b"a\tb", None),
            (b"a\rb", None),
            (b"a\0", None),
            (b"\x1b[2J", None),
            (b"*", None),
            ("b\xf6b".encode(), None),
            ("bob\u200b".encode(), None),
            (b"127.0.0.1:80", None),
            (b"[::1]:80", None),
            (b"::1:80", None),
            (self.listener.socket.getsockname()[0].encode() + b":1", None),
        ]:
            client = self.crowd.join()
            address = client.name
            self.crowd.say(client, b"/name " + asked + b"\nhello\n")
            own = b"/name " + asked + b"\nhello\n"
            name = called or address
            if called is None:
                own += b"* you are " + name + b": a name has 1 to 32 "
            elif called == b"bob-2":
                own += b"* you are bob-2: bob is taken\n"
            self.crowd.until(
                lambda: (re.sub(UNIX, b"", client.heard)).startswith(own)  # noqa: B023
            )
            client.socket.shutdown(socket.SHUT_WR)
            left = b"* %s left\n" % name
            self.crowd.until(lambda: self.listener.heard.endswith(left))  # noqa: B023
            self.assertEqual(
                re.sub(UNIX, b"", self.listener.heard),
                b"* %s joined\n<%s> hello\n" % (name, name) + left,
            )
            self.listener.heard.clear()

    def test_namesInUse(self) -> None:
        """Of several who ask for the same name none has that of another."""
        clients = [self.crowd.join(b"x" * 32) for _ in range(12)]
        for client in clients:
            self.crowd.say(client, b"hello\n")
        self.crowd.until(lambda: self.listener.heard.count(b"> hello\n") == 12)
        names = re.findall(rb"<(\S+)> hello", self.listener.heard)
        suffixes = [b"", *(b"-%d" % n for n in range(2, 13))]
        expected = [b"x" * (32 - len(suffix)) + suffix for suffix in suffixes]
        self.assertEqual(sorted(names), sorted(expected))


class TransportTests(SynchronousTestCase):
    """
    Whatever a client comes by, it is in the same room.
    """

    def test_together(self) -> None:
        """C{nc} over TCP, C{openssl} over TLS, C{nc} over a UNIX socket, and C{nc} to
        HAProxy with C{send-proxy-v2}: each hears all the others, by their own names."""
        try:
            from echostamp.test.authority import Authority
        except ImportError as error:
            raise SkipTest(f"the extra tls is not installed: {error}") from None
        nc = tool("nc", "netcat-openbsd")
        openssl = tool("openssl", "openssl")
        haproxy = tool("haproxy", "haproxy")
        authority, folder = Authority(), Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        ca, server = folder / "ca.pem", folder / "server.pem"
        ca.write_bytes(authority.certificate)
        server.write_bytes(authority.issue())
        tcp, tls, behind, front, source = (str(freePort()) for _ in range(5))
        daemon = Daemon(
            self,
            "--intercom",
            *("-e", f"tcp:{tcp}:interface=127.0.0.1"),
            *("-e", f"tls:{tls}:privateKey={server}:certKey={server}"),
            *("-e", f"unix:{folder}/s"),
            *("-e", f"proxy:tcp:{behind}:interface=127.0.0.1"),
            "--proxy-from=127.0.0.0/8",
        )
        until(lambda: daemon.log().count("listening on") == 4)
        (folder / "haproxy.cfg").write_text(
            "defaults\n mode tcp\n"
            " timeout connect 5s\n timeout client 1h\n timeout server 1h\n"
            f"listen echo\n bind 127.0.0.1:{front}\n"
            f" server daemon 127.0.0.1:{behind} send-proxy-v2\n"
        )
        self.start(folder / "haproxy", haproxy, "-db", "-f", f"{folder}/haproxy.cfg")
        until(lambda: _isUp(int(front)))
        # What each is called, and what it is.
        address = rb"127\.0\.0\.1:\d+"
        programs = {
            "tcp": (address, (nc, "127.0.0.1", tcp)),
            "tls": (
                address,
                (
                    *(openssl, "s_client", "-quiet", "-verify_return_error"),
                    *("-CAfile", str(ca), "-connect", f"127.0.0.1:{tls}"),
                ),
            ),
            "unix": (b"local", (nc, "-U", f"{folder}/s")),
            "haproxy": (
                b"127.0.0.2:" + source.encode(),
                (nc, "-s", "127.0.0.2", "-p", source, "127.0.0.1", front),
            ),
        }
        clients = {
            name: self.start(folder / name, *command)
            for name, (_, command) in programs.items()
        }
        for words in b"ready", b"hello":
            for name, client in clients.items():
                assert client.stdin
                client.stdin.write(words + b" from " + name.encode() + b"\n")
                client.stdin.flush()
            # From itself, before the others speak to it.
            for name in clients:
                own = words + f" from {name}\n".encode()
                until(lambda: own in (folder / name).read_bytes())  # noqa: B023
        for one in programs:
            for other, (called, _) in programs.items():
                said = b"hello from " + other.encode() + b"\n"
                begin = b"" if one == other else b"<" + called + b"> "
                pattern = re.compile(b"(?m)^" + STAMP + begin + said)
                path = folder / one
                until(lambda: pattern.search(path.read_bytes()))  # noqa: B023

    def start(self, output: Path, *command: str) -> subprocess.Popen[bytes]:
        """Start a program that ends with the test, with a file for its output."""
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
        self.addCleanup(process.communicate, timeout=DEADLINE)
        self.addCleanup(process.kill)
        return process


def _isUp(port: int) -> bool:
    """
    Say whether somebody listens.
    """
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == 0
