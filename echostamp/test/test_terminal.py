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
from echostamp.talk.terminal import (
    Painter,
    SafeText,
    privateDescriptor,
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
