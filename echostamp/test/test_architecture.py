"""
Tests that the source keeps the rules of L{echostamp.test.house}: which room imports
which, what is pure, how long things are, and which words nobody uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.test import house, sourcerules
from echostamp.test.sourcerules import Arrow, Passage, Source

#: The folder that holds the package: of an installation, C{site-packages}.
TOP = Path(echostamp.__file__).parents[1]

#: The pages of a source tree, and the C of the bench.
PAGES = (
    "*.rst",
    "*/*.rst",
    "newsfragments/README",
    "docs/*.[18]",
    "docs/*.schema.json",
    "bench/*.c",
    "bench/contenders/*.c",
)


@cache
def everything() -> tuple[Source, ...]:
    """
    Read the package, with its tests, and the plugin.
    """
    plugin = "twisted/plugins/echostamp_plugin.py"
    return tuple(sourcerules.readTree(TOP, "echostamp/**/*.py", plugin))


@cache
def program() -> tuple[Source, ...]:
    """
    Give the package without its tests, and the plugin.
    """
    return tuple(each for each in everything() if each.room != "test")


@cache
def arrows() -> tuple[Arrow, ...]:
    """
    Give the program's imports of modules of ours.
    """
    return tuple(sourcerules.arrows(program()))


@cache
def beside() -> tuple[Source, ...]:
    """
    Read what lies beside the package in a source tree.

    @raise SkipTest: the package is installed without it.
    """
    if not (TOP / "setup.cfg").exists():
        raise SkipTest("no source tree here")
    folders = "tests", "loadtests", "bench", "fuzz", "docs"
    return tuple(sourcerules.readTree(TOP, *(f"{each}/**/*.py" for each in folders)))


class ArchitectureTests(SynchronousTestCase):
    """
    Tests for the rooms and their arrows.
    """

    def assertKept(self, complaints: Iterable[str]) -> None:
        """Fail with each place where a rule is broken."""
        if found := list(dict.fromkeys(complaints)):
            self.fail("\n".join([f"{len(found)} places:", *found]))

    def test_everyFileIsRead(self) -> None:
        """The rules are held against the package and the plugin, not against
        nothing."""
        names = {each.name for each in program()}
        self.assertLess({*house.LEAVES, "line.stamper", "measure.delay"}, names)
        self.assertIn(sourcerules.PLUGINS, {each.room for each in program()})

    def test_arrows(self) -> None:
        """A room imports only what its row of the table names, and leaves."""
        self.assertKept(
            sourcerules.forbiddenArrows(
                arrows(), house.ARROWS, house.LEAVES, house.LEAVES_OF_LEAVES
            )
        )

    def test_theTableHasNoCircle(self) -> None:
        """The table of arrows itself allows no circle of rooms."""
        rooms = {room: Source(f"echostamp/{room}/x.py", "") for room in house.ARROWS}
        found = [
            Arrow(rooms[room], rooms[each.partition(".")[0]], (), 0, "")
            for room, row in house.ARROWS.items()
            for each in row
        ]
        self.assertKept(sourcerules.circles(found))

    def test_noCircles(self) -> None:
        """No module imports itself by way of others: not for its types either."""
        self.assertKept(sourcerules.circles(arrows()))

    def test_noHiddenImports(self) -> None:
        """Imports of ours are at the top of a module, but for those with a reason."""
        self.assertKept(sourcerules.hiddenImports(arrows(), house.LATE_IMPORTS))

    def test_pureModules(self) -> None:
        """Pure modules import no Twisted, and nothing of ours that is not pure."""
        self.assertKept(
            sourcerules.impureImports(
                program(),
                arrows(),
                house.PURE,
                house.LEAVES,
                house.PURE_ACROSS_ROOMS,
            )
        )

    def test_pureModulesExist(self) -> None:
        """The list of pure modules names modules that exist."""
        names = {each.name for each in program()}
        rooms = {each.room for each in program()}
        for each in house.PURE:
            self.assertIn(*((each[:-2], rooms) if each[-2:] == ".*" else (each, names)))

    def test_reactor(self) -> None:
        """Only what starts a program imports the reactor."""
        self.assertKept(sourcerules.reactorImports(program(), house.REACTOR_IMPORTS))

    def test_bannedImports(self) -> None:
        """Nothing of the program imports another TLS than the standard library's."""
        self.assertKept(sourcerules.bannedImports(program(), house.BANNED_IMPORTS))

    def test_privateNames(self) -> None:
        """No private name of Twisted is used without a reason."""
        reasons = house.PRIVATE_NAMES_OF_TWISTED
        self.assertKept(sourcerules.privateNames(program(), "twisted", reasons))

    def test_classNames(self) -> None:
        """No two public classes of the package have one name."""
        self.assertKept(
            sourcerules.classesOfOneName(program(), house.SHARED_CLASS_NAMES)
        )

    def test_functionLengths(self) -> None:
        """A function fits on a screen, but for tables of options."""
        most = house.MOST_FUNCTION_LINES
        self.assertKept(
            sourcerules.longFunctions(program(), most, house.LONG_FUNCTIONS)
        )

    def test_constructors(self) -> None:
        """A constructor takes few arguments."""
        most = house.MOST_ARGUMENTS
        self.assertKept(
            sourcerules.wideConstructors(program(), most, house.WIDE_CONSTRUCTORS)
        )

    def test_fileLengths(self) -> None:
        """A file is short enough for one job."""
        most = house.MOST_FILE_LINES
        self.assertKept(sourcerules.longFiles(program(), most, house.LONG_FILES))

    def test_testsApart(self) -> None:
        """No unit test imports from another module of tests."""
        self.assertKept(sourcerules.importsBetweenTests(everything()))

    def test_acceptanceTestsApart(self) -> None:
        """No acceptance test imports from another module of tests."""
        self.assertKept(sourcerules.importsBetweenTests(beside()))

    def test_reasons(self) -> None:
        """Each exception has its reason, and is still needed."""
        late = {path: reason for path, (_, reason) in house.LATE_IMPORTS.items()}
        tables = (
            late,
            house.PRIVATE_NAMES_OF_TWISTED,
            house.SHARED_CLASS_NAMES,
            house.LONG_FUNCTIONS,
            house.WIDE_CONSTRUCTORS,
            house.LONG_FILES,
        )
        for each in tables:
            self.assertNotIn("", each.values())
        complaints = [
            *sourcerules.hiddenImports(arrows(), {}),
            *sourcerules.privateNames(program(), "twisted", ()),
            *sourcerules.classesOfOneName(program(), ()),
            *sourcerules.longFunctions(program(), house.MOST_FUNCTION_LINES, ()),
            *sourcerules.wideConstructors(program(), house.MOST_ARGUMENTS, ()),
            *sourcerules.longFiles(program(), house.MOST_FILE_LINES, ()),
        ]
        for table in tables:
            for place in table:
                path, _, name = place.rpartition(":")
                self.assertTrue(
                    any(path in each and name in each for each in complaints),
                    f"{place} is no exception any more",
                )


class WordTests(SynchronousTestCase):
    """
    Tests for the words in the source and the pages.
    """

    def assertPlain(self, found: Iterable[Passage]) -> None:
        """Fail with each banned phrase."""
        complaints = list(
            sourcerules.bannedPhrases(
                found, house.BANNED_PHRASES, house.PHRASES_THAT_MAY_STAY
            )
        )
        if complaints:
            self.fail("\n".join([f"{len(complaints)} places:", *complaints]))

    def test_program(self) -> None:
        """The program's docstrings, comments, messages and help texts are plain."""
        self.assertPlain(
            each for source in program() for each in sourcerules.passages(source, True)
        )

    def test_tests(self) -> None:
        """The docstrings and comments of the unit tests are plain."""
        self.assertPlain(
            each
            for source in everything()
            if source.room == "test"
            for each in sourcerules.passages(source, False)
        )

    def test_besideThePackage(self) -> None:
        """Those of the acceptance tests, the bench and the fuzzers are, too."""
        self.assertPlain(
            each for source in beside() for each in sourcerules.passages(source, False)
        )

    def test_pages(self) -> None:
        """The pages of docs are plain."""
        beside()
        self.assertPlain(
            Passage(path.relative_to(TOP).as_posix(), 1, path.read_text("utf-8"))
            for pattern in PAGES
            for path in sorted(TOP.glob(pattern))
        )
