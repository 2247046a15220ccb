"""
Completes names with Tab.  This needs the extra C{terminal}, which is prompt_toolkit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from echostamp.talk.members import Members

#: A name that was begun, behind C{@} at the beginning of a word, or behind C{/name} at
#: the beginning of a line.
_BEGUN = re.compile(r"(?:(?<!\S)@|^/name +)(\S*)\Z", re.MULTILINE)

#: The most rows of a list of names: it has to leave some of a small terminal.
LIST_ROWS = 5


class NameCompleter(Completer):
    """
    Completes the names of members.
    """

    def __init__(self, members: Members) -> None:
        """
        @param members: knows the names.
        """
        self._members = members

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Give the names that a begun one may become."""
        if begun := _BEGUN.search(document.text_before_cursor):
            for name in self._members.beginningWith(begun[1]):
                yield Completion(name, start_position=-len(begun[1]))

    def bindTab(self, keys: KeyBindings) -> None:
        """
        Bind Tab: it completes a name, or is a character like any other.
        """

        @keys.add("tab")
        def complete(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            isBegun = _BEGUN.search(buffer.document.text_before_cursor)
            if buffer.complete_state:
                buffer.complete_next()
            elif isBegun and self._members.beginningWith(""):
                buffer.start_completion(insert_common_part=True)
            else:
                buffer.insert_text("\t")
