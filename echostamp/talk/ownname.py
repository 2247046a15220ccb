"""
The name of this client in the intercom, as the daemon's notices tell it; pure.
"""

from __future__ import annotations

import re

from echostamp.intercom.naming import isName, requestedName
from echostamp.intercom.parsing import Origin
from echostamp.talk.exchange import Heard

_STAMP = rb"\[[^\]\n]{1,60}\] "
_YOU_ARE = re.compile(_STAMP + rb"\* you are (\S+?)(?:: [^\n]*)?\r?\n")
_RENAMED = re.compile(_STAMP + rb"\* (\S+) is now (\S+)\r?\n")

#: The most octets of a notice that is held until its end has come.
_LONGEST = 4096


class OwnName:
    """
    Follows the name that this client has, and gets it back after a new connection.

    @ivar wanted: the name to ask for on the next connection; C{None} for none.
    @ivar hasAnswer: whether a notice has told the name since it was asked for last.
    """

    def __init__(self) -> None:
        self.wanted: bytes | None = None
        self.hasAnswer = False
        self._own: bytes | None = None
        self._isRegaining = False
        self._isRepeated = False
        self._held = b""

    @property
    def isMissed(self) -> bool:
        """Whether another connection still has the name."""
        return self._isRegaining and self._own != self.wanted

    def typed(self, line: bytes) -> None:
        """
        Follow a line of the user, who may ask for a name.

        A notice comes only if the client does not get it.
        """
        name = requestedName(line)
        if name is not None and isName(name):
            self._own = self.wanted = name
            self._isRegaining = False

    def begin(self, name: bytes) -> None:
        """
        Ask for a name, on the first connection.
        """
        self._own = self.wanted = name

    def beginAgain(self) -> None:
        """
        Ask for the name that this client had, on a new connection.
        """
        self._own = self.wanted
        self._isRegaining = True
        self._isRepeated = self.hasAnswer = False

    def askAgain(self) -> None:
        """
        Ask once more.  The answers are not shown, unless the name is given.
        """
        self._isRepeated, self.hasAnswer = True, False

    def giveUp(self) -> None:
        """
        Keep the present name: the daemon gives no other one.
        """
        self._isRegaining = False

    def held(self) -> bytes:
        """
        Take the beginning of a notice whose end will not come.
        """
        held, self._held = self._held, b""
        return held

    def shown(self, heard: Heard) -> Heard:
        """
        Follow the notices among received pieces, and give those pieces that are shown.
        """
        shown: Heard = []
        for origin, piece in heard:
            text = piece
            if origin is Origin.NOTICE:
                text, self._held = self._held + piece, b""
                if not text.endswith(b"\n") and len(text) < _LONGEST:
                    self._held = text
                    continue
                if not self._follow(text):
                    continue
            shown.append((origin, text))
        return shown

    def _follow(self, notice: bytes) -> bool:
        """
        Follow a notice.

        @return: whether it is shown.
        """
        isShown = True
        if found := _YOU_ARE.fullmatch(notice):
            isShown = not (self.isMissed and self._isRepeated)
            self._own, self.hasAnswer = found[1], True
        elif (found := _RENAMED.fullmatch(notice)) and found[1] == self._own:
            self._own, self.hasAnswer = found[2], True
        else:
            return True
        if not self._isRegaining:
            self.wanted = self._own if isName(self._own) else self.wanted
        elif self._isRepeated and not self.isMissed:
            self._isRegaining = False
        return isShown
