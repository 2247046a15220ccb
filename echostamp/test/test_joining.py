"""Tests for L{echostamp.intercom.joining}."""

from __future__ import annotations

from itertools import count

from echostamp.intercom.announcing import ANNOUNCE_DELAY
from echostamp.test.rooms import IntercomCase
from echostamp.times import SECOND


class JoiningTests(IntercomCase):
    """
    How a member joins, and requests its name.
    """

    def test_joining(self) -> None:
        """A member joins with its first message, or after a second."""
        ann = self.join(b"ann")
        bob = self.join()
        self.reactor.advance(ANNOUNCE_DELAY / 2)
        self.assertGot(ann, b"")
        self.reactor.advance(ANNOUNCE_DELAY / 2)
        self.assertGot(ann, b"[01] * local joined\n")
        self.send(bob, b"hi\n")
        self.assertGot(ann, b"[01] <local> hi\n")
        self.send(self.join(), b"hi\n")
        self.assertGot(ann, b"[01] * local-2 joined\n[01] <local-2> hi\n")
        self.assertAtRest()

    def test_noTimerIsKept(self) -> None:
        """After a message, or after the delay, there is no timer; after a message there
        is no L{Joining}, either.  Both would use memory."""
        silent = self.join().protocol._sender
        sender = self.join(b"ann").protocol._sender
        self.reactor.advance(ANNOUNCE_DELAY)
        self.assertIsNone(silent._joining._announcing._timer)
        self.assertIsNone(sender._joining)

    def test_noticeOfJoiningHasTheStampOfTheMessage(self) -> None:
        """The notice before a first message is not newer than the message."""
        ann, bob = self.join(b"ann"), self.join()
        self.patch(self, "clock", count(0, SECOND).__next__)
        self.send(bob, b"hi\n")
        self.assertGot(ann, b"[00] * local joined\n[00] <local> hi\n")

    def test_requested(self) -> None:
        """The first message may request a name.  It is echoed, but not delivered to
        the others."""
        ann, bob = self.join(b"ann"), self.join()
        self.send(bob, b"/name bob\nhi\n")
        self.assertGot(bob, b"[00] /name bob\n[00] hi\n")
        self.assertGot(ann, b"[00] * bob joined\n[00] <bob> hi\n")
        self.assertEqual(self.log.lines[-1], "local is bob")
        self.assertAtRest()

    def test_requestedWithoutANewline(self) -> None:
        """The first message may request a name also if a pause ends it."""
        ann, bob = self.join(b"ann"), self.join()
        self.send(bob, b"/name bob")
        for _ in range(3):
            self.reactor.advance(0.1)
        self.send(bob, b"hi\n")
        self.assertGot(bob, b"[00] /name bob[00] hi\n")
        self.assertGot(ann, b"[00] * bob joined\n[00] <bob> hi\n")

    def test_requestedAndACommand(self) -> None:
        """A request that is too long for a command is one in the first message, and
        the next message may be a command."""
        ann, bob = self.join(b"ann"), self.join()
        text = b"x" * 300
        self.send(bob, b"/name %s\n/who\nhi\n" % text)
        own = b"[00] /name %s\n[00] /who\n[00] * you are local: " % text
        self.assertTrue(bob.sent.startswith(own), bob.sent)
        self.assertIn(b"[00] * local since 00 from local\n", bob.sent)
        self.assertGot(ann, b"[00] * local joined\n[00] <local> hi\n")

    def test_requestedLater(self) -> None:
        """If the others know a member by another name, a notice tells them the new
        one."""
        ann, bob = self.join(b"ann"), self.join()
        self.reactor.advance(ANNOUNCE_DELAY)
        self.send(bob, b"/name bob\n")
        self.assertGot(ann, b"[01] * local joined\n[01] * local is now bob\n")

    def test_notAName(self) -> None:
        """A name that is not valid is refused."""
        ann, bob = self.join(b"ann"), self.join()
        self.send(bob, b"/name a b\n")
        self.assertRegex(bytes(bob.sent), rb"\* you are local: a name has 1 to 32 ")
        self.assertGot(ann, b"[00] * local joined\n")

    def test_leavesUnannounced(self) -> None:
        """A member that leaves before it is announced causes no notice."""
        ann, bob = self.join(b"ann"), self.join()
        bob.abortConnection()
        self.reactor.advance(ANNOUNCE_DELAY)
        self.assertGot(ann, b"")
        self.assertAtRest()
