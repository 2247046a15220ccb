"""
What stands around the matrix: how many paths are how, filters, a legend; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from echostamp.markup import asHtml
from echostamp.text import counted
from echostamp.times import MILLISECOND
from echostamp.web.cells import (
    BAD_LOSS,
    BAD_OFFSET,
    NEARLY,
    SIGNS,
    WARN_OFFSET,
    WORDS,
    Level,
)
from echostamp.web.celltexts import momentNear
from echostamp.web.judgedrow import CLASSES
from echostamp.web.matrixfilter import Figure, MatrixFilter

#: What each choice of figures is called.
_FIGURES = {
    Figure.ALL: "all figures",
    Figure.LOSS: "loss",
    Figure.RTT: "RTT",
    Figure.CLOCK: "clock",
}

_WORST_FIRST = sorted(Level, reverse=True)


def summary(levels: Sequence[int], sources: int, targets: int, now: int) -> str:
    """
    Count paths by their level, on one line.

    @param levels: how many paths have each level.
    @param sources: how many sources there are.
    @param targets: how many targets.
    @param now: nanoseconds since the UNIX epoch.
    """
    items = [
        f'<li class="{CLASSES[each]}"><b>{SIGNS[each]}</b> '
        f"{levels[each]} {WORDS[each]}</li>"
        for each in _WORST_FIRST
        if levels[each]
    ]
    counts = f"{counted(sources, 'source')}, {counted(targets, 'target')}"
    paths = counted(sum(levels), "path")
    return (
        f'<div data-key="summary" class="summary"><ul>{"".join(items)}</ul>'
        f"<small>{counts}, {paths}, at {momentNear(now, now)}</small></div>\n"
    )


def nothing(wanted: MatrixFilter) -> str:
    """
    Say that there is no path, on one line.
    """
    isFiltered = any((wanted.source, wanted.target, wanted.label, wanted.onlyBad))
    why = "No path matches the filter."
    if not isFiltered:
        why = (
            "No peer is watched. Start the daemon with <code>--peers FILE</code> to "
            "watch some."
        )
    return f'<p data-key="nothing" class="allgood">{why}</p>\n'


def form(wanted: MatrixFilter, labels: Iterable[str]) -> str:
    """
    Write the filters.  They work without a script, and are part of the URL.

    @param wanted: the present ones.
    @param labels: the labels to choose from, each as C{name=value}.
    """
    choices = list(labels)
    if wanted.label and wanted.label not in choices:
        choices.insert(0, wanted.label)
    options = "".join(
        [_option("", "any label", not wanted.label)]
        + [_option(each, each, each == wanted.label) for each in choices]
    )
    figures = "".join(
        [
            _option(
                "" if each is Figure.ALL else each.value, name, each is wanted.figure
            )
            for each, name in _FIGURES.items()
        ]
    )
    label = (
        f'<label>Label <select name="label">{options}</select></label>\n'
        if choices
        else ""
    )
    checked = " checked" if wanted.onlyBad else ""
    reset = '<a class="reset" href="./">show all</a>\n' if wanted.query() else ""
    return (
        '<form class="filters" method="get" action="./" data-now>\n'
        f"{_search('source', 'Source', wanted.source)}"
        f"{_search('target', 'Target', wanted.target)}"
        f"{label}"
        f'<label>Show <select name="show">{figures}</select></label>\n'
        f'<label class="check"><input type="checkbox" name="bad" value="1"{checked}> '
        "only trouble</label>\n"
        f"<button>Filter</button>\n{reset}</form>\n"
    )


def _search(name: str, title: str, value: str) -> str:
    """
    Write a field for a part of a name.
    """
    return (
        f'<label>{title} <input type="search" name="{name}" value="{asHtml(value)}" '
        'placeholder="any name" autocomplete="off" size="14"></label>\n'
    )


def _option(value: str, name: str, isChosen: bool) -> str:
    """
    Write a choice.
    """
    chosen = " selected" if isChosen else ""
    return f'<option value="{asHtml(value)}"{chosen}>{asHtml(name)}</option>'


def _rules() -> Sequence[tuple[str, str]]:
    """
    Give the rules by which figures are judged.
    """
    nearly = f"{NEARLY * 100:g} %"
    return (
        (
            "L, loss",
            f"bad above max-loss, a warning above {nearly} of it; without max-loss any "
            f"loss is a warning, and {BAD_LOSS} % or more is bad",
        ),
        (
            "R, RTT",
            "bad if the median is above max-rtt or the 99th percentile above "
            f"max-rtt-p99, a warning above {nearly} of them; a warning, too, if the "
            "median is clearly above the 90th percentile of the last week",
        ),
        (
            "C, clock",
            "bad if the whole interval of the offset is outside max-offset, or if the "
            "clock was set or several machines answer; without max-offset it is a "
            f"warning outside {WARN_OFFSET // MILLISECOND} ms, and bad outside "
            f"{BAD_OFFSET // MILLISECOND} ms; a warning if the clock may be slewed, or "
            "was set and is within max-offset since then",
        ),
    )


def legend() -> str:
    """
    Explain signs and colours.
    """
    signs = "".join(
        [
            f'<li><i class="{CLASSES[each]}">{SIGNS[each]}</i> {WORDS[each]}</li>'
            for each in _WORST_FIRST
        ]
    )
    rules = "".join([f"<dt>{name}</dt><dd>{text}</dd>" for name, text in _rules()])
    return (
        '<section class="legend" aria-labelledby="legend"><h2 id="legend">Legend</h2>'
        f'<ul class="signs">{signs}'
        '<li><i class="b">∅</i> its name has no address</li>'
        '<li><i class="u">…</i> not answered yet</li>'
        '<li><i class="g s">·</i> grey: its source is silent or was not read lately, '
        "this is what it said last</li></ul>"
        "<p>Letters in a cell say what is no good: capitals are bad, small letters are "
        "warnings. An empty cell is a host itself, or a path that nobody measures.</p>"
        f"<dl>{rules}</dl>"
        "<p>Totals: how many paths are no good of all, the worst loss, the median RTT. "
        "All figures are of the last minute. Thresholds are those of the peers "
        "file.</p>"
        "</section>\n"
    )
