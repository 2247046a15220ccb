"""Tests that C{docs/architecture.rst} and its drawing agree with the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.test import house
from echostamp.test.docscripts import DOCS, docScript

TOP = Path(echostamp.__file__).parents[1]

#: A literal that is a file or a folder, perhaps with a name that is in it:
#: C{echostamp/stamps.py:StampFormat.stamp}.
PLACE = re.compile(r"``((?:[a-z0-9_.]+/)+(?:[\w.]+)?)(?::([\w.]+))?``")


def page() -> str:
    """
    Read the page.

    @raise SkipTest: the package is installed without it.
    """
    try:
        return (DOCS / "architecture.rst").read_text("utf-8")
    except FileNotFoundError:
        raise SkipTest("no docs here") from None


def defined(tree: ast.AST, name: str) -> bool:
    """
    Tell whether a module defines a name: C{Class.method}, a function, a constant.
    """
    first, _, rest = name.partition(".")
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            if node.name == first:
                return not rest or defined(node, rest)
        elif not rest and first in set(_assigned(node)):
            return True
    return False


def _assigned(node: ast.AST) -> Iterator[str]:
    """Give the names that a statement assigns."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                yield each.id


class PageTests(SynchronousTestCase):
    """
    Tests for C{docs/architecture.rst}.
    """

    def test_places(self) -> None:
        """Every file that the page names exists, and holds the names."""
        places = PLACE.findall(page())
        self.assertGreater(len(places), 40)
        missing = []
        for path, name in places:
            if not (TOP / path).exists():
                missing.append(path)
            elif name and not defined(ast.parse((TOP / path).read_text("utf-8")), name):
                missing.append(f"{path}:{name}")
        self.assertEqual(missing, [])

    def test_rooms(self) -> None:
        """The page describes every room that exists, and no other."""
        described = re.findall(r"^``(\w+)``  ", page(), re.M)
        folders = {
            path.parent.name for path in (TOP / "echostamp").glob("*/__init__.py")
        }
        self.assertEqual(set(described), folders)
        self.assertEqual(folders - {"test"}, set(house.ROOMS) - set(house.PLANNED))

    def test_behaviours(self) -> None:
        """The page says where to change at least twelve behaviours."""
        table = page().partition("Where to change what\n")[2]
        rows = re.findall(r"^[A-Z].{36}``echostamp/", table, re.M)
        self.assertGreaterEqual(len(rows), 12)

    def test_drawing(self) -> None:
        """The drawing shows the table of arrows of today: docs/draw_rooms.py makes
        it."""
        page()
        expected = (DOCS / "rooms.svg").read_text("utf-8")
        self.assertEqual(docScript("draw_rooms").drawing(), expected)


class DefinedTests(SynchronousTestCase):
    """
    Tests for L{defined}.
    """

    def test_names(self) -> None:
        """Names are found where they are, and only there."""
        tree = ast.parse(
            "A, B = 1, 2\nC: int = 3\ndef f(): pass\nclass D:\n  def g(): x"
        )
        for name in "A", "B", "C", "f", "D", "D.g":
            self.assertTrue(defined(tree, name), name)
        for name in "g", "x", "f.g", "D.f", "E":
            self.assertFalse(defined(tree, name), name)
