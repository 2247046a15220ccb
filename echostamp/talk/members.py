"""
The names in an intercom, as its lines tell them: the own one and the others; pure.
"""

from __future__ import annotations

import re

from echostamp.intercom.parsing import Origin

#: The most names that are kept.
MOST = 1000

_NAME = r"[^\s<>\\]{1,80}"
_STAMP = r"\[[^\]\n]{1,60}\] "
_SPOKEN = re.compile(f"{_STAMP}<({_NAME})> ")
_IS_NOW = re.compile(f"({_NAME}) is now ({_NAME})")
_YOU_ARE = re.compile(f"you are ({_NAME})(?:: .*)?")
_IS_HERE = re.compile(f"({_NAME}) (?:joined|since .+)")
_LEFT = re.compile(f"({_NAME}) left")
_NOTICE = re.compile(rf"{_STAMP}\* (.*?)\r?\n")

#: The most octets of a line that are read.  No head and no notice with a name is
#: longer.
_LONGEST = 512


class Members:
    """
    Keeps the names that were heard: at most L{MOST}, those that were heard last.

    @ivar own: the name of this client, as far as it is known; empty while it is not.
    @ivar isIntercom: whether the far end is known to be an intercom: a name was asked
        for at first, or something came that answers no message of this client.
    """

    def __init__(self) -> None:
        self.own = ""
        self.isIntercom = False
        # From the name that was heard first to the one that was heard last.
        self._names: dict[str, None] = {}

    def heard(self, origin: Origin, piece: bytes) -> bool:
        """
        Learn from a received piece.

        @param piece: a whole notice, or the beginning of another member's line; any
            other piece tells nothing.
        @return: whether it is a notice that tells the client's name.
        """
        if origin is Origin.OWN:
            return False
        self.isIntercom = True
        text = piece[:_LONGEST].decode("utf-8", "replace")
        if origin is Origin.OTHER:
            if spoken := _SPOKEN.match(text):
                self._keep(spoken[1])
            return False
        notice = _NOTICE.fullmatch(text)
        return notice is not None and self._told(notice[1])

    def _told(self, text: str) -> bool:
        """
        Learn from the text of a notice.

        @return: whether it tells the client's name.
        """
        if given := _YOU_ARE.fullmatch(text):
            self.own = given[1]
            return True
        if changed := _IS_NOW.fullmatch(text):
            self._names.pop(changed[1], None)
            self._keep(changed[2])
            if changed[1] == self.own:
                self.own = changed[2]
                return True
        elif left := _LEFT.fullmatch(text):
            self._names.pop(left[1], None)
        elif here := _IS_HERE.fullmatch(text):
            self._keep(here[1])
        return False

    def _keep(self, name: str) -> None:
        """
        Keep a name, as the one that was heard last.
        """
        if name.isprintable():
            self._names.pop(name, None)
            self._names[name] = None
            if len(self._names) > MOST:
                del self._names[next(iter(self._names))]

    def beginningWith(self, text: str) -> list[str]:
        """
        Find the names that begin with a text, in upper or lower case.  Those that were
        heard last come first.
        """
        small = text.lower()
        return [
            name for name in reversed(self._names) if name.lower().startswith(small)
        ]
