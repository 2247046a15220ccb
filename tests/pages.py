"""
The commands and outputs on the project's pages, typed and read as a reader does.

Each page has a test case, in a module C{tests/test_pages*.py}::

    class IntercomPage(PageCase):
        page = "docs/intercom.rst"
        hosts = {"192.0.2.1": "ams.example.net"}
        before = {"$ echostamp ping -c 5": ["twistd -n echostamp --format iso"]}
        notRun = {"[peer.ams]": "a part of a file of peers: test_file reads it"}

        def test_page(self) -> None:
            self.play()

L{PageCase.play} gives the page a machine of its own (L{tests.machines}), where ports,
names and folders are as printed, and a clone of the repository to begin in. It opens a
terminal of 80 columns for each block with commands: C{console}, C{sh}, or any literal
block with a line that begins with C{"$ "}. It types them in order:

- A server runs until another block starts a server. The next command waits until it
  listens, and is typed in another terminal.
- Lines that begin with C{"> "} are typed to the program that runs, C{^C} is Ctrl-C.
- The screen must be the block, but for numbers, times and bars: see
  L{tests.pagetexts.masked}. C{...} is any lines, or the rest of a line. The output of a
  command without output on the page may be anything, and its exit status must be 0,
  unless C{echo $?} comes next.
- What never ends by itself is ended, once it has shown what the page shows.
- A file that the page shows by C{cat}, or whose block has it as C{:name:}, is written.

All other literal blocks, and commands that cannot be run, are in C{notRun} by the
beginnings of their first lines, with the reason and what holds them instead.
C{tests.test_pages} fails if a page has a block that is neither, or if a table has one
that is gone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import run, until
from tests.machines import Machine, Terminal
from tests.pagetexts import ANY, Block, Step, blocks, matches, steps

#: How often a block is played before it fails.  On a busy machine screens may differ,
#: and two events of the same moment may change places.
_TRIES = 3

#: Seconds for a command, and for the screen after its end.
_PATIENCE, _TARDINESS = 30.0, 5.0

#: Commands that start a server, which has the terminal for itself.
_SERVER = re.compile(
    r"(?!.*--(check|help|version)\b)"
    r".*(\btwistd\b.* (-n|--nodaemon)\b|\bechostampd\b|server\.py\b)",
    re.DOTALL,
)

#: Commands that start a daemon and end.
_BACKGROUND = re.compile(
    r"(?!.*( -n\b|--(check|help|nodaemon|version)\b)).*\btwistd\b.* echostamp",
    re.DOTALL,
)

#: Programs that never end by themselves: what is typed to them, and what they show.
_ENDLESS = {
    r"(\S*echostamp( talk( [^<>|]*)?)?|python3 \S*client\.py( \S+)*|nc \S+ \d+)$": (
        "hello",
        r"\] hello",
    ),
    r"\S*echostamp ping(?!.* -(-count|-deadline|\w*[cw]))": ("", "time="),
    r"\S*echostamp watch(?!.* -(-deadline|\w*w))": ("", r"\bup\b|\d"),
}

#: The ports that a daemon's options name.
_PORT = re.compile(r"(?:-p|--port|--reflector|--web|tcp|tls)[ =:](?:[\d.]+:)?(\d+)")


def _signOfLife(command: str) -> tuple[str, str] | None:
    """Give what L{_ENDLESS} says of a command; nothing for one that ends."""
    for pattern, sign in _ENDLESS.items():
        if re.match(pattern, command, re.DOTALL):
            return sign
    return None


def _look(
    terminal: Terminal, isRight: Callable[[str], object], seconds: float = _PATIENCE
) -> bool:
    """Look at a terminal until its screen is right; give false if it never is."""
    end = time.monotonic() + seconds
    while not isRight(terminal.screen()):
        if time.monotonic() > end:
            return False
        # Each look takes processes.
        time.sleep(0.05)
    return True


class _Player:
    """
    Plays the blocks of a page on a machine.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        # Where servers run, and which command of its terminal each is.
        self._servers: list[tuple[Terminal, int]] = []
        self._pidFiles: list[str] = []

    def play(self, block: Block, before: Sequence[str] = ()) -> None:
        """
        Play a block, once more where the screen is not the block.

        @param before: commands that come before it, or C{^C} for the servers.
        @raise AssertionError: the screen was never the block, or a command has failed.
        """
        if list(before) == ["^C"]:
            self._endServers()
            before = ()
        todo = [*(Step("$ ", each, []) for each in before), *steps(block)]
        for left in reversed(range(_TRIES)):
            try:
                self._try(todo)
            except AssertionError:
                if not left:
                    raise
            else:
                break

    def _try(self, todo: Sequence[Step]) -> None:
        """Play steps in a new terminal."""
        commands = [each.typed for each in todo if each.isCommand]
        if any(_SERVER.match(each) or _BACKGROUND.match(each) for each in commands):
            self._endServers()
        terminal = self._machine.terminal()
        # What should be on the screen by now, and how many commands were typed there.
        lines: list[str] = []
        count = 0
        command = ""
        for step, after in zip(todo, [*todo[1:], None], strict=True):
            if step.isCommand:
                self._write(step)
                command = step.typed
            self._prompts(terminal, lines, step.prompt)
            terminal.type(step.typed)
            if _SERVER.match(command):
                self._servers.append((terminal, count))
                self._serve(terminal, count, command)
                self._shows(terminal, [*lines, *step.lines, *step.shown, ANY])
                terminal = self._machine.terminal()
                lines, count = [], 0
                continue
            count += step.isCommand
            lines += step.lines + step.shown
            if after and not after.isCommand:
                continue
            if step.isCommand and not step.shown:
                lines.append(ANY)
            if sign := step.prompt and _signOfLife(command):
                self._interrupt(terminal, command, step, lines, sign)
                # It may say more at its end.
                lines = [ANY]
            status = terminal.ended(count - 1, _PATIENCE)
            self._prompts(terminal, lines, "$", _TARDINESS)
            isJudged = step.prompt and not (sign or step.shown)
            if isJudged and status and not (after and after.typed == "echo $?"):
                raise AssertionError(f"status {status}:\n{terminal.screen()}")
            if _BACKGROUND.match(command):
                named = re.search(r"--pidfile=(\S+)", command)
                self._pidFiles.append(named[1] if named else "twistd.pid")

    def _interrupt(
        self,
        terminal: Terminal,
        command: str,
        step: Step,
        lines: list[str],
        sign: tuple[str, str],
    ) -> None:
        """
        End a command that would not end by itself, once it has shown what it should.

        @param step: its last one.
        @param lines: what should be on the screen.
        @param sign: see L{_ENDLESS}.
        """
        typed, shown = sign

        def isAlive(screen: str) -> object:
            # What draws a table has the screen for itself.
            _, *found = (
                screen.split(command) if screen.startswith("$") else ("", screen)
            )
            return found and re.search(shown, found[-1])

        if step.shown:
            self._shows(terminal, lines, other=step.shown)
        else:
            if typed:
                terminal.type(typed)
            if not _look(terminal, isAlive):
                raise AssertionError(f"no {shown!r} in\n{terminal.screen()}")
        # An empty line ends what has this prompt.
        terminal.type("" if lines[-1] == ">" else "^C")

    def _prompts(
        self,
        terminal: Terminal,
        lines: Sequence[str],
        prompt: str,
        seconds: float = _PATIENCE,
    ) -> None:
        """Wait until a terminal shows lines, and then a prompt if there is one."""
        if prompt:
            # An output that is not on the page may end without a newline.
            beside = ANY if lines and lines[-1] == ANY else ""
            lines = [*lines, beside + prompt]
        self._shows(terminal, lines, seconds)

    def _shows(
        self,
        terminal: Terminal,
        lines: Sequence[str],
        seconds: float = _PATIENCE,
        other: Sequence[str] = (),
    ) -> None:
        """
        Wait until a terminal shows lines.

        @param other: lines that may be there in their place.
        """

        def isRight(screen: str) -> bool:
            return matches(lines, screen) or (bool(other) and matches(other, screen))

        if not _look(terminal, isRight, seconds):
            page = "\n".join(lines)
            raise AssertionError(
                f"the page:\n{page}\n\nthe screen:\n{terminal.screen()}"
            )

    def _write(self, step: Step) -> None:
        """Write the file that a command shows."""
        if (found := re.fullmatch(r"cat (\S+)", step.typed)) and step.shown:
            text = "".join(f"{line}\n" for line in step.shown)
            self._machine.path(found[1]).write_text(text, "utf-8")

    def _serve(self, terminal: Terminal, number: int, command: str) -> None:
        """
        Wait until a server listens.

        @param number: which command of the terminal it is.
        """
        ports = {int(each) for each in _PORT.findall(command)} or {8002}
        logged = re.search(r"--logfile=(\S+)", command)

        def log() -> str:
            path = self._machine.path(logged[1]) if logged else None
            return path.read_text() if path and path.exists() else terminal.screen()

        def isReady() -> bool:
            assert terminal.commands == number, "it has ended"
            return ports <= self._machine.ports() and "istening on" in log()

        try:
            until(isReady, _PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{terminal.screen()}") from None

    def _endServers(self) -> None:
        """End the servers."""
        for name in self._pidFiles:
            file = self._machine.path(name)
            if file.exists():
                process = file.read_text().strip()
                run(*self._machine.inside("kill", process))
                until(partial(self._isGone, process), _PATIENCE)
        self._pidFiles.clear()
        for terminal, _ in self._servers:
            terminal.type("^C")
        for terminal, number in self._servers:
            terminal.ended(number, _PATIENCE)
        self._servers.clear()

    def _isGone(self, process: str) -> bool:
        """Say whether a process has ended."""
        return not self._machine.path(f"/proc/{process}").exists()


class PageCase(SynchronousTestCase):
    """
    Plays the commands of a page.  The module's docstring has an example.

    @cvar page: its path in the repository.
    @cvar hosts: addresses that its machine has, and the names of each.
    @cvar before: commands to type before a block, which the text around it names.  The
        keys are the first lines of blocks.  C{^C} by itself ends the servers.
    @cvar notRun: blocks that are not played: why, and what holds them instead.  The
        keys are the beginnings of their first lines.
    @cvar isClone: the commands begin in a clone of the repository, not in an empty
        folder.
    """

    page: ClassVar[str]
    hosts: ClassVar[Mapping[str, str]] = {}
    before: ClassVar[Mapping[str, Sequence[str]]] = {}
    notRun: ClassVar[Mapping[str, str]] = {}
    isClone: ClassVar[bool] = True

    def play(self, found: Sequence[Block] | None = None) -> None:
        """
        Play all blocks of the page that have commands, in order.

        @param found: blocks to play in place of the page's.
        """
        machine = Machine(self, self.hosts, self.isClone)
        self.prepare(machine)
        if found is None:
            found = self.played()
            for block in blocks(self.page):
                if block.name:
                    machine.path(block.name).write_text(block.text + "\n", "utf-8")
        player = _Player(machine)
        for block in found:
            player.play(block, self.before.get(block.first, ()))

    def prepare(self, machine: Machine) -> None:
        """Make what the page takes for granted.  Here it is nothing."""

    @classmethod
    def isNamed(cls, block: Block) -> bool:
        """Say whether a block is in the table of those that are not played."""
        return block.first.startswith(tuple(cls.notRun))

    @classmethod
    def played(cls) -> list[Block]:
        """Give the blocks that L{play} plays."""
        return [
            each
            for each in blocks(cls.page)
            if each.hasCommands and not cls.isNamed(each)
        ]

    @classmethod
    def mistakes(cls) -> list[str]:
        """Say what is wrong between the page and the table."""
        found = [
            f"neither played nor in notRun: {each.first}"
            for each in blocks(cls.page)
            if not (each.hasCommands or each.name or cls.isNamed(each))
        ]
        firsts = [each.first for each in blocks(cls.page)]
        found += [
            f"notRun has what is not on the page: {key}"
            for key in cls.notRun
            if not any(first.startswith(key) for first in firsts)
        ]
        found += [
            f"before has what is not on the page: {key}"
            for key in set(cls.before) - set(firsts)
        ]
        return found
