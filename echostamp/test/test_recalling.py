"""Tests for L{echostamp.intercom.recalling}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.entries import Begin, Entry, Lose, Operation, Say, encode
from echostamp.intercom.recalling import applied

ANN, BOB = b"a" * 32, b"b" * 32
STAMP = b"[s] "


def say(number: int, lines: int = 1, daemon: bytes = ANN) -> Entry:
    """Make an entry of some lines."""
    return Entry(daemon, number, Say(1, b"ann", STAMP, b"x\n" * lines))


def other(number: int, operation: Operation) -> Entry:
    """Make another entry."""
    return Entry(ANN, number, operation)


class AppliedTests(SynchronousTestCase):
    """
    Tests for L{applied}.
    """

    def assertApplied(
        self, entries: list[Entry], places: list[int], **heard: int
    ) -> None:
        """
        Assert which entries were applied.

        @param places: the places of those in the list.
        @param heard: how far the daemons are at the end.
        """
        ids = {"ann": ANN, "bob": BOB}
        numbers = {ids[name]: number for name, number in heard.items()}
        found = applied(map(encode, entries), numbers)
        self.assertEqual(found, [entries[each] for each in places])

    def test_all(self) -> None:
        """Entries without gaps were applied, whatever number is the first."""
        entries = [say(7, 3), say(1, daemon=BOB), say(10), say(2, daemon=BOB)]
        self.assertApplied(entries, [0, 1, 2, 3], ann=10, bob=2)

    def test_gap(self) -> None:
        """What came too early was not, until it came again."""
        entries = [say(5), say(8), say(6), say(7), say(8)]
        self.assertApplied(entries, [0, 2, 3, 4], ann=8)

    def test_gapAtTheBeginning(self) -> None:
        """The same where the relay had lost everything before."""
        entries = [say(8), say(6), say(7), say(8)]
        self.assertApplied(entries, [1, 2, 3], ann=8)

    def test_beyond(self) -> None:
        """What is beyond the end was not applied; of a daemon that is not in the room
        any more, all may have been."""
        entries = [say(5), say(6), say(5, daemon=BOB)]
        self.assertApplied(entries, [0, 2], ann=5)

    def test_lose(self) -> None:
        """A daemon takes lines for lost, and sends the next ones again."""
        entries = [say(4), say(9), say(10), other(8, Lose(STAMP)), say(9), say(10)]
        self.assertApplied(entries, [0, 3, 4, 5], ann=10)

    def test_loseAgain(self) -> None:
        """The daemon may say so twice."""
        lose = other(8, Lose(STAMP))
        entries = [lose, say(9), say(1, daemon=BOB), lose, say(9)]
        self.assertApplied(entries, [0, 1, 2, 3, 4], ann=9, bob=1)

    def test_loseWhatIsThere(self) -> None:
        """Somebody has applied the lines that a daemon takes for lost."""
        entries = [say(7), say(8), say(9), other(8, Lose(STAMP)), say(9)]
        self.assertApplied(entries, [0, 1, 3, 4], ann=9)

    def test_others(self) -> None:
        """What is not ours, and the beginning of an order, are no part of it."""
        begin = encode(other(1, Begin(STAMP)))
        fields = [begin, encode(say(5)), [(b"x", b"y")]]
        self.assertEqual(applied(fields, {}), [say(5)])
