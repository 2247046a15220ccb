"""Tests for L{echostamp.daemon.rights}."""

from __future__ import annotations

import os
import pwd
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import rights
from echostamp.daemon.rights import asUser

#: The groups of root, and those of the user 7, whose own group is 70.
OF_ROOT, OF_USER = [0, 27], [70, 71]


class RightsTests(SynchronousTestCase):
    """
    Which rights files are opened with.
    """

    def setUp(self) -> None:
        """Be root, without changing this process."""
        self.user, self.group, self.groups = 0, 0, OF_ROOT
        self.patch(os, "geteuid", lambda: self.user)
        self.patch(os, "getegid", lambda: self.group)
        self.patch(os, "getgroups", lambda: self.groups)
        self.patch(os, "seteuid", self.setUser)
        self.patch(os, "setegid", self.setGroup)
        self.patch(os, "setgroups", self.setGroups)
        self.patch(rights, "initgroups", self.initGroups)
        self.patch(pwd, "getpwuid", lambda user: SimpleNamespace(pw_gid=user * 10))

    def setUser(self, user: int) -> None:
        """Become a user; only root may, and may always come back."""
        self.user = user

    def setGroup(self, group: int) -> None:
        """Set the group."""
        self.assertEqual(self.user, 0)
        self.group = group

    def setGroups(self, groups: list[int]) -> None:
        """Set the other groups."""
        self.assertEqual(self.user, 0)
        self.groups = groups

    def initGroups(self, user: int, group: int) -> None:
        """Set the groups of a user."""
        self.assertEqual((self.user, user), (0, 7))
        self.groups = [group, *OF_USER[1:]]

    def found(self, user: int | None, group: int | None) -> tuple[int, int, list[int]]:
        """Give the user and groups within, and check those behind it."""
        before = self.user, self.group, self.groups
        with asUser(user, group):
            found = self.user, self.group, self.groups
        self.assertEqual((self.user, self.group, self.groups), before)
        return found

    def test_user(self) -> None:
        """A user has its own groups, and none of root's."""
        self.assertEqual(self.found(7, None), (7, 70, OF_USER))
        self.assertEqual(self.found(7, 8), (7, 8, [8, 71]))

    def test_rootStays(self) -> None:
        """Without another user, root keeps its groups, as with twistd."""
        self.assertEqual(self.found(None, None), (0, 0, OF_ROOT))
        self.assertEqual(self.found(None, 8), (0, 8, OF_ROOT))
        self.assertEqual(self.found(0, 8), (0, 8, OF_ROOT))

    def test_namespace(self) -> None:
        """Root of a user namespace that may set no groups keeps those that it has."""

        def forbidden(groups: list[int]) -> None:
            raise PermissionError("setgroups")

        self.patch(os, "setgroups", forbidden)
        self.assertEqual(self.found(None, None), (0, 0, OF_ROOT))

    def test_notRoot(self) -> None:
        """Nobody else has rights to give up."""
        self.user = 5
        self.assertEqual(self.found(7, 8), (5, 0, OF_ROOT))

    def test_error(self) -> None:
        """The rights come back behind an error, too."""
        with self.assertRaises(ValueError), asUser(7, 8):
            raise ValueError("wrong file")
        self.assertEqual((self.user, self.group, self.groups), (0, 0, OF_ROOT))
