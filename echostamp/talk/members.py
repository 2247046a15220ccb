"""
The names in an intercom, as its lines tell them: the own one and the others; pure.
"""

from __future__ import annotations

import re

#: The most names that are kept.
MOST = 1000

#: The most characters of a notice that are read.  No notice with a name is longer.
_LONGEST = 512

_NAME = r"[^\s<>\\]{1,80}"
_STAMP = r"\[[^\]\n]{1,60}\] "
_SPOKEN = re.compile(f"{_STAMP}<({_NAME})> ")
_ASKED = re.compile(f"{_STAMP}/name +({_NAME}) *\n")
_IS_NOW = re.compile(f"({_NAME}) is now ({_NAME})")
_YOU_ARE = re.compile(f"you are ({_NAME})(?:: .*)?")
_IS_HERE = re.compile(f"({_NAME}) (?:joined|since .+)")
_LEFT = re.compile(f"({_NAME}) left")
_NOTICE = re.compile(rf"{_STAMP}\* (.*)\n")


class Members:
    """
    Keeps the names that were heard: at most L{MOST}, those that were heard last.

    @ivar own: the name of this client; empty while it is not known.
    @ivar isIntercom: whether the far end is known to be an intercom.
    """

    def __init__(self, own: str | None = None) -> None:
        """
        @param own: the name that this client asks for.
        """
        self.own = own or ""
        self.isIntercom = bool(own)
        # From the name that was heard first to the one that was heard last.
        self._names: dict[str, None] = {}
        self._notice = ""

    def message(self, text: str) -> None:
        """
        Learn from the beginning of another member's line.

        @param text: it has at least the stamp and the name.
        """
        self.isIntercom = True
        if spoken := _SPOKEN.match(text):
            self._heard(spoken[1])

    def reply(self, text: str) -> None:
        """
        Learn from an own line that came back.  While the own name is not known, it is
        the one that the user has asked for.

        @param text: a whole line, or a piece of one, which tells nothing.
        """
        if not self.own and (asked := _ASKED.fullmatch(text)):
            self.own = asked[1]

    def notice(self, text: str) -> None:
        """
        Learn from a notice.

        @param text: the notice, or a piece of it.
        """
        self.isIntercom = True
        self._notice = (self._notice + text)[:_LONGEST]
        if not text.endswith("\n"):
            return
        line, self._notice = self._notice, ""
        if notice := _NOTICE.fullmatch(line):
            self._learn(notice[1])

    def _learn(self, text: str) -> None:
        """
        Learn from the text of a notice.
        """
        if changed := _IS_NOW.fullmatch(text):
            self._names.pop(changed[1], None)
            self._heard(changed[2])
            if changed[1] == self.own:
                self.own = changed[2]
        elif given := _YOU_ARE.fullmatch(text):
            self.own = given[1]
        elif left := _LEFT.fullmatch(text):
            self._names.pop(left[1], None)
        elif here := _IS_HERE.fullmatch(text):
            self._heard(here[1])

    def _heard(self, name: str) -> None:
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
