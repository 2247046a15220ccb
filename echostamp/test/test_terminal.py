"""Tests for L{echostamp.talk.terminal}."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
from importlib.metadata import PackageNotFoundError, requires
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.parsing import Origin
from echostamp.talk import terminal
from echostamp.talk.bell import Bell
from echostamp.talk.members import Members
from echostamp.talk.terminal import (
    Painter,
    SafeText,
    privateDescriptor,
    terminalColumns,
)
from echostamp.test.fakes import osError
from echostamp.test.hostiletext import HOSTILE, isSafe

streams = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.text(max_size=8).map(lambda text: text.encode()),
        st.sampled_from(HOSTILE),
    )
).map(b"".join)


def printed(pieces: list[bytes]) -> str:
    """
    Decode a stream that is cut into pieces.
    """
    safe = SafeText()
    return "".join([safe.feed(piece) for piece in pieces]) + safe.feed(b"", final=True)


def intercom(own: str) -> Members:
    """
    Make the members of an intercom.

    @param own: the client's name.
    """
    members = Members()
    members.own, members.isIntercom = own, True
    return members


class SafeTextTests(SynchronousTestCase):
    """
    What the far end sends is escaped where a terminal would obey it.
    """

    def test_controlsAreShown(self) -> None:
        """Controls, C1 and characters that reorder text are written as in Python."""
        for data, text in [
            (b"\x1b[2J", "\\x1b[2J"),
            (b"a\r\n", "a\\r\n"),
            (b"\x00\x07\x08\x7f", "\\x00\\x07\\x08\\x7f"),
            ("\x9b\x85".encode(), "\\x9b\\x85"),
            ("\u202e\u2066\u061c\u200f".encode(), "\\u202e\\u2066\\u061c\\u200f"),
            ("\u2028\u2029".encode(), "\\u2028\\u2029"),
        ]:
            self.assertEqual(printed([data]), text)

    def test_octetsThatAreNotUtf8AreShown(self) -> None:
        """Octets that are not UTF-8 are written as escapes."""
        self.assertEqual(printed([b"a\xff\x9bb"]), "a\\xff\\x9bb")

    def test_unfinishedCharacterWaits(self) -> None:
        """An incomplete character is shown when its rest has come."""
        safe = SafeText()
        self.assertEqual(safe.feed(b"a\xe4\xb8"), "a")
        self.assertEqual(safe.feed(b"\xadb"), "\u4e2db")

    def test_characterThatIsNeverFinished(self) -> None:
        """At the end of the stream an incomplete character is escaped."""
        safe = SafeText()
        self.assertEqual(safe.feed(b"\xe4\xb8"), "")
        self.assertEqual(safe.feed(b"", final=True), "\\xe4\\xb8")

    @given(st.text().map(lambda text: "".join(filter(isSafe, text))), st.data())
    def test_otherTextIsUnchanged(self, text: str, data: st.DataObject) -> None:
        """Other text of any script is unchanged, however it is cut."""
        encoded = text.encode()
        cut = data.draw(st.integers(0, len(encoded)))
        self.assertEqual(printed([encoded[:cut], encoded[cut:]]), text)

    @given(streams, st.lists(st.integers(0, 200)))
    def test_nothingUnsafeComesOut(self, stream: bytes, cuts: list[int]) -> None:
        """The output has no control and nothing that reorders text, whatever the
        input."""
        ends = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
        pieces = [stream[begin:end] for begin, end in pairwise(ends)]
        text = printed(pieces)
        self.assertEqual([c for c in text if not isSafe(c)], [])
        self.assertEqual(text, printed([stream]))


class PrivateDescriptorTests(SynchronousTestCase):
    """
    Descriptors that share their modes with nobody.
    """

    def setUp(self) -> None:
        """Make a pipe."""
        self.output, self.input = os.pipe()
        self.opened = {self.output, self.input}
        self.addCleanup(self.closeAll)

    def closeAll(self) -> None:
        """Close the descriptors."""
        for fd in self.opened:
            os.close(fd)

    def private(self, fd: int, flags: int) -> int:
        """Open a descriptor a second time."""
        private = privateDescriptor(fd, flags)
        self.opened.add(private)
        return private

    def assertPrivate(self, private: int, fd: int) -> None:
        """Assert that only the new descriptor does not block."""
        if not os.path.exists("/proc/self/fd"):
            self.assertEqual(private, fd)
            return
        self.assertNotEqual(private, fd)
        self.assertTrue(fcntl.fcntl(private, fcntl.F_GETFL) & os.O_NONBLOCK)
        self.assertFalse(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK)
        self.assertFalse(os.get_inheritable(private))

    def test_pipe(self) -> None:
        """Both ends of a pipe are opened again, and octets pass through them."""
        output = self.private(self.output, os.O_RDONLY)
        input = self.private(self.input, os.O_WRONLY)
        self.assertPrivate(output, self.output)
        self.assertPrivate(input, self.input)
        os.write(input, b"hello")
        self.assertEqual(os.read(output, 10), b"hello")

    def test_terminal(self) -> None:
        """A terminal is opened again."""
        master, terminal = os.openpty()
        self.opened |= {master, terminal}
        self.assertPrivate(self.private(terminal, os.O_RDONLY), terminal)
        self.assertPrivate(self.private(terminal, os.O_WRONLY), terminal)

    def test_pipeThatNobodyReads(self) -> None:
        """A named pipe without a reader cannot be opened again: its descriptor is
        returned."""
        path = self.mktemp()
        os.mkfifo(path)
        output = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        input = os.open(path, os.O_WRONLY)
        self.opened.add(input)
        os.close(output)
        self.assertEqual(self.private(input, os.O_WRONLY), input)

    def test_noSecondWayIn(self) -> None:
        """A descriptor that cannot be opened again is returned."""

        def refuse(path: str, flags: int) -> int:
            raise osError(2)

        self.patch(os, "open", refuse)
        self.assertEqual(self.private(self.output, os.O_RDONLY), self.output)

    def test_file(self) -> None:
        """A file's descriptor is returned: a second one would begin at the file's
        beginning."""
        path = Path(self.mktemp())
        path.write_bytes(b"hello")
        with path.open("rb") as file:
            fd = file.fileno()
            self.assertEqual(privateDescriptor(fd, os.O_RDONLY), fd)


class EditingTests(SynchronousTestCase):
    """
    The decision whether lines can be edited.
    """

    def test_isTerminal(self) -> None:
        """Both ends have to be a terminal."""
        for terminals in (), (0,), (1,), (0, 1):
            self.patch(os, "isatty", lambda fd, those=terminals: fd in those)
            self.assertEqual(terminal.isTerminal(), terminals == (0, 1))

    def test_promptToolkit(self) -> None:
        """Lines can be edited with a prompt_toolkit that the extra allows."""
        self.patch(os, "isatty", lambda fd: True)
        self.patch(os, "environ", {"TERM": "xterm"})
        for found, canEdit in [
            (None, False),
            ("2.0.10", False),
            ("3.0.14", False),
            ("3.0.37", False),
            ("3.0.38", True),
            ("3.1", True),
            ("4.0.0rc1", True),
        ]:

            def version(name: str, found: str | None = found) -> str:
                if found is None:
                    raise PackageNotFoundError(name)
                return found

            self.patch(importlib.metadata, "version", version)
            self.assertEqual(terminal.canEdit(), canEdit, found)

    def test_oldest(self) -> None:
        """The oldest version is the one that the extra asks for."""
        oldest = ".".join(map(str, terminal.OLDEST_PROMPT_TOOLKIT))
        asked = [each for each in requires("echostamp") or [] if "prompt" in each]
        self.assertTrue(asked)
        for each in asked:
            self.assertEqual(
                each.partition(";")[0].strip(), f"prompt_toolkit>={oldest}"
            )


class PainterTests(SynchronousTestCase):
    """
    Text and colours for a terminal.
    """

    def test_colours(self) -> None:
        """There are no colours if C{NO_COLOR} is set or the terminal is dumb."""
        heard = [(Origin.OTHER, b"[1] <b> hi\n"), (Origin.OWN, b"[1] hi\n")]
        plain = "[1] <b> hi\n[1] hi\n"
        coloured = "\x1b[1;36m[1] <b>\x1b[0m\x1b[36m hi\x1b[0m\n[1] hi\n"
        for environment, text in (
            ({"TERM": "xterm"}, coloured),
            ({"TERM": "xterm", "NO_COLOR": ""}, coloured),
            ({"TERM": "xterm", "NO_COLOR": "0"}, plain),
            ({"TERM": "dumb"}, plain),
            ({"TERM": ""}, plain),
            ({}, plain),
        ):
            self.assertEqual(Painter(environment).paint(heard), text, environment)

    def test_pieces(self) -> None:
        """The rest of a message never looks like a name, wherever it is cut."""
        heard = [
            (Origin.OTHER, b"[1] <b> hi"),
            (Origin.OTHER, b"[1] <c> ha\n"),
            (Origin.NOTICE, b"[1] * d joined\n"),
            (Origin.OTHER, b"[1] <b> x\n"),
        ]
        self.assertEqual(
            Painter({"TERM": "xterm"}).paint(heard),
            "\x1b[1;36m[1] <b>\x1b[0m\x1b[36m hi\x1b[0m"
            "\x1b[36m[1] <c> ha\x1b[0m\n"
            "\x1b[33m[1] * d joined\x1b[0m\n"
            "\x1b[1;36m[1] <b>\x1b[0m\x1b[36m x\x1b[0m\n",
        )

    def test_nothing(self) -> None:
        """A hidden reply does not begin a message."""
        painter = Painter({"TERM": "xterm"})
        self.assertEqual(painter.paint([(Origin.OWN, b"")]), "")
        self.assertEqual(
            painter.paint([(Origin.OTHER, b"[1] <b> x\n")]),
            "\x1b[1;36m[1] <b>\x1b[0m\x1b[36m x\x1b[0m\n",
        )

    def test_safe(self) -> None:
        """Text is escaped; a character in two pieces is whole."""
        painter = Painter({})
        self.assertEqual(
            painter.paint(
                [(Origin.OTHER, b"\x1b[2J\xc3"), (Origin.OTHER, b"\xa9\n\xc3")]
            ),
            "\\x1b[2J\xe9\n",
        )
        self.assertEqual(painter.rest(), "\\xc3")


#: A stamp as most daemons write it.
STAMP = b"[Mon Dec 14 09:30:00 2015] "

#: A message that a terminal of 80 columns would begin a row with, if it broke it.
FORGED = b" " * 47 + STAMP + b"<bob> I owe you"


class WrappingTests(SynchronousTestCase):
    """
    Lines that are longer than a row, in an intercom.
    """

    def painted(
        self, *lines: bytes, columns: int = 40, encoding: str = "utf-8", **env: str
    ) -> list[str]:
        """
        Paint lines of another member, and give the rows.
        """
        painter = Painter({"TERM": "xterm", **env}, lambda: columns, encoding)
        text = painter.paint([(Origin.OTHER, line + b"\n") for line in lines])
        return text.removesuffix("\n").split("\n")

    def test_edge(self) -> None:
        """A row that continues a line begins with a bar, under the text."""
        self.assertEqual(
            self.painted(b"[1] <bob> one two three four", columns=22, NO_COLOR="1"),
            ["[1] <bob> one two ", "│         three four"],
        )

    def test_longHead(self) -> None:
        """Where the head takes more than half of a row, little is lost to it."""
        self.assertEqual(
            self.painted(STAMP + b"<bob> one two three four five six", NO_COLOR="1"),
            ["[Mon Dec 14 09:30:00 2015] <bob> one ", "│ two three four five six"],
        )

    def test_colours(self) -> None:
        """The edge has the colour of the name, and notices have theirs."""
        self.assertEqual(
            self.painted(b"[1] <bob> one two", columns=15),
            [
                "\x1b[1;36m[1] <bob>\x1b[0m\x1b[36m one \x1b[0m",
                "\x1b[1;36m│\x1b[0m \x1b[36mtwo\x1b[0m",
            ],
        )
        painter = Painter({"TERM": "xterm"}, lambda: 15)
        self.assertEqual(
            painter.paint([(Origin.NOTICE, b"[1] * bob joined\n")]),
            "\x1b[33m[1] * bob \x1b[0m\n\x1b[33m│\x1b[0m     \x1b[33mjoined\x1b[0m\n",
        )

    def test_terminalsWithoutTheBar(self) -> None:
        """A dumb terminal, and an encoding without the bar, get another one."""
        for row in [
            self.painted(b"[1] <bob> one two", columns=15, TERM="dumb")[1],
            self.painted(
                b"[1] <bob> one two", columns=15, encoding="latin-1", NO_COLOR="1"
            )[1],
        ]:
            self.assertEqual(row, "| two")

    def test_encoding(self) -> None:
        """What the encoding lacks is escaped before a line is broken."""
        self.assertEqual(
            self.painted(
                "[1] <b> 日本語".encode(), columns=15, encoding="latin-1", NO_COLOR="1"
            ),
            ["[1] <b> \\u65e5\\", "| u672c\\u8a9e"],
        )

    def test_forged(self) -> None:
        """No message can look like another line at the beginning of a row."""
        for columns in 80, 40, 20, 10, 5, 3:
            for env in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
                shift = max(0, 80 - columns)
                for line in STAMP + b"<eve> ", b"[1] <eve> ":
                    rows = self.painted(line + FORGED[shift:], columns=columns, **env)
                    begun = [row for row in rows if row[0] not in "│|"]
                    self.assertEqual(begun, rows[:1], columns)
                    if columns >= 40:
                        self.assertTrue(rows[0].startswith(line.decode()), rows)

    def test_joiner(self) -> None:
        """After a joiner the edge is one of ASCII, which no terminal joins to it, until
        another character was there to be joined; the next line's edge too."""
        self.assertEqual(
            self.painted(
                "[1] <b> one\u200d two three".encode(),
                b"[1] <b> one two three",
                "[1] <b> \u65e5 two three".encode(),
                columns=13,
                NO_COLOR="1",
            ),
            [
                *("[1] <b> one\u200d ", "| two three"),
                *("[1] <b> one ", "| two three"),
                *("[1] <b> \u65e5 ", "│ two three"),
            ],
        )

    def test_ownLines(self) -> None:
        """Own lines are broken too, without colours, once it is an intercom."""
        line = b"[1] one two three\n"
        for isBroken in False, True:
            members = Members()
            members.isIntercom = isBroken
            painter = Painter({"TERM": "xterm"}, lambda: 10, members=members)
            shown = "[1] one \n│   two \n│   three\n" if isBroken else line.decode()
            self.assertEqual(painter.paint([(Origin.OWN, line)]), shown)

    def test_unknownWidth(self) -> None:
        """A terminal that does not tell its width has 80 columns."""
        for size in os.terminal_size((0, 0)), None:

            def measured(fd: int, size: os.terminal_size | None = size) -> object:
                if size is None:
                    raise osError(25)
                return size

            self.patch(os, "get_terminal_size", measured)
            self.assertEqual(terminalColumns(), 80)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(Origin),
                st.one_of(
                    st.text(st.sampled_from(" \tab日e\u0301\u200d│|>"), max_size=120),
                    st.text(max_size=120),
                    st.sampled_from([FORGED.decode(), "x" * 200, " " * 90]),
                ),
                st.lists(st.integers(0, 150), max_size=3),
                st.booleans(),
            ),
            max_size=6,
        ),
        st.integers(3, 90),
        st.sampled_from([{}, {"TERM": "xterm", "NO_COLOR": "1"}]),
    )
    def test_everyRow(
        self,
        lines: list[tuple[Origin, str, list[int], bool]],
        columns: int,
        environment: dict[str, str],
    ) -> None:
        """Every row begins with a stamp or an edge, however the lines come, and when
        the prompt parts them too; without edges the rows are the lines."""
        painter = Painter(environment, lambda: columns, members=intercom("ann"))
        heads = {Origin.OWN: "[1] ", Origin.NOTICE: "[1] * ", Origin.OTHER: "[1] <b> "}
        shown, expected = "", ""
        for origin, message, cuts, isParted in lines:
            message = message.replace("\n", "")
            expected += printed([f"{heads[origin]}{message}\n".encode()])
            head, data = heads[origin].encode(), f"{message}\n".encode()
            ends = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
            for begin, end in pairwise(ends):
                piece = data[begin:end]
                text = painter.paint([(origin, piece if begin else head + piece)])
                shown += text
                if isParted and text and end < len(data):
                    shown += "\n"
                    painter.leaveRow()
        edge = "│" if environment else "|"
        found, rows = "", shown.splitlines()
        origins = iter([origin for origin, *_ in lines])
        for row in rows:
            if row.startswith("["):
                width = len(heads[next(origins)])
                indent = width if width <= columns // 2 else 2 if columns > 3 else 1
                found += f"\n{row}"
            else:
                self.assertIn(row[:indent], {edge.ljust(indent), "|".ljust(indent)})
                found += row[indent:]
        self.assertEqual(f"{found}\n"[1:], expected)


class TimeTests(SynchronousTestCase):
    """
    Local times in place of stamps.
    """

    def painted(self, origin: Origin, *pieces: bytes) -> str:
        """
        Paint a line, at noon.
        """
        painter = Painter({}, timeText=lambda: "12:00")
        return painter.paint([(origin, piece) for piece in pieces])

    def test_everyOrigin(self) -> None:
        """The time takes the place of any stamp."""
        for stamp in STAMP, b"[1.5] ", b"[any text: 1] ":
            for origin, text in [
                (Origin.OWN, "hi"),
                (Origin.OTHER, "<bob> [1] hi"),
                (Origin.NOTICE, "* bob joined"),
            ]:
                line = stamp + text.encode() + b"\n"
                self.assertEqual(self.painted(origin, line), f"12:00 {text}\n")

    def test_noStamp(self) -> None:
        """A line without a stamp stays as it is."""
        for line in b"hi\n", b"[] hi\n", b"[1]hi\n", b"a [1] hi\n", b"\n":
            self.assertEqual(self.painted(Origin.OWN, line), line.decode())

    def test_pieces(self) -> None:
        """What looks like a stamp within a line stays."""
        self.assertEqual(
            self.painted(Origin.OTHER, STAMP + b"<bob> hi", b"[1] ho\n"),
            "12:00 <bob> hi[1] ho\n",
        )

    def test_head(self) -> None:
        """The text begins behind the time."""
        painter = Painter({}, lambda: 26, timeText=lambda: "12:00")
        self.assertEqual(
            painter.paint([(Origin.OTHER, STAMP + b"<bob> one two three\n")]),
            "12:00 <bob> one two three\n",
        )
        self.assertEqual(
            painter.paint([(Origin.OTHER, STAMP + b"<bob> one two three four\n")]),
            "12:00 <bob> one two three \n|           four\n",
        )


class BellTests(SynchronousTestCase):
    """
    The bell, in what is painted.
    """

    def rings(self, origin: Origin, *pieces: bytes, hasBell: bool = True) -> int:
        """
        Count the rings at a line.
        """
        bell = Bell() if hasBell else None
        painter = Painter({"TERM": "xterm"}, members=intercom("ann"), bell=bell)
        return painter.paint([(origin, piece) for piece in pieces]).count("\a")

    def test_othersMessages(self) -> None:
        """Only messages of others ring, and not their heads."""
        self.assertEqual(self.rings(Origin.OTHER, b"[1] <bob> hi Ann\n"), 1)
        self.assertEqual(self.rings(Origin.OTHER, b"[1] <bob> hi A", b"nn\n"), 1)
        self.assertEqual(self.rings(Origin.OTHER, b"[1] <ann> hi\n"), 0)
        self.assertEqual(self.rings(Origin.OTHER, b"[ann] <bob> hi\n"), 0)
        self.assertEqual(self.rings(Origin.NOTICE, b"[1] * ann joined\n"), 0)
        self.assertEqual(self.rings(Origin.OWN, b"[1] ann\n"), 0)

    def test_off(self) -> None:
        """Without a bell nothing rings, whatever a message has."""
        self.assertEqual(
            self.rings(Origin.OTHER, b"[1] <bob> ann\x07\n", hasBell=False), 0
        )
        self.assertEqual(self.rings(Origin.OTHER, b"[1] <bob> x\x07\n"), 0)

    def test_ownName(self) -> None:
        """The name is the one that the client has at that moment."""
        members = intercom("ann")
        painter = Painter({}, members=members, bell=Bell())
        members.own = "carol"
        text = painter.paint(
            [
                (Origin.OTHER, b"[1] <bob> ann\n"),
                (Origin.OTHER, b"[1] <bob> carol\n"),
            ]
        )
        self.assertTrue(text.endswith("carol\a\n"), text)
        self.assertEqual(text.count("\a"), 1)
