"""
Columns of integers for items with consecutive numbers.
"""

from __future__ import annotations

from array import array

#: Items for which a ring has room from the start.
_LEAST = 32


class Ring:
    """
    Items with consecutive numbers, each a row of integers.  New items are appended, the
    oldest are dropped.  There is room for the items in between, plus at most an eighth
    and L{_LEAST} items.

    A row is read and written by its place in the columns::

        place = ring.place(number)
        ring.columns[0][place] = 7

    Where a number is known to be there, C{number % ring.room} takes less time.

    @ivar first: the number of the oldest item.
    @ivar end: the number of the next item to be appended.
    @ivar columns: the columns; each is indexed by L{place}.
    @ivar room: how many items there is room for: an item's place is its number modulo
        this.
    """

    __slots__ = ("columns", "end", "first", "room")

    def __init__(self, *types: str) -> None:
        """
        @param types: the type code of each column, as L{array} has it.
        """
        self.first = self.end = 0
        self.room = _LEAST
        self.columns = tuple(array(each, [0]) * _LEAST for each in types)

    def __len__(self) -> int:
        """How many items there are."""
        return self.end - self.first

    def append(self, *values: int) -> int:
        """
        Append an item.

        @param values: one for each column.
        @return: its number.
        @raise OverflowError: a value does not fit its column; nothing is appended.
        """
        number = self.end
        if number - self.first == self.room:
            self._resize(self.room + self.room // 8 + 1)
        place = number % self.room
        for column, value in zip(self.columns, values, strict=True):
            column[place] = value
        self.end = number + 1
        return number

    def skip(self) -> None:
        """
        Use up a number, while there are no items.
        """
        assert self.first == self.end
        self.first = self.end = self.end + 1

    def place(self, number: int) -> int:
        """
        Give the place of an item in the columns.  It is valid until the next L{append}
        or L{drop}.

        @raise IndexError: there is no such item.
        """
        if not self.first <= number < self.end:
            raise IndexError(number)
        return number % self.room

    def drop(self, first: int) -> None:
        """
        Drop the items before one.

        @param first: the number of the oldest item to keep.
        """
        if first <= self.first:
            return
        end = self.end
        self.first = first = first if first < end else end
        kept = end - first
        if self.room > kept + kept // 8 + _LEAST:
            self._resize(max(kept + kept // 16, _LEAST))

    def _resize(self, room: int) -> None:
        """
        Change the number of items for which there is room.
        """
        start, place = self.first % self.room, self.first % room
        kept = self.end - self.first
        behind = min(kept, room - place)
        columns = []
        for column in self.columns:
            items = column[start:] + column[:start]
            fresh = array(column.typecode, [0]) * room
            fresh[place : place + behind] = items[:behind]
            fresh[: kept - behind] = items[behind:kept]
            columns.append(fresh)
        self.room, self.columns = room, tuple(columns)
