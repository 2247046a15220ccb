"""
The formats in which metrics can be read, and which one a client wants; pure.
"""

from __future__ import annotations

import re
from enum import Enum


class Format(Enum):
    """
    The formats.  The value is the media type, as Content-Type has it.
    """

    #: Prometheus' text format.
    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_QUALITY = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def formatFor(accept: str) -> Format:
    """
    Choose the format that a client likes best by the header Accept (RFC 9110, section
    12.5.1).

    @param accept: the header; empty without one.
    @return: OpenMetrics if the client prefers it; else text, also for a client that
        accepts neither.
    """
    liked = dict.fromkeys(Format, (-1, 0.0))
    for part in accept.lower().split(","):
        media, *rest = (each.strip() for each in part.split(";"))
        parameters = {}
        for each in rest:
            name, _, value = each.partition("=")
            parameters[name.strip()] = value.strip().strip('"')
        quality = parameters.get("q", "1")
        if not _QUALITY.fullmatch(quality):
            continue
        for form in Format:
            rank = _rank(form, media, parameters.get("version"))
            if rank > liked[form][0]:
                liked[form] = rank, float(quality)
    (textRank, text), (rank, openMetrics) = liked.values()
    if openMetrics and (openMetrics, rank) > (text, textRank):
        return Format.OPENMETRICS
    return Format.TEXT


def _rank(form: Format, media: str, version: str | None) -> int:
    """
    Say how closely a range of media types describes a format.  The quality of the
    closest one counts.

    @param media: the range, without its parameters.
    @param version: its version; L{None} for any.
    @return: -1 if it does not describe the format.
    """
    ours, own, _ = form.value.split("; ")
    ranges = "*/*", f"{ours.partition('/')[0]}/*", ours
    if media not in ranges or version not in (None, own.partition("=")[2]):
        return -1
    return ranges.index(media) + (version is not None)
