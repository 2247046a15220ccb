"""
Writes metrics as text, in the format 0.0.4 of Prometheus or OpenMetrics 1.0; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from echostamp.monitor.metricformats import Format
from echostamp.monitor.metricnames import FAMILIES, QUANTILES, Family, Type
from echostamp.times import SECOND

#: About so many characters are written at a time.
CHUNK = 1 << 16

#: UTF-8 cannot hold these.
_SURROGATE = re.compile("[\ud800-\udfff]")

_NAMES = frozenset(each.name for each in FAMILIES)


# --- Labels and values ----------------------------------------------------------------


def label(name: str, value: str) -> str:
    """
    Write a label.  Surrogates become U+FFFD, since UTF-8 has none.
    """
    if "\\" in value or '"' in value or "\n" in value:
        value = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    if not value.isascii():
        value = _SURROGATE.sub("\ufffd", value)
    return f'{name}="{value}"'


def seconds(ns: int) -> str:
    """
    Write nanoseconds as seconds, exactly.
    """
    whole, part = divmod(abs(ns), SECOND)
    text = f"{whole}.{part:09d}".rstrip("0").rstrip(".") if part else str(whole)
    return f"-{text}" if ns < 0 else text


def shifted(value: float, places: int) -> str:
    """
    Write a number with its point moved to the left, exactly: percent as parts of 1 with
    2 places, parts per million with 6.
    """
    number = Decimal(repr(value)).scaleb(-places)
    return f"{number.normalize():f}" if number else "0"


@lru_cache(8)
def edges(bounds: tuple[int, ...]) -> tuple[str, ...]:
    """
    Write the label C{le} of each bucket.

    @param bounds: the upper bounds of the buckets but the last, in nanoseconds.
    """
    # OpenMetrics wants floats as Go writes them: so does Python below a million.
    return (*(repr(each / SECOND) for each in bounds), "+Inf")


# --- Metadata -------------------------------------------------------------------------


def heading(family: Family, form: Format) -> str:
    """
    Write the lines above the series of a metric: its meaning, type and unit.
    """
    name, kind, meaning = family.name, family.type.value, family.meaning
    meaning = meaning.replace("\\", r"\\").replace("\n", r"\n")
    if form is Format.TEXT:
        return f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"
    if family.type is Type.COUNTER:
        # OpenMetrics leaves _total out.  Another metric may have that name: then the
        # counter is of no known type.
        short = name.removesuffix("_total")
        name, kind = (name, "unknown") if short in _NAMES else (short, kind)
    unit = f"# UNIT {name} {family.unit}\n" if family.unit else ""
    meaning = meaning.replace('"', r"\"")
    return f"# TYPE {name} {kind}\n{unit}# HELP {name} {meaning}\n"


# --- Series ---------------------------------------------------------------------------


class MetricText:
    """
    Collects the series of all metrics, and writes them metric by metric.

    @ivar form: the format.
    """

    def __init__(self, form: Format) -> None:
        """
        @param form: the format.
        """
        self.form = form
        self._lines: dict[str, list[str]] = {each.name: [] for each in FAMILIES}

    def put(self, name: str, labels: str, value: int | str) -> None:
        """
        Add a series of a counter or a gauge.

        @param name: the metric.
        @param labels: its labels, separated by commas.
        @param value: a number, or one that is written already.
        """
        series = f"{name}{{{labels}}}" if labels else name
        self._lines[name].append(f"{series} {value}\n")

    def histogram(
        self,
        name: str,
        labels: str,
        bounds: Sequence[int],
        counts: Sequence[int],
        total: int,
    ) -> None:
        """
        Add the series of a histogram.

        @param name: the metric.
        @param labels: its labels, separated by commas.
        @param bounds: the upper bounds of the buckets but the last, in nanoseconds.
        @param counts: how many values are in each bucket.
        @param total: their sum, in nanoseconds.
        """
        start = f"{name}_bucket{{{labels},le=" if labels else f"{name}_bucket{{le="
        lines, n = [], 0
        for edge, count in zip(edges(tuple(bounds)), counts, strict=True):
            n += count
            lines.append(f'{start}"{edge}"}} {n}\n')
        braces = f"{{{labels}}}" if labels else ""
        lines.append(f"{name}_sum{braces} {seconds(total)}\n{name}_count{braces} {n}\n")
        self._lines[name].append("".join(lines))

    def summary(self, name: str, labels: str, values: Iterable[float]) -> None:
        """
        Add the series of a summary.  It has no sum and no count: both must not
        decrease, and those of a window do.

        @param name: the metric.
        @param labels: its labels, separated by commas.
        @param values: the L{QUANTILES}, in nanoseconds; rounded to whole ones.
        """
        lines = [
            f'{name}{{{labels},quantile="{part}"}} {seconds(round(value))}\n'
            for part, value in zip(QUANTILES, values, strict=True)
        ]
        self._lines[name].append("".join(lines))

    def chunks(self) -> Iterator[bytes]:
        """
        Write everything, in chunks of about L{CHUNK} characters.  What is written is
        forgotten, so that it is not in memory twice.
        """
        waiting: list[str] = []
        size = 0
        for family in FAMILIES:
            lines, self._lines[family.name] = self._lines[family.name], []
            if not lines:
                continue
            waiting.append(heading(family, self.form))
            for each in lines:
                waiting.append(each)
                size += len(each)
                if size >= CHUNK:
                    yield "".join(waiting).encode()
                    waiting, size = [], 0
        if self.form is Format.OPENMETRICS:
            waiting.append("# EOF\n")
        if waiting:
            yield "".join(waiting).encode()
