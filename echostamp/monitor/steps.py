"""
Work that is done in small steps, so that others have their turns between them; pure.

The work is a generator: each C{yield} ends a step.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")

#: Work with a result.
Steps: TypeAlias = Generator[None, None, T]


def allSteps(steps: Steps[T]) -> T:
    """
    Do all steps at once.

    @return: the result.
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


def eachOf(call: Callable[[Item], T], items: Iterable[Item]) -> Steps[list[T]]:
    """
    Call a function with each of some items, a step for each.
    """
    found = []
    for each in items:
        found.append(call(each))
        yield
    return found
