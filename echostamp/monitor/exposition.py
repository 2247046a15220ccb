"""
Writes what the monitor knows as metrics for Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from echostamp.measure.delay import Summary
from echostamp.measure.result import Figures
from echostamp.measure.verdicts import NAMES, UNKNOWN, VERDICTS
from echostamp.monitor import metricnames
from echostamp.monitor.event import OF_DAEMON, OF_FLOWS, WITHOUT_PEER, Kind
from echostamp.monitor.metricformats import Format
from echostamp.monitor.metrictext import MetricText, label, seconds, shifted
from echostamp.monitor.peer import Peer
from echostamp.monitor.processfigures import ProcessFigures
from echostamp.monitor.snapshot import DaemonSnapshot, PeerSnapshot
from echostamp.monitor.tally import Direction, Skip

_FORWARD = label("direction", Direction.FORWARD.value)
_BACKWARD = label("direction", Direction.BACKWARD.value)

_SKIPS = [(each, label("reason", each.value)) for each in Skip]
_DIRECTIONS = [(each, label("direction", each.value)) for each in Direction]
_VERDICTS = [(each, label("verdict", each)) for each in VERDICTS]
_KINDS = {each: label("kind", each.value) for each in Kind}
_PEER_KINDS = [each for each in Kind if each not in OF_DAEMON]
_SIMPLE_PEER_KINDS = [each for each in _PEER_KINDS if each not in OF_FLOWS]


class Exposition:
    """
    Makes one answer to a scrape.

    What is not known, and what has nothing in its window, has no series.
    """

    def __init__(self, form: Format, labels: Iterable[str] = ()) -> None:
        """
        @param form: the format.
        @param labels: the names of the labels that any peer has.  A peer that lacks one
            gets it empty.
        """
        self._text = MetricText(form)
        self._empty = dict.fromkeys(labels, "")

    def chunks(self) -> Iterator[bytes]:
        """
        Write everything that was added, once, in chunks of bounded size.
        """
        return self._text.chunks()

    # --- A peer -----------------------------------------------------------------------

    def add(self, found: PeerSnapshot) -> None:
        """
        Add the series of a peer.
        """
        labels = self._labels(found.peer.name, found.peer.labels)
        self._counters(found, labels)
        self._events(labels, found.events, _kinds(found))
        for number, flow in enumerate(found.flows, 1):
            own = f"{labels},{label('flow', str(number))}"
            put = self._text.put
            put("echostamp_flow_probes_sent_total", own, flow.sent)
            put("echostamp_flow_probes_received_total", own, flow.received)
        self._state(found, labels)
        self._limits(found.peer, labels)
        figures = found.minute.figures if found.minute is not None else Figures()
        self._clock(figures, labels)
        self._delays(figures, found.residence, labels)

    def _labels(self, name: str, labels: Iterable[tuple[str, str]]) -> str:
        """
        Write the labels that all series of a peer have.
        """
        all_ = {metricnames.PEER: name, **self._empty, **dict(labels)}
        return ",".join([label(*each) for each in all_.items()])

    def _counters(self, found: PeerSnapshot, labels: str) -> None:
        """
        Add the counters of a peer, and the histogram of its RTTs.
        """
        put, tally = self._text.put, found.tally
        put("echostamp_probes_due_total", labels, tally.due)
        for reason, own in _SKIPS:
            count = tally.skipped[reason]
            put("echostamp_probes_skipped_total", f"{labels},{own}", count)
        put("echostamp_probes_sent_total", labels, tally.sent)
        put("echostamp_probes_received_total", labels, tally.received)
        put("echostamp_probes_untimed_total", labels, tally.untimed)
        for direction, own in _DIRECTIONS:
            count = tally.lost[direction]
            put("echostamp_probes_lost_total", f"{labels},{own}", count)
        put("echostamp_probes_in_flight", labels, tally.inFlight)
        put("echostamp_replies_late_total", labels, tally.late)
        put("echostamp_replies_duplicate_total", labels, tally.duplicates)
        put("echostamp_replies_reordered_total", labels, tally.reordered)
        put("echostamp_replies_altered_total", labels, tally.altered)
        put("echostamp_replies_invalid_total", labels, tally.invalid)
        put("echostamp_clock_steps_total", labels, tally.clockSteps)
        put("echostamp_peer_downs_total", labels, found.downs)
        put("echostamp_peer_down_seconds_total", labels, seconds(found.downFor))
        rtts = tally.rtts
        self._text.histogram(
            "echostamp_rtt_seconds", labels, rtts.bounds, rtts.counts, rtts.total
        )

    def _events(
        self, labels: str, events: Mapping[Kind, int], kinds: Iterable[Kind]
    ) -> None:
        """
        Count events.

        @param kinds: those to write.  One that has not happened counts 0, so that
            Prometheus sees the first.
        """
        for kind in kinds:
            own = f"{labels},{_KINDS[kind]}"
            self._text.put("echostamp_events_total", own, events.get(kind, 0))

    def _state(self, found: PeerSnapshot, labels: str) -> None:
        """
        Add what a peer is, and in which state.
        """
        put, peer = self._text.put, found.peer
        if found.isUp is not None:
            put("echostamp_peer_up", labels, int(found.isUp))
        put("echostamp_peer_resolved", labels, int(found.isResolved))
        if found.hopsForward is not None:
            put("echostamp_hops", f"{labels},{_FORWARD}", found.hopsForward)
        if found.hopsBackward is not None:
            put("echostamp_hops", f"{labels},{_BACKWARD}", found.hopsBackward)
        rttIs = ""
        if found.minute is not None:
            isApart = found.minute.figures.isApart
            rttIs = "(T4-T1)-(T3-T2)" if isApart else "T4-T1"
        own = [
            label("target", peer.wish.target),
            label("address", found.address),
            label("transport", found.transport),
            label("rtt_is", rttIs),
        ]
        put("echostamp_peer_info", ",".join([labels, *own]), 1)
        if found.certificateEnd is not None:
            name = "echostamp_peer_certificate_not_after_timestamp_seconds"
            put(name, labels, found.certificateEnd)

    def _limits(self, peer: Peer, labels: str) -> None:
        """
        Add the thresholds of a peer.
        """
        put, limits = self._text.put, peer.limits
        if limits.rtt is not None:
            put("echostamp_peer_max_rtt_seconds", labels, seconds(limits.rtt))
        if limits.loss is not None:
            put("echostamp_peer_max_loss_ratio", labels, shifted(limits.loss, 2))
        if limits.offset is not None:
            put("echostamp_peer_max_offset_seconds", labels, seconds(limits.offset))

    def _clock(self, figures: Figures, labels: str) -> None:
        """
        Add what is known of a peer's clock.
        """
        put, offset = self._text.put, figures.offset
        verdict = UNKNOWN
        if offset is not None:
            verdict = NAMES[offset.verdict]
            low, high = shifted(offset.driftLowPpm, 6), shifted(offset.driftHighPpm, 6)
            estimate = seconds(offset.estimate)
            put("echostamp_clock_offset_low_seconds", labels, seconds(offset.low))
            put("echostamp_clock_offset_estimate_seconds", labels, estimate)
            put("echostamp_clock_offset_high_seconds", labels, seconds(offset.high))
            put("echostamp_clock_drift_low_ratio", labels, low)
            put("echostamp_clock_drift_high_ratio", labels, high)
        for each, own in _VERDICTS:
            is_ = int(each == verdict)
            put("echostamp_clock_verdict", f"{labels},{own}", is_)

    def _delays(self, figures: Figures, residence: Summary | None, labels: str) -> None:
        """
        Add the quantiles of the last minute.
        """
        name = "echostamp_delay_variation_seconds"
        if figures.forward is not None:
            self._quantiles(name, f"{labels},{_FORWARD}", figures.forward.pdv)
        if figures.backward is not None:
            self._quantiles(name, f"{labels},{_BACKWARD}", figures.backward.pdv)
        self._quantiles("echostamp_residence_seconds", labels, residence)

    def _quantiles(self, name: str, labels: str, found: Summary | None) -> None:
        if found is not None:
            self._text.summary(name, labels, (found.median, found.p90, found.p99))

    # --- The daemon -------------------------------------------------------------------

    def daemon(self, found: DaemonSnapshot, process: ProcessFigures | None) -> None:
        """
        Add the series of the daemon.

        @param process: the figures of its process; L{None} where they are not known.
        """
        put = self._text.put
        names = "version", "python", "twisted"
        versions = [label(*each) for each in zip(names, found.versions, strict=True)]
        put("echostamp_build_info", ",".join(versions), 1)
        if found.self:
            put("echostamp_self_info", label("name", found.self), 1)
        put("echostamp_peers", "", found.peers)
        self._events(self._labels("", ()), found.events, WITHOUT_PEER)
        self._served(found)
        self._text.histogram("echostamp_event_loop_lag_seconds", "", *found.lag)
        self._text.histogram("echostamp_probe_lateness_seconds", "", *found.lateness)
        put("echostamp_stalls_total", "", found.stalls)
        put("echostamp_stall_seconds_total", "", seconds(found.stalledFor))
        put("echostamp_clock_synchronized", "", int(found.isClockSynchronized))
        put("echostamp_config_last_reload_successful", "", int(found.isReloaded))
        if found.reloadedAt is not None:
            name = "echostamp_config_last_reload_success_timestamp_seconds"
            put(name, "", seconds(found.reloadedAt))
        self._each("echostamp_write_errors_total", "file", found.writeErrors)
        if process is not None:
            self._process(process)

    def _served(self, found: DaemonSnapshot) -> None:
        """
        Add what the echo and the session-reflector did, where there are such.
        """
        put = self._text.put
        if found.connections is not None:
            refused = found.connectionsRefused
            put("echostamp_connections", "", found.connections)
            put("echostamp_connections_total", "", found.connectionsMade)
            self._each("echostamp_connections_refused_total", "reason", refused)
            put("echostamp_messages_total", "", found.messages)
            put("echostamp_received_bytes_total", "", found.octets)
        self._each("echostamp_reflector_packets_total", "outcome", found.reflected)

    def _each(self, name: str, own: str, counts: Mapping[str, int]) -> None:
        for value, count in counts.items():
            self._text.put(name, label(own, value), count)

    def _process(self, found: ProcessFigures) -> None:
        """
        Add the figures of the process.
        """
        put = self._text.put
        put("process_cpu_seconds_total", "", seconds(found.cpu))
        put("process_resident_memory_bytes", "", found.resident)
        put("process_virtual_memory_bytes", "", found.virtual)
        put("process_start_time_seconds", "", seconds(found.started))
        if found.openFiles is not None:
            put("process_open_fds", "", found.openFiles)
        put("process_max_fds", "", found.mostFiles)


def _kinds(found: PeerSnapshot) -> list[Kind]:
    """
    Return the kinds of events that a peer can have.
    """
    return _PEER_KINDS if found.flows else _SIMPLE_PEER_KINDS
