"""What C{echostamp talk} shows on terminals of several sizes, and what it keeps."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import unicodedata
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import pexpect
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.parsing import Origin
from echostamp.talk.terminal import Painter, SafeText
from tests.harness import DEADLINE, STAMP, Daemon, run, script, start, tool, until
from tests.panes import Pane
from tests.rooms import shareRoom

TEXT_STAMP = STAMP.decode()

#: A time as C{--time-format %H:%M:%S} writes it.
TIME = r"\d\d:\d\d:\d\d"

#: What a forging member would like to see at the beginning of a row.
FORGED = "[Mon Nov 23 16:20:25 2026] <bob> I resign"


class Other:
    """
    Another member: C{nc}.
    """

    def __init__(self, case: SynchronousTestCase, daemon: Daemon, name: str) -> None:
        nc = tool("nc", "netcat-openbsd")
        self._nc = start(
            case,
            *(nc, "127.0.0.1", str(daemon.port)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        self.says(f"/name {name}")

    def says(self, text: str) -> None:
        """Write a line."""
        assert self._nc.stdin
        self._nc.stdin.write(text.encode() + b"\n")
        self._nc.stdin.flush()


class ShownCase(SynchronousTestCase):
    """
    A terminal in an intercom.
    """

    def setUp(self) -> None:
        """Share a daemon."""
        self.daemon = shareRoom(self, "--port=0", "--intercom")

    def command(self, *options: str, env: str = "") -> str:
        """Give the command of the client that is called ann."""
        talk = f"env {env} {script('echostamp')} talk --name ann"
        return f"{talk} {' '.join(options)} 127.0.0.1:{self.daemon.port}"

    def talk(
        self, *options: str, size: tuple[int, int] = (80, 24), env: str = ""
    ) -> Pane:
        """Run the client, up to its prompt."""
        pane = Pane(self, self.command(*options, env=env), *size)
        pane.until(lambda screen: screen.endswith(">"))
        return pane

    def other(self, pane: Pane, name: str) -> Other:
        """Let another member join."""
        other = Other(self, self.daemon, name)
        pane.until(lambda screen: f"* {name} joined" in re.sub("\n[│|] *", " ", screen))
        return other


class WrappingTests(ShownCase):
    """
    Long lines on screens of several sizes.
    """

    def test_forged(self) -> None:
        """No message can begin a row with what looks like another line: on any screen,
        without colours, and without line editing."""
        for number, (size, env, edge) in enumerate(
            [
                ((80, 24), "", "│"),
                ((40, 10), "NO_COLOR=1", "│"),
                ((40, 10), "TERM=dumb", "|"),
                ((80, 24), "TERM=dumb", "|"),
                ((22, 10), "NO_COLOR=1", "│"),
            ]
        ):
            ann = self.talk(size=size, env=env)
            eve = self.other(ann, f"ev{number}")
            columns = size[0]
            for head in 33, 2:
                # The spaces reach to where a row begins.
                spaces = " " * (-head % columns + columns * (head < 33))
                # A joiner at the end of a row could swallow what the next begins with.
                eve.says(f"\u200d{spaces}{FORGED} 日本 END{head}")
                ann.shows(f"END{head}")
            screen = ann.screen()
            self.assertIn("<bob>", screen)
            begun = [row for row in screen.split("\n") if row[:1] not in (edge, "|")]
            for row in begun:
                self.assertNotIn("bob", row)
                self.assertNotIn("16:20:25", row)
            if size[1] > 10:
                stamped = [row for row in begun if row.startswith("[")]
                self.assertEqual(len(stamped), 3, screen)
            ann.type("", "C-c")
            ann.shows("status 130")

    def test_colour(self) -> None:
        """The edge has the colour of the name."""
        ann = self.talk(size=(40, 10))
        self.other(ann, "eve").says("one two three four five six seven eight END")
        ann.shows("END")
        self.assertRegex(ann.screen("-e"), r"\n(\x1b\[1m)?(\x1b\[36m)?│")
        self.assertRegex(ann.screen("-e"), r"\x1b\[1m(\x1b\[36m)?│")

    def test_everySize(self) -> None:
        """Own lines are broken, too, and a resized window has rows of its new width."""
        ann = self.talk(size=(80, 24))
        self.other(ann, "eve")
        text = "日本語 and a text that is longer than one row of this terminal of ours"
        numbers = count()

        def isShown(indent: int) -> bool:
            """Type a line, and say whether its rows begin at a column."""
            number = next(numbers)
            ann.type(f"{text} {number}", "Enter")
            reply = rf"\n(\[[^\[>]*ours[│\s]*{number})\n>$"
            screen = ann.until(partial(re.search, reply))
            found = re.search(reply, screen)
            assert found
            first, *more = found[1].split("\n")
            if not all(re.match(rf"│ {{{indent - 1}}}\S", row) for row in more):
                return False
            line = " ".join([first, *(row[indent:] for row in more)])
            self.assertTrue(line.endswith(f"] {text} {number}"), screen)
            return len(more) > 0

        for columns, indent in (80, 27), (40, 2), (60, 27):
            # tmux tells programs of a new size a little later.
            ann.resize(columns, 24)
            until(partial(isShown, indent))

    def test_everyScript(self) -> None:
        """Rows of any characters are no wider than tmux shows them, and each begins
        with a stamp or an edge there."""
        chosen = Random(23)
        special = (
            "\t  ab日e\u0301\u200d\u200c\ufe0f\u2764\u1161\u0600한"
            "\U0001f469\U0001f3fd\U0001f1e9"
        )
        shown = [
            character
            for character in map(chr, [*range(32, 0x3000), *range(0x1F000, 0x1FB00)])
            if unicodedata.category(character)[0] != "C"
            and SafeText().feed(character.encode()) == character
        ]
        columns = 40
        painter = Painter({"TERM": "xterm", "NO_COLOR": "1"}, lambda: columns)
        rows = ""
        while rows.count("\n") < 1500:
            text = "".join(
                chosen.choice(special if chosen.random() < 0.5 else shown)
                for _ in range(200)
            )
            rows += painter.paint([(Origin.OTHER, f"[1] <b> {text}\n".encode())])
        path = Path(self.mktemp()).absolute()
        path.write_text(rows)
        pane = Pane(self, f"cat {path}", columns, 24)
        screen = pane.until(lambda screen: screen.endswith("status 0"), "-S-")
        found = screen.split("\n")[:-1]
        self.assertEqual(len(found), rows.count("\n"))
        for row in found:
            self.assertTrue(row.startswith(("[1] <b>", "│", "|")), ascii(row))

    def test_page(self) -> None:
        """The example on the page is what a terminal shows."""
        ann = self.talk("--time-format=%H:%M:%S", size=(48, 10))
        bob = self.other(ann, "bob")
        bob.says("The backup of the night was complete at 4 o'clock.")
        ann.shows("o'clock")
        page = Path(__file__).parents[1] / "docs" / "intercom.rst"
        _, _, example = page.read_text().partition("   14:03:07 <bob>")
        lines = ("14:03:07 <bob>" + example).splitlines()[:2]
        shown = [re.sub(TIME, "14:03:07", row) for row in ann.screen().split("\n")]
        self.assertEqual(shown[-3:-1], [line.removeprefix("   ") for line in lines])


class TimeTests(ShownCase):
    """
    C{--time-format}.
    """

    def test_everyLine(self) -> None:
        """Messages, notices and own lines have the local time and no stamp, with and
        without line editing."""
        for env in "", "TERM=dumb":
            ann = self.talk("--time-format=%H:%M:%S", size=(40, 10), env=env)
            name = "evi" if env else "eve"
            eve = self.other(ann, name)
            eve.says("[Mon Nov 23 16:20:25 2026] hi")
            ann.shows("hi")
            ann.type("mine", "Enter")
            rows = (
                rf"(?m)^{TIME} \* {name} joined\n(>\n)*"
                rf"{TIME} <{name}> \[Mon Nov 23 16:20:25\n"
                r"[│|] +2026\] hi\n"
                rf"(> mine\n)?{TIME} mine\n>$"
            )
            ann.until(partial(re.search, rows))

    def test_zone(self) -> None:
        """The time is that of the local zone."""
        ann = self.talk("--time-format=%z", env="TZ=Asia/Kathmandu")
        self.other(ann, "eve").says("hi")
        ann.shows("+0545 <eve> hi")


class BellTests(ShownCase):
    """
    C{--bell}.
    """

    def test_rings(self) -> None:
        """It rings for the client's name in another's message, and for nothing else."""
        for term in "xterm", "dumb":
            for option, rings in ("--bell", 1), ("--time", 0):
                child = pexpect.spawn(
                    "sh",
                    ["-c", self.command(option, env=f"TERM={term}")],
                    timeout=DEADLINE,
                    encoding="utf-8",
                    env={**os.environ, "NO_COLOR": "1"},
                )
                self.addCleanup(child.close, force=True)
                child.expect_exact(">")
                eve = Other(self, self.daemon, f"eve-{term}-{rings}")
                eve.says("\x07 joann\x07")
                eve.says("well, Ann?")
                eve.says("ann ann ann")
                eve.says("END")
                child.expect_exact(f"<eve-{term}-{rings}> END")
                shown = child.before + child.after
                self.assertIn("? joann?", shown)
                self.assertEqual(shown.count("\x07"), rings, shown)
                child.close(force=True)


class TabTests(ShownCase):
    """
    Tab completes names.
    """

    def test_names(self) -> None:
        """One match is inserted, several are listed, and the lines above stay readable
        on a small screen."""
        ann = self.talk(size=(40, 10))
        self.other(ann, "eve").says("hello")
        ann.shows("hello")
        ann.type("@e", "Tab")
        ann.until(lambda screen: screen.endswith("> @eve"))
        self.other(ann, "bert")
        self.other(ann, "bob")
        ann.type(" @b", "Tab")
        screen = ann.until(
            lambda screen: re.search("> @eve @b\n +bob *\n +bert", screen)
        )
        self.assertIn("bob joined", screen)
        ann.type("", "Tab", "Tab")
        ann.until(lambda screen: "> @eve @bert" in screen)
        ann.type(" hi", "Enter")
        ann.until(lambda screen: re.search(r"\] @eve @bert hi\n>$", screen))
        ann.type("/name b", "Tab")
        ann.until(partial(re.search, "> /name b\n +bob *\n +bert"))
        ann.type("", "Tab")
        ann.until(lambda screen: "> /name bob" in screen)


class HistoryTests(ShownCase):
    """
    C{--history-file}.
    """

    def setUp(self) -> None:
        """Choose a file."""
        super().setUp()
        self.path = Path(self.mktemp()).absolute()
        self.option = f"--history-file={self.path}"

    def test_nextSession(self) -> None:
        """What two sessions type at the same time is there in the next one, and only
        its owner can read the file."""
        ann, other = self.talk(self.option), self.talk(self.option)
        for pane, text in (ann, "first"), (other, "second"), (ann, "third"):
            pane.type(text, "Enter")
            pane.shows(f"] {text}\n")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        for pane in ann, other:
            pane.type("", "C-d")
            pane.shows("status 0")
        ann = self.talk(self.option, size=(40, 10))
        for text in "third", "second", "first":
            ann.type("", "Up")
            ann.until(partial(re.search, f"> {text}$"))

    def test_fullDisk(self) -> None:
        """When the file cannot grow, one line says so, and the conversation goes on."""
        command = self.command(self.option)
        ann = Pane(self, f"bash -c 'ulimit -f 1; {command}'", 80, 24)
        ann.until(lambda screen: screen.endswith(">"))
        for letter in "abc":
            ann.type(letter * 600 + "END", "Enter")
            ann.until(partial(re.search, rf"\n│ +{letter}+END\n"))
        ann.shows("c" * 30)
        ann.type("last", "Enter")
        ann.until(lambda screen: re.search(r"\] last\n>$", screen))
        screen = ann.screen("-S-")
        self.assertEqual(screen.count("(typed lines are no longer kept:"), 1, screen)
        self.assertEqual(self.path.read_text().splitlines()[1:], ["a" * 600 + "END"])

    def test_refused(self) -> None:
        """A file that cannot be used, and a terminal without line editing, are refused
        before anything is sent."""
        self.path.write_text("precious\n")
        for option, env, says in [
            (self.option, "", "it was not written by echostamp talk"),
            ("--history-file=/", "", "Is a directory"),
            (self.option, "TERM=dumb", "needs prompt_toolkit, and a terminal"),
        ]:
            pane = Pane(self, self.command(option, env=env), 300, 10)
            screen = pane.until(lambda screen: "status" in screen)
            self.assertRegex(
                screen, rf"^echostamp.*--history-file.*{says}.*\nstatus 2$"
            )
        self.assertEqual(self.path.read_text(), "precious\n")


class PipeTests(SynchronousTestCase):
    """
    Without a terminal.
    """

    def test_refused(self) -> None:
        """What needs a terminal is refused in one line, with status 2."""
        needing = "--bell", "--time-format=%H", "--history-file=x", "--reconnect"
        for option in needing:
            done = run(script("echostamp"), "talk", option, stdin=b"a\n")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            name = option.partition("=")[0]
            self.assertRegex(
                done.stderr.decode(), f"^echostamp talk: {name} needs a terminal.*\n$"
            )
