"""
Rows of the table of C{echostamp watch}, for tests.
"""

from __future__ import annotations

from typing import Any

from echostamp.client.watchrow import Row, TargetState
from echostamp.times import MILLISECOND


def row(
    name: str, place: int = 0, state: TargetState = TargetState.UP, **values: Any
) -> Row:
    """
    Give a row; the RTTs in C{values} are milliseconds.
    """
    for each in "last", "median", "p99":
        if values.get(each) is not None:
            values[each] = values[each] * MILLISECOND
    return Row(name, place, state, **values)
