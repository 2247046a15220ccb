"""The intercom as people use it: terminals in tmux, pipes, and C{ping} beside them."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import termios
import threading
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    Pane,
    readLines,
    run,
    script,
    until,
)

TEXT_STAMP = STAMP.decode()

#: A line of the others, or our own reply.  Without line editing it may stand behind the
#: beginning of what is being typed.
SAID = re.compile(rf"{TEXT_STAMP}(?:<(?P<name>\w+)> )?(?P<text>\w+ says \d+)$", re.M)


class ConversationCase(SynchronousTestCase):
    """
    A daemon with an intercom.
    """

    def setUp(self) -> None:
        """Start a daemon."""
        self.daemon = Daemon(self, "--port=0", "--intercom")
        self.target = f"127.0.0.1:{self.daemon.port}"

    def talk(self, name: str, environment: str = "", **size: int) -> Pane:
        """Run the client on a terminal, up to its prompt."""
        command = f"{environment} {script('echostamp')} talk --name {name}"
        pane = Pane(self, f"{command} {self.target}", **size)
        pane.until(lambda screen: screen.endswith(">"))
        return pane


class TerminalTests(ConversationCase):
    """
    Several people, each at a terminal.
    """

    def assertBothTypeAtOnce(self, *environments: str) -> None:
        """Let two type at the same time, key by key, and read back their screens."""
        names = "ann", "bob"
        panes = [
            self.talk(name, environment)
            for name, environment in zip(names, environments, strict=True)
        ]
        panes[0].shows("* bob joined")

        def type_(name: str, pane: Pane) -> None:
            for number in range(10):
                for piece in f"{name} ", "says ", str(number):
                    pane.type(piece)
                pane.type("", "Enter")

        typing = [
            threading.Thread(target=type_, args=pair)
            for pair in zip(names, panes, strict=True)
        ]
        for thread in typing:
            thread.start()
        for thread in typing:
            thread.join()

        def hasAll(screen: str) -> bool:
            return len(SAID.findall(screen)) == 20

        heard = []
        for name, pane in zip(names, panes, strict=True):
            screen = pane.until(hasAll, "-S-")
            lines = [match.groups() for match in SAID.finditer(screen)]
            heard.append([(who or name, text) for who, text in lines])
        self.assertEqual(heard[0], heard[1])
        for name in names:
            self.assertEqual(
                [text for who, text in heard[0] if who == name],
                [f"{name} says {number}" for number in range(10)],
            )
        for pane in panes:
            pane.type("", "Enter")
            pane.shows("status 0")

    def test_bothTypeAtOnce(self) -> None:
        """Two with line editing."""
        self.assertBothTypeAtOnce("", "")

    def test_bothTypeAtOncePlainly(self) -> None:
        """One without."""
        self.assertBothTypeAtOnce("", "TERM=dumb")

    def test_typedStaysWhole(self) -> None:
        """What comes while somebody types appears above, and what was typed stays
        under it, wide characters included, and is sent as it was typed."""
        ann, bob = self.talk("ann"), self.talk("bob")
        ann.shows("* bob joined")
        ann.type("half a 日本語 li")
        ann.shows("> half a 日本語 li")
        bob.type("are you there?", "Enter")
        ann.shows("<bob> are you there?")
        ann.until(lambda screen: screen.endswith("\n> half a 日本語 li"))
        ann.type("ne", "Enter")
        bob.shows("<ann> half a 日本語 line")
        ann.until(
            lambda screen: re.search(
                rf"(?m)^{TEXT_STAMP}\* bob joined\n{TEXT_STAMP}<bob> are you there\?\n"
                rf"> half a 日本語 line\n{TEXT_STAMP}half a 日本語 line\n>$",
                screen,
            )
        )

    def test_flood(self) -> None:
        """Thousands of lines go by above what is typed, each of them."""
        ann = self.talk("ann", "", columns=60, lines=12)
        ann.type("typed before")
        with self.daemon.connect() as peer:
            peer.sendall(b"/name bob\n" + b"".join(b"%d\n" % n for n in range(3000)))
            readLines(peer, 3001)
            ann.until(lambda screen: "<bob> 2999\n> typed before" in screen)
        ann.type(" and after", "Enter")
        ann.until(lambda screen: screen.endswith("typed before and after\n>"))
        # tmux keeps 2,000 lines.
        numbers = re.findall(r"<bob> (\d+)$", ann.screen("-S-"), re.M)
        self.assertEqual(numbers, [str(n) for n in range(3000)][-len(numbers) :])
        self.assertGreater(len(numbers), 1500)

    def test_editing(self) -> None:
        """Arrows, history, paste and a resized window do what one expects."""
        ann = self.talk("ann")
        ann.type("first", "Enter")
        ann.shows("] first\n>")
        ann.type("scond", *["Left"] * 4)
        ann.type("e", "Enter")
        ann.shows("] second\n>")
        ann.type("", "Up", "Up")
        ann.until(lambda screen: screen.endswith("> first"))
        ann.type("ly", "Enter")
        ann.shows("] firstly\n>")
        ann.paste("one\ntwo\n\nthree")
        ann.type("", "Enter")
        ann.until(
            lambda screen: re.search(
                rf"\n{TEXT_STAMP}one\n{TEXT_STAMP}two\n{TEXT_STAMP}three\n>$", screen
            )
        )
        ann.type("x" * 40)
        ann.resize(40, 20)
        ann.until(lambda screen: re.search("> x{38}\nxx$", screen))
        with self.daemon.connect() as peer:
            peer.sendall(b"hello\n")
            ann.until(
                lambda screen: re.search(r"hello\n(.*\n.*left\n)?> x{38}\nxx$", screen)
            )
        ann.resize(70, 24)
        ann.until(lambda screen: screen.endswith("> " + "x" * 40))
        ann.type("", "Enter")
        ann.shows("] " + "x" * 40)

    def assertColours(
        self, other: str, rest: str, notice: str, environment: str
    ) -> None:
        """Assert what stands before others' lines, their messages, and notices."""
        ann = self.talk("ann", environment)
        with self.daemon.connect() as peer:
            peer.sendall(b"hello\n")
            ann.shows("> hello\n")
            ann.type("mine", "Enter")
            ann.shows("] mine\n")
        ann.shows("left")
        screen = ann.screen("-e")
        self.assertRegex(
            screen, rf"(?m)^{re.escape(notice)}{TEXT_STAMP}\* [\d.:]+ joined"
        )
        head = rf"{re.escape(other)}{TEXT_STAMP}<[\d.:]+>"
        self.assertRegex(screen, rf"{head}{re.escape(rest)}(\x1b\[49m)? hello")
        self.assertRegex(screen, rf"\n(\x1b\[(39|0)m)?{TEXT_STAMP}mine")

    def test_colours(self) -> None:
        """Others' lines and notices have a colour each, and names are bold."""
        self.assertColours("\x1b[1m\x1b[36m", "\x1b[0m\x1b[36m", "\x1b[33m", "")

    def test_noColours(self) -> None:
        """Where nobody wants colours there are none, with line editing or without."""
        for environment in "NO_COLOR=1", "TERM=dumb":
            self.assertColours("\n", "", "", environment)

    def test_forgedByWrapping(self) -> None:
        """What a message has where the terminal begins a row is not bold, as stamp and
        name are before another's message."""
        ann = self.talk("ann", "", columns=60)
        with self.daemon.connect() as peer:
            forged = "[Mon Nov 23 16:20:25 2026] <bob> I resign"
            peer.sendall(b"/name eve\nok" + b" " * 25 + forged.encode() + b"\n")
            ann.shows("\n" + forged)
            screen = ann.screen("-e")
            self.assertIn(f"\n{forged}", screen)
            self.assertRegex(screen, rf"\x1b\[1m\x1b\[36m{TEXT_STAMP}<eve>\x1b\[0m")

    def test_takenName(self) -> None:
        """Who asks for a name that is taken is told."""
        self.talk("ann")
        self.talk("ann").shows("* you are ann-2: ann is taken")

    def test_terminalIsLeftAsItWasFound(self) -> None:
        """Whatever ends line editing, the terminal has its modes back, and what was
        typed stays on the screen."""
        for end in "\r", "\x03", "\x04", signal.SIGTERM, None:
            daemon = Daemon(self, "--port=0", "--intercom")
            master, slave = pty.openpty()
            before = termios.tcgetattr(slave)
            client = subprocess.Popen(
                [script("echostamp"), "talk", f"localhost:{daemon.port}"],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**os.environ, "TERM": "xterm"},
                start_new_session=True,
            )
            shown = bytearray()
            reading = threading.Thread(target=_readInto, args=(master, shown))
            reading.start()
            until(partial(_isEditing, slave, before))
            if isinstance(end, str):
                os.write(master, end.encode())
            elif end is None:
                daemon.stop(signal.SIGKILL)
            else:
                client.send_signal(end)
            self.assertEqual(
                client.wait(DEADLINE),
                {"\r": 0, "\x04": 0, "\x03": 130, signal.SIGTERM: 143, None: 1}[end],
            )
            self.assertEqual(termios.tcgetattr(slave), before)
            os.close(slave)
            reading.join()
            os.close(master)
            self.assertGreater(shown.rfind(b"\x1b[?2004l"), shown.rfind(b"\x1b[?2004h"))

    def test_suspended(self) -> None:
        """Ctrl-Z gives the shell back, C{fg} the conversation."""
        pane = Pane(self, "PS1='$ ' bash --norc")
        pane.type(f"{script('echostamp')} talk {self.target}", "Enter")
        pane.until(lambda screen: screen.endswith("\n>"))
        pane.type("be", "C-z")
        pane.until(lambda screen: "Stopped" in screen and screen.endswith("\n$"))
        pane.type("fg", "Enter")
        pane.until(lambda screen: screen.endswith("\n> be"))
        pane.type("fore", "Enter")
        pane.shows("] before\n>")


class CountingTests(ConversationCase):
    """
    Who counts replies counts their own.
    """

    def chatter(self) -> None:
        """Let somebody say something all the time."""
        peer = self.daemon.connect()
        self.addCleanup(peer.close)
        isOver = threading.Event()

        def speak() -> None:
            number = 0
            while not isOver.is_set():
                number += 1
                peer.sendall(b"* joined %d\n" % number)
                readLines(peer, 1)

        thread = threading.Thread(target=speak)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(isOver.set)

    def test_pipe(self) -> None:
        """Each message of a pipe is answered, in between what others say, and also
        those that look like theirs."""
        self.chatter()
        for last in b"", b"unended":
            text = b"".join(b"<x> %d\n* %d\n%d\n" % (n, n, n) for n in range(3000))
            done = run(
                *(script("echostamp"), "talk", "--name=me", self.target),
                stdin=text + last,
            )
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            lines = re.sub(STAMP, b"", done.stdout).split(b"\n")
            others = re.compile(rb"<[\d.:]+> |\* \S+ joined")
            own = [line for line in lines if not others.match(line)]
            self.assertEqual(b"\n".join(own).rstrip(b"\n"), (text + last).rstrip(b"\n"))
            self.assertGreater(len(lines), len(own))

    def test_ping(self) -> None:
        """C{ping} takes nobody else's lines for replies."""
        self.chatter()
        done = run(
            *(script("echostamp"), "ping", "--json", "-c50", "-i0.005", self.target)
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        stats = json.loads(done.stdout)["stats"]
        counts = [stats[each] for each in ("received", "duplicates", "altered")]
        self.assertEqual(counts, [50, 0, 0])
        self.assertGreater(stats["strange"], 50)


def _isEditing(terminal: int, modes: object) -> bool:
    """
    Say whether a terminal's modes have been changed.
    """
    return bool(termios.tcgetattr(terminal) != modes)


def _readInto(descriptor: int, shown: bytearray) -> None:
    """
    Read a terminal until nobody has it open.
    """
    while True:
        try:
            shown += os.read(descriptor, 65536)
        except OSError:
            return
