"""
Standard input and output on a terminal: descriptors, modes, and text that is safe to
print.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping

from echostamp.columns import columnsOf
from echostamp.intercom.parsing import Origin
from echostamp.talk.bell import Bell
from echostamp.talk.members import Members
from echostamp.talk.wrapping import ScreenRows
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

#: The colours of text, and of the stamp, the name and the edge before it.
_COLOURS = {Origin.OTHER: "\x1b[36m", Origin.NOTICE: "\x1b[33m", Origin.OWN: ""}
_HEAD_COLOURS = {**_COLOURS, Origin.OTHER: "\x1b[1;36m"}
_NO_COLOUR = "\x1b[0m"

#: The edges of rows that continue a line; the second one for terminals without the
#: first.
_EDGE, _PLAIN_EDGE = "│", "|"

#: The zero-width joiner.  tmux joins the next character beyond ASCII to what is before
#: it, over the end of a row too: it would swallow the edge.
_JOINER = "\u200d"
_ASCII = "".join(map(chr, range(128)))

#: The columns of a terminal that does not tell them.
_USUAL_COLUMNS = 80

_STAMP = re.compile(r"\[[^\]\n]{1,60}\] ")

#: What stands between the stamp and the text of a line, without the space behind it.
_NAMES = {
    Origin.OTHER: re.compile(r"<[^<>\s]{1,80}>"),
    Origin.NOTICE: re.compile(r"\*"),
    Origin.OWN: re.compile(""),
}


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
    Turns received pieces into safe text for a terminal.

    In an intercom, lines that are longer than a row are broken here, and each further
    row begins with an edge.  So no message can imitate another line at the beginning of
    a row.  Each origin has its colour; the stamp and the name before another member's
    message, and its edge, are bold.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        width: Callable[[], int] = lambda: _USUAL_COLUMNS,
        encoding: str = "utf-8",
        timeText: Callable[[], str] | None = None,
        members: Members | None = None,
        bell: Bell | None = None,
    ) -> None:
        """
        @param environment: the environment variables.  There are no colours with
            C{NO_COLOR} (see U{https://no-color.org}) or on a dumb terminal.
        @param width: gives the columns of the terminal.
        @param encoding: the terminal's encoding.
        @param timeText: gives the present time, which takes the place of a line's
            stamp; L{None} keeps the stamps.
        @param members: knows the client's name, and whether this is an intercom.
        @param bell: rings when another member says the client's name.
        """
        self._members = members or Members()
        self._bell = bell
        self._encoding = encoding
        self._timeText = timeText
        self._text = SafeText()
        self._rows = ScreenRows(width)
        self._origin = Origin.OWN
        self._isAmid = self._isJoining = False
        self._hasColours = not (environment.get("NO_COLOR") or isDumb(environment))
        isPlain = isDumb(environment) or self._encodable(_EDGE) != _EDGE
        self._edge = _PLAIN_EDGE if isPlain else _EDGE

    def paint(self, heard: Iterable[tuple[Origin, bytes]]) -> str:
        """
        Turn pieces into text.

        @param heard: the pieces, each with its origin.
        """
        return "".join(
            self._painted(origin, line)
            for origin, piece in heard
            for line in self._text.feed(piece).splitlines(keepends=True)
        )

    def leaveRow(self) -> None:
        """
        Note that the cursor is at the beginning of a row, or behind other text: the
        rest of a line that has no end yet begins a row of its own.
        """
        self._rows.leave()

    def rest(self) -> str:
        """Give the text of an unfinished character, and end the stream."""
        rest = self._text.feed(b"", final=True)
        text = self._painted(self._origin, rest) if rest else ""
        self._isAmid = False
        return text

    def _painted(self, origin: Origin, line: str) -> str:
        """
        Turn a line, or a piece of one, into rows with colours.
        """
        isFirst, self._isAmid = not self._isAmid, not line.endswith("\n")
        self._origin = origin
        text = self._encodable(line.removesuffix("\n"))
        head = 0
        if isFirst and (stamp := _STAMP.match(text)):
            time = stamp[0]
            if self._timeText is not None:
                time = f"{self._encodable(self._timeText())} "
            text = time + text[stamp.end() :]
            if name := _NAMES[origin].match(text, len(time)):
                head = name.end()
        if isFirst:
            isWrapped = origin is not Origin.OWN or self._members.isIntercom
            # There is a space behind a name, and behind the star of a notice.
            space = origin is not Origin.OWN
            self._rows.begin(columnsOf(text[:head]) + space, isWrapped)
        begin = head if origin is Origin.OTHER else 0
        shown = self._dressed(_HEAD_COLOURS, origin, text[:begin]) if begin else ""
        shown += self._dressed(_COLOURS, origin, text[begin:])
        if self._bell and origin is Origin.OTHER:
            own = self._members.own
            shown += self._bell.ring(own, text[begin:], isFirst, not self._isAmid)
        return shown if self._isAmid else f"{shown}\n"

    def _dressed(self, colours: Mapping[Origin, str], origin: Origin, text: str) -> str:
        """
        Break text into rows with edges and colours.

        @param colours: the colours of the text.
        """
        isLeft = self._rows.isLeft
        shown: list[str] = []
        for row in self._rows.feed(text):
            if shown:
                edge = _PLAIN_EDGE if self._isJoining else self._edge
                edge = self._coloured(_HEAD_COLOURS[origin], edge)
                shown.append(f"\n{edge}{' ' * (self._rows.indent - 1)}")
            shown.append(self._coloured(colours[origin], row))
            if beyond := row.rstrip(_ASCII):
                self._isJoining = beyond.endswith(_JOINER)
        return "".join(shown).removeprefix("\n" * isLeft)

    def _coloured(self, colour: str, text: str) -> str:
        """
        Give text a colour, if there are colours.
        """
        if not (text and colour and self._hasColours):
            return text
        return f"{colour}{text}{_NO_COLOUR}"

    def _encodable(self, text: str) -> str:
        """
        Escape what the terminal's encoding lacks.
        """
        encoded = text.encode(self._encoding, "backslashreplace")
        return encoded.decode(self._encoding)


def terminalColumns() -> int:
    """
    Ask the terminal at standard output how wide it is.
    """
    try:
        return os.get_terminal_size(1).columns or _USUAL_COLUMNS
    except OSError:
        return _USUAL_COLUMNS


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
