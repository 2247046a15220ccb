"""
Keeps collections of garbage short.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Collections of the youngest objects before one looks through all: more than there
#: will ever be.
_NEVER = 1 << 30


class Garbage:
    """
    Takes the peers out of Python's collections of garbage.  Each full collection would
    look through all of them, and probes would wait for it: 1,000 peers take 100 ms.

    What was taken out is no longer collected.  A peer that is replaced is in no cycle,
    so it is freed nevertheless.  Other garbage is collected before: that takes 10 ms
    itself, so where only few peers are new, nothing is collected or taken out.

    @ivar areMany: whether many peers are being made.
    """

    areMany = False

    @contextmanager
    def making(self) -> Iterator[None]:
        """
        Take out the peers that are made meanwhile, if they are many.  Until then only
        young objects are looked through.
        """
        self.areMany = False
        thresholds = gc.get_threshold()
        gc.set_threshold(*thresholds[:2], _NEVER)
        try:
            yield
        finally:
            if self.areMany:
                self.takeOut()
            gc.set_threshold(*thresholds)

    def expectMany(self) -> None:
        """
        Collect what is garbage, before many peers are made.
        """
        self.areMany = True
        gc.collect()

    def step(self) -> None:
        """
        Collect garbage among young objects after each of many peers.  Python does that
        itself when many more objects were made than freed, and it also counts those
        freed that were taken out.  So where peers are replaced, young objects would
        pile up, and the collection that comes at last would take 100 ms.
        """
        if self.areMany:
            gc.collect(1)

    def takeOut(self) -> None:
        """
        Take out what there is, but for the garbage among what is young.
        """
        gc.collect(1)
        gc.freeze()
