"""Tests for L{echostamp.talk.members}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.parsing import Origin
from echostamp.talk.members import MOST, Members


class MembersTests(SynchronousTestCase):
    """
    Lines of an intercom tell names.
    """

    def setUp(self) -> None:
        """Know nobody."""
        self.members = Members()

    def notice(self, *texts: str) -> list[bool]:
        """Hear notices, and tell which of them tell the client's name."""
        return [
            self.members.heard(Origin.NOTICE, f"[1] * {text}\n".encode())
            for text in texts
        ]

    def assertNames(self, *names: str) -> None:
        """Assert which names are known."""
        self.assertEqual(self.members.beginningWith(""), list(names))

    def test_whoIsHere(self) -> None:
        """Heads of lines and notices tell names, the last one first."""
        self.notice(
            "bob joined",
            "[::1]:80 since Mon Dec 14 09:30:00 2015 from [::1]:80",
            "carol is now carl",
        )
        line = b"[Mon Dec 14 09:30:00 2015] <dave> eve joined, says a line of any len"
        self.assertFalse(self.members.heard(Origin.OTHER, line))
        self.members.heard(Origin.OTHER, b"gth: [1] <frank> \n")
        self.assertNames("dave", "carl", "[::1]:80", "bob")

    def test_whoIsGone(self) -> None:
        """A name is forgotten when its member leaves, or takes another one."""
        self.notice("bob joined", "carol joined", "ann joined")
        self.notice("bob left", "carol is now dave", "nobody left")
        self.assertNames("dave", "ann")

    def test_beginnings(self) -> None:
        """Names are found in upper and lower case."""
        self.notice("Bob joined", "bert joined", "ann joined")
        self.assertEqual(self.members.beginningWith("b"), ["bert", "Bob"])
        self.assertEqual(self.members.beginningWith("BO"), ["Bob"])
        self.assertEqual(self.members.beginningWith("x"), [])

    def test_ownName(self) -> None:
        """The own name is what notices say.  Those about others do not tell it."""
        for before, notice, own, isTold in [
            ("", "you are ann-2: ann is taken", "ann-2", True),
            ("ann", "you are ann", "ann", True),
            ("ann-2", "ann-2 is now ann", "ann", True),
            ("ann-2", "bob is now ann", "ann-2", False),
            ("ann", "ann left", "ann", False),
            ("ann", "you are here, ann", "ann", False),
        ]:
            self.members.own = before
            self.assertEqual(self.notice(notice), [isTold], notice)
            self.assertEqual(self.members.own, own, notice)

    def test_isIntercom(self) -> None:
        """A notice or another's line tell an intercom."""
        for origin in Origin:
            members = Members()
            self.assertFalse(members.heard(origin, b"[1] <bob> hi\n"))
            self.assertEqual(members.isIntercom, origin is not Origin.OWN)

    def test_ownLines(self) -> None:
        """Own lines tell nothing, whatever they look like."""
        for line in b"[1] * you are ann\n", b"[1] <bob> hi\n":
            self.assertFalse(self.members.heard(Origin.OWN, line))
        self.assertNames()
        self.assertEqual(self.members.own, "")

    def test_noNames(self) -> None:
        """What is no name is not kept."""
        self.notice(
            " joined",
            "x" * 81 + " joined",
            "a b joined",
            "a<b joined",
            "\\x1b joined",
            "a\x1bb joined",
            "a\u200bb joined",
            "bob joined us",
            "bob since",
            "x" * 600,
        )
        self.members.heard(Origin.NOTICE, b"[1] * bob joi")
        self.members.heard(Origin.NOTICE, b"[1] * b\xffb\xf0 left\n")
        self.assertNames()
        self.notice("x" * 80 + " joined")
        self.assertNames("x" * 80)

    def test_bounded(self) -> None:
        """Only the last names are kept."""
        self.notice(*(f"m{number} joined" for number in range(MOST + 5)))
        names = self.members.beginningWith("")
        self.assertEqual((len(names), names[0], names[-1]), (MOST, "m1004", "m5"))
