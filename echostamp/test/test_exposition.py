"""Tests for L{echostamp.monitor.exposition}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as readOpenMetrics,
)
from prometheus_client.parser import text_string_to_metric_families as readText
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.measure.result import Result
from echostamp.measure.verdicts import VERDICTS
from echostamp.monitor.event import Kind
from echostamp.monitor.exposition import Exposition
from echostamp.monitor.metricformats import Format
from echostamp.monitor.metricnames import (
    DAEMON_FAMILIES,
    FAMILIES,
    PEER_FAMILIES,
    RESERVED_LABELS,
)
from echostamp.monitor.snapshot import DaemonSnapshot, PeerSnapshot
from echostamp.monitor.tally import Direction, RttHistogram, Skip, Tally
from echostamp.test.snapshots import (
    PROCESS,
    VERSIONS,
    fullDaemon,
    fullPeer,
    fullTally,
    minute,
    newPeer,
)
from echostamp.times import SECOND

#: A series: its name, and its labels.
Series = tuple[str, frozenset[tuple[str, str]]]


def written(
    form: Format,
    peers: Iterable[PeerSnapshot] = (),
    daemon: DaemonSnapshot | None = None,
    labels: Iterable[str] = (),
) -> str:
    """
    Write snapshots.
    """
    exposition = Exposition(form, labels)
    for each in peers:
        exposition.add(each)
    if daemon is not None:
        exposition.daemon(daemon, PROCESS)
    return b"".join(exposition.chunks()).decode()


def read(form: Format, text: str) -> list[Metric]:
    """
    Let prometheus_client read what was written.
    """
    reader = readText if form is Format.TEXT else readOpenMetrics
    return list(reader(text))


def valuesOf(metrics: Iterable[Metric]) -> dict[Series, float]:
    """
    Give the value of each series.

    @raise AssertionError: a series is there twice.
    """
    found: dict[Series, float] = {}
    for metric in metrics:
        for sample in metric.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, key
            assert sample.timestamp is None, key
            assert sample.exemplar is None, key
            found[key] = sample.value
    return found


def values(
    peers: Iterable[PeerSnapshot] = (),
    daemon: DaemonSnapshot | None = None,
    labels: Iterable[str] = (),
) -> dict[Series, float]:
    """
    Write snapshots in both forms, and give the value of each series.

    @raise AssertionError: the forms differ.
    """
    text, openMetrics = (
        valuesOf(read(form, written(form, peers, daemon, labels))) for form in Format
    )
    assert text == openMetrics
    return openMetrics


def series(name: str, labels: Mapping[str, str]) -> Series:
    """Name a series."""
    return name, frozenset(labels.items())


class ExpositionCase(SynchronousTestCase):
    """
    A test of one peer's series.
    """

    labels = {"peer": "ams/4", "site": "ams"}

    def assertValue(
        self,
        found: Mapping[Series, float],
        expected: float | None,
        name: str,
        **own: str,
    ) -> None:
        """
        Assert the value of a series of the full peer.

        @param expected: L{None}: there is no such series.
        @param name: without the prefix.
        @param own: its own labels.
        """
        key = series(f"echostamp_{name}", {**self.labels, **own})
        self.assertEqual(found.get(key), expected, key)


class PeerTests(ExpositionCase):
    """
    Tests for the series of a peer.
    """

    def test_counters(self) -> None:
        """Each counter has the value of the snapshot."""
        found = values([fullPeer()])
        expected = {
            "probes_due_total": 1015,
            "probes_sent_total": 1000,
            "probes_received_total": 904,
            "probes_untimed_total": 4,
            "replies_late_total": 11,
            "replies_duplicate_total": 12,
            "replies_reordered_total": 13,
            "replies_altered_total": 14,
            "replies_invalid_total": 16,
            "clock_steps_total": 17,
            "peer_downs_total": 18,
            "peer_down_seconds_total": 19.000000001,
            "probes_in_flight": 36,
        }
        for name, value in expected.items():
            self.assertValue(found, value, name)
        for number, skip in enumerate(Skip, 1):
            name = "probes_skipped_total"
            self.assertValue(found, number, name, reason=skip.value)
        for number, direction in enumerate(Direction, 1):
            name = "probes_lost_total"
            self.assertValue(found, 10 * number, name, direction=direction.value)
        self.assertValue(found, 20, "flow_probes_sent_total", flow="1")
        self.assertValue(found, 23, "flow_probes_received_total", flow="2")

    def test_events(self) -> None:
        """A peer counts the events that it can have, from 0 on; the daemon counts its
        own and those of all peers, with an empty peer."""
        found = values([fullPeer()], fullDaemon(), ["site"])
        self.assertValue(found, 18, "events_total", kind="down")
        self.assertValue(found, 0, "events_total", kind="flow_loss")
        self.assertValue(found, None, "events_total", kind="reload")
        name, none = "echostamp_events_total", {"peer": "", "site": ""}
        self.assertEqual(found[series(name, {**none, "kind": "reload"})], 3)
        self.assertEqual(found[series(name, {**none, "kind": "down"})], 0)
        kinds = [labels for each, labels in found if each == name]
        # Those of all peers, down and up, are a peer's as well.
        self.assertEqual(len(kinds), len(Kind) + 2)
        single = values([replace(fullPeer(), flows=())])
        self.assertValue(single, None, "events_total", kind="flow_loss")

    def test_histogram(self) -> None:
        """The buckets of the RTT are cumulative, and end with all RTTs."""
        found = values([fullPeer()])
        rtts = fullTally().rtts
        self.assertValue(found, 904 - 4, "rtt_seconds_count")
        self.assertValue(found, rtts.total / SECOND, "rtt_seconds_sum")
        edges = ["1e-05", "0.01", "10.0", "+Inf"]
        counts = [1, sum(rtts.counts[:10]), sum(rtts.counts[:19]), 900]
        self.assertLess(counts[2], 900)
        for edge, count in zip(edges, counts, strict=True):
            self.assertValue(found, count, "rtt_seconds_bucket", le=edge)

    def test_ownBuckets(self) -> None:
        """The bounds of the buckets are those of the histogram."""
        peer = replace(fullPeer(), tally=fullTally((8_000, 3 * SECOND)))
        found = values([peer])
        self.assertValue(found, 1, "rtt_seconds_bucket", le="8e-06")
        self.assertValue(found, 900, "rtt_seconds_bucket", le="+Inf")
        names = [name for name, _ in found]
        self.assertEqual(names.count("echostamp_rtt_seconds_bucket"), 3)

    def test_state(self) -> None:
        """State, information and limits."""
        found = values([fullPeer()])
        expected = {
            "peer_up": 1,
            "peer_resolved": 1,
            "peer_max_rtt_seconds": 0.03,
            "peer_max_loss_ratio": 0.007,
            "peer_max_offset_seconds": 0.001,
            "peer_certificate_not_after_timestamp_seconds": 1_800_000_000,
        }
        for name, value in expected.items():
            self.assertValue(found, value, name)
        self.assertValue(found, 5, "hops", direction="forward")
        self.assertValue(found, 0, "hops", direction="backward")
        info = {
            "target": "stamp:ams.example",
            "address": "192.0.2.1:862",
            "transport": "stamp",
            "rtt_is": "(T4-T1)-(T3-T2)",
        }
        self.assertValue(found, 1, "peer_info", **info)

    def test_clock(self) -> None:
        """The bounds of offset and drift; the drift as a part of 1."""
        found = values([fullPeer()])
        expected = {
            "clock_offset_low_seconds": -0.0125,
            "clock_offset_estimate_seconds": -0.012000001,
            "clock_offset_high_seconds": -0.011499999,
            "clock_drift_low_ratio": -1e-9,
            "clock_drift_high_ratio": 4e-5,
        }
        for name, value in expected.items():
            self.assertValue(found, value, name)

    def test_verdicts(self) -> None:
        """Exactly one verdict is 1: the right one."""
        results = [Result(), *(minute(each) for each in (FITS, DOUBTFUL, NO_FIT))]
        for verdict, result in zip(VERDICTS, results, strict=True):
            found = values([replace(fullPeer(), minute=result)])
            for each in VERDICTS:
                self.assertValue(found, each == verdict, "clock_verdict", verdict=each)

    def test_summaries(self) -> None:
        """The quantiles of the last minute, to the nanosecond, without sum and
        count."""
        found = values([fullPeer()])
        name = "delay_variation_seconds"
        for quantile, there, back, stay in (
            ("0.5", 1e-6, 7e-9, 21e-6),
            ("0.9", 2e-6, 8e-9, 22e-6),
            ("0.99", 3e-3, 9e-9, 23e-6),
        ):
            own = {"quantile": quantile}
            self.assertValue(found, there, name, direction="forward", **own)
            self.assertValue(found, back, name, direction="backward", **own)
            self.assertValue(found, stay, "residence_seconds", **own)
        self.assertFalse(
            [
                each
                for each, _ in found
                if "variation_seconds_" in each or "e_sum" in each
            ]
        )

    def test_unknownIsAbsent(self) -> None:
        """A peer of which nothing is known has counters, which are 0, and no figure
        that is 0 or NaN in place of none."""
        found = values([newPeer()])
        names = {name.removeprefix("echostamp_") for name, _ in found}
        figures = {
            family.name.removeprefix("echostamp_")
            for family in PEER_FAMILIES
            if not family.name.endswith("_total")
        }
        self.assertEqual(
            names & figures,
            {"peer_resolved", "probes_in_flight", "clock_verdict", "peer_info"},
        )
        self.assertIn("rtt_seconds_count", names)
        self.assertNotIn("flow_probes_sent_total", names)
        ones = {name for (name, _), value in found.items() if value}
        self.assertEqual(ones, {"echostamp_clock_verdict", "echostamp_peer_info"})

    def test_down(self) -> None:
        """A peer that is down has a state, and one whose state is unknown has none."""
        found = values([replace(fullPeer(), isUp=False, isResolved=False)])
        self.assertValue(found, 0, "peer_up")
        self.assertValue(found, 0, "peer_resolved")
        found = values([replace(fullPeer(), isUp=None)])
        self.assertValue(found, None, "peer_up")

    def test_labels(self) -> None:
        """Every series of a peer has its name and all labels; one that the peer lacks
        is empty."""
        peers = [fullPeer(), fullPeer("lon", (("rack", "1"),)), newPeer()]
        found = values(peers, None, ["rack", "site"])
        self.assertEqual(
            {(dict(x)["peer"], dict(x)["rack"], dict(x)["site"]) for _, x in found},
            {("ams/4", "", "ams"), ("lon", "1", ""), ("new", "", "")},
        )

    def test_number(self) -> None:
        """A peer has as many series as the docs say."""
        self.assertEqual(len(values([replace(fullPeer(), flows=())])), 83)
        self.assertEqual(len(values([fullPeer()])), 83 + 2 + 2 * 2)

    @given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
    def test_hostileLabels(self, name: str, value: str) -> None:
        """Whatever a name or a label holds, both forms are read back as they were;
        surrogates are replaced."""
        found = values([fullPeer(name, (("site", value),))])
        labels = {(dict(each)["peer"], dict(each)["site"]) for _, each in found}
        # A pair of surrogates is two characters for Python, not one.
        expected = tuple(
            "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in each)
            for each in (name, value)
        )
        self.assertEqual(labels, {expected})


class AccountTests(ExpositionCase):
    """
    Tests for the accounts of a scrape.
    """

    @given(
        st.lists(
            st.one_of(
                st.sampled_from([*Skip, *Direction]),
                st.integers(0, 20 * SECOND),
                st.sampled_from(["untimed", "in flight"]),
            )
        )
    )
    def test_accounts(self, fates: list[Skip | Direction | int | str]) -> None:
        """Whatever happened to the probes, the series of a scrape add up."""
        tally = Tally(rtts=RttHistogram((1000, SECOND)))
        for fate in fates:
            if isinstance(fate, Skip):
                tally.skipped[fate] += 1
                continue
            tally.sent += 1
            if isinstance(fate, Direction):
                tally.lost[fate] += 1
            elif isinstance(fate, int):
                tally.received += 1
                tally.rtts.add(fate)
            elif fate == "untimed":
                tally.received += 1
                tally.untimed += 1
        sums = dict.fromkeys([each.name for each in FAMILIES], 0.0)
        for (name, _), value in values([replace(newPeer(), tally=tally)]).items():
            sums[name] = sums.get(name, 0) + value
        due, skipped, sent, received, untimed, lost = (
            sums[f"echostamp_probes_{each}_total"]
            for each in ("due", "skipped", "sent", "received", "untimed", "lost")
        )
        self.assertEqual(due, len(fates))
        self.assertEqual(due, skipped + sent)
        self.assertEqual(sent, received + lost + sums["echostamp_probes_in_flight"])
        self.assertEqual(sums["echostamp_rtt_seconds_count"] + untimed, received)


class DaemonTests(SynchronousTestCase):
    """
    Tests for the series of the daemon.
    """

    def test_everything(self) -> None:
        """Each series has the value of the snapshot."""
        found = values([], fullDaemon())
        expected: dict[Series, float] = {
            series(name, dict(own)): value
            for name, value, *own in (
                ("echostamp_self_info", 1, ("name", "hub")),
                ("echostamp_peers", 2),
                ("echostamp_connections", 12),
                ("echostamp_connections_total", 13),
                ("echostamp_connections_refused_total", 14, ("reason", "per-host")),
                ("echostamp_messages_total", 15),
                ("echostamp_received_bytes_total", 16),
                ("echostamp_reflector_packets_total", 17, ("outcome", "answered")),
                ("echostamp_event_loop_lag_seconds_bucket", 6, ("le", "0.001")),
                ("echostamp_event_loop_lag_seconds_bucket", 7, ("le", "1.0")),
                ("echostamp_event_loop_lag_seconds_bucket", 7, ("le", "+Inf")),
                ("echostamp_event_loop_lag_seconds_sum", 0.07),
                ("echostamp_event_loop_lag_seconds_count", 7),
                ("echostamp_probe_lateness_seconds_bucket", 8, ("le", "1e-06")),
                ("echostamp_probe_lateness_seconds_bucket", 17, ("le", "+Inf")),
                ("echostamp_probe_lateness_seconds_sum", 1e-8),
                ("echostamp_probe_lateness_seconds_count", 17),
                ("echostamp_stalls_total", 4),
                ("echostamp_stall_seconds_total", 5),
                ("echostamp_clock_synchronized", 1),
                ("echostamp_config_last_reload_successful", 0),
                (
                    "echostamp_config_last_reload_success_timestamp_seconds",
                    1750000000.000000001,
                ),
                ("echostamp_write_errors_total", 11, ("file", "events")),
                ("process_cpu_seconds_total", 12.34),
                ("process_resident_memory_bytes", 50_000_000),
                ("process_virtual_memory_bytes", 200_000_000),
                ("process_start_time_seconds", 1_750_000_000),
                ("process_open_fds", 37),
                ("process_max_fds", 1024),
            )
        }
        names = "version", "python", "twisted"
        versions = dict(zip(names, VERSIONS, strict=True))
        expected[series("echostamp_build_info", versions)] = 1
        rest = {
            key: value
            for key, value in found.items()
            if key[0] != "echostamp_events_total"
        }
        self.assertEqual(rest, expected)

    def test_partsThatAreNotThere(self) -> None:
        """Without an echo, a reflector, a name of its own, a reload and /proc there are
        no series of them."""
        exposition = Exposition(Format.TEXT)
        exposition.daemon(DaemonSnapshot(VERSIONS), None)
        text = b"".join(exposition.chunks()).decode()
        found = valuesOf(read(Format.TEXT, text))
        self.assertEqual(
            {name for name, _ in found},
            {
                "echostamp_build_info",
                "echostamp_clock_synchronized",
                "echostamp_config_last_reload_successful",
                *(
                    f"echostamp_{name}_seconds_{part}"
                    for name in ("event_loop_lag", "probe_lateness")
                    for part in ("bucket", "sum", "count")
                ),
                "echostamp_events_total",
                "echostamp_peers",
                "echostamp_stall_seconds_total",
                "echostamp_stalls_total",
            },
        )

    def test_descriptorsUnknown(self) -> None:
        """Where the kernel does not show descriptors, there is no such series."""
        exposition = Exposition(Format.TEXT)
        process = PROCESS._replace(openFiles=None)
        exposition.daemon(fullDaemon(), process)
        self.assertNotIn(b"open_fds", b"".join(exposition.chunks()))


class FamilyTests(SynchronousTestCase):
    """
    Tests for what is written against the table of metrics.
    """

    def test_everyFamily(self) -> None:
        """A full scrape has every metric of the table, with its type, unit, labels and
        meaning, and no other."""
        text = written(Format.OPENMETRICS, [fullPeer()], fullDaemon())
        found = {each.name: each for each in read(Format.OPENMETRICS, text)}
        self.assertEqual(len(found), len(FAMILIES))
        for family in FAMILIES:
            short = family.name.removesuffix("_total")
            isTwice = short != family.name and short in {x.name for x in FAMILIES}
            metric = found[family.name if isTwice else short]
            self.assertEqual(metric.documentation, family.meaning)
            self.assertEqual(metric.unit, family.unit)
            self.assertEqual(
                metric.type, "unknown" if isTwice else family.type.value, family.name
            )
            labels = {name for each in metric.samples for name in each.labels}
            labels -= {"peer", "site", "le", "quantile"}
            self.assertEqual(labels, set(family.labels), family.name)

    def test_names(self) -> None:
        """Names are unique, and only those of the daemon's process are not ours."""
        names = [each.name for each in FAMILIES]
        self.assertEqual(len(set(names)), len(names))
        self.assertFalse(
            [x for x in names if not x.startswith(("echostamp_", "process_"))]
        )
        self.assertEqual(PEER_FAMILIES + DAEMON_FAMILIES, FAMILIES)

    def test_reservedLabels(self) -> None:
        """The labels that a peers file must not use are those which a scrape has, and
        Prometheus' own."""
        found = values([fullPeer()], fullDaemon(), ["site"])
        labels = {name for _, each in found for name, _ in each}
        self.assertEqual(RESERVED_LABELS, labels - {"site"} | {"instance", "job"})

    def test_noCreated(self) -> None:
        """No series says when it was created."""
        for form in Format:
            self.assertNotIn("_created", written(form, [fullPeer()], fullDaemon()))
