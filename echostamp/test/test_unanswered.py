"""Tests for L{echostamp.talk.unanswered}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.talk.unanswered import MOST_LINES, MOST_OCTETS, UnansweredLines


class UnansweredLinesTests(SynchronousTestCase):
    """
    Lines are kept until they are answered.
    """

    def setUp(self) -> None:
        """Keep nothing yet."""
        self.lines = UnansweredLines()

    def test_lines(self) -> None:
        """The lines that are not answered are shown in their order.  The numbers of
        others, which nobody typed, are left out."""
        for number, line in enumerate([b"a\n", b"b\n", b"c\n"]):
            self.lines.sent(2 * number, line)
        self.lines.answered(2)
        self.assertEqual(self.lines.report(2), b"(not answered) b\n(not answered) c\n")
        self.lines.answered(5)
        self.assertEqual(self.lines.report(0), b"")

    def test_most(self) -> None:
        """Of many lines, or of long ones, the first are shown, and the others
        counted."""
        for number in range(1000):
            self.lines.sent(number, b"x\n")
        shown = self.lines.report(1000)
        self.assertEqual(shown.count(b"x\n"), MOST_LINES)
        self.assertTrue(shown.endswith(b"\n(not answered) 900 lines not shown\n"))
        self.setUp()
        for number in range(9):
            self.lines.sent(number, b"x" * 5000 + b"\n")
        shown = self.lines.report(9)
        self.assertLess(shown.count(b"x"), MOST_OCTETS)
        self.assertTrue(shown.endswith(b"\n(not answered) 6 lines not shown\n"))

    def test_long(self) -> None:
        """One line that is too long is counted."""
        self.lines.sent(0, b"x" * MOST_OCTETS + b"\n")
        self.assertEqual(self.lines.report(1), b"(not answered) 1 line not shown\n")

    def test_room(self) -> None:
        """What is answered leaves room for what follows."""
        for number in range(10 * MOST_LINES):
            self.lines.sent(number, b"x" * 1000 + b"\n")
            self.lines.answered(number)
        self.assertEqual(self.lines.report(1).count(b"x"), 1000)
