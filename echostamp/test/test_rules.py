"""Tests for L{echostamp.monitor.rules}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.delay import Summary
from echostamp.measure.offsetwindow import FITS, NO_FIT, OffsetReport
from echostamp.measure.result import Figures
from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.event import Kind
from echostamp.monitor.peer import Limits
from echostamp.monitor.rules import LAST, MINUTE, Rules, windowFor
from echostamp.times import MILLISECOND, SECOND

MS = MILLISECOND


def rtt(median: int, p99: int = 0) -> Figures:
    """Make figures with an RTT."""
    summary = Summary(60, 1, 1.0, median, p99, None, 1.0, p99, None, True)
    return Figures(received=60, sent=60, rtt=summary)


def offset(low: int, high: int, verdict: str = FITS) -> Figures:
    """Make figures with an offset."""
    report = OffsetReport(0, low, low, high, 0.0, 0.0, 0.0, 1, 1, verdict)
    return Figures(received=60, sent=60, offset=report)


class RulesTests(SynchronousTestCase):
    """
    When the states of a peer begin and end.
    """

    def judged(self, rules: Rules, *windows: Figures) -> list[Kind | None]:
        """Judge windows; give the event of each."""
        kinds: list[Kind | None] = []
        for figures in windows:
            events = list(rules.judge(figures, 0))
            self.assertLessEqual(len(events), 1)
            kinds.append(events[0].kind if events else None)
        return kinds

    def test_window(self) -> None:
        """The window is the last minute, or the last 20 probes if that is longer."""
        self.assertIs(windowFor(3 * SECOND), MINUTE)
        self.assertIs(windowFor(4 * SECOND), LAST)
        ten = WindowSpec("10s", length=10 * SECOND)
        self.assertIs(windowFor(SECOND // 2, ten), ten)
        self.assertIs(windowFor(SECOND, ten), LAST)

    def test_exceeded(self) -> None:
        """The limits that are exceeded are known with what was found last, until their
        states end."""
        rules = Rules("a", Limits(rtt=100 * MS))
        found, since = [], []
        for at, each in enumerate((100, 101, 90, 80)):
            list(rules.judge(rtt(each * MS), at))
            found.append(dict(rules.exceeded))
            since.append(dict(rules.since))
        self.assertEqual([list(each) for each in found], [[], *[["max-rtt"]] * 2, []])
        self.assertIn("101.000 ms", found[1]["max-rtt"])
        self.assertIn("90.000 ms", found[2]["max-rtt"])
        self.assertEqual(since, [{}, {"max-rtt": 1}, {"max-rtt": 1}, {}])
        list(rules.judge(rtt(101 * MS), 5))
        list(rules.leave(6))
        self.assertEqual(rules.since, {})

    def test_noLimits(self) -> None:
        """Without limits there are no events."""
        self.assertEqual(self.judged(Rules("a", Limits()), rtt(10**12)), [None])

    def test_rtt(self) -> None:
        """A state begins above the limit, and ends at or below four fifths of it."""
        rules = Rules("a", Limits(rtt=100 * MS))
        windows = [rtt(each * MS) for each in (100, 101, 90, 101, 80, 99)]
        self.assertEqual(
            self.judged(rules, *windows),
            [None, Kind.RTT_HIGH, None, None, Kind.RTT_OK, None],
        )

    def test_p99(self) -> None:
        """The 99th percentile has a state of its own."""
        rules = Rules("a", Limits(rtt=100 * MS, rttP99=200 * MS))
        [event] = rules.judge(rtt(50 * MS, 201 * MS), 7)
        self.assertEqual((event.kind, event.subject), (Kind.RTT_HIGH, "max-rtt-p99"))
        self.assertEqual(
            event.text, "99th percentile of the RTT 201.000 ms, limit 200.000 ms"
        )
        self.assertEqual(
            (event.peer, event.at, event.values),
            ("a", 7, {"rtt": 201 * MS, "limit": 200 * MS}),
        )

    def test_loss(self) -> None:
        """Probes that could not be sent count as lost."""
        rules = Rules("a", Limits(loss=10.0))
        windows = [
            Figures(sent=9, received=9, skipped=1),
            Figures(sent=10, received=9, lost=1, skipped=1),
            Figures(sent=11, received=10, lost=1),
            Figures(sent=25, received=23, lost=2),
            Figures(),
        ]
        self.assertEqual(
            self.judged(rules, *windows),
            [None, Kind.LOSS_HIGH, None, Kind.LOSS_OK, None],
        )

    def test_noLoss(self) -> None:
        """With a limit of 0, any loss begins the state, and none ends it."""
        rules = Rules("a", Limits(loss=0.0))
        windows = [
            Figures(sent=60, received=60),
            Figures(sent=60, received=59, lost=1),
            Figures(sent=60, received=60),
        ]
        self.assertEqual(
            self.judged(rules, *windows), [None, Kind.LOSS_HIGH, Kind.LOSS_OK]
        )

    def test_offset(self) -> None:
        """The state begins when the whole interval is outside, and ends when it is
        inside."""
        rules = Rules("a", Limits(offset=10 * MS))
        intervals = [(5, 15), (11, 15), (9, 12), (-3, 10), (-20, -11), (-11, 0)]
        windows = [offset(low * MS, high * MS) for low, high in intervals]
        self.assertEqual(
            self.judged(rules, *windows),
            [None, Kind.OFFSET_HIGH, None, Kind.OFFSET_OK, Kind.OFFSET_HIGH, None],
        )

    def test_limitIsRemoved(self) -> None:
        """The state of a limit that is removed ends."""
        rules = Rules("a", Limits(rtt=MS, loss=50.0))
        list(rules.judge(rtt(2 * MS), 0))
        rules.limits = Limits(loss=50.0)
        [event] = rules.judge(rtt(2 * MS), 7)
        self.assertEqual((event.kind, event.subject), (Kind.RTT_OK, "max-rtt"))
        self.assertEqual(rules.exceeded, ())
        self.assertEqual(list(rules.judge(rtt(2 * MS), 8)), [])

    def test_unknown(self) -> None:
        """What is not known begins nothing, and ends nothing."""
        rules = Rules("a", Limits(rtt=MS, offset=MS))
        high = offset(2 * MS, 3 * MS)
        windows = [
            Figures(),
            offset(2 * MS, 3 * MS, NO_FIT),
            high,
            Figures(),
            offset(0, 0, NO_FIT),
        ]
        self.assertEqual(
            self.judged(rules, *windows), [None, None, Kind.OFFSET_HIGH, None, None]
        )
