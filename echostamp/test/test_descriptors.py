"""Tests for L{echostamp.client.descriptors}."""

from __future__ import annotations

import resource

from twisted.internet.selectreactor import SelectReactor
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.descriptors import makeRoom

INFINITY = resource.RLIM_INFINITY


class MakeRoomTests(SynchronousTestCase):
    """
    Tests for the limit of open files.
    """

    def setUp(self) -> None:
        """Change no real limit."""
        self.limits = 1024, 4096
        self.set: list[tuple[int, int]] = []
        self.patch(resource, "getrlimit", lambda which: self.limits)
        self.patch(resource, "setrlimit", self.change)

    def change(self, which: int, limits: tuple[int, int]) -> None:
        """Note the limits."""
        self.set.append(limits)

    def test_enough(self) -> None:
        """A limit that is high enough stays."""
        self.assertEqual(makeRoom(object(), 480, 960), "")
        self.limits = INFINITY, INFINITY
        self.assertEqual(makeRoom(object(), 10**6, 2 * 10**6), "")
        self.assertEqual(self.set, [])

    def test_raised(self) -> None:
        """More targets than the limit allows raise it."""
        self.assertEqual(makeRoom(object(), 1000, 2000), "")
        self.limits = 1024, INFINITY
        self.assertEqual(makeRoom(object(), 10**5, 2 * 10**5), "")
        self.assertEqual(self.set, [(2064, 4096), (200_064, INFINITY)])

    def test_tooLow(self) -> None:
        """If the limit cannot be raised that far, a line says what is needed."""
        why = makeRoom(object(), 3000, 6000)
        self.assertIn(
            "3000 targets may need 6064 open files, and the limit is 4096", why
        )
        why = makeRoom(object(), 1, 6000)
        self.assertIn("1 target may need 6064 open files, and the limit is 4096", why)
        self.assertEqual(self.set, [])

    def test_refused(self) -> None:
        """If the system refuses to raise it, the run begins all the same."""

        def refuse(which: int, limits: tuple[int, int]) -> None:
            raise ValueError("not allowed to raise maximum limit")

        self.patch(resource, "setrlimit", refuse)
        self.assertEqual(makeRoom(object(), 1000, 2000), "")

    def test_select(self) -> None:
        """With C{select}, too many targets are refused."""
        reactor = SelectReactor.__new__(SelectReactor)
        self.assertEqual(makeRoom(reactor, 480, 960), "")
        why = makeRoom(reactor, 481, 962)
        self.assertIn("need 1026 descriptors, and there are 1024 at most", why)
