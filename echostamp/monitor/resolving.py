"""
Looks up the names of peers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.addresses import scoped

#: How many names are looked up at a time, and the longest that one may take, in
#: seconds.
AT_ONCE, LONGEST = 8, 10.0


class NameSource(Protocol):
    """
    Gives the addresses of a peer's name, to the dialers as Twisted's
    L{IHostnameResolver}.

    @ivar present: gives the peer's present address; empty where it has none.
    @ivar found: called with the addresses of each look-up.
    """

    present: Callable[[], str]
    found: Callable[[list[str]], object]

    def check(self, host: str) -> None:
        """Look the name up, and call C{found} only."""

    def known(self) -> None:
        """Another has looked the name up."""

    def stop(self) -> None:
        """Call C{found} no more.  No look-up waits any longer."""


class PeerReactor:
    """
    The reactor for the connections of a peer: it looks names up in the peer's way, and
    passes everything else on to the real reactor.

    @ivar nameResolver: looks names up.
    """

    def __init__(self, reactor: Any, nameResolver: NameSource) -> None:
        """
        @param reactor: the real reactor.
        @param nameResolver: looks names up.
        """
        self._reactor = reactor
        self.nameResolver = nameResolver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


@implementer(IHostnameResolver)
class PeerResolver:
    """
    Looks up the name of a peer.  A peer stays at its address while its name has that
    one: it comes first.

    @ivar present: gives the peer's present address; empty where it has none.
    @ivar found: called with the addresses of each look-up.
    """

    present: Callable[[], str]
    found: Callable[[list[str]], object]

    def __init__(
        self, reactor: Any, turns: DeferredSemaphore, types: Any = None
    ) -> None:
        """
        @param reactor: looks the names up.
        @param turns: bounds how many names are looked up at a time.
        @param types: the types of addresses that L{check} looks for, until a dialer
            asks for others; L{None} for all.
        """
        self._reactor = reactor
        self._turns = turns
        self._types = types
        # The look-ups that go on, by what was asked.
        self._answers: dict[Any, _Answer] = {}
        self._isChecking = False
        # The look-ups that wait for their turn.
        self._waiting: list[Deferred[Any]] = []

    def stop(self) -> None:
        """
        Call C{found} no more.  Look-ups that wait for their turn find nothing.
        """
        self.found = _ignore
        for each in list(self._waiting):
            each.cancel()

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """Look a name up, as C{IHostnameResolver.resolveHostName} says."""
        self._types = addressTypes
        question = hostName, portNumber, addressTypes, transportSemantics
        return self._look(resolutionReceiver, *question)

    def check(self, host: str) -> None:
        """
        Look a name up for addresses of the kinds that the dialer last asked for, and
        call C{found} only.  Do nothing while an earlier check has no answer yet: where
        no answers come, checks must not pile up.
        """
        if not self._isChecking:
            self._isChecking = True
            self._look(_Check(self), host, 0, self._types, "TCP")

    def known(self) -> None:
        """Do nothing: it looks the name up itself."""

    def answered(self, question: tuple[Any, ...]) -> None:
        """
        Note that a question has its answer.
        """
        del self._answers[question]

    def checked(self) -> None:
        """
        Note that a check has ended.
        """
        self._isChecking = False

    def _look(
        self, receiver: Any, host: str, port: int, types: Any, over: str
    ) -> IHostResolution:
        """
        Look a name up when it is its turn.  The flows of a peer that ask at the same
        time get the same answer.
        """
        question = host, port, None if types is None else tuple(types), over
        answer = self._answers.get(question)
        if answer is not None:
            answer.add(receiver)
            return answer
        answer = self._answers[question] = _Answer(self, question)
        answer.add(receiver)

        def begin() -> None:
            answer.timer = self._reactor.callLater(LONGEST, answer.resolutionComplete)
            self._reactor.nameResolver.resolveHostName(answer, host, port, types, over)

        def taken(ignored: object) -> None:
            self._waiting.remove(turn)
            answer.release = self._turns.release
            begin()

        def cancelled(failure: Failure) -> None:
            self._waiting.remove(turn)
            answer.resolutionComplete()

        turn = self._turns.acquire()
        self._waiting.append(turn)
        turn.addCallbacks(taken, cancelled)
        return answer


@implementer(IResolutionReceiver, IHostResolution)
class _Answer:
    """
    Collects the addresses of a name.
    """

    timer: IDelayedCall | None = None
    _isOver = False

    def __init__(self, resolver: PeerResolver, question: tuple[Any, ...]) -> None:
        """
        @param question: the name, and what else is asked.
        """
        self.name: str = question[0]
        self._resolver = resolver
        self._question = question
        self._receivers: list[Any] = []
        self._addresses: list[IAddress] = []
        self.release: Callable[[], object] = _nothing

    def add(self, receiver: Any) -> None:
        """
        Pass the addresses on to one more.
        """
        self._receivers.append(receiver)
        receiver.resolutionBegan(self)

    def cancel(self) -> None:
        """Do nothing: a look-up cannot be cancelled."""

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Do nothing: the receivers know."""

    def addressResolved(self, address: IAddress) -> None:
        """Keep an address."""
        self._addresses.append(address)

    def resolutionComplete(self) -> None:
        """Pass the addresses on: all have come, or it took too long."""
        if self._isOver:
            return
        self._isOver = True
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        # It has this object.  Without the cycle both are freed at once.
        self.timer = None
        self.release()
        self._resolver.answered(self._question)
        present = self._resolver.present()
        found = sorted(self._addresses, key=lambda each: _host(each) != present)
        for receiver in self._receivers:
            for address in found:
                receiver.addressResolved(address)
        self._resolver.found([_host(address) for address in found])
        for receiver in self._receivers:
            receiver.resolutionComplete()


@implementer(IResolutionReceiver)
class _Check:
    """
    Ignores the addresses of a name.
    """

    def __init__(self, resolver: PeerResolver) -> None:
        self._resolver = resolver

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Ignore it."""

    def addressResolved(self, address: IAddress) -> None:
        """Ignore it."""

    def resolutionComplete(self) -> None:
        """The check has ended."""
        self._resolver.checked()


def _nothing() -> None:
    """
    Release no turn: there was none yet.
    """


def _ignore(hosts: list[str]) -> None:
    """
    Ignore the addresses of a name.
    """


def _host(address: Any) -> str:
    """
    Give the host of an address, with the link that a link-local one needs.
    """
    return scoped(address.host, int(getattr(address, "scopeID", 0)))
