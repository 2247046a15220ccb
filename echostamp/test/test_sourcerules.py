"""
Tests for L{echostamp.test.sourcerules}: each rule finds its fault in a small tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test import house, sourcerules
from echostamp.test.sourcerules import Passage, Source


def tree(**files: str) -> list[Source]:
    """
    Make a package: C{line__stamper} is C{echostamp/line/stamper.py}, and C{init} means
    C{__init__}.
    """
    paths = [each.replace("__", "/").replace("init", "__init__") for each in files]
    return [
        Source(f"echostamp/{path}.py", dedent(text))
        for path, text in zip(paths, files.values(), strict=True)
    ]


class ReadingTests(SynchronousTestCase):
    """
    Tests for what is read from a file.
    """

    def test_imports(self) -> None:
        """Every import is found, wherever it is, with its function."""
        [source] = tree(
            line__a="""
            import os, twisted.internet.defer
            if TYPE_CHECKING:
                from echostamp.times import Times as T, Moment
            try:
                from . import b
            except ImportError:
                from .. import text
            class C:
                def method(self):
                    with x:
                        from .b import c
                    async def inner():
                        match x:
                            case 1:
                                import re
            """
        )
        found = [(each.module, each.names, each.function) for each in source.imports]
        self.assertEqual(
            found,
            [
                ("os", (), ""),
                ("twisted.internet.defer", (), ""),
                ("echostamp.times", ("Times", "Moment"), ""),
                ("echostamp.line", ("b",), ""),
                ("echostamp", ("text",), ""),
                ("echostamp.line.b", ("c",), "method"),
                ("re", (), "inner"),
            ],
        )
        self.assertEqual(source.imports[2].line, 4)

    def test_names(self) -> None:
        """A file's module and its room follow from its path."""
        plugin = Source("twisted/plugins/echostamp_plugin.py", "")
        sources = [*tree(init="", text="", line__init="", line__a=""), plugin]
        self.assertEqual(
            [(each.name, each.room) for each in sources[:4]],
            [("", ""), ("text", "text"), ("line", "line"), ("line.a", "line")],
        )
        self.assertEqual(plugin.room, "twisted/plugins")

    def test_arrows(self) -> None:
        """A module taken from its package is an arrow to the module; a name is one to
        where it is defined; other packages are none."""
        sources = tree(
            init="",
            line__init="",
            line__a="""
            import echostamp.line.b
            import os
            from echostamp import __version__, text
            from echostamp.line import b, NAME
            from echostampede import x
            """,
            line__b="",
            text="",
        )
        self.assertEqual(
            [(each.imported.name, each.names) for each in sourcerules.arrows(sources)],
            [
                ("line.b", ()),
                ("text", ()),
                ("", ("__version__",)),
                ("line.b", ()),
                ("line", ("NAME",)),
            ],
        )

    def test_readTree(self) -> None:
        """Files are read by pattern, and named from the top of the tree."""
        top = Path(self.mktemp())
        (top / "echostamp/line").mkdir(parents=True)
        for name in "echostamp/line/b.py", "echostamp/a.py", "echostamp/line/c.txt":
            (top / name).write_text("import os\n")
        found = sourcerules.readTree(top, "echostamp/**/*.py")
        self.assertEqual(
            [each.path for each in found], ["echostamp/a.py", "echostamp/line/b.py"]
        )


class RuleTests(SynchronousTestCase):
    """
    Tests for each rule, with a tree that breaks it.
    """

    def assertFound(self, complaints: Iterable[str], *expected: str) -> None:
        """A rule complains of these places, and of nothing else."""
        self.assertEqual(list(complaints), list(expected))

    def test_arrow(self) -> None:
        """An arrow that is not in the table is named by both files and the names."""
        sources = tree(
            line__a="from echostamp.talk.run import talk, Run",
            talk__run="from echostamp.line.b import B\nfrom echostamp.text import t",
            line__b="from echostamp.line.c import C",
            line__c="",
            text="",
        )
        self.assertFound(
            self.forbidden(sources),
            "echostamp/line/a.py:1: imports echostamp/talk/run.py (talk, Run): "
            "no such arrow",
        )

    def test_arrowForTypes(self) -> None:
        """Nor may it stand below TYPE_CHECKING, or inside a function."""
        sources = tree(
            line__a="""
            if TYPE_CHECKING:
                from echostamp.talk.run import Run
            def start():
                from echostamp.talk.run import talk
            """,
            talk__run="",
        )
        self.assertFound(
            self.forbidden(sources),
            "echostamp/line/a.py:3: imports echostamp/talk/run.py (Run): no such arrow",
            "echostamp/line/a.py:5: imports echostamp/talk/run.py (talk) in start(): "
            "no such arrow",
        )

    def test_arrowToOneModule(self) -> None:
        """Where the table names one module of a room, the others are not meant."""
        sources = tree(
            client__a="""
            from echostamp.talk.run import talk
            from echostamp.talk.farend import FarEnd
            """,
            talk__run="",
            talk__farend="",
        )
        self.assertFound(
            self.forbidden(sources),
            "echostamp/client/a.py:3: imports echostamp/talk/farend.py (FarEnd): "
            "no such arrow",
        )

    def test_leaf(self) -> None:
        """A leaf imports no room, and of the leaves only those that are below it."""
        sources = tree(
            text="from echostamp.line.a import A",
            units="from echostamp.text import printable",
            stamps="from echostamp.units import readable",
            line__a="",
        )
        self.assertFound(
            self.forbidden(sources),
            "echostamp/text.py:1: imports echostamp/line/a.py (A): no such arrow",
            "echostamp/stamps.py:1: imports echostamp/units.py (readable): "
            "no such arrow",
        )

    def test_newRoom(self) -> None:
        """A room without a row is a decision that has not been made."""
        sources = tree(cellar__a="from echostamp.text import t", text="")
        self.assertFound(
            self.forbidden(sources),
            "echostamp/cellar/a.py: cellar has no row in the table of arrows",
        )

    def forbidden(self, sources: list[Source]) -> Iterable[str]:
        """Hold a tree to a small table."""
        table = {"line": (), "talk": ("line",), "client": ("talk.run",)}
        leaves = "text", "units", "stamps"
        return sourcerules.forbiddenArrows(
            sourcerules.arrows(sources), table, leaves, ("text",)
        )

    def test_circle(self) -> None:
        """A circle is found once, with the files and names, and though one of its
        imports is for types alone."""
        sources = tree(
            line__a="from echostamp.line.b import B",
            line__b="from echostamp.line.c import C",
            line__c="""
            if TYPE_CHECKING:
                from echostamp.line.a import A
            """,
            line__d="from echostamp.line.a import A",
        )
        self.assertFound(
            sourcerules.circles(sourcerules.arrows(sources)),
            "a circle: "
            "echostamp/line/a.py:1: imports echostamp/line/b.py (B); "
            "echostamp/line/b.py:1: imports echostamp/line/c.py (C); "
            "echostamp/line/c.py:3: imports echostamp/line/a.py (A)",
        )

    def test_hiddenImport(self) -> None:
        """An import inside a function is found, unless it is in the list."""
        sources = tree(
            client__a="""
            def run():
                from echostamp.talk.run import talk
                from echostamp.line.b import B
                import os
            """,
            talk__run="",
            line__b="",
        )
        allowed = {"echostamp/client/a.py": (("talk",), "start-up time")}
        self.assertFound(
            sourcerules.hiddenImports(sourcerules.arrows(sources), allowed),
            "echostamp/client/a.py:4: imports echostamp/line/b.py (B) in run(): "
            "an import inside a function",
        )

    def test_impureImport(self) -> None:
        """A pure module imports no Twisted, no zope, nothing impure of its room, and
        nothing pure of another room that is not in the list."""
        sources = tree(
            line__pure="""
            import struct
            from echostamp.text import printable
            from echostamp.measure.b import B
            from echostamp.measure.c import C
            from echostamp.line.impure import send
            if TYPE_CHECKING:
                from twisted.internet.defer import Deferred
            from zope.interface import Interface
            """,
            line__impure="from twisted.internet import defer",
            measure__b="",
            measure__c="from echostamp.measure.b import B",
            text="",
        )
        self.assertFound(
            sourcerules.impureImports(
                sources,
                sourcerules.arrows(sources),
                ("line.pure", "measure.*"),
                ("text",),
                {("line.pure", "measure.c")},
            ),
            "echostamp/line/pure.py:8: a pure module imports twisted.internet.defer "
            "(Deferred)",
            "echostamp/line/pure.py:9: a pure module imports zope.interface "
            "(Interface)",
            "echostamp/line/pure.py:4: imports echostamp/measure/b.py (B): "
            "a pure module imports one that is not",
            "echostamp/line/pure.py:6: imports echostamp/line/impure.py (send): "
            "a pure module imports one that is not",
        )

    def test_reactorImport(self) -> None:
        """The reactor is imported by nobody but what starts the program."""
        sources = tree(
            line__a="from twisted.internet import defer, reactor",
            line__b="""
            def start():
                import twisted.internet.reactor
            """,
            daemon__service="""
            def makeService():
                from twisted.internet import reactor
            def other():
                from twisted.internet import reactor
            """,
        )
        self.assertFound(
            sourcerules.reactorImports(
                sources, [("echostamp/daemon/service.py", "makeService")]
            ),
            "echostamp/line/a.py:1: imports the reactor",
            "echostamp/line/b.py:3: imports the reactor",
            "echostamp/daemon/service.py:5: imports the reactor",
        )

    def test_bannedImports(self) -> None:
        """Imports of a banned package are found, however they are written."""
        sources = tree(
            line__a="import OpenSSL.SSL",
            line__b="from OpenSSL import SSL",
            line__c="""
            import OpenSSLlike
            def late():
                from twisted.internet import ssl, tcp
            """,
        )
        banned = {"OpenSSL": "slow", "twisted.internet.ssl": "slow, too"}
        self.assertFound(
            sourcerules.bannedImports(sources, banned),
            "echostamp/line/a.py:1: imports OpenSSL: slow",
            "echostamp/line/b.py:1: imports OpenSSL: slow",
            "echostamp/line/c.py:4: imports twisted.internet.ssl: slow, too",
        )

    def test_privateNames(self) -> None:
        """Private names of Twisted are found, imported or looked up."""
        sources = tree(
            line__a="from twisted.internet.tcp import Connection, _AbortingMixin",
            line__b="from twisted.internet._newtls import startTLS",
            line__c="""
            from twisted import __version__
            from twisted.internet import tcp
            from echostamp.line.a import _private
            tcp._reservedFD.reserve(tcp.Port, other._own)
            """,
            tls__a="from twisted.internet._sslverify import x",
        )
        self.assertFound(
            sourcerules.privateNames(sources, "twisted", {"echostamp/tls/a.py"}),
            "echostamp/line/a.py:1: _AbortingMixin of twisted.internet.tcp is private",
            "echostamp/line/b.py:1: _newtls of twisted.internet._newtls is private",
            "echostamp/line/c.py:5: _reservedFD of tcp is private",
        )

    def test_classesOfOneName(self) -> None:
        """A public name that two classes have is found; private ones may be shared."""
        sources = tree(
            line__a="class Sender(Protocol): ...\nclass _Own: ...\nclass Other: ...",
            rfc8762__a="""
            if True:
                class Sender: ...
            class _Own: ...
            class Other: ...
            """,
        )
        self.assertFound(
            sourcerules.classesOfOneName(sources, {"Other"}),
            "echostamp/line/a.py:1: class Sender is also in echostamp/rfc8762/a.py:3",
        )

    def test_longFunction(self) -> None:
        """A function of too many lines is found: a method and an inner one too."""
        body = "\n".join(["        x()"] * 3)
        sources = tree(
            line__a=f"def fits():\n{body}\n",
            line__b=f"class B:\n    def method(self):\n{body}\n        x()\n",
            line__c=f"def table():\n{body}\n        x()\n",
        )
        self.assertFound(
            sourcerules.longFunctions(sources, 4, {"echostamp/line/c.py:table"}),
            "echostamp/line/b.py:2: method() has 5 lines",
        )

    def test_wideConstructor(self) -> None:
        """A constructor of too many arguments is found: C{self} is not one of them."""
        sources = tree(
            line__a="""
            class Fits:
                def __init__(self, a, b): ...
            class Wide:
                def __init__(self, a, b=1, *, c): ...
                def method(self, a, b, c): ...
            class Known:
                def __init__(self, a, b, c): ...
            """
        )
        self.assertFound(
            sourcerules.wideConstructors(sources, 2, {"echostamp/line/a.py:Known"}),
            "echostamp/line/a.py:5: the constructor of Wide has 3 arguments",
        )

    def test_longFile(self) -> None:
        """A file of too many lines is found."""
        sources = tree(line__a="x\n" * 3, line__b="x\n" * 4, line__c="x\n" * 4)
        self.assertFound(
            sourcerules.longFiles(sources, 3, {"echostamp/line/c.py"}),
            "echostamp/line/b.py: 4 lines",
        )

    def test_importBetweenTests(self) -> None:
        """A test that imports from another one is found; a helper is none, and
        Twisted's tests may be used."""
        sources = tree(
            test__test_a="""
            from echostamp.test.test_b import x
            from echostamp.test import test_c, fakes
            from twisted.internet.test.test_tcp import AbortConnectionMixin
            """
        )
        self.assertFound(
            sourcerules.importsBetweenTests(sources),
            "echostamp/test/test_a.py:2: imports from a test module: test_b",
            "echostamp/test/test_a.py:3: imports from a test module: test_c",
        )


class PhraseTests(SynchronousTestCase):
    """
    Tests for the words that are looked for, by the tree's own table.
    """

    def banned(self, text: str, withStrings: bool = False) -> list[str]:
        """Give what is found in a file: the lines, and what each phrase is called."""
        source = Source("x.py", dedent(text))
        complaints = sourcerules.bannedPhrases(
            sourcerules.passages(source, withStrings), house.BANNED_PHRASES, ()
        )
        return [":".join(each.split(":")[1:3]) for each in complaints]

    def test_docstrings(self) -> None:
        """Docstrings of modules, classes and functions are searched, by line."""
        found = self.banned(
            '''
            """
            It waits for
            ever.
            """
            class A:
                """It has to be told."""
                def method(self):
                    """
                    Begin.

                    Then begin anew.
                    """
            '''
        )
        self.assertEqual(found, ["4: for ever", "7: be told", "12: anew"])

    def test_comments(self) -> None:
        """Comments are searched: a phrase may go from one line to the next."""
        mark = "#"
        found = self.banned(
            f"""
            {mark}: Cannot be
            {mark}: told.
            x = 1  {mark} for ever
            y = "{mark} anew"
            """
        )
        self.assertEqual(found, ["3: be told", "4: for ever"])

    def test_messages(self) -> None:
        """Messages and help texts are searched in the program, not in tests."""
        text = 'fail("it cannot " "be told")'
        self.assertEqual(self.banned(text), [])
        self.assertEqual(self.banned(text, withStrings=True), ["1: be told"])

    def test_sentences(self) -> None:
        """A sentence does not begin with Who or Whom, wherever it begins."""
        name = "a sentence that begins with Who or Whom"
        for text in (
            "Who comes is heard.",
            "\nWhom to answer.\n",
            "It ends.  Who comes is heard.",
            "It ends (here.)\nWho comes is heard.",
            "@ivar x: Who comes.",
            "First.\n\nWho comes is heard.",
            "- Who comes is heard.",
            "* - Who comes is heard.",
            "``--x``  Who comes",
        ):
            found = sourcerules.bannedPhrases(
                [Passage("x.rst", 1, text)], house.BANNED_PHRASES, ()
            )
            self.assertEqual([each.split(": ")[1] for each in found], [name], text)

    def test_installing(self) -> None:
        """A file or a clone is installed, never a bare name."""
        for text, count in [
            ("pip install echostamp", 1),
            ("pip install --quiet -U 'echostamp[terminal]'", 1),
            ("pipx run echostamp ping", 1),
            ("pip install ./echostamp-1.0.0-py3-none-any.whl", 0),
            ("pip install '.[terminal]'", 0),
            ("pipx run --spec dist/echostamp-1.0.0-py3-none-any.whl echostamp", 0),
        ]:
            found = sourcerules.bannedPhrases(
                [Passage("x.rst", 1, text)], house.BANNED_PHRASES, ()
            )
            self.assertEqual(len(list(found)), count, text)

    def test_plain(self) -> None:
        """Other words that look like them are left alone."""
        text = "The renewed file. Those who ask: WHO, Whole. It is told, forever."
        found = sourcerules.bannedPhrases(
            [Passage("x.rst", 1, text)], house.BANNED_PHRASES, ()
        )
        self.assertEqual(list(found), [])

    def test_exceptions(self) -> None:
        """A line in the list of exceptions may stay."""
        found = sourcerules.bannedPhrases(
            [Passage("x.rst", 1, "It waits for ever here.\nIt waits for ever.")],
            house.BANNED_PHRASES,
            [("x.rst", "ever here", "the reason")],
        )
        self.assertEqual(list(found), ["x.rst:2: for ever: It waits for ever."])
