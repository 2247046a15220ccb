"""Tests for L{echostamp.intercom.formatting}."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.formatting import askedName, isName, retold
from echostamp.line.stamper import Stamper

STAMP = b"[1] "


class RetellingTests(SynchronousTestCase):
    """
    What the others read of a message.
    """

    def test_lines(self) -> None:
        """Each message is a line behind its name; a missing newline is added."""
        self.assertEqual(
            retold(b"[1] a\n[1] \n[1] b", b"<n> ", 9),
            b"[1] <n> a\n[1] <n> \n[1] <n> b\n",
        )

    def test_controls(self) -> None:
        """Controls are shown as question marks, a carriage return at the end not."""
        for message, shown in [
            (b"a\tb", b"a\tb"),
            (b"a\rb\r", b"a?b"),
            (b"\x00\x1b[2J\x7f", b"??[2J?"),
            ("\x85\x9b\u2028\u2029\u202e\u2066\u061c\u200f".encode(), b"????????"),
            ("é日本".encode(), "é日本".encode()),
            (b"\x80\x9b2J\x9f\xa0\xff", b"??2J?\xa0\xff"),
        ]:
            told = retold(STAMP + message + b"\n", b"<n> ", 100)
            self.assertEqual(told, b"[1] <n> %s\n" % shown)

    def test_long(self) -> None:
        """Of a long message the beginning is told, and no character cut in two."""
        for message, most, shown in [
            (b"abc", 3, b"abc"),
            (b"abc", 2, b"ab"),
            ("aé".encode(), 2, b"a"),
            ("日本".encode(), 5, "日".encode()),
            ("日".encode(), 1, b""),
            ("\U0001f600x".encode(), 4, "\U0001f600".encode()),
            (b"\xa0\xa0\xa0\xa0\xa0", 4, b"\xa0"),
            (b"\xa0\xa0", 1, b""),
        ]:
            told = retold(b"[1] a\n[1] %s\n" % message, b"<n> ", most)
            self.assertEqual(told, b"[1] <n> a\n[1] <n> %s\n" % shown, message)

    @given(
        st.lists(
            st.binary(max_size=12).map(lambda text: text.replace(b"\n", b"")),
            min_size=1,
        ),
        st.integers(1, 14),
    )
    def test_anyOctets(self, messages: list[bytes], most: int) -> None:
        """Whatever is said, each message is one line with its stamp and its name."""
        reply = Stamper().feed(b"".join(each + b"\n" for each in messages), STAMP)
        told = retold(reply, b"<n> ", most)
        *lines, last = told.split(b"\n")
        self.assertEqual((len(lines), last), (len(messages), b""))
        for line in lines:
            self.assertTrue(line.startswith(b"[1] <n> "), line)
            text = line[len(b"[1] <n> ") :]
            self.assertLessEqual(len(text), most)
            self.assertFalse(re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", text), text)


class NameTests(SynchronousTestCase):
    """
    What somebody may be called.
    """

    def test_asked(self) -> None:
        """A first message may ask for a name."""
        self.assertEqual(askedName(b"/name ann"), b"ann")
        self.assertEqual(askedName(b"/name ann \r"), b"ann")
        self.assertEqual(askedName(b"/name "), b"")
        for message in b"/name", b"/names x", b" /name x", b"hello":
            self.assertIsNone(askedName(message))

    def test_names(self) -> None:
        """Letters, digits and some marks; not what others are called by themselves."""
        for name in (
            b"a",
            b"Ann-2",
            b"x" * 32,
            b"a.b:c_d[e]",
            b"host:80",
            b"12:30x",
            b"::1",
        ):
            self.assertTrue(isName(name), name)
        for name in (
            *(b"", b"a b", b"x" * 33, "é".encode(), b"<a>", b"a\n"),
            *(
                b"127.0.0.1:80",
                b"127.0.0.1:80-2",
                b"[::1]:80",
                b"::1:80",
                b"[::1]:80-12",
            ),
            *(b"local", b"local-2"),
        ):
            self.assertFalse(isName(name), name)
