"""
What is said of the rows of all sources, judged once; pure.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from echostamp.web.judgedrow import JudgedRow
from echostamp.web.rowdata import SourceRow


class JudgedRows:
    """
    Judges rows, those that are as before only once.
    """

    def __init__(self) -> None:
        # By the name of the source.
        self._known: dict[str, JudgedRow] = {}

    def judge(self, rows: Iterable[SourceRow]) -> Generator[str, None, list[JudgedRow]]:
        """
        Judge rows, one a step, which gives no text.  What is known of other sources is
        forgotten.

        @return: all of them.
        """
        found: list[JudgedRow] = []
        for row in rows:
            found.append(self._judge(row))
            yield ""
        names = {each.row.source for each in found}
        self._known = {
            name: each for name, each in self._known.items() if name in names
        }
        return found

    def prepare(self, row: SourceRow) -> Iterator[None]:
        """
        Judge a row before somebody asks for it, and write its cells in the ways in
        which those of its source were written before, in steps.
        """
        before = self._known.get(row.source)
        views = [] if before is None else before.views()
        judged = self._judge(row)
        for view in views:
            yield
            judged.cells(view)

    def _judge(self, row: SourceRow) -> JudgedRow:
        """
        Judge a row, unless it is known.
        """
        known = self._known.get(row.source)
        if known is None or known.row is not row:
            known = self._known[row.source] = JudgedRow(row, known)
        return known
