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

from tests.harness import DEADLINE, STAMP, Daemon, readLines, run, script, start, until
from tests.panes import Pane
from tests.rooms import shareRoom

TEXT_STAMP = STAMP.decode()

#: A line of another member, or our own reply.  Without line editing the beginning of
#: what is being typed may be before it.
SAID = re.compile(rf"{TEXT_STAMP}(?:<(?P<name>\w+)> )?(?P<text>\w+ says \d+)$", re.M)


class ConversationCase(SynchronousTestCase):
    """
    Conversations in a room of an intercom.
    """

    def setUp(self) -> None:
        """Share a daemon."""
        self.daemon = shareRoom(self, "--port=0", "--intercom")
        self.target = f"127.0.0.1:{self.daemon.port}"

    def talk(self, name: str, environment: str = "", **size: int) -> Pane:
        """Run the client on a terminal, up to its prompt."""
        command = f"{environment} {script('echostamp')} talk --name {name}"
        pane = Pane(self, f"{command} {self.target}", **size)
        pane.until(lambda screen: screen.endswith(">"))
        return pane


class TerminalTests(ConversationCase):
    """
    People at terminals.
    """

    def test_allTypeAtOnce(self) -> None:
        """Three type at the same time, key by key, one of them without line editing.
        All screens show the same lines in the same order, each of them whole."""
        names = "ann", "bob", "carol"
        panes = [
            self.talk(name, environment)
            for name, environment in zip(names, ("", "", "TERM=dumb"), strict=True)
        ]
        panes[0].shows("* carol joined")

        def type_(name: str, pane: Pane) -> None:
            for number in range(6):
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
            return len(SAID.findall(screen)) == 18

        heard = []
        for name, pane in zip(names, panes, strict=True):
            screen = pane.until(hasAll, "-S-")
            lines = [match.groups() for match in SAID.finditer(screen)]
            heard.append([(who or name, text) for who, text in lines])
        self.assertEqual(heard[0], heard[1])
        self.assertEqual(heard[0], heard[2])
        for name in names:
            self.assertEqual(
                [text for who, text in heard[0] if who == name],
                [f"{name} says {number}" for number in range(6)],
            )
        for pane in panes:
            pane.type("", "C-d")
            pane.shows("status 0")

    def test_typedStaysWhole(self) -> None:
        """A line that arrives while somebody types appears above.  The typed text stays
        under it, wide characters included, and is sent as it was typed."""
        ann = self.talk("ann")
        with self.daemon.connect() as bob:
            bob.sendall(b"/name bob\n")
            ann.shows("* bob joined")
            ann.type("half a 日本語 li")
            ann.shows("> half a 日本語 li")
            bob.sendall(b"are you there?\n")
            ann.shows("<bob> are you there?")
            ann.until(lambda screen: screen.endswith("\n> half a 日本語 li"))
            ann.type("ne", "Enter")
            said = b""
            # A notice that ann has joined may come before.
            while b"<ann>" not in said:
                said = readLines(bob, 1)
            self.assertRegex(said.decode(), f"{TEXT_STAMP}<ann> half a 日本語 line\n$")
            ann.until(
                lambda screen: re.search(
                    rf"(?m)^{TEXT_STAMP}\* bob joined\n"
                    rf"{TEXT_STAMP}<bob> are you there\?\n"
                    rf"{TEXT_STAMP}half a 日本語 line\n>$",
                    screen,
                )
            )

    def test_flood(self) -> None:
        """Thousands of lines scroll by above the typed text, and none is missing."""
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
        """Arrows, history, paste and a resized window work as in a shell."""
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
        """Assert the colours of others' lines, of their messages, and of notices."""
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
        """NO_COLOR and a simple terminal show no colours."""
        for environment in "NO_COLOR=1", "TERM=dumb":
            self.assertColours("\n", "", "", environment)

    def test_takenName(self) -> None:
        """The client shows that the name it asks for is taken."""
        with self.daemon.connect() as other:
            other.sendall(b"/name ann\n")
            readLines(other, 1)
            self.talk("ann").shows("* you are ann-2: ann is taken")

    def test_terminalIsLeftAsItWasFound(self) -> None:
        """Whatever ends line editing, the terminal has its modes back, and the typed
        text stays on the screen."""
        ends: dict[str | signal.Signals | None, int] = {
            "\r": 0,
            "\x04": 0,
            "\x03": 130,
            # A paste that never ends.
            "\x1b[200~\x03": 130,
            "\x1b[200~\x04": 0,
            signal.SIGTERM: 143,
            signal.SIGHUP: -signal.SIGHUP,
            signal.SIGQUIT: -signal.SIGQUIT,
            None: 1,
        }
        for end, status in ends.items():
            daemon = self.daemon
            if end is None:
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
            self.assertEqual(client.wait(DEADLINE), status)
            self.assertEqual(termios.tcgetattr(slave), before)
            os.close(slave)
            reading.join()
            os.close(master)
            self.assertGreater(shown.rfind(b"\x1b[?2004l"), shown.rfind(b"\x1b[?2004h"))

    def test_interruptWhileStuck(self) -> None:
        """Ctrl-C ends the client, whatever was typed: a paste without an end, or what
        takes minutes to read.  The typed text stays."""
        for stuck in "half \x1b[200~pasted", "half \x1b[" + "1" * 3000:
            pane = self.talk("ann", columns=80)
            pane.type(stuck)
            pane.type("", "C-c")
            pane.shows("status 130")
            self.assertRegex(pane.screen(), "(?m)^> half")

    def test_interruptedLine(self) -> None:
        """Ctrl-C leaves what was typed on the screen, without colour."""
        for environment in "NO_COLOR=1", "NO_COLOR=":
            pane = self.talk("ann", environment)
            pane.type("half a line")
            pane.shows("> half a line")
            pane.type("", "C-c")
            pane.shows("status 130")
            self.assertRegex(pane.screen("-e"), r"(?m)^> half a line\nstatus 130")

    def test_tab(self) -> None:
        """A typed tab is seen, and sent."""
        pane = self.talk("ann")
        with self.daemon.connect() as bob:
            pane.type("a")
            pane.type("", "Tab")
            pane.type("b")
            pane.until(lambda screen: re.search("> a +b$", screen))
            pane.type("", "Enter")
            said = b""
            while b"<ann>" not in said:
                said = readLines(bob, 1)
            self.assertTrue(said.endswith(b"<ann> a\tb\n"), said)

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
    Clients count the replies to their own messages only.
    """

    def setUp(self) -> None:
        """Let another member write lines all the time."""
        super().setUp()
        peer = self.daemon.connect()
        self.addCleanup(peer.close)
        self.said = 0
        isOver = threading.Event()

        def speak() -> None:
            while not isOver.is_set():
                peer.sendall(b"* joined %d\n" % self.said)
                readLines(peer, 1)
                self.said += 1

        thread = threading.Thread(target=speak)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(isOver.set)

    def test_pipe(self) -> None:
        """Each message of a pipe is answered, among the lines of others, also if it
        looks like one of theirs."""
        for last in b"", b"unended":
            parts = [
                b"".join(b"<x> %d\n* %d\n%d\n" % (n, n, n) for n in range(k, k + 100))
                for k in (0, 100)
            ] + [last]
            client = start(
                self,
                *(script("echostamp"), "talk", "--name=me", self.target),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # What a buffer holds is lost to communicate().
                bufsize=0,
            )
            assert client.stdin
            assert client.stdout
            heard = client.stdout.readline()
            for part in parts:
                client.stdin.write(part)
                client.stdin.flush()
                most = self.said + 20
                until(lambda: self.said > most)  # noqa: B023
            rest, errors = client.communicate(timeout=DEADLINE)
            self.assertEqual((client.returncode, errors), (0, b""))
            lines = re.sub(STAMP, b"", heard + rest).split(b"\n")
            others = re.compile(rb"<[\d.:]+> |\* \S+ joined")
            own = [line for line in lines if not others.match(line)]
            sent = b"".join(parts)
            self.assertEqual(b"\n".join(own).rstrip(b"\n"), sent.rstrip(b"\n"))
            self.assertGreater(len(lines), len(own))

    def test_ping(self) -> None:
        """C{ping} does not count the lines of others as replies."""
        done = run(
            *(script("echostamp"), "ping", "--json", "-c50", "-i0.005", self.target)
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        stats = json.loads(done.stdout)["stats"]
        counts = [stats[each] for each in ("received", "duplicates", "altered")]
        self.assertEqual(counts, [50, 0, 0])
        self.assertGreater(stats["strange"], 0)


def _isEditing(terminal: int, modes: object) -> bool:
    """
    Say whether a terminal's modes have been changed.
    """
    return bool(termios.tcgetattr(terminal) != modes)


def _readInto(descriptor: int, shown: bytearray) -> None:
    """
    Read a terminal until all processes have closed it.
    """
    while True:
        try:
            shown += os.read(descriptor, 65536)
        except OSError:
            return
