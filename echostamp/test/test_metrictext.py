"""Tests for L{echostamp.monitor.metrictext}."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.metricformats import Format
from echostamp.monitor.metricnames import FAMILIES, Family, Type
from echostamp.monitor.metrictext import (
    CHUNK,
    MetricText,
    edges,
    heading,
    label,
    seconds,
    shifted,
)
from echostamp.times import SECOND


class NumberTests(SynchronousTestCase):
    """
    Tests for values as text.
    """

    @given(st.integers(-(10**20), 10**20))
    def test_secondsAreExact(self, ns: int) -> None:
        """The text of a duration is the duration, to the nanosecond."""
        text = seconds(ns)
        self.assertEqual(Decimal(text).scaleb(9), ns)
        self.assertNotRegex(text, r"[eE]|\.$|\.\d*0$")

    def test_seconds(self) -> None:
        """Nothing is written that says nothing."""
        found = [seconds(ns) for ns in (0, 1, -1, SECOND, -1_500_000_000, 10 * SECOND)]
        expected = ["0", "0.000000001", "-0.000000001", "1", "-1.5", "10"]
        self.assertEqual(found, expected)

    @given(st.floats(-1e15, 1e15), st.sampled_from([2, 6]))
    def test_shifted(self, value: float, places: int) -> None:
        """A point that is moved changes no digit."""
        text = shifted(value, places)
        self.assertEqual(Decimal(text), Decimal(repr(value)).scaleb(-places))
        self.assertNotIn("e", text.lower())

    @given(st.integers(1, 999_999 * SECOND))
    def test_edges(self, bound: int) -> None:
        """The bound of a bucket is written as Go writes a float."""
        expected = floatToGoString(bound / SECOND)
        self.assertEqual(edges((bound,)), (expected, "+Inf"))

    def test_usualEdges(self) -> None:
        """The default buckets, as OpenMetrics asks for."""
        self.assertEqual(
            edges(BUCKETS)[:4] + edges(BUCKETS)[-4:],
            ("1e-05", "2e-05", "5e-05", "0.0001", "2.0", "5.0", "10.0", "+Inf"),
        )


class LabelTests(SynchronousTestCase):
    """
    Tests for labels.
    """

    def test_escapes(self) -> None:
        """Backslash, quote and newline are escaped; other characters are not."""
        self.assertEqual(label("a", 'x\\n"\n\r\0é{},='), 'a="x\\\\n\\"\\n\r\0é{},="')

    def test_surrogates(self) -> None:
        """A surrogate, which UTF-8 does not have, is replaced."""
        self.assertEqual(label("a", "x\ud800y\udfff"), 'a="x\ufffdy\ufffd"')

    @given(st.text(st.characters(codec=None)))
    def test_oneLine(self, value: str) -> None:
        """A label is one line of UTF-8, and ends where it should."""
        text = label("a", value).encode()
        self.assertNotIn(b"\n", text)
        self.assertRegex(text, rb'(?s)\Aa="(?:[^"\\]|\\[n"\\])*"\Z')


class HeadingTests(SynchronousTestCase):
    """
    Tests for the metadata.
    """

    def test_meaningIsEscaped(self) -> None:
        """Text escapes backslash and newline, OpenMetrics quotes, too."""
        family = Family("x_seconds", Type.GAUGE, 'a\\b\n"c"')
        self.assertEqual(
            heading(family, Format.TEXT),
            '# HELP x_seconds a\\\\b\\n"c"\n# TYPE x_seconds gauge\n',
        )
        self.assertEqual(
            heading(family, Format.OPENMETRICS),
            "# TYPE x_seconds gauge\n# UNIT x_seconds seconds\n"
            '# HELP x_seconds a\\\\b\\n\\"c\\"\n',
        )

    def test_counters(self) -> None:
        """OpenMetrics names a counter without _total."""
        family = Family("x_total", Type.COUNTER, "y")
        found = heading(family, Format.OPENMETRICS)
        self.assertEqual(found, "# TYPE x counter\n# HELP x y\n")
        found = heading(family, Format.TEXT)
        self.assertEqual(found, "# HELP x_total y\n# TYPE x_total counter\n")

    def test_counterBesideGauge(self) -> None:
        """A counter whose short name another metric has keeps its name in OpenMetrics,
        and has no known type."""
        family = next(x for x in FAMILIES if x.name == "echostamp_connections_total")
        found = heading(family, Format.OPENMETRICS)
        self.assertIn("# TYPE echostamp_connections_total unknown\n", found)


class ChunkTests(SynchronousTestCase):
    """
    Tests for the order and the size of what is written.
    """

    def test_metricByMetric(self) -> None:
        """The series of a metric are together, in the order of the table, whatever the
        order in which they were added; a metric without series is not written."""
        text = MetricText(Format.OPENMETRICS)
        text.put("echostamp_peers", "", 1)
        text.put("echostamp_peer_up", 'peer="a"', 1)
        text.put("echostamp_peers", 'x="y"', 2)
        self.assertEqual(
            b"".join(text.chunks()).decode(),
            "# TYPE echostamp_peer_up gauge\n"
            "# HELP echostamp_peer_up 1 if the peer is up, 0 if it is down.\n"
            'echostamp_peer_up{peer="a"} 1\n'
            "# TYPE echostamp_peers gauge\n"
            "# HELP echostamp_peers How many peers there are.\n"
            'echostamp_peers 1\nechostamp_peers{x="y"} 2\n# EOF\n',
        )

    def test_chunks(self) -> None:
        """Chunks are of bounded size."""
        text = MetricText(Format.TEXT)
        for number in range(10_000):
            text.put("echostamp_peer_up", f'peer="{number}"', 1)
            text.put("echostamp_peer_resolved", f'peer="{number}"', 1)
        chunks = list(text.chunks())
        self.assertGreater(len(chunks), 8)
        self.assertLess(max(map(len, chunks)), CHUNK + 1000)
        self.assertEqual(b"".join(chunks).count(b"\n"), 20_004)

    def test_nothing(self) -> None:
        """Without series text is empty, and OpenMetrics has its end only."""
        self.assertEqual(list(MetricText(Format.TEXT).chunks()), [])
        self.assertEqual(list(MetricText(Format.OPENMETRICS).chunks()), [b"# EOF\n"])
