"""
The commands and outputs of the pages, by L{tests.pages}.

Pages of their own modules are in C{tests/test_pages_*.py}.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from twisted.python.reflect import namedAny
from twisted.python.usage import UsageError
from twisted.trial.unittest import SkipTest, SynchronousTestCase

import tests.pages
from echostamp.client.command import parser
from echostamp.daemon.options import Options
from echostamp.stamps import stampFormat
from tests.harness import run, tool
from tests.machines import ROOT, Machine
from tests.pages import PageCase
from tests.pagetexts import Block, blocks, masked, matches, pages, steps, textOf

#: The columns of a terminal.
COLUMNS = 80


class HarnessTests(SynchronousTestCase):
    """
    What plays the pages sees what is wrong.
    """

    def test_steps(self) -> None:
        """Commands may have several lines; what follows is their output."""
        text = "$ a 'b\nc' |\n  d\nout\n\n> typed\nmore\n^C\n$ echo $?"
        found = steps(Block("console", "", text))
        self.assertEqual(
            [(each.prompt, each.typed, each.shown) for each in found],
            [
                ("$ ", "a 'b\nc' |\n  d", ["out", ""]),
                ("> ", "typed", ["more"]),
                ("", "^C", []),
                ("$ ", "echo $?", []),
            ],
        )
        found = steps(Block("sh", "", "a \\\n  -b\n\nc  # d"))
        self.assertEqual([each.typed for each in found], ["a \\\n  -b", "c  # d"])

    def test_numbersDoNotCount(self) -> None:
        """Numbers, times and units may differ, in width, too."""
        page = ["[Mon Dec 14 09:30:00 2015] x  (0.4 ms)", "...", "rtt =  12 µs"]
        screen = "[Sat Jan  3 10:00:01 2026] x (12.413 ms)\nany\nrtt = 1.2 ms"
        self.assertTrue(matches(page, screen))

    def test_wordsAndLinesCount(self) -> None:
        """Another word, a missing line or one more is another screen."""
        for screen in (
            "1 sent\n2 lost",
            "1 sent",
            "1 sent\n1 late\n\n",
            "1 Sent\n1 late",
        ):
            self.assertFalse(matches(["3 sent", "0 late"], screen), screen)
        self.assertTrue(matches(["3 sent", "0 late"], "1 sent\n5 late"))
        self.assertNotEqual(masked("up 1.2 -"), masked("up 1.2 3"))

    def test_rows(self) -> None:
        """The order of the rows of C{echostamp watch} depends on numbers.  The rows
        themselves count."""
        page = ["a up 1.5", "b up 2.5", "end"]
        self.assertTrue(matches(page, "b up 0.1\na up 0.4\nend"))
        for screen in "b up 0.1\nb up 0.4\nend", "end\na up 1\nb up 2":
            self.assertFalse(matches(page, screen), screen)

    def test_wrongPage(self) -> None:
        """A command that fails, and an output that the screen does not show, are
        found."""
        self.patch(tests.pages, "_TRIES", 1)
        self.patch(tests.pages, "_TARDINESS", 2.0)
        for text, why in [
            ("$ echo one", ""),
            ("$ echo one\none", ""),
            ("$ false\n$ echo $?\n1", ""),
            ("$ (exit 3)", "status 3"),
            ("$ pip install '.[terminal]' twisted", ""),
            ("$ pip install echostamp", "status 1"),
            ("$ echo one\ntwo", "the page:"),
        ]:
            case = PageCase("play")
            try:
                case.play([Block("console", "", text)])
            except AssertionError as error:
                self.assertTrue(why and str(error).startswith(why), error)
            else:
                self.assertEqual(why, "", text)
            finally:
                case.doCleanups()


class SentenceTests(SynchronousTestCase):
    """
    Commands within sentences, C{``echostamp ...``}.
    """

    def test_options(self) -> None:
        """Their options and values are those of the program."""
        found = 0
        for page in pages():
            # All literals: an end must not be taken for a beginning.
            for text in re.findall("``([^`]+)``", (ROOT / page).read_text()):
                program, *words = text.split()
                parse: Callable[[list[str]], object] = parser().parse_args
                if program == "twistd" and "echostamp" in words:
                    words = words[words.index("echostamp") + 1 :]
                    parse = Options().parseOptions
                elif program != "echostamp" or not re.search(r"\s-", text):
                    continue
                found += 1
                try:
                    parse([{"PORT": "862"}.get(each, each) for each in words])
                except (SystemExit, UsageError) as error:
                    if "--help" not in words:
                        self.fail(f"{page}: {text}: {error}")
        self.assertGreater(found, 10)


class AllPagesTests(SynchronousTestCase):
    """
    Every literal block of every page.
    """

    def cases(self) -> dict[str, type[PageCase]]:
        """Give the case of each page."""
        modules = [
            import_module(f"tests.{path.stem}")
            for path in Path(__file__).parent.glob("test_pages*.py")
        ]
        found = [
            each
            for module in modules
            for each in vars(module).values()
            if isinstance(each, type)
            and issubclass(each, PageCase)
            and each is not PageCase
        ]
        return {each.page: each for each in found}

    def test_allPlayed(self) -> None:
        """Each block of each page is played, or named in a table; and a table names
        only what is there."""
        cases = self.cases()
        self.assertEqual(set(cases) - set(pages()), set())
        for page in pages():
            if page not in cases:
                self.assertEqual(blocks(page), [], f"{page} has no case")
                continue
            self.assertEqual(cases[page].mistakes(), [], page)
            self.assertTrue(
                not cases[page].played() or hasattr(cases[page], "test_page"), page
            )

    def test_width(self) -> None:
        """No line of a screen is wider than a terminal.  Files and commands to copy may
        be."""
        wide = [
            f"{page}: {line}"
            for page in pages()
            for block in blocks(page)
            if not block.name and block.kind != "sh"
            for line in block.text.split("\n")
            if len(line) > COLUMNS
        ]
        self.assertEqual(wide, [])


class TutorialPage(PageCase):
    """
    C{docs/tutorial.rst}.  L{tests.test_tutorial} has more of it.
    """

    page = "docs/tutorial.rst"
    isClone = False
    hosts = {"192.0.2.10": ""}
    before = {
        r"$ printf '%0100000d\n' 0 | nc -N localhost 8002 | grep -o '\[[^]]*\]'": [
            "python3 twisted_server.py"
        ],
    }
    notRun = {
        "[Mon Dec": "a reply by itself: the clients' outputs below have it",
        "$ bash -c 'yes": "never ends: test_tutorial has it, and the traceback",
    }

    def test_page(self) -> None:
        """Servers and clients do what the reader sees."""
        self.play()


class IntercomPage(PageCase):
    """
    C{docs/intercom.rst}.
    """

    page = "docs/intercom.rst"
    before = {
        "$ twistd -n echostamp --port 8002 --intercom --relay redis://localhost/room": [
            "redis-server --daemonize yes"
        ],
    }
    notRun = {
        "[09:30:00]": "answers among several clients: test_intercom_commands and "
        "test_relay_pages have them",
        "14:03:07 <bob>": "a part of a screen: test_talk_shown shows the same",
    }

    def prepare(self, machine: Machine) -> None:
        """Look for the program."""
        tool("redis-server", "redis-server")

    def test_page(self) -> None:
        """The daemons and the client start."""
        self.play()


class ProtocolPage(PageCase):
    """
    C{docs/protocol.rst}.
    """

    page = "docs/protocol.rst"
    notRun = {
        "C: ": "an exchange: echostamp.test.test_protocol_doc plays it",
        "O: ": "the same",
        "[Mon Dec": "a reply by itself: the exchanges have it",
        "stamp    =": "a grammar: test_grammar reads stamps by it",
        "connect": "a client in words: no program",
    }

    def test_grammar(self) -> None:
        """The daemon's stamps are those of the grammar, and no others."""
        text = re.sub(r" *;.*", "", textOf(self.page, "stamp    ="))
        rules = dict(re.findall(r"(\w+) += ((?:.|\n +)+)", text))

        def pattern(rule: str) -> str:
            found = ""
            for token in re.findall(r'"[^"]*"|[\w*]+|[]|/()[]', rule):
                name = token.lstrip("0123456789*")
                times = token.removesuffix(name)
                if token[0] == '"':
                    found += re.escape(token[1:-1])
                elif token in "|/()[]":
                    found += {"/": "|", "]": ")?", ")": ")"}.get(token, "(?:")
                else:
                    what = {"SP": " ", "DIGIT": r"\d"}.get(name) or pattern(rules[name])
                    repeat = "+" if "*" in times else times and f"{{{times}}}"
                    found += f"(?:{what}){repeat}"
            return f"(?:{found})"

        stamp = pattern("stamp")
        for name in "ctime", "iso", "unix":
            for at in 0, 1450085400 * 10**9, 1450999999 * 10**9 + 7:
                found = stampFormat(name).stamp(at).decode()
                self.assertRegex(found, f"^{stamp}$")
                self.assertNotRegex(
                    found.replace(":", ";").replace(".", ","), f"^{stamp}$"
                )


class ApiPage(PageCase):
    """
    C{docs/api.rst}.
    """

    page = "docs/api.rst"
    before = {
        "$ curl -sS http://localhost:9862/api/v1/peers |": [
            "twistd -n echostamp --peers peers.toml --web 9862 --history history",
        ]
    }

    def prepare(self, machine: Machine) -> None:
        """Write a file of peers."""
        for program in "curl", "jq":
            tool(program, program)
        machine.path("peers.toml").write_text('[peer.ams]\ntarget = "127.0.0.1:1"\n')

    def test_page(self) -> None:
        """The commands get answers; L{tests.test_api} reads these."""
        self.play()


class MetricsPage(PageCase):
    """
    C{docs/metrics.rst}.
    """

    page = "docs/metrics.rst"
    notRun = {
        "probes_due": "sums: echostamp.test has them for each peer, in every scrape",
        "rate(": "a query of Prometheus: test_queries",
        "histogram_quantile(": "the same",
        "echostamp_clock_offset": "the same",
    }

    def test_queries(self) -> None:
        """Prometheus can read the queries."""
        promtool = tool("promtool", "prometheus")
        rules = Path(self.mktemp())
        queries = [block.text for block in blocks(self.page)][1:]
        self.assertEqual(len(queries), len(self.notRun) - 1)
        lines = ["groups:", "- name: page", "  rules:"]
        for number, query in enumerate(queries):
            lines += [
                f"  - record: query{number}",
                f"    expr: {' '.join(query.split())}",
            ]
        rules.write_text("\n".join(lines))
        done = run(promtool, "check", "rules", str(rules))
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())


class ContributingPage(PageCase):
    """
    C{CONTRIBUTING.rst}.
    """

    page = "CONTRIBUTING.rst"
    notRun = {
        "trial echostamp": "all tests: .ci/run runs them; test_names",
        "git tag": "a release: .ci/run builds and checks it, too; test_release",
        "deploy/debian/build": "the same",
    }

    def test_page(self) -> None:
        """The environment is made."""
        self.play()

    def test_release(self) -> None:
        """A release is built by what C{.ci/run} runs."""
        stages = ROOT / ".ci" / "run"
        if not stages.exists():
            raise SkipTest("only a clone has .ci/run")
        done = stages.read_text("utf-8")
        page = "\n".join(each.text for each in blocks(self.page) if self.isNamed(each))
        for command in "-m build", "twine", "check --strict", "deploy/debian/build":
            self.assertIn(command, done)
            self.assertIn(command, page)
        (image,) = re.findall(r"--file (\S+) \.", textOf(self.page, "deploy/debian"))
        self.assertTrue((ROOT / image).exists())

    def test_names(self) -> None:
        """What C{trial} is given is there."""
        tests = textOf(self.page, "trial echostamp")
        names = re.findall(r"trial (?:-\S+ )*([\w. ]+?) *(?:#|$)", tests, re.M)
        for name in " ".join(names).split():
            namedAny(name)
        self.assertEqual(len(names), 5)


class BenchPage(PageCase):
    """
    C{bench/README.rst}.
    """

    page = "bench/README.rst"
    notRun = {
        "pip install": "half an hour: CommandsTests.test_programs",
        "python bench/": "the same",
    }


class FuzzPage(PageCase):
    """
    C{fuzz/README.rst}.
    """

    page = "fuzz/README.rst"
    notRun = {
        "pip install": "needs atheris: CommandsTests.test_programs",
        "python fuzz/": "the same",
    }


class CommandsTests(SynchronousTestCase):
    """
    Commands that take too long, or need what a machine for tests has not.
    """

    def test_programs(self) -> None:
        """Options and their values are those of the programs."""
        found = [
            line
            for case in (BenchPage, FuzzPage, PerformancePage)
            for block in blocks(case.page)
            for line in block.text.splitlines()
            if line.startswith(("python bench", "python fuzz"))
        ]
        self.assertGreater(len(found), 10)
        for line in found:
            _, program, *words = line.partition("#")[0].split()
            own = (ROOT / program).read_text("utf-8")
            folder = (ROOT / program).parent
            every = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
            for option, value in zip(["", *words], words, strict=False):
                if value.startswith("--"):
                    self.assertIn(f'"{value}"', own, line)
                elif "/" in value:
                    self.assertTrue((ROOT / value).exists(), line)
                elif option in ("", "--load", "--contender", "--row"):
                    self.assertRegex(every, rf'"{value}"|def {value}\(', line)


class PerformancePage(PageCase):
    """
    C{docs/performance.rst}.
    """

    page = "docs/performance.rst"
    notRun = {
        "pip install": "half an hour: CommandsTests.test_programs",
        "1 connection, 1 message": "the run of docs/performance.json: test_tables",
        "1x1, CPU": "the same",
        "1 message ": "instructions, counted by callgrind",
        "before ": "bytecodes, counted in a turn",
        "python -c 'import twisted": "bench/startup.py, on an idle machine",
    }

    def test_tables(self) -> None:
        """The tables are what C{bench/report.py} makes of the run's figures."""
        self.patch(sys, "path", [str(ROOT / "bench"), *sys.path])
        report = import_module("report")
        run = json.loads((ROOT / "docs" / "performance.json").read_text("utf-8"))
        tables, _, bars = report.text(run["rounds"]).rstrip().rpartition("\n\n")
        self.assertEqual(textOf(self.page, "1 connection, 1 message"), tables)
        self.assertEqual(textOf(self.page, "1x1, CPU"), bars)
