"""
Command lines for tests.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

#: Options of the daemon and the client, abbreviations, and text that looks like one.
NAMES = [
    *["--port", "-p", "--interface", "-i", "--endpoint", "-e", "--format", "-f"],
    *["--pause", "--max-length", "--max-connections", "--max-per-host", "--utc"],
    *["--idle-timeout", "--max-age", "--peer-timeout", "--grace", "--proxy-from"],
    *["--time", "--timeout", "--ca", "--cert", "--key", "talk", "--help", "-h"],
    *["--version", "--max", "--p", "--t", "-pe", "-x", "-", "--", "---", "-\n", "--é"],
]


#: Values that are right, or almost right, for some option.
VALUES = [
    *["0", "1", "7", "8002", "65535", "65536", "-1", "0.5", "1e3", "1e400", "-inf"],
    *["nan", "0x10", "1_000", " 7 ", "\u0663", "²", "9" * 5000, "127.0.0.1", "::1"],
    *["fe80::1%eth0", "fe80::1%\n", "10.0.0.0/8", "10.0.0.1/8", "::/129", "ctime"],
    *["iso", "unix", "%H:%M", "%", "%n", "%f]", "\ud800", "%\0", "x" * 61, "tcp:7"],
    *["unix:/s", "far:8002", "{peer}", "%(prog)s", "a\nb", "\x1b[2J", "\u202e", ""],
]


def ended(
    parse: Callable[[list[str]], object], arguments: list[str]
) -> tuple[SystemExit | None, str, str]:
    """
    Read a command line.

    @return: the exit that it asked for, if any, and what it wrote to standard output
        and to standard error.
    """
    end = None
    with (
        redirect_stdout(io.StringIO()) as output,
        redirect_stderr(io.StringIO()) as errors,
    ):
        try:
            parse(arguments)
        except SystemExit as raised:
            end = raised
    return end, output.getvalue(), errors.getvalue()
