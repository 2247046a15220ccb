"""
Reports what tests have measured.
"""

from __future__ import annotations

import os


def figure(text: str) -> None:
    """
    Report what a test has measured, on a line that begins with C{figure:}.

    The line goes to the end of the file that ECHOSTAMP_FIGURES names, since C{trial -j}
    hides what its workers print.  Without that variable it is printed.
    """
    line = f"figure: {text}\n"
    if path := os.environ.get("ECHOSTAMP_FIGURES"):
        # One write of a file opened to append: the lines of workers do not mix.
        with open(path, "a") as figures:
            figures.write(line)
    else:
        print(f"\n{line}", end="")
