"""
Rules that a tree of Python source keeps, checked by reading it with L{ast}: nothing is
imported, and nothing runs.

Each rule takes modules or files and returns complaints: one line for each fault, with
the file, the line, and the names.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict, deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

#: The package whose modules are C{ours}.
PACKAGE = "echostamp"

#: The folder of twistd's plugins, which is no room.
PLUGINS = "twisted/plugins"

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Import(NamedTuple):
    """
    An import of one module by another.

    @ivar line: the line number.
    @ivar module: what is imported, with its package: C{twisted.internet}.
    @ivar names: the names that are taken from it.
    @ivar function: the innermost function that holds it; empty at the top of a module.
    """

    line: int
    module: str
    names: tuple[str, ...]
    function: str


@dataclass(frozen=True)
class Source:
    """
    A file of Python source.

    @ivar path: its path from the top of the tree: C{echostamp/line/stamper.py}.
    @ivar text: what it holds.
    @ivar tree: the same, parsed.
    @ivar nodes: all nodes of the tree, each before those below it.
    @ivar imports: every import, wherever it is.
    """

    path: str
    text: str
    tree: ast.Module = field(init=False, repr=False, compare=False)
    nodes: tuple[ast.AST, ...] = field(init=False, repr=False, compare=False)
    imports: tuple[Import, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", ast.parse(self.text, self.path))
        object.__setattr__(self, "nodes", tuple(ast.walk(self.tree)))
        found = _imports(self.tree, self._package, "")
        object.__setattr__(self, "imports", tuple(found))

    @property
    def name(self) -> str:
        """The module, without our package: C{line.stamper}; C{line} for a room's
        C{__init__.py}."""
        parts = self.path.removesuffix(".py").split("/")
        if parts[0] != PACKAGE:
            return ".".join(parts)
        return ".".join(part for part in parts[1:] if part != "__init__")

    @property
    def room(self) -> str:
        """The row of the table of arrows that it belongs to."""
        if self.path.startswith(PLUGINS):
            return PLUGINS
        return self.name.partition(".")[0]

    @property
    def _package(self) -> list[str]:
        """The package that a relative import of one dot means."""
        return self.path.split("/")[:-1]


def _imports(node: ast.AST, package: list[str], function: str) -> Iterator[Import]:
    """
    Find the imports below a node.

    @param package: the package of the module, for relative imports.
    @param function: the function that the node is in.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(child.lineno, alias.name, (), function)
        elif isinstance(child, ast.ImportFrom):
            above = package[: len(package) - child.level + 1] if child.level else []
            module = ".".join([*above, *([child.module] if child.module else [])])
            names = tuple(alias.name for alias in child.names)
            yield Import(child.lineno, module, names, function)
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            # No expression holds an import.
            inner = child.name if isinstance(child, _FUNCTIONS) else function
            yield from _imports(child, package, inner)


def readTree(top: Path, *patterns: str) -> list[Source]:
    """
    Read Python files.

    @param top: the folder from which paths are named.
    @param patterns: which files, as for L{Path.glob}.
    """
    return [
        Source(path.relative_to(top).as_posix(), path.read_text("utf-8"))
        for pattern in patterns
        for path in sorted(top.glob(pattern))
    ]


class Arrow(NamedTuple):
    """
    An import of a module of ours.

    @ivar importer: the module that imports.
    @ivar imported: the module that is imported.
    @ivar names: the names that are taken from it; empty for the module itself.
    @ivar line: the line number.
    @ivar function: the function that holds the import; empty at the top of a module.
    """

    importer: Source
    imported: Source
    names: tuple[str, ...]
    line: int
    function: str

    def __str__(self) -> str:
        names = f" ({', '.join(self.names)})" if self.names else ""
        return (
            f"{self.importer.path}:{self.line}: imports {self.imported.path}{names}"
            + (f" in {self.function}()" if self.function else "")
        )


def arrows(sources: Iterable[Source]) -> list[Arrow]:
    """
    Find the imports between modules of our package.  C{from echostamp.report import
    document} imports the module C{document}, if there is one.

    @raise KeyError: a module of ours is imported that does not exist.
    """
    sources = list(sources)
    modules = {source.name: source for source in sources}
    found = []
    for source in sources:
        for line, module, names, function in source.imports:
            if module != PACKAGE and not module.startswith(f"{PACKAGE}."):
                continue
            name = module.removeprefix(PACKAGE).removeprefix(".")
            plain = []
            for each in names:
                inner = modules.get(f"{name}.{each}".lstrip("."))
                if inner is None:
                    plain.append(each)
                else:
                    found.append(Arrow(source, inner, (), line, function))
            if plain or not names:
                imported = modules[name]
                found.append(Arrow(source, imported, tuple(plain), line, function))
    return found


def _isIn(name: str, entries: Collection[str]) -> bool:
    """
    Tell whether a module is one of those that a table names: itself, its room, or
    C{room.*}.
    """
    room = name.partition(".")[0]
    return name in entries or room in entries or f"{room}.*" in entries


def forbiddenArrows(
    found: Iterable[Arrow],
    table: Mapping[str, Collection[str]],
    leaves: Collection[str],
    leavesOfLeaves: Collection[str],
) -> Iterator[str]:
    """
    Find the imports that the table of arrows does not have.

    @param table: for each room the rooms and modules that it may import.
    @param leaves: modules that everything may import.
    @param leavesOfLeaves: those of them that leaves may import.
    """
    for arrow in found:
        room, name = arrow.importer.room, arrow.imported.name
        if room in leaves:
            isAllowed = name in leavesOfLeaves or not name
        elif room not in table:
            yield f"{arrow.importer.path}: {room} has no row in the table of arrows"
            continue
        else:
            isAllowed = (
                arrow.imported.room in (room, "")
                or name in leaves
                or _isIn(name, table[room])
            )
        if not isAllowed:
            yield f"{arrow}: no such arrow"


def circles(found: Iterable[Arrow]) -> Iterator[str]:
    """
    Find the shortest circle through each import that is part of one.  A circle is
    named once.
    """
    ahead: dict[str, list[Arrow]] = defaultdict(list)
    for arrow in found:
        ahead[arrow.importer.path].append(arrow)
    known = set()
    for first in [arrow for each in list(ahead.values()) for arrow in each]:
        circle = _wayBack(first, ahead)
        members = frozenset(arrow.importer.path for arrow in circle)
        if circle and members not in known:
            known.add(members)
            yield "a circle: " + "; ".join(map(str, circle))


def _wayBack(first: Arrow, ahead: Mapping[str, list[Arrow]]) -> list[Arrow]:
    """
    Find the shortest chain of imports that begins with one and ends where it began.

    @return: empty where there is none.
    """
    start = first.importer.path
    chains = deque([[first]])
    seen = {first.imported.path}
    while chains:
        chain = chains.popleft()
        if (end := chain[-1].imported.path) == start:
            return chain
        for arrow in ahead.get(end, ()):
            if arrow.imported.path not in seen:
                seen.add(arrow.imported.path)
                chains.append([*chain, arrow])
    return []


def hiddenImports(
    found: Iterable[Arrow], allowed: Mapping[str, tuple[Collection[str], str]]
) -> Iterator[str]:
    """
    Find the imports of modules of ours inside functions.

    @param allowed: for each file the modules or rooms that it may import so, and the
        reason.
    """
    for arrow in found:
        modules, _ = allowed.get(arrow.importer.path, ((), ""))
        if arrow.function and not _isIn(arrow.imported.name, modules):
            yield f"{arrow}: an import inside a function"


def impureImports(
    sources: Iterable[Source],
    found: Iterable[Arrow],
    pure: Collection[str],
    leaves: Collection[str],
    across: Collection[tuple[str, str]] = (),
) -> Iterator[str]:
    """
    Find what pure modules import beside the standard library, leaves, and pure modules
    of their own room.

    @param pure: the pure modules; C{room.*} for all of a room.
    @param leaves: modules that everything may import.
    @param across: pure modules, and the pure modules of other rooms that they may
        import.
    """
    for source in sources:
        for each in source.imports if _isPure(source, pure) else ():
            if each.module.partition(".")[0] in ("twisted", "zope"):
                names = ", ".join(each.names)
                yield (
                    f"{source.path}:{each.line}: a pure module imports "
                    f"{each.module} ({names})"
                )
    for arrow in found:
        name = arrow.imported.name
        if (
            _isPure(arrow.importer, pure)
            and name not in leaves
            and not (
                _isPure(arrow.imported, pure)
                and (
                    arrow.imported.room == arrow.importer.room
                    or (arrow.importer.name, name) in across
                )
            )
        ):
            yield f"{arrow}: a pure module imports one that is not"


def _isPure(source: Source, pure: Collection[str]) -> bool:
    """Tell whether a module is in the list of pure ones."""
    return source.name in pure or f"{source.room}.*" in pure


def reactorImports(
    sources: Iterable[Source], allowed: Collection[tuple[str, str]]
) -> Iterator[str]:
    """
    Find the imports of Twisted's global reactor.

    @param allowed: files and functions where one may stand.
    """
    for source in sources:
        for line, module, names, function in source.imports:
            isReactor = module == "twisted.internet.reactor" or (
                module == "twisted.internet" and "reactor" in names
            )
            if isReactor and (source.path, function) not in allowed:
                yield f"{source.path}:{line}: imports the reactor"


def bannedImports(
    sources: Iterable[Source], banned: Mapping[str, str]
) -> Iterator[str]:
    """
    Find the imports of packages that nothing of ours may import.

    @param banned: the packages or modules, and the reason for each.
    """
    for source in sources:
        for line, module, names, _ in source.imports:
            imported = {module, *(f"{module}.{name}" for name in names)}
            for each, reason in banned.items():
                if any(f"{name}.".startswith(f"{each}.") for name in imported):
                    yield f"{source.path}:{line}: imports {each}: {reason}"


def privateNames(
    sources: Iterable[Source], library: str, allowed: Container[str]
) -> Iterator[str]:
    """
    Find the private names of a library that are imported, or looked up in a module or
    class that is.

    @param library: the library's package.
    @param allowed: paths of files that may use some.
    """
    for source in sources:
        if source.path in allowed:
            continue
        ours: set[str] = set()
        for line, module, names, _ in source.imports:
            if module.partition(".")[0] != library:
                continue
            ours.update(names)
            for each in filter(_isPrivate, [*module.split("."), *names]):
                yield f"{source.path}:{line}: {each} of {module} is private"
        for node in source.nodes:
            if not isinstance(node, ast.Attribute) or not _isPrivate(node.attr):
                continue
            owner = node.value
            if isinstance(owner, ast.Name) and owner.id in ours:
                place = f"{source.path}:{node.lineno}"
                yield f"{place}: {node.attr} of {owner.id} is private"


def _isPrivate(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def classesOfOneName(
    sources: Iterable[Source], allowed: Collection[str]
) -> Iterator[str]:
    """
    Find public classes that have the same name.

    @param allowed: names that may be taken twice.
    """
    places: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        for node in source.tree.body:
            for each in _classes(node):
                if not each.name.startswith("_") and each.name not in allowed:
                    places[each.name].append(f"{source.path}:{each.lineno}")
    for name, where in sorted(places.items()):
        if len(where) > 1:
            yield f"{where[0]}: class {name} is also in {', '.join(where[1:])}"


def _classes(node: ast.stmt) -> Iterator[ast.ClassDef]:
    """
    Find a module's classes: those below C{if} and C{try} too.
    """
    if isinstance(node, ast.ClassDef):
        yield node
    elif isinstance(node, ast.If | ast.Try):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                yield from _classes(child)


def longFunctions(
    sources: Iterable[Source], most: int, allowed: Collection[str]
) -> Iterator[str]:
    """
    Find functions of too many lines.

    @param most: the most lines, from C{def} to the end.
    @param allowed: C{file:function} of those that may be longer.
    """
    for source in sources:
        for node in source.nodes:
            if not isinstance(node, _FUNCTIONS):
                continue
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > most and f"{source.path}:{node.name}" not in allowed:
                yield f"{source.path}:{node.lineno}: {node.name}() has {lines} lines"


def wideConstructors(
    sources: Iterable[Source], most: int, allowed: Collection[str]
) -> Iterator[str]:
    """
    Find constructors of too many arguments, C{self} not counted.

    @param allowed: C{file:class} of those that may have more.
    """
    for source in sources:
        for node in source.nodes:
            if not isinstance(node, ast.ClassDef):
                continue
            for each in node.body:
                if isinstance(each, _FUNCTIONS) and each.name == "__init__":
                    args = each.args
                    count = len(args.posonlyargs + args.args + args.kwonlyargs) - 1
                    if count > most and f"{source.path}:{node.name}" not in allowed:
                        yield (
                            f"{source.path}:{each.lineno}: the constructor of "
                            f"{node.name} has {count} arguments"
                        )


def longFiles(
    sources: Iterable[Source], most: int, allowed: Collection[str]
) -> Iterator[str]:
    """
    Find files of too many lines.

    @param allowed: files that may be longer.
    """
    for source in sources:
        lines = source.text.count("\n")
        if lines > most and source.path not in allowed:
            yield f"{source.path}: {lines} lines"


def importsBetweenTests(sources: Iterable[Source]) -> Iterator[str]:
    """
    Find imports of a module of tests: what two modules of tests need is in a helper.
    Twisted's tests are meant to be used by others.
    """
    for source in sources:
        for line, module, names, _ in source.imports:
            if module.startswith("twisted."):
                continue
            for each in (*module.split("."), *names):
                if each.startswith("test_"):
                    yield f"{source.path}:{line}: imports from a test module: {each}"


# --- Words ----------------------------------------------------------------------------


class Passage(NamedTuple):
    """
    Some words for a reader.

    @ivar path: the file.
    @ivar line: where they begin.
    @ivar text: the words.
    """

    path: str
    line: int
    text: str


#: A comment on a line of its own, or behind code.
_COMMENT = re.compile(r"(?:^\s*|\s\s)#(?:: ?| )(.*)$")


def passages(source: Source, withStrings: bool) -> Iterator[Passage]:
    """
    Find the words in a Python file: docstrings and comments.

    @param withStrings: whether all other strings are words, too: messages and help
        texts.  They are not in a test.
    """
    docstrings = set()
    for node in source.nodes:
        if isinstance(node, ast.Constant):
            if withStrings and isinstance(node.value, str) and node not in docstrings:
                yield Passage(source.path, node.lineno, node.value)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                docstrings.add(first.value)
                yield Passage(source.path, first.lineno, first.value.value)
    yield from _comments(source)


def _comments(source: Source) -> Iterator[Passage]:
    """
    Find the comments of a file.  Lines of comment that follow one another are one.
    """
    words: list[str] = []
    for number, line in enumerate([*source.text.splitlines(), ""], 1):
        found = _COMMENT.search(line) if "#" in line else None
        if found is not None:
            words.append(found[1])
        elif words:
            yield Passage(source.path, number - len(words), "\n".join(words))
            words = []


def bannedPhrases(
    found: Iterable[Passage],
    phrases: Mapping[str, str],
    allowed: Collection[tuple[str, str, str]],
) -> Iterator[str]:
    """
    Find the phrases that plain English does without.

    @param phrases: what each is called, and its regular expression.
    @param allowed: files, parts of lines in them that may hold one, and the reasons.
    """
    patterns = {each: re.compile(phrases[each], re.MULTILINE) for each in phrases}
    for path, line, text in found:
        for name, pattern in patterns.items():
            for match in pattern.finditer(text):
                number = text.count("\n", 0, match.end())
                shown = text.splitlines()[number].strip()
                if not any(path == p and part in shown for p, part, _ in allowed):
                    yield f"{path}:{line + number}: {name}: {shown}"
