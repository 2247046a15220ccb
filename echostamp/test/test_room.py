"""Tests for L{echostamp.intercom.room}."""

from __future__ import annotations

from echostamp.intercom.announcing import ANNOUNCE_DELAY
from echostamp.intercom.naming import isName
from echostamp.test.fakes import FakeTransport
from echostamp.test.rooms import IntercomCase


class DeliveryTests(IntercomCase):
    """
    Which member gets which line.
    """

    def test_oneOrder(self) -> None:
        """A message comes back to its sender as from the echo.  The others get it as a
        line, in the same order."""
        ann, bob, cid = (self.join(name) for name in (b"ann", b"bob", b"cid"))
        self.send(ann, b"one\ntwo\n")
        self.send(bob, b"three\r\n")
        self.assertGot(ann, b"[00] one\n[00] two\n[00] <bob> three\n")
        self.assertGot(bob, b"[00] <ann> one\n[00] <ann> two\n[00] three\r\n")
        self.assertGot(cid, b"[00] <ann> one\n[00] <ann> two\n[00] <bob> three\n")
        self.assertAtRest()

    def test_anyTransport(self) -> None:
        """A member whose transport can only C{write} gets the lines, too."""
        ann, other = self.join(b"ann"), FakeTransport()
        other.protocol = self.factory.buildProtocol(None)
        other.protocol.makeConnection(other)
        self.send(ann, b"hi\n")
        self.assertEqual(other.sent, b"[00] <ann> hi\n")

    def test_alone(self) -> None:
        """A single member has no others."""
        self.join()
        self.assertTrue(self.intercom.isAlone)
        self.join()
        self.assertFalse(self.intercom.isAlone)

    def test_leavesOnce(self) -> None:
        """A member can leave only once."""
        ann = self.join(b"ann").protocol._sender
        self.assertTrue(self.intercom.leave(ann))
        self.assertFalse(self.intercom.leave(ann))


class NameTests(IntercomCase):
    """
    The names of members.
    """

    def test_inUse(self) -> None:
        """A name that is taken gets a number.  A notice tells only the member that has
        requested it."""
        long = b"x" * 32
        ann = self.join(long)
        self.send(second := self.join(), b"/name %s\n" % long)
        given = b"x" * 30 + b"-2"
        self.assertGot(
            second,
            b"[00] /name %s\n[00] * you are %s: %s is taken\n" % (long, given, long),
        )
        self.assertGot(ann, b"[00] * %s joined\n" % given)
        second.abortConnection()
        self.assertGot(ann, b"[00] * %s left\n" % given)
        self.send(third := self.join(), b"/name %s\n" % long)
        self.assertIn(given, third.sent)

    def test_inUseLikeAnAddress(self) -> None:
        """A name that is shortened for its number is still valid."""
        requested = b"2001:db8:aaaa:bbbb:ccc:1:80800xx"
        for _ in range(12):
            self.send(self.join(), b"/name %s\n" % requested)
        self.assertEqual(len(self.intercom._members), 12)
        for name in self.intercom._members:
            self.assertTrue(isName(name), name)


class NoticeTests(IntercomCase):
    """
    Notices of the room.
    """

    def test_allLeave(self) -> None:
        """When the daemon stops, there are no notices of members that leave."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.factory.isStopping = True
        bob.abortConnection()
        self.assertGot(ann, b"")
        self.assertAtRest()

    def test_noNotices(self) -> None:
        """Notices can be switched off."""
        self.begin(hasNotices=False)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.join()
        self.reactor.advance(ANNOUNCE_DELAY)
        bob.abortConnection()
        self.assertGot(ann, b"")
        self.assertAtRest()
