"""
What a browser shows of the matrix.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.browsers import Browser

#: Reads the table.
_READ = """
const table = document.querySelector("table.matrix");
const heads = [...table.querySelectorAll("thead th")].map((each) => [
  each.querySelector("b")?.textContent, each.querySelector("em")?.textContent]);
const isTurned = table.querySelector(".corner").textContent.startsWith("target");
const rows = [...table.querySelectorAll("tbody tr")].map((row) => ({
  name: row.querySelector("th b").textContent,
  note: row.querySelector("th em")?.textContent,
  cells: [...row.children].map((cell) => ({
    classes: [...cell.classList],
    text: cell.textContent,
    figures: [...cell.querySelectorAll("i")].map(
      (each) => [each.className, each.textContent]),
    title: cell.querySelector("[title]")?.title || "",
  })),
}));
const troubles = document.querySelector("[data-key=troubles]").textContent;
return [isTurned, heads, rows, troubles];
"""

#: The figures of a cell, in their order.
_FIGURES = "loss", "rtt", "clock"


class SeenCell(NamedTuple):
    """
    A cell with figures.

    @ivar level: the letter of its level.
    @ivar isStale: whether it is grey.
    @ivar text: all that is in it.
    @ivar figures: the level and the text of each figure.
    @ivar title: what it says when one points at it.
    """

    level: str
    isStale: bool
    text: str
    figures: list[tuple[str, str]]
    title: str

    def isBad(self, name: str) -> bool:
        """
        Tell whether a figure is bad, in colour and in sign.

        @param name: C{loss}, C{rtt} or C{clock}.
        """
        if len(self.figures) < len(_FIGURES):
            return False
        level, text = self.figures[_FIGURES.index(name)]
        return level == "b" and text.startswith("◆ ")


class Seen(NamedTuple):
    """
    What the page shows at a time.

    @ivar cells: by source and target, without those that are empty.
    @ivar notes: what is said of each source that is silent.
    @ivar targets: the names of the targets.
    @ivar troubles: the list of what is bad, as one text.
    """

    cells: dict[tuple[str, str], SeenCell]
    notes: dict[str, str]
    targets: set[str]
    troubles: str


def seen(browser: Browser) -> Seen:
    """
    Read what a browser shows of the matrix.
    """
    isTurned, heads, rows, troubles = browser.execute_script(_READ)
    cells: dict[tuple[str, str], SeenCell] = {}
    notes: dict[str, str] = {}
    targets: set[str] = set()
    for row in rows:
        if not isTurned and row["note"]:
            notes[row["name"]] = row["note"]
        for (name, note), cell in zip(heads, row["cells"], strict=True):
            if not name:
                continue
            if isTurned and note:
                notes[name] = note
            path = (name, row["name"]) if isTurned else (row["name"], name)
            targets.add(path[1])
            level, *others = cell["classes"]
            if level != "o":
                figures = [(each[0], each[1]) for each in cell["figures"]]
                cells[path] = SeenCell(
                    level, "s" in others, cell["text"], figures, cell["title"]
                )
    return Seen(cells, notes, targets, troubles)
