"""Tests for L{echostamp.talk.regaining}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.parsing import Origin
from echostamp.talk.members import Members
from echostamp.talk.regaining import Regaining


class RegainingTests(SynchronousTestCase):
    """
    The name that a client had is asked for on the next connection.
    """

    def setUp(self) -> None:
        """Ask for a name on a first connection."""
        self.members = Members()
        self.name = Regaining(self.members)
        self.members.own = "ann"
        self.name.want()

    def notice(self, text: bytes) -> bool:
        """Let a notice come, and tell whether it is shown."""
        before = self.members.own
        isTold = self.members.heard(Origin.NOTICE, b"[1] * %s\n" % text)
        return not isTold or self.name.told(before)

    def test_given(self) -> None:
        """The wanted name is the one that the daemon has given, if it may be asked
        for."""
        self.assertEqual(self.name.wanted, "ann")
        self.assertTrue(self.notice(b"you are ann-2: ann is taken"))
        self.assertEqual(self.name.wanted, "ann-2")
        self.assertTrue(self.notice(b"bob is now ann"))
        self.assertTrue(self.notice(b"ann-2 is now carol"))
        self.assertEqual(self.name.wanted, "carol")
        self.assertTrue(self.notice(b"you are [::1]:7: a name has 1 to 32"))
        self.assertEqual(self.name.wanted, "carol")
        self.assertFalse(self.name.isMissed)

    def test_notYet(self) -> None:
        """A name that the user has not got is not wanted."""
        self.name.want()
        self.assertEqual(self.name.wanted, "ann")
        self.notice(b"you are ann: the next name is possible in 3 s")
        self.assertEqual(self.name.wanted, "ann")

    def test_back(self) -> None:
        """On a new connection the name may be taken: the first notice is shown, and
        later ones are not, until the name changes."""
        self.notice(b"ann is now carol")
        self.name.want()
        self.notice(b"carol is now ann")
        self.name.beginAgain()
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"you are ann-3: ann is taken"))
        self.assertTrue(self.name.isMissed)
        self.name.askAgain()
        self.assertFalse(self.name.hasAnswer)
        self.assertFalse(self.notice(b"you are ann-3: ann is taken"))
        self.assertTrue(self.name.hasAnswer)
        self.assertEqual(self.name.wanted, "ann")
        self.name.askAgain()
        self.assertTrue(self.notice(b"ann-3 is now ann-2"))
        self.assertFalse(self.notice(b"you are ann-2: ann is taken"))
        self.name.askAgain()
        self.assertTrue(self.notice(b"ann-2 is now ann"))
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"you are ann"))

    def test_sameName(self) -> None:
        """A daemon that gives the name at once says nothing."""
        self.members.own = "127.0.0.1:7"
        self.name.beginAgain()
        self.assertEqual(self.members.own, "ann")
        self.assertFalse(self.name.isMissed)

    def test_otherName(self) -> None:
        """A user who asks for another name does not want the former one back."""
        self.name.beginAgain()
        self.notice(b"you are ann-2: ann is taken")
        self.name.want()
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"ann-2 is now bob-2"))
        self.assertTrue(self.notice(b"you are bob-2: bob is taken"))
        self.assertEqual(self.name.wanted, "bob-2")

    def test_giveUp(self) -> None:
        """A name that cannot be had again is not missed."""
        self.name.beginAgain()
        self.notice(b"you are ann-2: ann is taken")
        self.name.giveUp()
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"you are ann-2"))
