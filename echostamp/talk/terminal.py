"""
Standard input and output on a terminal: descriptors, modes, and text that is safe to
print.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterable, Mapping

from echostamp.intercom.parsing import Origin
from echostamp.text import UNSAFE, escaped

#: What asks the user for a line.
PROMPT = "> "

#: The oldest version of prompt_toolkit that line editing works with.
OLDEST_PROMPT_TOOLKIT = 3, 0, 38

#: What a console without line editing says once: when a line comes while another one
#: is typed, or after a line that was typed with an arrow key.  It names no command,
#: because the right one depends on how EchoStamp was installed.
EDITING_HINT = "(install prompt_toolkit for arrow keys and lines that stay whole)"

#: What is said once in an intercom, where an empty line does nothing.
LEAVING_HINT = "(Ctrl-D or /quit leaves)"

_COLOURS = {Origin.OTHER: "\x1b[36m", Origin.NOTICE: "\x1b[33m"}
_HEAD_COLOUR = "\x1b[1;36m"
_NO_COLOUR = "\x1b[0m"

#: The stamp and the name before another member's message.
_HEAD = re.compile(r"\[[^\]\n]{1,60}\] <[^<>\s]{1,80}>")


def privateDescriptor(fd: int, flags: int) -> int:
    """
    Open the file of a descriptor a second time, if it is a terminal or a pipe.

    The reactor makes its descriptors non-blocking.  That mode belongs to the open file,
    which we share with the shell: after a killed client, reads of the shell would
    fail.  The second open file is not shared.

    @param fd: the descriptor.
    @param flags: C{os.O_RDONLY} or C{os.O_WRONLY}.
    @return: the new descriptor, or C{fd} where there is no second open file.
    """
    if not (os.isatty(fd) or stat.S_ISFIFO(os.fstat(fd).st_mode)):
        return fd
    try:
        return os.open(
            f"/proc/self/fd/{fd}", flags | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError:
        # No /proc, another user's terminal, or a FIFO whose other end is closed.
        return fd


class SafeText:
    """
    Decodes a stream for a terminal, and escapes what the terminal would obey.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def feed(self, data: bytes, final: bool = False) -> str:
        """
        Decode more of the stream.

        @param data: UTF-8.  Other octets are written as C{\\xNN}.
        @param final: whether the stream ends here.
        @return: the text.  Controls other than tab and newline, and characters that
            reorder text, are written as C{\\xNN} and C{\\uNNNN}.
        """
        text = self._decoder.decode(data, final)
        return UNSAFE.sub(lambda match: escaped(match[0]), text)


class Painter:
    """
    Turns received pieces into safe text, with a colour for each origin.

    The stamp and the name before another member's message are bold.  So a message that
    the terminal wraps cannot imitate them at the beginning of a row.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """
        @param environment: the environment variables.  There are no colours with
            C{NO_COLOR} (see U{https://no-color.org}) or on a dumb terminal.
        """
        self._text = SafeText()
        self._isAmid = False
        self._hasColours = not (environment.get("NO_COLOR") or isDumb(environment))

    def paint(self, heard: Iterable[tuple[Origin, bytes]]) -> str:
        """
        Turn pieces into text.

        @param heard: the pieces, each with its origin.
        """
        return "".join(self._painted(origin, piece) for origin, piece in heard)

    def _painted(self, origin: Origin, piece: bytes) -> str:
        """
        Turn a piece into text, with colours on everything but the newline.
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
        """Give the text of an unfinished character."""
        return self._text.feed(b"", final=True)


def isDumb(environment: Mapping[str, str]) -> bool:
    """
    Check whether the terminal can only print.
    """
    return environment.get("TERM", "dumb") in {"", "dumb"}


def canEdit() -> bool:
    """
    Check whether lines can be edited.

    That needs a terminal that can move its cursor, and the extra C{terminal}.
    """
    return isTerminal() and not isDumb(os.environ) and _hasPromptToolkit()


def isTerminal() -> bool:
    """
    Check whether standard input and output are a terminal.
    """
    return os.isatty(0) and os.isatty(1)


def _hasPromptToolkit() -> bool:
    """
    Check whether a new enough prompt_toolkit is installed.
    """
    # It takes long to import, and only a terminal needs it.
    from importlib.metadata import PackageNotFoundError, version

    try:
        numbers = re.findall("[0-9]+", version("prompt_toolkit"))
    except PackageNotFoundError:
        return False
    return tuple(map(int, numbers)) >= OLDEST_PROMPT_TOOLKIT
