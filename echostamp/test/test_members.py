"""Tests for L{echostamp.talk.members}."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.talk.members import MOST, Members


class MembersTests(SynchronousTestCase):
    """
    Lines of an intercom tell names.
    """

    def heard(self, *notices: str, own: str = "") -> Members:
        """Hear notices."""
        members = Members(own)
        for notice in notices:
            members.notice(f"[1] * {notice}\n")
        return members

    def test_whoIsHere(self) -> None:
        """Heads of lines and notices tell names, the last one first."""
        members = self.heard(
            "bob joined",
            "[::1]:80 since Mon Dec 14 09:30:00 2015 from [::1]:80",
            "carol is now carl",
        )
        members.message("[Mon Dec 14 09:30:00 2015] <dave> eve joined")
        self.assertEqual(members.beginningWith(""), ["dave", "carl", "[::1]:80", "bob"])

    def test_whoIsGone(self) -> None:
        """A name is forgotten when its member leaves, or takes another one."""
        members = self.heard("bob joined", "carol joined", "ann joined")
        members.notice("[1] * bob left\n")
        members.notice("[1] * carol is now dave\n")
        members.notice("[1] * nobody left\n")
        self.assertEqual(members.beginningWith(""), ["dave", "ann"])

    def test_beginnings(self) -> None:
        """Names are found in upper and lower case."""
        members = self.heard("Bob joined", "bert joined", "ann joined")
        self.assertEqual(members.beginningWith("b"), ["bert", "Bob"])
        self.assertEqual(members.beginningWith("BO"), ["Bob"])
        self.assertEqual(members.beginningWith("x"), [])

    def test_ownName(self) -> None:
        """The own name is what this client asks for, then what notices say."""
        for notices, own in [
            ([], "ann"),
            (["you are ann-2: ann is taken"], "ann-2"),
            (["you are ann-2: ann is taken", "ann-2 is now ann"], "ann"),
            (["bob is now carol", "bob is now ann"], "ann"),
            (["ann is now bob", "you are bob"], "bob"),
        ]:
            self.assertEqual(self.heard(*notices, own="ann").own, own, notices)

    def test_typedName(self) -> None:
        """A client that asks for a name only later has that one."""
        members = Members()
        for text in (
            "[1] hello\n",
            "[1] /name an",
            "[1] /name a b\n",
            "[1] /names ann\n",
        ):
            members.reply(text)
            self.assertEqual(members.own, "")
        members.reply("[1] /name ann\n")
        self.assertEqual(members.own, "ann")
        members.reply("[1] /name bob\n")
        self.assertEqual(members.own, "ann")

    def test_isIntercom(self) -> None:
        """A name that is asked for, a notice or another's line tell an intercom."""
        self.assertFalse(Members().isIntercom)
        self.assertTrue(Members("ann").isIntercom)
        self.assertTrue(self.heard("x").isIntercom)
        members = Members()
        members.reply("[1] <bob> hi\n")
        self.assertFalse(members.isIntercom)
        members.message("[1] <bob> hi\n")
        self.assertTrue(members.isIntercom)

    def test_noNames(self) -> None:
        """What is no name is not kept."""
        for notice in [
            " joined",
            "x" * 81 + " joined",
            "a b joined",
            "a<b joined",
            "\\x1b joined",
            "a\u200bb joined",
            "bob joined us",
            "bob since",
            "x" * 600,
        ]:
            self.assertEqual(self.heard(notice).beginningWith(""), [], notice)
        self.assertEqual(self.heard("x" * 80 + " joined").beginningWith(""), ["x" * 80])

    def test_bounded(self) -> None:
        """Only the last names are kept, and little of a notice that does not end."""
        members = self.heard(*(f"m{number} joined" for number in range(MOST + 5)))
        names = members.beginningWith("")
        self.assertEqual((len(names), names[0], names[-1]), (MOST, "m1004", "m5"))
        for _ in range(1000):
            members.notice("x" * 1000)
        self.assertLess(len(members._notice), 1000)

    @given(st.integers(0, 40), st.integers(0, 40))
    def test_pieces(self, one: int, other: int) -> None:
        """A notice may come in pieces."""
        text = "[1] * bob joined\n[1] * bob is now carol\n"
        members = Members()
        for line in text.splitlines(keepends=True):
            cuts = sorted([0, min(one, len(line)), min(other, len(line)), len(line)])
            for begin, end in pairwise(cuts):
                if begin < end:
                    members.notice(line[begin:end])
        self.assertEqual(members.beginningWith(""), ["carol"])
