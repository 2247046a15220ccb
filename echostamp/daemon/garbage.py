"""
Keeps collections of garbage short.
"""

from __future__ import annotations

import gc


class Garbage:
    """
    Takes the peers out of Python's collections of garbage.  Each full collection would
    look through all of them, and probes would wait for it: 1,000 peers take 100 ms.

    What was taken out is no longer collected, so a peer that is replaced stays in
    memory.  When as many were replaced as there are, all are looked through once.

    Taking out takes time, too.  Few new peers are left where they are.
    """

    def __init__(self) -> None:
        self._made = self._replaced = 0

    def takeOut(self, peers: int, made: int, replaced: int) -> None:
        """
        Collect what is garbage, and take the rest out, if a tenth of the peers is new.

        @param peers: how many peers there are.
        @param made: how many were made so far.
        @param replaced: how many of those were removed or replaced.
        """
        if 10 * (made - self._made) < peers:
            return
        self._made = made
        if replaced - self._replaced > peers:
            self._replaced = replaced
            gc.unfreeze()
        gc.collect()
        gc.freeze()
