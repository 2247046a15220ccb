"""Tests for L{echostamp.intercom.formatting}."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.formatting import linesForOthers, notice
from echostamp.line.stamper import Stamper

STAMP = b"[1] "


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


class NoticeTests(SynchronousTestCase):
    """
    The line of a notice.
    """

    def test_notice(self) -> None:
        """A notice begins with its stamp and an asterisk."""
        self.assertEqual(notice(STAMP, b"ann joined"), b"[1] * ann joined\n")
