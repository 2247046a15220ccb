"""Tests for L{echostamp.web.peernow}."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.template import flattenString

from echostamp.measure.delay import Summary
from echostamp.measure.offsetwindow import FITS, OffsetReport
from echostamp.measure.result import Figures, Result
from echostamp.monitor.peer import Limits
from echostamp.plots.timezones import Zone
from echostamp.test.htmlpages import Page
from echostamp.test.snapshots import fullPeer, newPeer
from echostamp.times import MICROSECOND, MILLISECOND, SECOND
from echostamp.web.peernow import figuresOf, limitsOf, peerNow


def _offset(estimate: int, half: int) -> OffsetReport:
    """
    Give bounds of an offset.
    """
    bounds = estimate, estimate - half, estimate + half
    return OffsetReport(0, *bounds, 0.0, -1.0, 1.0, SECOND, 1, FITS)


class NowTests(SynchronousTestCase):
    """
    Tests for L{peerNow}.
    """

    def figures(self, figures: Figures) -> dict[str, str]:
        """
        Give the main figures of a minute.
        """
        return dict(figuresOf(replace(fullPeer(), minute=Result(figures))))

    def test_figures(self) -> None:
        """The main figures of the minute: RTT, losses, and the offset."""
        rtt = Summary(50, 0, 2e7, 2e7, 30 * MILLISECOND, 1.0, 2.1e7, 2.5e7, None, True)
        found = self.figures(Figures(sent=50, received=48, lost=1, skipped=1, rtt=rtt))
        self.assertEqual(
            found,
            {
                "RTT, median": "20.000 ms",
                "RTT, p99": "25.000 ms",
                "lost or not sent": "4 %",
            },
        )

    def test_offset(self) -> None:
        """The offset has no more digits than its bounds allow."""
        for estimate, half, expected in (
            (MICROSECOND, 42 * MICROSECOND, "within 43 µs"),
            (50 * MILLISECOND, 100 * MICROSECOND, "+50.0 ms ± 100 µs"),
            (-2 * SECOND, 3 * MILLISECOND, "-2.000 s ± 3.0 ms"),
        ):
            found = self.figures(Figures(offset=_offset(estimate, half)))
            self.assertEqual(found["offset of its clock"], expected)

    def test_none(self) -> None:
        """Before the first probe there are no figures."""
        self.assertEqual([*figuresOf(newPeer())], [])

    def test_limits(self) -> None:
        """Thresholds are written as they are set, those that are not are left out."""
        limits = Limits(30 * MILLISECOND, SECOND, 0.5, 20 * MICROSECOND)
        self.assertEqual(
            [(name, value) for name, _, value in limitsOf(limits)],
            [
                ("max-rtt", "30ms"),
                ("max-rtt-p99", "1s"),
                ("max-offset", "20us"),
                ("max-loss", "0.5 %"),
            ],
        )
        self.assertEqual([*limitsOf(Limits())], [])

    def test_states(self) -> None:
        """Each state has a sign and words."""
        up = fullPeer()
        paused = replace(up, peer=replace(up.peer, isPaused=True))
        for snapshot, expected in (
            (up, "✓ up since"),
            (replace(up, isUp=False), "✕ down since"),
            (newPeer(), "∅ its name has no address"),
            (replace(newPeer(), isResolved=True), "… it has not answered yet"),
            (paused, "‖ paused: it is not probed"),
        ):
            text = flattenString(None, [*peerNow(snapshot, Zone())])
            page = Page(self.successResultOf(text).decode())
            self.assertTrue(page.text.startswith(expected), page.text)
