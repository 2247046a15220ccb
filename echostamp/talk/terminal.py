"""
What a terminal needs: usable descriptors of our own, and text that is safe to print.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import stat
import sys
import termios
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from echostamp.intercom.parsing import Origin
from echostamp.text import escaped

PROMPT = "> "

#: The oldest version of prompt_toolkit with which lines can be edited.
OLDEST_PROMPT_TOOLKIT = 3, 0, 38

_COLOURS = {Origin.OTHER: "\x1b[36m", Origin.NOTICE: "\x1b[33m"}
_HEAD_COLOUR = "\x1b[1;36m"
_NO_COLOUR = "\x1b[0m"

#: What stands before another's message.
_HEAD = re.compile(r"\[[^\]\n]{1,60}\] <[^<>\s]{1,80}>")


def unusableStandardIO() -> str:
    """
    Look at standard input and output before the reactor does, whose own descriptors
    would take the numbers of closed ones.

    @return: what is wrong with them; nothing if they can be used.
    """
    for fd, name, useless, what in (
        (0, "standard input", os.O_WRONLY, "reading"),
        (1, "standard output", os.O_RDONLY, "writing"),
    ):
        try:
            mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError as error:
            return f"{name}: {error.strerror}"
        if mode == useless:
            return f"{name}: not open for {what}"
    return ""


def privateDescriptor(fd: int, flags: int) -> int:
    """
    Open what a descriptor refers to a second time, where that can be done.

    The reactor makes its descriptors non-blocking, and that belongs to the open
    file, which a shell shares with us: a client that is killed would leave the
    shell a terminal on which reads fail.  A second opening is ours alone.

    @param fd: a descriptor of a terminal or a pipe; any other is given back.
    @param flags: C{os.O_RDONLY} or C{os.O_WRONLY}.
    @return: the new descriptor, or C{fd} where there is no second way in.
    """
    if not (os.isatty(fd) or stat.S_ISFIFO(os.fstat(fd).st_mode)):
        return fd
    try:
        return os.open(
            f"/proc/self/fd/{fd}", flags | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError:
        # No /proc, another user's terminal, or a FIFO whose other end has gone.
        return fd


# Controls (C0 without tab and newline, DEL, C1), line and paragraph separators, and
# what reorders text: marks, embeddings, overrides and isolates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


class SafeText:
    """
    Decode a stream for printing: what a terminal would obey, it shows.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def feed(self, data: bytes, final: bool = False) -> str:
        """
        Decode more of the stream.

        @param data: UTF-8; octets that are not are shown as C{\\xNN}.
        @param final: whether this is the end, so that no more of an unfinished
            character can come.
        @return: text without controls other than tab and newline, and without
            characters that reorder text; these stand there as C{\\xNN} and C{\\uNNNN}.
        """
        text = self._decoder.decode(data, final)
        return _UNSAFE.sub(lambda match: escaped(match[0]), text)


class Painter:
    """
    Make text for a terminal of what came: safe, and by its colour one sees whose it is.

    Before another's message stamp and name are bold.  What a message has at the place
    where the terminal begins a new row may look like a line of its own, but not so.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """
        @param environment: with C{NO_COLOR} or without a C{TERM} that has colours,
            there are none; see U{https://no-color.org}.
        """
        self._text = SafeText()
        self._isAmid = False
        self._hasColours = not (environment.get("NO_COLOR") or isDumb(environment))

    def paint(self, heard: Iterable[tuple[Origin, bytes]]) -> str:
        """
        Make text.

        @param heard: pieces of what came, each with who says it.
        """
        return "".join(self._painted(origin, piece) for origin, piece in heard)

    def _painted(self, origin: Origin, piece: bytes) -> str:
        """
        Put colours on what is not a newline.
        """
        if not piece:
            return ""
        text = self._text.feed(piece)
        isAmid, self._isAmid = self._isAmid, not piece.endswith(b"\n")
        if not (text and self._hasColours) or origin is Origin.OWN:
            return text
        line, colour = text.removesuffix("\n"), _COLOURS[origin]
        head = _HEAD.match(line) if origin is Origin.OTHER and not isAmid else None
        begin = head.end() if head else 0
        bold = f"{_HEAD_COLOUR}{line[:begin]}{_NO_COLOUR}" if begin else ""
        return f"{bold}{colour}{line[begin:]}{_NO_COLOUR}{text[len(line) :]}"

    def rest(self) -> str:
        """Make text of a character that has not come whole."""
        return self._text.feed(b"", final=True)


def isDumb(environment: Mapping[str, str]) -> bool:
    """
    Say whether the terminal can do nothing but print.
    """
    return environment.get("TERM", "dumb") in {"", "dumb"}


def canEdit() -> bool:
    """
    Say whether lines can be edited: there is somebody on a terminal that can move its
    cursor, and the extra C{terminal}.
    """
    return (
        os.isatty(0) and os.isatty(1) and not isDumb(os.environ) and _hasPromptToolkit()
    )


def _hasPromptToolkit() -> bool:
    """
    Say whether there is one of those that the extra C{terminal} may bring.
    """
    try:
        numbers = re.findall("[0-9]+", version("prompt_toolkit"))
    except PackageNotFoundError:
        return False
    return tuple(map(int, numbers)) >= OLDEST_PROMPT_TOOLKIT


@contextmanager
def keptModes() -> Iterator[None]:
    """
    Leave the terminal as it was found, however this ends.
    """
    modes = termios.tcgetattr(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, modes)
        # Show the cursor, and end bracketed paste.
        sys.stdout.write("\x1b[?25h\x1b[?2004l")
        sys.stdout.flush()
