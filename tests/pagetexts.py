"""
The literal blocks of the project's pages, and how they are compared with screens.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import NamedTuple

from docutils import core, nodes

from tests.machines import ROOT
from tests.screens import BUSY

#: Any number of lines.
ANY = "..."

#: A row of the table of C{echostamp watch}.
_ROW = re.compile(r"\S+ +up +\d")


class Block(NamedTuple):
    """
    A literal block of a page.

    @ivar kind: the language of a C{code-block}; empty for others.
    @ivar name: its C{:name:}, or nothing.
    """

    kind: str
    name: str
    text: str

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0].strip()

    @property
    def hasCommands(self) -> bool:
        """Whether it has commands."""
        isShell = self.kind in ("console", "sh")
        return isShell or bool(re.search(r"^\$ ", self.text, re.MULTILINE))


class Step(NamedTuple):
    """
    Something to type, and what the page shows then.

    @ivar prompt: what the shell or the program that runs shows before it.
    """

    prompt: str
    typed: str
    shown: list[str]

    @property
    def isCommand(self) -> bool:
        """Whether it is typed to the shell."""
        return self.prompt == "$ "

    @property
    def lines(self) -> list[str]:
        """What the screen shows of it when it was typed."""
        return f"{self.prompt}{self.typed}".split("\n")


@cache
def blocks(page: str) -> list[Block]:
    """
    Find the literal blocks of a page, or the examples of a manual page.

    @param page: its path in the repository.
    """
    text = (ROOT / page).read_text("utf-8")
    if not page.endswith(".rst"):
        return [Block("console", "", each) for each in _examples(text)]
    tree = core.publish_doctree(
        text,
        source_path=str(ROOT / page),
        settings_overrides={"syntax_highlight": "none", "report_level": 5},
    )
    return [
        Block(
            next((each for each in node["classes"] if each != "code"), ""),
            "".join(node["names"]),
            node.astext(),
        )
        for node in tree.findall(nodes.literal_block)
        # What Sphinx alone knows is an error here, with its text.
        if not isinstance(node.parent, nodes.system_message)
    ]


def textOf(page: str, first: str) -> str:
    """
    Give the text of a literal block of a page.

    @param first: what its first line begins with.
    """
    (found,) = [each for each in blocks(page) if each.first.startswith(first)]
    return found.text


def _examples(text: str) -> list[str]:
    """Give the examples in the source of a manual page."""
    section = text.partition(".Sh EXAMPLES\n")[2].partition("\n.Sh ")[0]
    found = re.findall(
        r"(?:^\.Dl .*\n?)+|(?<=^\.Bd -literal -offset indent\n)(?:.*\n)*?(?=\.Ed)",
        section,
        re.MULTILINE,
    )
    return [
        re.sub(r"^\.Dl ", "", each, flags=re.MULTILINE).replace("\\e", "\\").strip()
        for each in found
    ]


def pages() -> list[str]:
    """Give the paths of all pages in the repository."""
    forms = "*.rst", "docs/*.rst", "*/README.rst", "docs/*.[18]"
    found = {path for form in forms for path in ROOT.glob(form)}
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _isOpen(command: str) -> bool:
    """Say whether a shell would read another line of a command."""
    if command.endswith(("\\", "|", "&&")):
        return True
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return True
    return False


def steps(block: Block) -> list[Step]:
    """
    Find what to type, and what the page shows of it.
    """
    found: list[Step] = []
    isConsole = "\n$ " in f"\n{block.text}"
    for line in block.text.split("\n"):
        last = found[-1] if found else None
        if last and last.isCommand and not last.shown and _isOpen(last.typed):
            found[-1] = last._replace(typed=f"{last.typed}\n{line}")
        elif line.startswith("$ ") or (line.strip() and not isConsole):
            found.append(Step("$ ", line.removeprefix("$ ") if isConsole else line, []))
        elif line.startswith("> "):
            found.append(Step("> ", line.removeprefix("> "), []))
        elif line == "^C":
            found.append(Step("", line, []))
        elif last:
            last.shown.append(line)
    return found


def masked(line: str) -> str:
    """
    Leave out of a line what differs between two runs that are alike: numbers, times,
    units, bars, runs of spaces, and signs that the machine was busy.
    """
    line = BUSY.sub("", line)
    day = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
    month = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    line = re.sub(rf"\b{day} {month} +", "", line)
    # Of localhost, some machines take the one address and some the other.
    line = re.sub(r"\[::1\]", "127.0.0.1", line)
    line = re.sub(r"[-+±<]*\d+([.,:]\d+)*", "N", line)
    line = re.sub(r"\bN (ns|µs|ms|s)\b", "N u", line)
    line = re.sub(r"^(ns|µs|ms|s) (?= *min )", "u ", line)
    line = re.sub("[▁▂▃▄▅▆▇█]+", "▁", line)
    line = re.sub(r"\bx+\b", "x", line)
    # Where the bounds are wide, the text has no estimate.
    line = re.sub(r"^drift .*", "drift", line)
    return re.sub(r" +", " ", line).strip()


def _pattern(lines: Sequence[str]) -> str:
    """Give a pattern of what L{masked} makes of a screen with these lines."""
    return "".join(
        r"(?:.*\n)*?"
        if line.strip() == ANY
        else re.escape(masked(line)).replace(r"\.\.\.", ".*") + "\n"
        for line in lines
    )


def _byName(lines: Iterable[str]) -> Iterator[str]:
    """
    Put neighbouring rows of C{echostamp watch} into the order of their names: their own
    order depends on their numbers.
    """
    for areRows, group in groupby(lines, lambda line: bool(_ROW.match(line))):
        together = list(group)
        yield from sorted(together) if areRows else together


def matches(lines: Sequence[str], screen: str) -> bool:
    """
    Say whether a screen shows lines of a page.
    """
    lines = [*_byName(lines)]
    found = "".join(f"{masked(line)}\n" for line in _byName(screen.split("\n")))
    # How many empty lines are in a table depends on the terminal's height.
    found = re.sub("\n{3,}", "\n\n", found)
    return bool(re.fullmatch(_pattern(lines), found))
