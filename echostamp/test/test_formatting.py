"""Tests for L{echostamp.intercom.formatting}."""

import re
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.formatting import linesForOthers, linesOf, notice
from echostamp.line.stamper import Stamper

STAMP = b"[1] "

#: Other_Default_Ignorable_Code_Point of Unicode's PropList.txt, first and last.
_OTHER_IGNORABLE = [
    (0x34F, 0x34F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x2065, 0x2065),
    (0x3164, 0x3164),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0000),
    (0xE0002, 0xE001F),
    (0xE0080, 0xE00FF),
    (0xE01F0, 0xE0FFF),
]

#: Format controls that are visible: Prepended_Concatenation_Mark, the interlinear
#: annotations and the controls of Egyptian hieroglyphs.
_VISIBLE = [
    (0x600, 0x605),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0xFFF9, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
]


def _isIn(ranges: list[tuple[int, int]], character: str) -> bool:
    """
    Say whether a character is in one of the ranges.
    """
    return any(first <= ord(character) <= last for first, last in ranges)


def _isHidden(character: str) -> bool:
    """
    Say whether a character is a control or a separator, or is invisible: derive
    Default_Ignorable_Code_Point as DerivedCoreProperties.txt says, without joiners and
    variation selectors.
    """
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return True
    if category == "Cf":
        return character not in "\u200c\u200d" and not _isIn(_VISIBLE, character)
    return _isIn(_OTHER_IGNORABLE, character)


class LinesForOthersTests(SynchronousTestCase):
    """
    The lines that the other members get.
    """

    def test_lines(self) -> None:
        """Each message is a line with the name in front; a missing newline is added."""
        self.assertEqual(
            linesForOthers(b"[1] a\n[1] \n[1] b", b"<n> ", 9),
            b"[1] <n> a\n[1] <n> \n[1] <n> b\n",
        )

    def test_controls(self) -> None:
        """Controls are shown as question marks; a final carriage return is left out."""
        for message, shown in [
            (b"a\tb", b"a\tb"),
            (b"a\rb\r", b"a?b"),
            (b"\x00\x1b[2J\x7f", b"??[2J?"),
            ("\x85\x9b\u2028\u2029\u202e\u2066\u061c\u200f".encode(), b"????????"),
            ("é日本".encode(), "é日本".encode()),
            (b"\x80\x9b2J\x9f\xa0\xff", b"??2J?\xa0\xff"),
        ]:
            lines = linesForOthers(STAMP + message + b"\n", b"<n> ", 100)
            self.assertEqual(lines, b"[1] <n> %s\n" % shown)

    def test_invisible(self) -> None:
        """Of all characters, controls, separators and invisible ones are shown as
        question marks, and no others: joiners and variation selectors stay."""
        for first in range(0x100, sys.maxunicode, 0x100):
            block = [chr(number) for number in range(first, first + 0x100)]
            if unicodedata.category(block[0]) == "Cs":
                continue
            lines = linesForOthers(STAMP + "".join(block).encode(), b"", 1024)
            shown = "".join(["?" if _isHidden(each) else each for each in block])
            self.assertEqual(lines[len(STAMP) : -1].decode(), shown, hex(first))
        soft = linesForOthers(STAMP + "\xad\x85\xa0".encode(), b"", 1024)
        self.assertEqual(soft, STAMP + "??\xa0\n".encode())
        for text in "a\u200cb\u200d", "\u2764\ufe0f", "\u845b\U000e0100":
            lines = linesForOthers(STAMP + text.encode(), b"", 100)
            self.assertEqual(lines, STAMP + text.encode() + b"\n")

    def test_long(self) -> None:
        """A long message is truncated between two characters."""
        for message, maxLength, shown in [
            (b"abc", 3, b"abc"),
            (b"abc", 2, b"ab"),
            ("aé".encode(), 2, b"a"),
            ("日本".encode(), 5, "日".encode()),
            ("日".encode(), 1, b""),
            ("\U0001f600x".encode(), 4, "\U0001f600".encode()),
            (b"\xa0\xa0\xa0\xa0\xa0", 4, b"\xa0"),
            (b"\xa0\xa0", 1, b""),
        ]:
            lines = linesForOthers(b"[1] a\n[1] %s\n" % message, b"<n> ", maxLength)
            self.assertEqual(lines, b"[1] <n> a\n[1] <n> %s\n" % shown, message)

    @given(
        st.lists(
            st.binary(max_size=12).map(lambda text: text.replace(b"\n", b"")),
            min_size=1,
        ),
        st.integers(1, 14),
    )
    def test_anyOctets(self, messages: list[bytes], maxLength: int) -> None:
        """Whatever octets a message has, it is one line with its stamp and a name."""
        reply = Stamper().feed(b"".join(each + b"\n" for each in messages), STAMP)
        *lines, last = linesForOthers(reply, b"<n> ", maxLength).split(b"\n")
        self.assertEqual((len(lines), last), (len(messages), b""))
        for line in lines:
            self.assertTrue(line.startswith(b"[1] <n> "), line)
            text = line[len(b"[1] <n> ") :]
            self.assertLessEqual(len(text), maxLength)
            self.assertFalse(re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", text), text)


class LinesOfTests(SynchronousTestCase):
    """
    The lines that the members of other daemons get.
    """

    def test_lines(self) -> None:
        """Each message is a line with the stamp and the name in front, and is as safe
        as at its own daemon."""
        self.assertEqual(
            linesOf(STAMP, b"<n> ", b"a\r\n\n\x1b[2J\n", 9),
            b"[1] <n> a\n[1] <n> \n[1] <n> ?[2J\n",
        )

    @given(
        st.lists(
            st.one_of(st.binary(max_size=9), st.text(max_size=4).map(str.encode)).map(
                lambda text: text.replace(b"\n", b"\r")
            ),
            min_size=1,
        ),
        st.integers(1, 14),
    )
    def test_asAtItsOwnDaemon(self, messages: list[bytes], maxLength: int) -> None:
        """The members of all daemons get the same lines."""
        text = b"".join(each + b"\n" for each in messages)
        self.assertEqual(
            linesOf(STAMP, b"<n> ", text, maxLength),
            linesForOthers(Stamper().feed(text, STAMP), b"<n> ", maxLength),
        )


class NoticeTests(SynchronousTestCase):
    """
    The line of a notice.
    """

    def test_notice(self) -> None:
        """A notice begins with its stamp and an asterisk."""
        self.assertEqual(notice(STAMP, b"ann joined"), b"[1] * ann joined\n")
