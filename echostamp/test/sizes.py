"""
How much memory objects hold, for tests.
"""

from __future__ import annotations

import gc
import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from twisted.logger import Logger

#: What is there once for the whole process.  By a logger everything can be reached
#: that was logged.
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, Logger)


def heldBy(root: object, *others: object) -> int:
    """
    Give the octets of an object and of all that it refers to.

    @param others: what is left out, with all that only it refers to.
    """
    seen = {id(each) for each in others}
    waiting, total = [root], 0
    while waiting:
        found: Any = waiting.pop()
        if id(found) in seen or isinstance(found, _SHARED):
            continue
        seen.add(id(found))
        total += sys.getsizeof(found)
        waiting.extend(gc.get_referents(found))
    return total
