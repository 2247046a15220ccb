"""Tests for L{echostamp.talk.ownname}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.parsing import Origin
from echostamp.talk.ownname import OwnName


class OwnNameTests(SynchronousTestCase):
    """
    The name that a client had is asked for on the next connection.
    """

    def setUp(self) -> None:
        """Ask for a name on a first connection."""
        self.name = OwnName()
        self.name.begin(b"ann")

    def notice(self, text: bytes) -> bool:
        """Let a notice come in any two pieces, and tell whether it is shown."""
        line = b"[Mon Dec 14 09:30:00 2015] * %s\n" % text
        cut = len(line) // 2
        begin = self.name.shown([(Origin.NOTICE, line[:cut])])
        self.assertEqual(begin, [])
        shown = self.name.shown([(Origin.NOTICE, line[cut:])])
        self.assertIn(shown, ([], [(Origin.NOTICE, line)]))
        return bool(shown)

    def test_given(self) -> None:
        """The wanted name is the one that the daemon has given, if it may be asked
        for."""
        self.assertEqual(self.name.wanted, b"ann")
        self.assertTrue(self.notice(b"you are ann-2: ann is taken"))
        self.assertEqual(self.name.wanted, b"ann-2")
        self.assertTrue(self.notice(b"bob is now ann"))
        self.assertTrue(self.notice(b"ann-2 is now carol"))
        self.assertEqual(self.name.wanted, b"carol")
        self.assertTrue(self.notice(b"you are carol"))
        self.assertTrue(self.notice(b"you are [::1]:7: a name has 1 to 32"))
        self.assertEqual(self.name.wanted, b"carol")
        self.assertFalse(self.name.isMissed)

    def test_typed(self) -> None:
        """The user may ask for another name.  A notice tells if it is not given."""
        self.name.typed(b"/name bob\r\n")
        self.assertEqual(self.name.wanted, b"bob")
        self.notice(b"you are ann: the next name is possible in 3 s")
        self.assertEqual(self.name.wanted, b"ann")
        for line in b"/name 127.0.0.1:7\n", b"/name a b\n", b"hello\n", b"/names x\n":
            self.name.typed(line)
            self.assertEqual(self.name.wanted, b"ann")

    def test_back(self) -> None:
        """On a new connection the name may be taken: the first notice is shown, and
        later ones are not, until it is given."""
        self.name.beginAgain()
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"you are ann-2: ann is taken"))
        self.assertTrue(self.name.isMissed)
        self.name.askAgain()
        self.assertFalse(self.name.hasAnswer)
        self.assertFalse(self.notice(b"you are ann-2: ann is taken"))
        self.assertTrue(self.name.hasAnswer)
        self.assertEqual(self.name.wanted, b"ann")
        self.name.askAgain()
        self.assertTrue(self.notice(b"ann-2 is now ann"))
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"you are ann"))

    def test_otherName(self) -> None:
        """A user who asks for another name does not want the former one back."""
        self.name.beginAgain()
        self.notice(b"you are ann-2: ann is taken")
        self.name.typed(b"/name bob\n")
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"you are bob-2: bob is taken"))
        self.assertEqual(self.name.wanted, b"bob-2")

    def test_giveUp(self) -> None:
        """A name that cannot be had again is not missed."""
        self.name.beginAgain()
        self.notice(b"you are ann-2: ann is taken")
        self.name.giveUp()
        self.assertFalse(self.name.isMissed)
        self.assertTrue(self.notice(b"you are ann-2"))

    def test_others(self) -> None:
        """Lines that are no notices say nothing about the name, and are shown as they
        come; so is a notice of great length, and one whose end never comes."""
        heard = [
            (Origin.OTHER, b"[1] <b> * you are carol\n"),
            (Origin.OWN, b"[1] * you are carol\n"),
        ]
        self.assertEqual(self.name.shown(heard), heard)
        self.assertEqual(self.name.wanted, b"ann")
        long = [(Origin.NOTICE, b"[1] * " + b"x" * 5000)]
        self.assertEqual(self.name.shown(long), long)
        self.assertEqual(self.name.shown([(Origin.NOTICE, b"[1] * b jo")]), [])
        self.assertEqual(self.name.held(), b"[1] * b jo")
        self.assertEqual(self.name.held(), b"")
