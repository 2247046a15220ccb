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
from importlib.util import find_spec

from echostamp.line.hearing import Voice
from echostamp.text import escaped

PROMPT = "> "

_COLOURS = {Voice.OWN: "", Voice.OTHER: "\x1b[36m", Voice.NOTICE: "\x1b[33m"}
_NO_COLOUR = "\x1b[0m"


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
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """
        @param environment: with C{NO_COLOR} or without a C{TERM} that has colours,
            there are none; see U{https://no-color.org}.
        """
        self._text = SafeText()
        self._hasColours = not (environment.get("NO_COLOR") or isDumb(environment))

    def paint(self, heard: Iterable[tuple[Voice, bytes]]) -> str:
        """
        Make text.

        @param heard: pieces of what came, each with who says it.
        """
        return "".join(
            self._coloured(self._text.feed(piece), _COLOURS[voice])
            for voice, piece in heard
        )

    def _coloured(self, text: str, colour: str) -> str:
        """
        Put a colour on what is not a newline.
        """
        if not (text and colour and self._hasColours):
            return text
        line = text.removesuffix("\n")
        return f"{colour}{line}{_NO_COLOUR}{text[len(line) :]}"

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
        os.isatty(0)
        and os.isatty(1)
        and not isDumb(os.environ)
        and find_spec("prompt_toolkit") is not None
    )


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
