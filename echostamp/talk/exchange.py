"""
What is sent and received over one connection: which messages are answered, and what the
console shows of the replies; pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from echostamp.intercom.parsing import IntercomParser, Origin
from echostamp.talk.shown import ShownReplies
from echostamp.talk.unanswered import UnansweredLines
from echostamp.text import counted

#: Received pieces, each with its origin.
Heard: TypeAlias = list[tuple[Origin, bytes]]

#: The command by which a member leaves the intercom.
QUIT = b"/quit"

#: As a whole message, with the newline of the message before it.
_QUIT = re.compile(rb"\n/quit\r?\n")

#: The most octets of a notice that is held until its end has come.
_LONGEST_NOTICE = 4096

#: Octets of an unfinished message by which L{QUIT} is recognised.
_BEGINNING = len(QUIT) + 2


class Exchange:
    """
    The messages and the replies of one connection.

    @ivar replies: counts sent messages and received replies.
    @ivar hasHeard: whether anything was received.
    @ivar isAmid: whether the line that was given last has no end.
    """

    def __init__(self, showTimes: bool, clock: Callable[[], int]) -> None:
        """
        @param showTimes: whether to put the round-trip time after each reply.
        @param clock: gives nanoseconds, for the round-trip times.
        """
        self._parser = IntercomParser()
        self.replies = self._parser.replies
        self._shown = ShownReplies(self.replies, showTimes, clock)
        self._lines = UnansweredLines()
        self.hasHeard = self.isAmid = False
        self._isLastOpen = False
        self._begun = b""
        self._notice = b""
        self._quit: int | None = None

    def keep(self, line: bytes) -> None:
        """
        Keep a line of the user's, which is sent next, until it is answered.
        """
        self._lines.sent(self.replies.sentLines, line)

    def unansweredLines(self) -> bytes:
        """
        Show the lines that were kept and are not answered.
        """
        return self._lines.report(self.unanswered)

    def sent(self, data: bytes) -> None:
        """
        Count octets that are sent.
        """
        before = self.replies.sentLines
        if not self.hasQuit:
            self._findQuit(data)
        self._parser.sent(data)
        self._shown.sent(self.replies.sentLines - before)

    def _findQuit(self, data: bytes) -> None:
        """
        Look for L{QUIT} as a whole message, and keep how many messages end with it.
        """
        text = b"\n" + self._begun + data
        if found := _QUIT.search(text):
            self._quit = self.replies.sentLines + text.count(b"\n", 1, found.end())
        self._begun = text[text.rfind(b"\n") + 1 :][:_BEGINNING]

    @property
    def hasQuit(self) -> bool:
        """Whether L{QUIT} was sent, and nothing behind it was answered: a daemon that
        answers more takes it for a message."""
        return self._quit is not None and self.replies.receivedLines <= self._quit

    @property
    def isQuitAnswered(self) -> bool:
        """Whether L{QUIT} was the last message that was answered."""
        return self._quit == self.replies.receivedLines

    @property
    def unanswered(self) -> int:
        """The number of the user's messages that have not been answered."""
        return self.replies.unanswered - self._shown.hidden

    @property
    def owed(self) -> str:
        """The number of the user's messages that have not been answered, in words."""
        return f"{counted(self.unanswered, 'message')} not answered"

    @property
    def isHiding(self) -> bool:
        """Whether a reply that will not be shown has not come."""
        return self._shown.hidden > 0

    def hideNext(self) -> None:
        """
        Show nothing of the reply to the next message.
        """
        self._shown.hideNext()

    def inputEnded(self, isTls: bool) -> bytes:
        """
        Count the last message, if it has no newline.

        @param isTls: whether the end of the input cannot be sent.  Then a newline is
            added to the message, which its reply is shown without.
        @return: what to send.
        """
        self._isLastOpen = self.replies.isUnterminated
        if not self._isLastOpen:
            return b""
        self._shown.inputEnded()
        if not isTls:
            return b""
        self._parser.sent(b"\n")
        self._shown.hideNewline()
        return b"\n"

    def heard(self, data: bytes) -> Heard:
        """
        Separate received octets by their origin, and give what to show of them.  Each
        notice is one piece.
        """
        self.hasHeard = True
        heard: Heard = []
        before = self.replies.receivedLines
        for origin, piece in self._parser.feed(data):
            if origin is Origin.OWN:
                heard.append((origin, self._shown.shown(piece, before)))
            elif origin is Origin.NOTICE:
                heard += self._noticed(piece)
            else:
                heard.append((origin, piece))
            before = self.replies.receivedLines
        self._lines.answered(before)
        return self._given(heard)

    def _noticed(self, piece: bytes) -> Heard:
        """
        Hold a notice until its end has come.
        """
        notice, self._notice = self._notice + piece, b""
        if notice.endswith(b"\n") or len(notice) > _LONGEST_NOTICE:
            return [(Origin.NOTICE, notice)]
        self._notice = notice
        return []

    def rest(self) -> Heard:
        """
        Give what was held back until more came.
        """
        before = self.replies.receivedLines
        rest: Heard = [(Origin.NOTICE, self._notice)] if self._notice else []
        self._notice = b""
        if own := self._parser.rest():
            rest.append((Origin.OWN, self._shown.shown(own, before)))
        return self._given(rest)

    def _given(self, heard: Heard) -> Heard:
        """
        Note whether what is shown ends with a whole line.
        """
        for _, piece in heard:
            if piece:
                self.isAmid = not piece.endswith(b"\n")
        return heard

    def ending(self, isErased: bool = False) -> Heard:
        """
        Give what is left to show when no more replies can come.

        @param isErased: whether the lines that were kept are no longer on the screen.
            Those that are not answered are then shown.
        """
        isAnswered = self._isLastOpen and not self.replies.unanswered
        rest = self._shown.rest(isAnswered)
        if isErased and (lines := self.unansweredLines()):
            rest += b"\n" * self.isAmid + lines
        return [(Origin.OWN, rest)] if rest else []
