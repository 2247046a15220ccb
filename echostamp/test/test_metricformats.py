"""Tests for L{echostamp.monitor.metricformats}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.metricformats import Format, formatFor

#: What Prometheus 2.42 sends.
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)

#: What Prometheus 3 sends, without and with native histograms.
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_NATIVE = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
    f"encoding=delimited;q=0.7,{PROMETHEUS_3}"
)

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class FormatTests(SynchronousTestCase):
    """
    Tests for the choice of a format.
    """

    def assertChosen(self, form: Format, *accepts: str) -> None:
        """Assert which format some headers choose."""
        for accept in accepts:
            self.assertIs(formatFor(accept), form, accept)

    def test_prometheus(self) -> None:
        """Prometheus 2.42 and 3 get OpenMetrics."""
        headers = PROMETHEUS_2, PROMETHEUS_3, PROMETHEUS_3_NATIVE
        self.assertChosen(Format.OPENMETRICS, *headers)

    def test_people(self) -> None:
        """Browsers, curl, and clients without the header get text."""
        self.assertChosen(Format.TEXT, FIREFOX, "*/*", "", "text/*", "text/plain")

    def test_qualities(self) -> None:
        """The format of the higher quality is chosen, wherever it stands."""
        name = "application/openmetrics-text"
        self.assertChosen(
            Format.OPENMETRICS,
            f"text/plain;q=0.5,{name};q=0.501",
            f"text/plain;q=0.5 , {name} ; q=0.6 ; version=1.0.0",
            f'TEXT/PLAIN;q=0,{name.upper()};VERSION="1.0.0"',
            f"text/*;q=0.1,{name};q=0.2",
            f"*/*,{name}",
            "application/*",
        )
        self.assertChosen(
            Format.TEXT,
            f"text/plain;q=0.5,{name};q=0.4",
            f"text/plain,{name}",
            f"{name};q=0",
            f"{name};q=0,*/*;q=0.1",
            f"{name};q=2",
            f"{name};q=nan",
            "*/*;q=0",
        )

    def test_closestRangeCounts(self) -> None:
        """The quality of a format is that of the range which describes it best."""
        self.assertChosen(
            Format.TEXT, "application/openmetrics-text;q=0.1,*/*;q=0.9,text/plain;q=0.5"
        )
        self.assertChosen(
            Format.OPENMETRICS, "application/openmetrics-text;q=0.6,*/*,text/*;q=0.5"
        )

    def test_otherVersions(self) -> None:
        """A version that is not written here does not count."""
        name = "application/openmetrics-text"
        self.assertChosen(
            Format.TEXT, f"{name};version=0.0.1", f"{name};version=2.0.0,*/*;q=0.1"
        )

    @given(st.text(alphabet='*/,;=q"01. \x00texplanicosmr-v'))
    def test_anyText(self, accept: str) -> None:
        """Every text chooses a format."""
        self.assertIn(formatFor(accept), Format)
