"""
Reads the keys that a terminal sends; pure.
"""

from __future__ import annotations

import codecs
import re

#: The names of keys that a terminal sends as several characters, or as a control.
UP, DOWN, PAGE_UP, PAGE_DOWN, HOME, END = (
    "up",
    "down",
    "pageup",
    "pagedown",
    "home",
    "end",
)
ESCAPE, ENTER, BACKSPACE, CLEAR = "escape", "enter", "backspace", "clear"

_ESC = "\x1b"

#: What follows the Escape character for each of these.
_SEQUENCES = {
    **{
        f"{start}{letter}": key
        for start in "[O"
        for letter, key in (("A", UP), ("B", DOWN), ("H", HOME), ("F", END))
    },
    "[5~": PAGE_UP,
    "[6~": PAGE_DOWN,
    **dict.fromkeys(("[1~", "[7~"), HOME),
    **dict.fromkeys(("[4~", "[8~"), END),
}

_CONTROLS = {
    **dict.fromkeys("\r\n", ENTER),
    **dict.fromkeys("\x08\x7f", BACKSPACE),
    "\x15": CLEAR,
    "\x02": PAGE_UP,
    "\x06": PAGE_DOWN,
}

#: A whole sequence, and the beginning of one.
_WHOLE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.)")
_BEGUN = re.compile(r"\x1b(\[[0-?]*[ -/]*|O)?")

#: The most characters of a sequence that are waited for.
_LONGEST = 32


class Keys:
    """
    Turns what a terminal sends into keys: a printable character, or one of the names in
    this module.  Other keys are left out.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._held = ""

    @property
    def isWaiting(self) -> bool:
        """Whether more of a sequence may follow, or else L{flush} is to be called."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[str]:
        """
        Read more.
        """
        text = self._held + self._decoder.decode(data)
        self._held = ""
        keys = []
        while text:
            if whole := _WHOLE.match(text):
                found: str | None = _SEQUENCES.get(whole[1])
                text = text[whole.end() :]
            elif text[0] == _ESC:
                begun = _BEGUN.match(text)
                assert begun
                if begun.end() == len(text) <= _LONGEST:
                    self._held = text
                    break
                found, text = ESCAPE, text[1:]
            else:
                found = _CONTROLS.get(text[0]) or (
                    text[0] if text[0].isprintable() else None
                )
                text = text[1:]
            if found is not None:
                keys.append(found)
        return keys

    def flush(self) -> list[str]:
        """
        Take what waits for more as the Escape key.
        """
        held, self._held = self._held, ""
        return [ESCAPE] if held else []
