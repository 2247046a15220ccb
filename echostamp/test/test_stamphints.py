"""Tests for L{echostamp.report.stamphints}."""

from __future__ import annotations

import errno

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.result import Result
from echostamp.report.stamphints import refusalHint
from echostamp.rfc8762.observations import Observations
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.timestamps import ErrorEstimate


class RefusalHintTests(SynchronousTestCase):
    """
    Why there may have been no reply over STAMP.
    """

    def setUp(self) -> None:
        """Find nothing."""
        self.found = Observations(SenderSession()).findings()

    def assertHint(self, hint: str, **found: object) -> None:
        """Assert the hint where there were other findings."""
        session = self.found._replace(**found)  # type: ignore[arg-type]
        self.assertEqual(refusalHint(Result(session=session)), hint)

    def test_noSession(self) -> None:
        """Without a session there is no hint."""
        self.assertEqual(refusalHint(Result()), "")

    def test_silence(self) -> None:
        """A reflector with a key, or another one, is silent."""
        self.assertHint("a reflector with a key does not answer without --key")
        self.assertHint("a reflector with another --key does not answer", isKeyed=True)

    def test_late(self) -> None:
        """Where it answers, late, nothing is said about keys."""
        self.assertHint("", farError=ErrorEstimate(False, False, None))

    def test_refusals(self) -> None:
        """Refused packets and invalid replies are counted, with what may help."""
        self.assertHint(
            "3 packets: nobody is at the port; 2 invalid replies: T1 was not returned; "
            "1 invalid reply: no valid HMAC (is --key the reflector's key?)",
            refusals=((errno.ECONNREFUSED, 3),),
            invalid=(("T1 was not returned", 2), ("no valid HMAC", 1)),
        )
