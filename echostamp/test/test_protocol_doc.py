"""Tests that C{docs/protocol.rst} is correct."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.daemon.options import Options
from echostamp.intercom.room import Intercom
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.sending import replySender
from echostamp.line.settings import EchoSettings
from echostamp.stamps import LONGEST_TEXT, stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection

SECOND = 1_000_000_000

#: When each exchange begins: 2015-12-14 09:30:00 UTC.
BEGIN = 1450085400 * SECOND

PAGE = Path(echostamp.__file__).parent.parent / "docs" / "protocol.rst"


class Event(NamedTuple):
    """
    One line of an exchange.

    @ivar kind: C{O}, C{C}, C{S} or C{--}.
    @ivar text: the text after the kind.
    """

    kind: str
    text: str

    @property
    def isFin(self) -> bool:
        """Whether one side half-closes or closes."""
        return self.text == "FIN"

    @property
    def octets(self) -> bytes:
        """
        The octets that the text represents.

        @raise AssertionError: the text is not in the page's notation.
        """
        assert re.fullmatch(r"(?:[ -\[\]-~]|\\(?:[nr\\]|x[0-9a-f]{2}))+", self.text), (
            self.text
        )
        return self.text.encode("ascii").decode("unicode_escape").encode("latin-1")


def page() -> str:
    """
    Read the page.

    @raise SkipTest: the package was installed without the page.
    """
    if not PAGE.exists():
        raise SkipTest(f"{PAGE} is not there")
    return PAGE.read_text("utf-8")


def parseExchange(block: str) -> list[Event]:
    """
    Read the lines of a code block.

    @raise AssertionError: a line is not in the page's notation.
    """
    events = []
    for line in block.splitlines():
        match = re.fullmatch(r"\s+(?:([OCS]): (.+)|(--) (\d+(?:\.\d+)?) s)", line)
        assert match, line
        kind, text = (group for group in match.groups() if group is not None)
        events.append(Event(kind, text))
    return events


def exchanges(text: str) -> list[list[Event]]:
    """
    Find every exchange of the page.
    """
    blocks = re.findall(
        r"^ *\.\. code-block:: text\n\n((?: +\S.*\n)+)", text, re.MULTILINE
    )
    return [parseExchange(block) for block in blocks]


def table(text: str, heading: str) -> dict[str, list[str]]:
    """
    Find a table of the page.

    @param heading: the name of its first column.
    @return: the other cells of each row, by its first cell; without markup.
    """
    rule = r"^=+(?: +=+)+\n"
    match = re.search(
        rf"{rule}{heading} [^\n]*\n{rule}(.*?){rule}", text, re.MULTILINE | re.DOTALL
    )
    assert match, heading
    rows = [
        re.split(r"  +", row.replace("``", "")) for row in match[1].strip().split("\n")
    ]
    return {first: [cell.strip() for cell in others] for first, *others in rows}


class ExchangeTests(SynchronousTestCase):
    """
    The exchanges of the page.
    """

    def play(self, events: list[Event]) -> list[Event]:
        """
        Play the client's part against a real server's protocol.

        @return: the same events, but with the octets that the server really sent.
        """
        played = [event for event in events if event.kind == "O"]
        options = Options()
        options.parseOptions(
            ["--utc", *(word for event in played for word in shlex.split(event.text))]
        )
        reactor = FakeReactor()
        intercom = Intercom(reactor, hasCommands=not options["no-commands"])
        factory = TimestampEchoFactory(
            reactor,
            EchoSettings(options.format, options.pause, options.maxLength),
            clock=lambda: BEGIN + round(reactor.seconds() * SECOND),
            sender=intercom.join if options["intercom"] else replySender,
        )
        transport = FakeSocketConnection(reactor)
        transport.protocol = factory.buildProtocol(None)
        transport.protocol.makeConnection(transport)
        isClosed = False
        for event in events:
            if event.kind == "--":
                for _ in range(round(float(event.text) * 1000)):
                    reactor.advance(0.001)
            elif event.kind != "C":
                continue
            elif event.isFin:
                transport.protocol.readConnectionLost()
            else:
                transport.protocol.dataReceived(event.octets)
            transport.turn()
            played.append(event)
            if transport.sent:
                played.append(Event("S", transport.sent.decode("latin-1")))
                transport.sent.clear()
            hasFin = transport.isClosed or transport.isHalfClosed
            if hasFin and not isClosed:
                isClosed = True
                played.append(Event("S", "FIN"))
        return played

    def joined(self, events: list[Event]) -> list[Event]:
        """
        Join consecutive lines of the server, and resolve their escapes.
        """
        found: list[Event] = []
        for event in events:
            if event.kind != "S" or event.isFin:
                found.append(event)
                continue
            sent = event.octets.decode("latin-1")
            if found[-1].kind == "S":
                sent = found.pop().text + sent
            found.append(Event("S", sent))
        return found

    def test_everyExchangeIsExact(self) -> None:
        """The server sends exactly the octets of the page, at the same times."""
        for events in exchanges(page()):
            self.assertEqual(self.play(events), self.joined(events))

    def test_everyExchangeIsFound(self) -> None:
        """The tests find every exchange, whatever its layout.  Each exchange ends with
        an answer."""
        text = page()
        found = exchanges(text)
        self.assertEqual(len(found), text.count("code-block::"))
        self.assertEqual(
            len(re.findall(r"^ +(?:[OCS]: |-- \d)", text, re.MULTILINE)),
            sum(len(events) for events in found),
        )
        self.assertGreaterEqual(len(found), 15)
        for events in found:
            self.assertEqual(events[-1].kind, "S")

    def test_falseExchangeIsNoticed(self) -> None:
        """A wrong octet, a missing reply or an early reply fails the test."""
        block = r"""
            C: a\nb
            S: [Mon Dec 14 09:30:00 2015] a\n
            -- 1 s
            C: FIN
            S: [Mon Dec 14 09:30:00 2015] b
            S: FIN
        """
        events = parseExchange(block.lstrip("\n").rstrip())
        self.assertEqual(self.play(events), self.joined(events))
        for wrong in (
            [*events[:4], Event("S", events[4].text + "x"), events[5]],
            events[:-1],
            [*events[:2], events[4], *events[2:4], events[5]],
        ):
            self.assertNotEqual(self.play(wrong), self.joined(wrong))


class NumberTests(SynchronousTestCase):
    """
    The tables of the page.
    """

    def options(self, *words: str) -> Options:
        """Read a command line."""
        options = Options()
        options.parseOptions(words)
        return options

    def test_limits(self) -> None:
        """Each option accepts its least and its greatest value, and none beyond."""
        limits = table(page(), "Option")
        self.assertEqual(set(limits), {"--port", "--pause", "--max-length"})
        for name, (least, _, most) in limits.items():
            self.options(name, least)
            self.options(name, most)
            for beyond in int(least) - 1, int(most) + 1:
                self.assertRaises(SystemExit, self.options, name, str(beyond))

    def test_defaults(self) -> None:
        """The defaults on the page are those of the options."""
        defaults = {name: row[1] for name, row in table(page(), "Option").items()}
        options = self.options()
        self.assertEqual(options.endpoints, [f"tcp:{defaults['--port']}"])
        self.assertEqual(options.pause, float(defaults["--pause"]))
        self.assertEqual(options.maxLength, int(defaults["--max-length"]))

    def test_lengthsAndResolutionsOfNamedFormats(self) -> None:
        """The lengths of text and stamp and the resolution are those of the table."""
        rows = table(page(), "Format")
        for name, key in (
            ("ctime", "ctime (default)"),
            ("iso", "iso"),
            ("unix", "unix"),
        ):
            text, stamp, resolution = rows[key]
            form = stampFormat(name)
            self.assertEqual(len(form.text(BEGIN)), int(text))
            self.assertEqual(len(form.stamp(BEGIN)), int(stamp))
            self.assertEqual(form.resolution, self.nanoseconds(resolution))

    def test_lengthsAndResolutionsOfPatterns(self) -> None:
        """The table has the least and the greatest length of a pattern's output."""
        rows = table(page(), "Format")
        for key, pattern in ("pattern", "x"), ("pattern with %f", "%f"):
            text, stamp, resolution = rows[key]
            self.assertEqual(text, f"1 to {LONGEST_TEXT}")
            least, most = stamp.split(" to ")
            self.assertEqual(len(stampFormat("x").stamp(BEGIN)), int(least))
            longest = stampFormat("x" * LONGEST_TEXT)
            self.assertEqual(len(longest.stamp(BEGIN)), int(most))
            self.assertEqual(
                stampFormat(pattern).resolution, self.nanoseconds(resolution)
            )
        self.assertRaises(ValueError, stampFormat, "x" * (LONGEST_TEXT + 1))
        self.assertRaises(ValueError, stampFormat, "")

    def nanoseconds(self, text: str) -> int:
        """
        Parse a time with its unit.
        """
        number, unit = text.split()
        return int(number) * {"s": SECOND, "us": 1000, "ns": 1}[unit]
