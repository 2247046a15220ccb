"""
What the user sees of the table of C{echostamp watch}: the order, the filter and the
place; keys in, lines out; pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from echostamp.client import keys
from echostamp.client.watchrow import Row, matching, ordered
from echostamp.client.watchtable import UNITS, Layout, title
from echostamp.columns import beginning, columnsOf

#: The key of each order.
ORDER_KEYS = {"w": "worst", "n": "name", "m": "median", "l": "loss", "o": "offset"}

#: What the keys do, for the last line.
KEYS = "sort: Worst Name Median Loss Offset  / find  b bad only  arrows scroll  q quit"

#: The lines above the rows, and the fewest lines that have room for events.
_HEAD, _ENOUGH = 2, 8


class View:
    """
    The table as the user wants it.

    @ivar order: the order of the rows.
    @ivar isReversed: whether it is reversed.
    @ivar text: what the names of the shown rows contain.
    @ivar onlyBad: whether only rows with a trouble are shown.
    @ivar isFinding: whether the user types C{text}.
    @ivar isLeft: whether the user wants to end.
    """

    def __init__(self, window: str, isColoured: bool, mostStrip: int) -> None:
        """
        @param window: the name of the window.
        @param isColoured: whether to use colours.
        @param mostStrip: the most RTTs of a strip.
        """
        self.order, self.text = "worst", ""
        self.isReversed = self.onlyBad = self.isFinding = self.isLeft = False
        self._window = window
        self._isColoured = isColoured
        self._mostStrip = mostStrip
        self._top = 0
        # How many rows the screen has, and how many there are.
        self._page = self._count = 1

    # --- Keys -------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """
        Do what a key asks for.

        @param key: as L{keys.Keys} gives it.
        """
        if self.isFinding:
            self._find(key)
        elif key in ("q", "Q"):
            self.isLeft = True
        elif key == "/":
            self.isFinding = True
        elif key == keys.ESCAPE:
            self.text, self._top = "", 0
        elif key in ("b", "B"):
            self.onlyBad, self._top = not self.onlyBad, 0
        elif key.lower() in ORDER_KEYS:
            order = ORDER_KEYS[key.lower()]
            self.isReversed = order == self.order and not self.isReversed
            self.order, self._top = order, 0
        else:
            self._scroll(key)

    def _find(self, key: str) -> None:
        """
        Change the text that is looked for.
        """
        if key == keys.ENTER:
            self.isFinding = False
        elif key == keys.ESCAPE:
            self.isFinding, self.text = False, ""
        elif key == keys.BACKSPACE:
            self.text = self.text[:-1]
        elif key == keys.CLEAR:
            self.text = ""
        elif len(key) == 1:
            self.text += key
        else:
            self._scroll(key)
            return
        self._top = 0

    def _scroll(self, key: str) -> None:
        """
        Move the rows.
        """
        steps = {
            keys.UP: -1,
            "k": -1,
            keys.DOWN: 1,
            "j": 1,
            keys.PAGE_UP: -self._page,
            keys.PAGE_DOWN: self._page,
            " ": self._page,
            keys.HOME: -self._count,
            "g": -self._count,
            keys.END: self._count,
            "G": self._count,
        }
        self._top += steps.get(key, 0)
        self._keepTop()

    def _keepTop(self) -> None:
        """
        Do not scroll beyond the first and the last row.
        """
        self._top = max(0, min(self._top, self._count - self._page))

    # --- Lines ------------------------------------------------------------------------

    def screen(
        self, rows: Sequence[Row], events: Sequence[str], columns: int, lines: int
    ) -> list[str]:
        """
        Write the whole screen: at most as many lines as it has.

        @param rows: of all targets.
        @param events: the last ones.
        """
        below = [beginning(each, columns) for each in events]
        below = below if lines >= _ENOUGH else []
        shown = self._shown(rows)
        self._count, self._page = len(shown), max(1, lines - _HEAD - len(below) - 1)
        self._keepTop()
        part = shown[self._top : self._top + self._page]
        layout = self._layout(shown, columns)
        head = [
            beginning(self._title(rows, shown), columns),
            layout.head(self._isColoured),
        ]
        table = [layout.line(row, self._isColoured) for row in part]
        gap = [""] * (self._page - len(part))
        found = [*head, *table, *gap, *below, self._last(columns)]
        # Of a screen of few lines the first ones are left out.
        return found[max(0, len(found) - lines) :]

    def table(
        self, rows: Sequence[Row], events: Sequence[str], columns: int, lines: int
    ) -> list[str]:
        """
        Write the table that stays, without empty lines and without the keys.

        @param lines: how many rows there may be, about.
        """
        shown = self._shown(rows)
        most = max(1, lines - _HEAD - len(events) - 2)
        layout = self._layout(shown, columns)
        found = [beginning(self._title(rows, shown), columns)]
        found.append(layout.head(self._isColoured))
        found += [layout.line(row, self._isColoured) for row in shown[:most]]
        if len(shown) > most:
            found.append(f"... and {len(shown) - most} more")
        return found + [beginning(each, columns) for each in events]

    def _shown(self, rows: Sequence[Row]) -> list[Row]:
        """
        Give the rows that are shown, in order.
        """
        return ordered(
            matching(rows, self.text, self.onlyBad), self.order, self.isReversed
        )

    def _layout(self, shown: Sequence[Row], columns: int) -> Layout:
        """
        Give the layout of the table.
        """
        return Layout((row.name for row in shown), columns, self._mostStrip)

    def _title(self, rows: Sequence[Row], shown: Sequence[Row]) -> str:
        """
        Write the first line.  What a narrow terminal cuts is what changes least.
        """
        parts = [title(rows)]
        if len(shown) < len(rows):
            bad = "bad, " if self.onlyBad else ""
            parts.append(f"shown: {bad}{len(shown)}")
        if self.order != "worst" or self.isReversed:
            parts.append(f"by {self.order}{', reversed' if self.isReversed else ''}")
        return "; ".join([*parts, f"last {self._window}", UNITS])

    def _last(self, columns: int) -> str:
        """
        Write the last line: the keys, or the text that is looked for.
        """
        if self.isFinding:
            # The end of a long text is what is being typed.
            text = self.text
            while columnsOf(text) > columns - len("find: _"):
                text = text[1:]
            return f"find: {text}_"
        if self.text:
            found = f"find: {self.text}  (Escape: all)  "
            return beginning(found + KEYS, columns)
        return beginning(KEYS, columns)
