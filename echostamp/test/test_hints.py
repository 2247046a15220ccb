"""Tests for L{echostamp.client.hints}."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectBindError, ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.hints import hint, isOurFault, whyNoReply
from echostamp.connect.target import parseTarget
from echostamp.exitstatus import FAR_END_FAILED, NEAR_END_FAILED, Outcome
from echostamp.measure.result import Figures, Outage, Result
from echostamp.probe.plan import Plan
from echostamp.test.fakes import FakeReactor

FAILED = Outcome(FAR_END_FAILED)


class WhyNoReplyTests(SynchronousTestCase):
    """
    Tests for the reasons why no reply came.
    """

    def test_each(self) -> None:
        """Each cause has its text."""
        began = Result(Figures(sent=3, lost=3), began=1)
        plan = Plan(timeout=20_000_000)
        for result, why in [
            (Result(), "there was no connection in time"),
            (began, "no reply"),
            (
                began._replace(outages=(Outage(1, 1, "it closed the connection", 1),)),
                "it closed the connection",
            ),
            (
                began._replace(strange=5),
                "it answers, but not with what was sent: is it an echo?",
            ),
            (
                began._replace(figures=Figures(sent=3, lost=3, late=2)),
                "no reply within 0.02 s (2 came late)",
            ),
        ]:
            self.assertEqual(whyNoReply(result, plan), why)


class OurFaultTests(SynchronousTestCase):
    """
    Tests for the end that is at fault.
    """

    def test_address(self) -> None:
        """An address that this machine does not have is our fault.  A family of
        addresses that it does not have is not."""
        self.assertTrue(isOurFault(ConnectBindError(99)))
        self.assertFalse(isOurFault(ConnectBindError(97)))
        self.assertFalse(isOurFault(ConnectionRefusedError(111)))
        self.assertFalse(isOurFault(None))


class HintTests(SynchronousTestCase):
    """
    Tests for what else the user could try.
    """

    def hint(self, target: str, failure: Any = None, **fields: Any) -> str:
        """Give the hint after a run that failed."""
        found = parseTarget(FakeReactor(), target, 5)
        return hint(found, failure, FAILED, Result(**fields))

    def test_refused(self) -> None:
        """If nobody listens, another port may help, or TLS."""
        refused = ConnectionRefusedError(111)
        self.assertEqual(self.hint("far", refused), "another port, or tls:HOST:PORT?")

    def test_disconnected(self) -> None:
        """A far end that closes each connection may speak TLS; one that answers with
        lines of its own does not."""
        outages = (Outage(1, 1, "the far end closed the connection", 1),)
        self.assertEqual(self.hint("far", outages=outages), "tls:HOST:PORT?")
        self.assertEqual(self.hint("far", outages=outages, strange=1), "")

    def test_source(self) -> None:
        """If our address is not this machine's, the hint is C{--source}."""
        for target in None, parseTarget(FakeReactor(), "far", 5):
            found = hint(
                target, ConnectBindError(99), Outcome(NEAR_END_FAILED), Result()
            )
            self.assertEqual(found, "is --source one of this machine's addresses?")

    def test_nothing(self) -> None:
        """There is no hint after success, nor for failures without a known cause."""
        self.assertEqual(hint(None, None, Outcome(0), Result()), "")
        self.assertEqual(hint(None, None, FAILED, Result()), "")
        self.assertEqual(self.hint("unix:/s"), "")
