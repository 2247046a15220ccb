"""
Short names of what the bounds of an offset say: for metrics, and rows of a history.
"""

from __future__ import annotations

from collections.abc import Mapping

from echostamp.measure import offsetwindow

#: The names, from the best to the worst.  A history keeps their indices.
UNKNOWN, FITS, BARELY, NO_FIT = VERDICTS = ("unknown", "fits", "barely", "no_fit")

#: The name of each text of L{offsetwindow}.
NAMES = {
    offsetwindow.FITS: FITS,
    offsetwindow.DOUBTFUL: BARELY,
    offsetwindow.NO_FIT: NO_FIT,
}

#: The text of each name; L{None} where no offset is known.
TEXTS: Mapping[str, str | None] = {
    UNKNOWN: None,
    **{name: text for text, name in NAMES.items()},
}
