"""
Gets back the name that this client had, once it is connected again; pure.
"""

from __future__ import annotations

from echostamp.intercom.naming import isName
from echostamp.talk.members import Members


class Regaining:
    """
    Follows which name this client wants, and whether another connection has it.

    @ivar wanted: the name to ask for on the next connection; empty for none.
    @ivar hasAnswer: whether a notice has told the name since it was asked for last.
    """

    def __init__(self, members: Members) -> None:
        """
        @param members: knows the name that this client has.
        """
        self._members = members
        self.wanted = ""
        self.hasAnswer = False
        self._isRegaining = False
        self._isRepeated = False

    @property
    def isMissed(self) -> bool:
        """Whether another connection still has the name."""
        return self._isRegaining and self._members.own != self.wanted

    def want(self) -> None:
        """
        Follow a request of the user's, and no longer regain the former name.
        """
        self._isRegaining = False
        self._keep()

    def _keep(self) -> None:
        """
        Want the present name, if it is one that can be asked for.
        """
        if isName(self._members.own.encode()):
            self.wanted = self._members.own

    def beginAgain(self) -> None:
        """
        Ask for the name that this client had, on a new connection.
        """
        self._members.own = self.wanted
        self._isRegaining = True
        self._isRepeated = self.hasAnswer = False

    def askAgain(self) -> None:
        """
        Ask once more.  The answers are not shown, unless the name changes.
        """
        self._isRepeated, self.hasAnswer = True, False

    def giveUp(self) -> None:
        """
        Keep the present name: the daemon gives no other one.
        """
        self._isRegaining = False

    def told(self, before: str) -> bool:
        """
        Follow a notice that has told the client's name.

        @param before: the client's name before it.
        @return: whether to show the notice.
        """
        own = self._members.own
        self.hasAnswer = True
        if not self._isRegaining:
            self._keep()
            return True
        if self.isMissed:
            return not self._isRepeated or own != before
        self._isRegaining = not self._isRepeated
        return True
