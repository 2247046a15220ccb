"""Tests for L{echostamp.probe.interfaces}."""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.client.output import Asked, Output, OutputOptions
from echostamp.probe.interfaces import IProbeSink
from echostamp.probe.memorysink import MemorySink
from echostamp.probe.plan import Plan


class SinkTests(SynchronousTestCase):
    """
    Tests for the sinks of a prober.
    """

    def test_memory(self) -> None:
        """The sink in memory has the interface."""
        verifyObject(IProbeSink, MemorySink())

    def test_output(self) -> None:
        """The command's output has the interface."""
        asked = Asked("far", Plan())
        output = Output(asked, OutputOptions(), io.StringIO(), False, self.fail)
        verifyObject(IProbeSink, output)
