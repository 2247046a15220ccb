"""
Acceptance tests of the metrics, with Prometheus' own checker.
"""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from echostamp.monitor.exposition import Exposition
from echostamp.monitor.metricformats import Format
from echostamp.test.snapshots import PROCESS, fullDaemon, fullPeer, newPeer
from tests import harness


class PromtoolTests(TestCase):
    """
    Tests for the text format against C{promtool check metrics}.
    """

    def assertApproved(self, exposition: Exposition) -> None:
        """Assert that promtool reads it and has nothing to say."""
        promtool = harness.tool("promtool", "prometheus")
        text = b"".join(exposition.chunks())
        found = harness.run(promtool, "check", "metrics", stdin=text)
        self.assertEqual((found.returncode, found.stdout, found.stderr), (0, b"", b""))

    def test_everything(self) -> None:
        """promtool has nothing to say about a scrape with every metric."""
        exposition = Exposition(Format.TEXT, ["site"])
        exposition.add(fullPeer())
        exposition.add(newPeer())
        exposition.daemon(fullDaemon(), PROCESS)
        self.assertApproved(exposition)

    def test_hostileLabels(self) -> None:
        """Neither does it about labels that hold anything."""
        exposition = Exposition(Format.TEXT, ["site"])
        value = harness.HOSTILE.decode(errors="replace") + '\\n\n"},\ud800'
        exposition.add(fullPeer(value[::-1], (("site", value),)))
        self.assertApproved(exposition)

    def test_itSpeaksUp(self) -> None:
        """promtool does complain where there is a reason."""
        promtool = harness.tool("promtool", "prometheus")
        found = harness.run(promtool, "check", "metrics", stdin=b"bad_total{} 1\n")
        self.assertNotEqual(found.returncode, 0)
