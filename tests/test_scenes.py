"""
Ten scenes, as terminals of 80 columns and 24 lines show them.  Each test holds the
screen against the text of its name in C{tests/scenes}, without numbers.

To write the texts again, from what the screens show now::

    ECHOSTAMP_SCENES=write trial tests.test_scenes; git diff tests/scenes
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.columns import columnsOf
from tests.clocks import Clock
from tests.harness import Daemon, deadPort, script, until
from tests.panes import Pane
from tests.pinging import PingCase
from tests.rooms import connections, shareRoom
from tests.screens import normal
from tests.tlspeers import lastingFiles

#: The texts.
SCENES = Path(__file__).with_name("scenes")

#: The size of the screens.
COLUMNS, LINES = 80, 24

#: How often a scene is played whose screen says that the machine had other work to do.
_TRIES = 8

#: How C{ping} says that.
_HELD_UP = "held up"

#: A stamp.
_STAMP = re.compile(r"\[[^]\n]*\d\d:\d\d:\d\d[^]\n]*\]")

#: A row of the table of C{watch}, with the RTTs that it draws.
_ROW = re.compile(r"(\S+)( +(?:up|down) .*?)([▁▂▃▄▅▆▇█x]*)")


def masked(screen: str) -> str:
    """
    Leave out what differs between two runs that are alike.  Columns stay as wide as
    they are.
    """
    lines = []
    # Where a system tries IPv6 first, localhost is the former.
    screen = _STAMP.sub("[stamp]", screen.replace("[::1]", "127.0.0.1"))
    for line in screen.split("\n"):
        if row := _ROW.fullmatch(line):
            name = normal(row[1]).ljust(len(row[1]))
            cells = re.sub(r"\S*\d\S*", lambda cell: "N".rjust(len(cell[0])), row[2])
            lines.append(name + cells + ("x" if set(row[3]) == {"x"} else "▁"))
        else:
            # The table's headings have no measured number, but "p99".
            lines.append(line if line.startswith("target ") else normal(line))
    return "\n".join(lines) + "\n"


def difference(wanted: str, found: str) -> str:
    """
    Show where two screens differ.
    """
    both = wanted.splitlines(), found.splitlines()
    return "\n".join(each.rstrip() for each in difflib.ndiff(*both))


class Shell:
    """
    A shell in a terminal.
    """

    def __init__(
        self, case: SynchronousTestCase, folder: Path = Path(), lines: int = LINES
    ) -> None:
        """
        @param case: ends it at its end.
        @param folder: where the shell is.
        @param lines: those of the terminal.
        """
        path = f"{Path(script('echostamp')).parent}:{os.environ['PATH']}"
        here, commands = shlex.quote(str(folder)), shlex.quote(path)
        self._pane = Pane(
            case, f"cd {here} && PATH={commands} PS1='$ ' ENV= sh", COLUMNS, lines
        )
        self._pane.until(lambda screen: screen == "$")
        self._ended = 0
        self.shows = self._pane.shows
        self.until = self._pane.until
        self.screen = self._pane.screen
        self.type = self._pane.type

    def talk(self, command: str) -> None:
        """Type a command that talks, and wait until it asks for a line."""
        self.type(command, "Enter")
        self.until(lambda screen: screen.endswith("\n>"))

    def say(self, text: str) -> None:
        """Type a line, and wait for its reply."""
        self.type(text, "Enter")
        self.until(lambda screen: re.search(rf"\] {re.escape(text)}.*\n>$", screen))

    def end(self, text: str = "", key: str = "Enter") -> str:
        """
        Type what ends a command, or a whole command.

        @return: the screen at its end.
        """
        self._ended += 1
        self.type(text, key)
        return self.until(
            lambda screen: screen.endswith("\n$") and screen.count("\n$") == self._ended
        )


class SceneTests(PingCase):
    """
    The scenes.
    """

    def assertScene(self, play: Callable[[], str]) -> str:
        """
        Assert what a scene shows.

        @param play: plays it, and gives its screen.
        @return: the screen with its numbers.
        """
        text = SCENES / f"{self.id().rpartition('_')[2]}.txt"
        if os.environ.get("ECHOSTAMP_SCENES") == "write":
            text.write_text(masked(play()), "utf-8")
        wanted = text.read_text("utf-8")
        for _ in range(_TRIES):
            screen = play()
            if masked(screen) == wanted:
                return screen
            if _HELD_UP not in screen:
                break
        shown = difference(wanted, masked(screen))
        raise self.failureException(f"- {text.name}, + the screen:\n{shown}")

    def assertTalk(self, options: str) -> None:
        """Assert what a conversation shows."""
        port = Daemon.shared(self).port

        def play() -> str:
            shell = Shell(self)
            shell.talk(f"echostamp talk {options}localhost:{port}")
            shell.say("hello")
            shell.say("café 你好 世界")
            return shell.end()

        self.assertScene(play)

    def assertPing(self, target: str, folder: Path = Path()) -> str:
        """Assert what a run of three probes shows, and give the screen."""
        command = f"echostamp ping -c 3 -i 0.2 {target}"
        return self.assertScene(lambda: Shell(self, folder).end(command))

    def test_talk(self) -> None:
        """Lines come back with their stamps under them, wide characters included.  An
        empty line ends the conversation."""
        self.assertTalk("")

    def test_talkTime(self) -> None:
        """Each reply has its round-trip time behind it."""
        self.assertTalk("--time ")

    def test_pingTcp(self) -> None:
        """A run over TCP."""
        self.assertPing(f"localhost:{self.iso().port}")

    def test_pingTls(self) -> None:
        """A run over TLS."""
        files = lastingFiles()
        daemon = Daemon.shared(self, *files.endpoint(), "--format=iso")
        self.assertPing(f"--ca ca.pem tls:localhost:{daemon.port}", files.folder)

    def test_pingUnix(self) -> None:
        """A run over a UNIX socket."""
        daemon = Daemon.shared(self, "-e", "unix:echo.sock", "--format=iso")
        self.assertPing("unix:echo.sock", daemon.folder)

    def test_pingStamp(self) -> None:
        """A run over STAMP."""
        self.assertPing(f"stamp:127.0.0.1:{self.reflector()}")

    def test_wrongClock(self) -> None:
        """A far clock that is 3 s ahead is found."""
        clock = Clock(self)
        clock.set(3)
        daemon = Daemon(self, "--port=0", "--format=iso", env=clock.env)
        screen = self.assertPing(f"localhost:{daemon.port}")
        self.assertRegex(screen, r"\nfar clock +(3\.0|2\.99)\d* s ahead, between ")

    def test_errors(self) -> None:
        """Each command that fails says why in one line that fits the screen, and gives
        its own status."""
        files = lastingFiles()
        daemon = Daemon.shared(self, *files.endpoint(), "--format=iso")
        dead = deadPort(self)

        def play() -> str:
            shell = Shell(self, files.folder)
            for command in [
                f"ping 127.0.0.1:{dead}",
                "ping nosuch.invalid",
                "ping --cuont localhost",
                f"ping tls:localhost:{daemon.port}",
                f"ping --ca other.pem tls:localhost:{daemon.port}",
                "talk --ca none.pem tls:localhost",
                "watch localhost localhost",
            ]:
                screen = shell.end(f"echostamp {command}; echo $?")
            return screen

        statuses = re.findall(r"(?m)^(\d)$", self.assertScene(play))
        self.assertEqual("".join(statuses), "1121122")

    def test_intercom(self) -> None:
        """Two terminals, one above the other: each sees what the other writes, and who
        joins and leaves."""
        port = shareRoom(self, "--port=0", "--intercom").port

        def play() -> str:
            until(lambda: not connections(port))
            ann, bob = (Shell(self, lines=lines) for lines in (12, 11))
            ann.talk(f"echostamp talk --name ann localhost:{port}")
            ann.say("is anybody here?")
            bob.talk(f"echostamp talk --name bob localhost:{port}")
            ann.shows("* bob joined")
            bob.say("I am")
            ann.shows("<bob> I am")
            ann.say("good to see you")
            bob.shows("<ann> good to see you")
            bob.end(key="C-d")
            ann.shows("* bob left")
            ann.end(key="C-d")
            return "\n".join([ann.screen(), "─" * COLUMNS, bob.screen()])

        self.assertScene(play)

    def test_watch(self) -> None:
        """The live table of three targets, one of which is down."""
        targets = [
            f"localhost:{self.iso().port}",
            f"stamp:127.0.0.1:{self.reflector()}",
            f"127.0.0.1:{deadPort(self)}",
        ]

        def isComplete(screen: str) -> bool:
            lines = screen.split("\n")
            # A dash is a figure that is not known yet.
            up = [line for line in lines if re.match(r"\S+ +up (?!.* - ).*±", line)]
            return len(up) == 2 and " down: " in screen and "by name" in screen

        def play() -> str:
            shell = Shell(self)
            shell.type(f"echostamp watch -i 0.1 -W 0.5 {' '.join(targets)}", "Enter")
            shell.shows("q quit")
            shell.type("n")
            screen = shell.until(isComplete)
            shell.end(key="q")
            return screen

        self.assertScene(play)


class TextTests(SynchronousTestCase):
    """
    The texts.
    """

    def test_fit(self) -> None:
        """Each text belongs to a test, fits the screen, and has no number."""
        texts = {each.stem: each.read_text("utf-8") for each in SCENES.iterdir()}
        scenes = {name[5:] for name in vars(SceneTests) if name.startswith("test_")}
        self.assertEqual(texts.keys(), scenes)
        for name, text in texts.items():
            lines = text.splitlines()
            self.assertLessEqual(len(lines), LINES, name)
            self.assertLessEqual(max(map(columnsOf, lines)), COLUMNS, name)
            self.assertNotRegex(text, r"\b\d")
