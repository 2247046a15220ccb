"""Tests for L{echostamp.intercom.naming}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.naming import (
    LONGEST_NAME,
    freeName,
    isName,
    readFirstMessage,
    refusal,
    requestedName,
)

#: Characters that bring names close to addresses, and to those with a number.
_CHARACTERS = st.sampled_from("ax01:.[]-_")


class RequestTests(SynchronousTestCase):
    """
    Requests for a name.
    """

    def test_requestedName(self) -> None:
        """C{/name NAME} requests a name; any other message does not."""
        self.assertEqual(requestedName(b"/name ann"), b"ann")
        self.assertEqual(requestedName(b"/name ann \r"), b"ann")
        self.assertEqual(requestedName(b"/name "), b"")
        for message in b"/name", b"/names x", b" /name x", b"hello":
            self.assertIsNone(requestedName(message))

    def test_readFirstMessage(self) -> None:
        """The first message is separated from its stamp and from the next messages."""
        for replies, first in [
            (b"[1] /name ann\n[1] hi\n", (b"[1] ", b"ann", b"[1] hi\n")),
            (b"[1] hi\n", (b"[1] ", None, b"")),
            (b"[1] [x] /name ann", (b"[1] ", None, b"")),
            (b"[1] /name ann", (b"[1] ", b"ann", b"")),
        ]:
            self.assertEqual(readFirstMessage(replies), first, replies)


class ValidityTests(SynchronousTestCase):
    """
    Valid names.
    """

    def test_valid(self) -> None:
        """A name has letters, digits and some marks."""
        for name in (
            b"a",
            b"Ann-2",
            b"x" * 32,
            b"a.b:c_d[e]",
            b"host:80",
            b"12:30x",
            b"42",
            b"2026-11-28",
            b"dad",
            b"ad.be",
            b"locals",
            b"local-hero",
            b"x-local",
            b"[]",
        ):
            self.assertTrue(isName(name), name)

    def test_characters(self) -> None:
        """A name has no other characters, and is neither empty nor too long."""
        for name in b"", b"a b", b"x" * 33, "é".encode(), b"<a>", b"a\n":
            self.assertFalse(isName(name), name)

    def test_namesOfTheDaemon(self) -> None:
        """No member can request a name that the daemon gives itself."""
        for name in (
            b"127.0.0.1:80",
            b"127.0.0.1:80-2",
            b"[::1]:80",
            b"::1:80",
            b"[::1]:80-12",
            b"local",
            b"local-2",
        ):
            self.assertFalse(isName(name), name)

    def test_otherSpellings(self) -> None:
        """No member can request a name that looks like an address, whatever its
        spelling, or like C{local}."""
        for name in (
            b"127.000.000.001:80",
            b"::",
            b"[::]",
            b"[::1]:http",
            b"::1:http",
            b"fe80::1:eth0",
            b"127.0.0.1:http",
            b"127.0.0.1:8O",
            b"10.0.0.1-x:80",
            b"1.2.3.4-ann",
            b"2130706433",
            b"0x7f000001",
            b"127.1:80",
            b"127.1",
            b"192.0.2.1",
            b"192.0.2.1.",
            b"192.0.2.1:",
            b"192.0.2.1.80",
            b"192.0.2.1_80",
            b"[192.0.2.1]:80-2-3",
            b"0x7f.1:80",
            b"0X7F000001:80",
            b"0177.0.0.1:80",
            b"2130706433:80",
            b"[[::1]]:80",
            b"::1",
            b"[::1]",
            b"0:0:0:0:0:0:0:00001",
            b"[FE80::a]:80",
            b"fe80::a_80",
            b"::ffff:127.0.0.01:80",
            b"Local",
            b"LOCAL-3",
            b"local_2",
            b"[local]:80",
            b"-local",
        ):
            self.assertFalse(isName(name), name)


class FreeNameTests(SynchronousTestCase):
    """
    Names that are not taken.
    """

    def test_free(self) -> None:
        """A free name stays as it is."""
        self.assertEqual(freeName(b"ann", {b"bob"}), b"ann")

    def test_taken(self) -> None:
        """A taken name gets the least number that makes it free, if that is small."""
        self.assertEqual(freeName(b"ann", {b"ann", b"ann-2"}), b"ann-3")
        numbered = [b"ann"] + [b"ann-%d" % number for number in range(2, 40)]
        self.assertEqual(freeName(b"ann", {*numbered} - {b"ann-16"}), b"ann-16")
        self.assertEqual(freeName(b"ann", {*numbered}), b"ann-40")

    def test_manyOfOneName(self) -> None:
        """Ten thousand members that ask for one name get consecutive numbers, and few
        names are tried for each."""
        tried = 0

        class Taken(set[bytes]):
            def __contains__(self, name: object) -> bool:
                nonlocal tried
                tried += 1
                return super().__contains__(name)

        taken = Taken()
        for _ in range(10_000):
            taken.add(freeName(b"local", taken))
        expected = {b"local", *[b"local-%d" % number for number in range(2, 10_001)]}
        self.assertEqual(set(taken), expected)
        self.assertLess(tried, 10_000 * 50)

    def test_greatNumbers(self) -> None:
        """A number does not get too long where somebody has requested every name that
        would be tried first."""
        name = b"x" * LONGEST_NAME
        taken = {name}
        for number in [*range(2, 16), *(1 << power for power in range(4, 120))]:
            suffix = b"-%d" % number
            taken.add(name[: -len(suffix)] + suffix)
        free = freeName(name, taken)
        self.assertNotIn(free, taken)
        self.assertTrue(isName(free), free)
        self.assertLess(int(free.rpartition(b"-")[2]), 1 << 21)

    @given(
        st.text(_CHARACTERS, min_size=1, max_size=LONGEST_NAME).map(str.encode),
        st.integers(0, 40),
    )
    def test_anyName(self, name: bytes, members: int) -> None:
        """However often a name is requested, all names differ.  If the name is valid,
        so are the others."""
        taken: set[bytes] = set()
        for _ in range(members):
            free = freeName(name, taken)
            self.assertNotIn(free, taken)
            self.assertLessEqual(len(free), LONGEST_NAME)
            self.assertTrue(isName(free) or not isName(name))
            taken.add(free)


class RefusalTests(SynchronousTestCase):
    """
    The notice to a member that has not got its requested name.
    """

    def test_given(self) -> None:
        """There is no notice where the name was given."""
        self.assertEqual(refusal(b"ann", b"ann"), b"")

    def test_taken(self) -> None:
        """A valid name is taken."""
        self.assertEqual(refusal(b"ann", b"ann-2"), b"you are ann-2: ann is taken")

    def test_notValid(self) -> None:
        """Any other text is not a name."""
        self.assertEqual(
            refusal(b"a b", b"local"),
            b"you are local: a name has 1 to 32 ASCII letters, digits and .:_-[], "
            b"and no address",
        )
