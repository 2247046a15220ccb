"""
The options of the daemon's monitor.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.python import usage

from echostamp.daemon.optionvalues import number
from echostamp.monitor.defaults import BUCKETS, MAX_PROBES
from echostamp.times import SECOND
from echostamp.values import durationReader
from echostamp.web.places import WebEndpoints, webEndpoints

#: The most probes a second that C{--max-probes} accepts.
_MOST_PROBES = 1_000_000

#: The shortest and the longest bound of a bucket, in nanoseconds, and how many buckets
#: there may be.
_LEAST_BUCKET, _MOST_BUCKET, _MOST_BUCKETS = 1000, 1000 * SECOND, 60


class MonitorOptions(usage.Options):
    """
    The options of the monitor, as texts and as values.

    @ivar peersFiles: the absolute paths of the files of peers.
    @ivar webPlaces: where to serve web pages.
    @ivar host: the name of this machine.
    @ivar eventsFile: the absolute path of the file of events, or C{-}; L{None} for
        none.
    @ivar maxProbes: the most probes a second, of all peers.
    @ivar buckets: the upper bounds of the buckets of the RTT, in nanoseconds.
    """

    optParameters = [
        [
            "self",
            None,
            None,
            "Name of the peer that is this host, which it does not probe (default: the "
            "host's name, or its first label).",
        ],
        [
            "events",
            None,
            None,
            "File that gets a line of JSON for each event of the peers; - is standard "
            "output.",
        ],
        [
            "max-probes",
            None,
            str(MAX_PROBES),
            "Refuse peers that need more probes a second than this, in all.",
        ],
        [
            "rtt-buckets",
            None,
            None,
            "Upper bounds of the buckets of the metric echostamp_rtt_seconds, with "
            "commas between: 1ms,10ms,0.1s (default: 10us to 10s in steps of 1, 2, 5).",
        ],
    ]
    optFlags = [
        [
            "no-echo",
            None,
            "Do not listen for the echo; watch peers or answer STAMP only.",
        ],
        [
            "check",
            None,
            "Read the options, the peers, their keys and certificates, and the "
            "history, say what is wrong, or what there is to watch, and exit.",
        ],
    ]

    parent: Any
    reflectors: list[tuple[str, int]]
    peersFiles: list[str]
    webPlaces: list[WebEndpoints]
    host: str
    eventsFile: str | None
    maxProbes: int
    buckets: tuple[int, ...]

    def opt_peers(self, path: str) -> None:
        """
        Watch the peers in this file, repeatable: TOML, or Prometheus' file_sd in JSON.
        """
        # twistd changes the working directory before the service starts.
        self.peersFiles.append(os.path.abspath(path))

    def opt_web(self, place: str) -> None:
        """
        Serve a status page and /metrics, repeatable: PORT, ADDR:PORT or an endpoint.
        """
        try:
            self.webPlaces.append(webEndpoints(place))
        except ValueError as error:
            raise usage.UsageError(f"--web {place!r}: {error}") from None

    def checkMonitor(self) -> None:
        """
        Convert the texts to values, and check that they go together.

        @raise usage.UsageError: a value is wrong, or the options do not go together.
        """
        self.host = socket.gethostname()
        self.maxProbes = number(self, "max-probes", int, 1, _MOST_PROBES)
        self.buckets = BUCKETS
        if self["rtt-buckets"] is not None:
            self.buckets = parseBuckets(self["rtt-buckets"])
        path = self["events"]
        self.eventsFile = path if path in (None, "-") else os.path.abspath(path)
        given = [
            name
            for name in ("self", "events", "history", "rtt-buckets", "max-probes")
            if self[name] != self.defaults.get(name)
        ]
        if given and not self.peersFiles:
            raise usage.UsageError(f"--{given[0]} goes with --peers")
        if self["no-echo"] and not (self.peersFiles or self.reflectors):
            raise usage.UsageError("--no-echo goes with --peers or --reflector")
        if self.peersFiles and self.parent is not None and self.parent.get("chroot"):
            raise usage.UsageError(
                "--peers does not go with --chroot: the files could not be read again"
            )


def parseBuckets(text: str) -> tuple[int, ...]:
    """
    Parse the upper bounds of the buckets of a histogram.

    @return: nanoseconds, ascending.
    @raise usage.UsageError: the text is wrong; the error's text says how.
    """
    read = durationReader(_LEAST_BUCKET, _MOST_BUCKET)
    bounds = []
    for each in text.split(","):
        try:
            bounds.append(read(each.strip()))
        except ValueError as error:
            raise usage.UsageError(f"--rtt-buckets: {error}") from None
    if bounds != sorted(set(bounds)):
        raise usage.UsageError("--rtt-buckets: each bound must be above the one before")
    if len(bounds) > _MOST_BUCKETS:
        raise usage.UsageError(f"--rtt-buckets: more than {_MOST_BUCKETS}")
    return tuple(bounds)
