"""
The keys that a peer may have; pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from echostamp.monitor.peervalues import (
    choiceReader,
    plainReader,
    readFlag,
    readLabels,
    readList,
    readPath,
    readSeenFrom,
    readText,
    readTlvs,
    readUrl,
    timeReader,
)
from echostamp.probe.messages import LARGEST, SMALLEST
from echostamp.times import MILLISECOND, SECOND
from echostamp.units import parseZone
from echostamp.values import numberReader, readDscp, readPercentage, readSource

_HOUR = 3600 * SECOND
_DAY, _YEAR = 24 * _HOUR, 366 * 24 * _HOUR

#: The kinds of targets.
STAMP, TLS, HOST, ENDPOINT = "stamp:HOST", "tls:HOST", "HOST", "unix:PATH"

_ANY = (STAMP, TLS, HOST, ENDPOINT)
_HOSTS = (STAMP, TLS, HOST)

#: The names of the TLVs that STAMP packets may have.
_TLVS = ("padding", "timestamp", "cos", "follow-up")

#: The most flows of a peer.
MOST_FLOWS = 16


class Key(NamedTuple):
    """
    A key.

    @ivar read: reads its value, or raises C{ValueError}.
    @ivar doc: what it does, in a line.
    @ivar default: its value where it is not given.
    @ivar kinds: the kinds of targets that it goes with.
    @ivar isOfPeer: whether it belongs to one peer, and cannot be at the top of a file.
    @ivar isPath: whether it is a path, which is relative to the file.
    @ivar isOfHost: whether its value may be right on one host and wrong on another.
    """

    read: Callable[[object], Any]
    doc: str
    default: Any = None
    kinds: tuple[str, ...] = _ANY
    isOfPeer: bool = False
    isPath: bool = False
    isOfHost: bool = False


_anyTime = timeReader(1, _YEAR)

#: Each key by its name.
KEYS: dict[str, Key] = {
    "target": Key(
        readText,
        "what to probe: HOST, HOST:PORT, tls:HOST, unix:PATH or stamp:HOST",
        isOfPeer=True,
    ),
    "interval": Key(
        timeReader(MILLISECOND, _HOUR),
        "time from one probe to the next, 1ms to 1h (default: 1s)",
        SECOND,
    ),
    "timeout": Key(
        timeReader(MILLISECOND, _HOUR),
        "how long to wait for each reply; at most 10,000 probes are in flight "
        "(default: 3s)",
        3 * SECOND,
    ),
    "size": Key(
        plainReader(numberReader(SMALLEST, LARGEST)),
        "octets of each message or packet (default: the fewest)",
        0,
    ),
    "jitter": Key(
        readFlag,
        "delay probes at random by up to a tenth of the interval (default: true)",
        True,
    ),
    "paused": Key(readFlag, "send no probes, report no events (default: false)", False),
    "labels": Key(
        readLabels,
        "labels of the peer's series; they add to those at the top of the file",
        {},
    ),
    "resolve": Key(
        timeReader(SECOND, _DAY, orNone=True),
        "how often to look the name up again; 0: never (default: 60s)",
        60 * SECOND,
        _HOSTS,
    ),
    "family": Key(
        choiceReader("any", "4", "6", "both"),
        'IP version: "any", 4, 6, or "both", which makes NAME/4 and NAME/6 '
        '(default: "any")',
        "any",
        _HOSTS,
    ),
    "addresses": Key(
        choiceReader("first", "all"),
        '"first", or "all": a peer NAME/ADDRESS for each address, up to 16 '
        '(default: "first")',
        "first",
        _HOSTS,
    ),
    "source": Key(
        plainReader(readSource),
        "send from this address and, over STAMP, this port: ADDR or ADDR:PORT",
        (None, 0),
        _HOSTS,
        isOfHost=True,
    ),
    "zone": Key(
        plainReader(parseZone),
        "the zone of stamps without a zone: UTC, +01:00, Europe/Berlin "
        "(default: guessed)",
        kinds=(TLS, HOST, ENDPOINT),
        isOfHost=True,
    ),
    "dscp": Key(
        plainReader(readDscp),
        "STAMP: mark packets with this DSCP, a number or a name such as EF "
        "(default: 0)",
        0,
        (STAMP,),
    ),
    "ttl": Key(
        plainReader(numberReader(1, 255)),
        "STAMP: time to live or hop limit (default: 255)",
        255,
        (STAMP,),
    ),
    "ssid": Key(
        plainReader(numberReader(0, 65535)),
        "STAMP: the session identifier (default: 0, none)",
        0,
        (STAMP,),
    ),
    "strict-ssid": Key(
        readFlag,
        "STAMP: with ssid, refuse replies with SSID 0 (default: false)",
        False,
        (STAMP,),
    ),
    "tlv": Key(
        readTlvs(_TLVS),
        'STAMP: a list of TLVs: "padding", "timestamp", "cos", "follow-up"',
        (),
        (STAMP,),
    ),
    "ptp": Key(
        readFlag,
        "STAMP: send timestamps in PTP format (default: false)",
        False,
        (STAMP,),
    ),
    "flows": Key(
        plainReader(numberReader(1, MOST_FLOWS)),
        "STAMP: probe from so many source ports, each at interval, 1 to 16 "
        "(default: 1)",
        1,
        (STAMP,),
    ),
    "ca": Key(
        readPath,
        "TLS: trust the CAs in this PEM file instead of the system's",
        kinds=(TLS,),
        isPath=True,
    ),
    "cert": Key(
        readPath,
        "TLS: send the certificate in this PEM file",
        kinds=(TLS,),
        isPath=True,
    ),
    "key": Key(
        readPath,
        "TLS: the private key (default: in cert's file); STAMP: the key file",
        kinds=(TLS, STAMP),
        isPath=True,
    ),
    "max-rtt": Key(_anyTime, "threshold for the median of the window's RTTs"),
    "max-rtt-p99": Key(_anyTime, "threshold for the 99th percentile of these RTTs"),
    "max-loss": Key(
        plainReader(readPercentage),
        "threshold for the window's loss, in percent",
    ),
    "max-offset": Key(_anyTime, "threshold for the offset between the clocks"),
    "from": Key(
        readList,
        "names or patterns of the peers that probe this one; []: none (default: all)",
    ),
    "web": Key(
        readUrl,
        "where the status page of this peer's own daemon is",
        isOfPeer=True,
    ),
    "web-ca": Key(
        readPath,
        "trust these CAs there (default: ca, where the target is TLS)",
        isPath=True,
    ),
    "web-cert": Key(
        readPath,
        "send this certificate there (default: cert, where the target is TLS)",
        isPath=True,
    ),
    "web-key": Key(
        readPath,
        "its private key (default: in web-cert's file, or as for web-cert)",
        isPath=True,
    ),
    "seen-from": Key(
        readSeenFrom,
        "the target by which another peer sees this one",
        isOfPeer=True,
    ),
}
