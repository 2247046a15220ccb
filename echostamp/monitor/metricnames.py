"""
The metrics that Prometheus can read: their names, types, units, labels and meaning;
pure.

C{docs/metrics.rst} lists the same, and a unit test compares the two.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

#: The label that holds a peer's name.
PEER = "peer"

#: The quantiles of a summary, as the label C{quantile} shows them.
QUANTILES = "0.5", "0.9", "0.99"


class Type(Enum):
    """
    The types of metrics.
    """

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


class Family(NamedTuple):
    """
    A metric: all series of one name.

    @ivar name: its name; that of a counter ends with C{_total}.
    @ivar type: its type.
    @ivar meaning: what it means, in a line.
    @ivar labels: its own labels.  The series of a peer have the label C{peer} and those
        of the peers file, too; buckets have C{le}, and quantiles C{quantile}.
    """

    name: str
    type: Type
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The unit of its values, with which the name ends; empty for none."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in ("seconds", "bytes", "ratio") else ""


def _counter(name: str, meaning: str, *labels: str) -> Family:
    return Family(name, Type.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Family:
    return Family(name, Type.GAUGE, meaning, labels)


def _histogram(name: str, meaning: str) -> Family:
    return Family(name, Type.HISTOGRAM, meaning)


def _summary(name: str, meaning: str, *labels: str) -> Family:
    return Family(name, Type.SUMMARY, meaning, labels)


#: The metrics of each peer.
PEER_FAMILIES = (
    _counter("echostamp_probes_due_total", "Probes that were due."),
    _counter(
        "echostamp_probes_skipped_total",
        "Probes that were due and were not sent.",
        "reason",
    ),
    _counter("echostamp_probes_sent_total", "Probes that were sent."),
    _counter("echostamp_probes_received_total", "Probes that were answered in time."),
    _counter(
        "echostamp_probes_untimed_total",
        "Probes that were answered in time and have no RTT.",
    ),
    _counter(
        "echostamp_probes_lost_total",
        "Probes that were not answered in time. A late reply does not change it.",
        "direction",
    ),
    _counter("echostamp_replies_late_total", "Replies after the timeout."),
    _counter(
        "echostamp_replies_duplicate_total",
        "Replies beyond the first to a probe.",
    ),
    _counter(
        "echostamp_replies_reordered_total",
        "Replies after that of a later probe.",
    ),
    _counter(
        "echostamp_replies_altered_total",
        "First replies that differ from what was sent.",
    ),
    _counter(
        "echostamp_replies_invalid_total",
        "Packets or lines that are no reply to a probe.",
    ),
    _counter("echostamp_peer_downs_total", "How often the peer went down."),
    _counter(
        "echostamp_peer_down_seconds_total",
        "How long the peer has been down in all.",
    ),
    _counter("echostamp_clock_steps_total", "How often the peer's clock was set."),
    _counter(
        "echostamp_events_total",
        "Events, by kind. The daemon's own have an empty peer.",
        "kind",
    ),
    _counter(
        "echostamp_flow_probes_sent_total",
        "Probes that were sent, by flow, of several.",
        "flow",
    ),
    _counter(
        "echostamp_flow_probes_received_total",
        "Probes that were answered in time, by flow, of several.",
        "flow",
    ),
    _histogram("echostamp_rtt_seconds", "The RTT of the answered probes."),
    _gauge("echostamp_peer_up", "1 if the peer is up, 0 if it is down."),
    _gauge("echostamp_peer_resolved", "1 if the peer's address is known, else 0."),
    _gauge(
        "echostamp_probes_in_flight",
        "Probes that were sent and are not counted as received or lost yet.",
    ),
    _gauge("echostamp_hops", "Routers that the last packet passed.", "direction"),
    _gauge(
        "echostamp_clock_offset_low_seconds",
        "The peer's clock minus ours is not below this.",
    ),
    _gauge(
        "echostamp_clock_offset_estimate_seconds",
        "The best estimate of the peer's clock minus ours.",
    ),
    _gauge(
        "echostamp_clock_offset_high_seconds",
        "The peer's clock minus ours is not above this.",
    ),
    _gauge(
        "echostamp_clock_drift_low_ratio",
        "The peer's clock gains on ours by no less than this part of the time.",
    ),
    _gauge(
        "echostamp_clock_drift_high_ratio",
        "The peer's clock gains on ours by no more than this part of the time.",
    ),
    _gauge(
        "echostamp_clock_verdict",
        "1 for what is known of the two clocks, else 0: constant rates fit, "
        "fit barely, do not fit, or unknown.",
        "verdict",
    ),
    _gauge(
        "echostamp_peer_info",
        "Always 1. The labels say what is probed, and what the RTT is.",
        "target",
        "address",
        "transport",
        "rtt_is",
    ),
    _gauge("echostamp_peer_max_rtt_seconds", "The limit max-rtt of the peer."),
    _gauge("echostamp_peer_max_loss_ratio", "The limit max-loss of the peer."),
    _gauge("echostamp_peer_max_offset_seconds", "The limit max-offset of the peer."),
    _gauge(
        "echostamp_peer_certificate_not_after_timestamp_seconds",
        "When the peer's certificate expires, in seconds since the UNIX epoch.",
    ),
    _summary(
        "echostamp_delay_variation_seconds",
        "The one-way delay above the least one (PDV) over the last minute.",
        "direction",
    ),
    _summary(
        "echostamp_residence_seconds",
        "How long the peer kept the probes of the last minute.",
    ),
)

#: The metrics of the daemon.  Those of its process have prometheus_client's names.
DAEMON_FAMILIES = (
    _gauge(
        "echostamp_build_info",
        "Always 1. The labels are the versions.",
        "version",
        "python",
        "twisted",
    ),
    _gauge(
        "echostamp_self_info",
        "Always 1. The label is the peer that is this host.",
        "name",
    ),
    _gauge("echostamp_peers", "How many peers there are."),
    _gauge("echostamp_connections", "Connections that the echo has now."),
    _counter("echostamp_connections_total", "Connections that were accepted."),
    _counter(
        "echostamp_connections_refused_total",
        "Connections that were refused.",
        "reason",
    ),
    _counter("echostamp_messages_total", "Messages that the echo answered."),
    _counter("echostamp_received_bytes_total", "Octets that the echo received."),
    _counter(
        "echostamp_reflector_packets_total",
        "Packets that the session-reflector received, by outcome.",
        "outcome",
    ),
    _histogram(
        "echostamp_event_loop_lag_seconds",
        "How late the turns of the event loop were.",
    ),
    _histogram("echostamp_probe_lateness_seconds", "How late probes were sent."),
    _counter(
        "echostamp_stalls_total",
        "How often this process was suspended or blocked.",
    ),
    _counter(
        "echostamp_stall_seconds_total",
        "How long this process was suspended or blocked in all.",
    ),
    _gauge(
        "echostamp_clock_synchronized",
        "1 if the kernel says that our clock is synchronised, else 0.",
    ),
    _gauge(
        "echostamp_config_last_reload_successful",
        "1 if the last reload of the peers succeeded, else 0.",
    ),
    _gauge(
        "echostamp_config_last_reload_success_timestamp_seconds",
        "When the peers were last read with success, in seconds since the UNIX epoch.",
    ),
    _counter(
        "echostamp_write_errors_total",
        "How often a file could not be written.",
        "file",
    ),
    _counter("process_cpu_seconds_total", "User and system CPU time."),
    _gauge("process_resident_memory_bytes", "Resident memory."),
    _gauge("process_virtual_memory_bytes", "Virtual memory."),
    _gauge(
        "process_start_time_seconds",
        "When the process started, in seconds since the UNIX epoch.",
    ),
    _gauge("process_open_fds", "Open file descriptors."),
    _gauge("process_max_fds", "The most file descriptors that may be open."),
)


#: All metrics, in the order in which they are written.
FAMILIES = PEER_FAMILIES + DAEMON_FAMILIES

#: The labels that a peers file must not use: those of the metrics, and those that
#: Prometheus sets.
RESERVED_LABELS = frozenset(
    {PEER, "le", "quantile", "instance", "job"}.union(
        *(each.labels for each in FAMILIES)
    )
)
