"""
Lists of integers of different lengths, in one array.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable


class Segments:
    """
    A sequence of lists of integers.  The lists are kept one after the other in a single
    array, because an object for each would take more memory than its integers.
    """

    __slots__ = ("_lengths", "_values")

    def __init__(self, code: str) -> None:
        """
        @param code: the type code of the integers, as L{array} has it.
        """
        self._values = array(code)
        self._lengths = array("H")

    def __len__(self) -> int:
        """How many lists there are."""
        return len(self._lengths)

    @property
    def areEmpty(self) -> bool:
        """Whether all lists are empty."""
        return not self._values

    def __getitem__(self, index: int) -> list[int]:
        """
        Return a list, by its index.
        """
        first = sum(self._lengths[:index])
        return self._values[first : first + self._lengths[index]].tolist()

    def __setitem__(self, index: int, values: Iterable[int]) -> None:
        """
        Replace a list.
        """
        first = sum(self._lengths[:index])
        fresh = array(self._values.typecode, values)
        self._values[first : first + self._lengths[index]] = fresh
        self._lengths[index] = len(fresh)

    def append(self, values: Iterable[int] = ()) -> None:
        """
        Append a list.
        """
        self._lengths.append(0)
        self[len(self) - 1] = values

    def clear(self) -> None:
        """
        Make all lists empty.
        """
        del self._values[:]
        self._lengths = array("H", bytes(2 * len(self._lengths)))

    def remove(self, first: int, end: int) -> None:
        """
        Remove the lists from an index to before another one.
        """
        start = sum(self._lengths[:first])
        del self._values[start : start + sum(self._lengths[first:end])]
        del self._lengths[first:end]
