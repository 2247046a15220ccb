"""
What many probers in one process cost, with a far end that answers and one that does
not, beside an earlier commit in an environment of its own: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from servers import BENCH, HOST, freePort, started

#: The most CPU of this tree, in that of the earlier commit.
BAR = 0.5

#: Seconds that a turn may take beside its measurement.
PATIENCE = 70

#: What the far end does: it answers with exact stamps, with the daemon's usual ones of
#: whole seconds, or not at all.  STAMP has timestamps of one kind.
ENDS = {"line": ("iso", "ctime", "dead"), "stamp": ("alive", "dead")}

Figures = dict[str, float]


def environment(commit: str, folder: Path) -> Path:
    """
    Install a commit of this repository.

    @param commit: its name.
    @param folder: a temporary one, for its files and a virtual environment.
    @return: the path of the environment's Python.
    """
    tree, place = folder / "tree", folder / "environment"
    tree.mkdir()
    git = ["git", "-C", str(BENCH.parent), "archive", commit]
    archive = subprocess.run(git, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x", "-C", tree], input=archive, check=True)
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    python = place / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", str(tree)]
    subprocess.run(pip, check=True)
    return python


@contextmanager
def swallowing() -> Iterator[int]:
    """
    Run a far end that takes all and answers nothing, over TCP and UDP.

    @return: its port.
    """
    with (
        socket.create_server((HOST, 0), backlog=1024) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        port: int = server.getsockname()[1]
        datagrams.bind((HOST, port))

        def accept() -> None:
            # An open connection that nobody reads: the probes fit into its buffers.
            kept = []
            while True:
                try:
                    kept.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield port
        # A listening socket that is only closed does not wake its accept.
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def answering(end: str, core: int, folder: Path) -> Iterator[int]:
    """
    Run a daemon of this tree.

    @param end: the format of its stamps, or C{"alive"} for a reflector.
    @return: the port of its echo or its reflector.
    """
    echo, reflector = freePort(), freePort()
    twistd = str(Path(sys.executable).with_name("twistd"))
    command = [twistd, "-n", "--pidfile=", f"--logfile={folder / end}", "echostamp"]
    command += ["-e", f"tcp:{echo}:interface={HOST}"]
    command += ["--reflector", f"{HOST}:{reflector}"]
    if end != "alive":
        command += ["--format", end]
    with started(command, echo, {core}, folder):
        yield reflector if end == "alive" else echo


def measured(
    python: list[str], port: int, core: int, options: argparse.Namespace
) -> Figures:
    """
    Run the probers of one side.

    @param python: the side's, with its options.
    @raise SystemExit: they send less than half of what is due.  They do not send all
        where the far end is dead: a link that is made again carries nothing meanwhile.
    """
    words = [options.over, port, options.probers, options.seconds]
    ran = subprocess.run(
        [*python, str(BENCH / "proberside.py"), *map(str, words)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=options.seconds + PATIENCE,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    figures: Figures = json.loads(ran.stdout)
    if figures["probes_a_second"] < options.probers / 2:
        raise SystemExit(f"{python}: too few probes: {figures}")
    return figures


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip())
    parser.add_argument(
        "--before", metavar="COMMIT", help="a commit to compare this tree with"
    )
    parser.add_argument("--over", choices=["line", "stamp"], default="line")
    parser.add_argument("--probers", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument(
        "--seconds", type=float, default=20, help="of each turn (default: %(default)g)"
    )
    options = parser.parse_args()
    first, *_, last = sorted(os.sched_getaffinity(0))
    found: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The folder of this script, or PYTHONPATH, would hide a side's own package.
        sides = {"now": [sys.executable, "-P"]}
        if options.before:
            sides["before"] = [str(environment(options.before, folder)), "-I"]
        with ExitStack() as ends:
            ports = {
                end: ends.enter_context(
                    swallowing() if end == "dead" else answering(end, first, folder)
                )
                for end in ENDS[options.over]
            }
            for _ in range(options.rounds):
                for end, port in ports.items():
                    for side, python in sides.items():
                        figures = measured(python, port, last, options)
                        found.setdefault((side, end), []).append(
                            figures["user"] + figures["system"]
                        )
    report(found)


def report(found: dict[tuple[str, str], list[float]]) -> None:
    """
    Print the medians and the bar.

    @param found: the share of a core, by side and far end, of each round.
    """
    medians = {each: statistics.median(cores) for each, cores in found.items()}
    for end in dict.fromkeys(end for _, end in medians):
        for side in "before", "now":
            if (side, end) in medians:
                print(f"{end:<6} {side:<7} {medians[side, end]:.3f} of a core")
        if ("before", end) in medians:
            ratio = medians["now", end] / medians["before", end]
            isMet = "met" if ratio <= BAR else "NOT met"
            print(f"{end:<6} ratio   {ratio:.2f}, bar {BAR:.2f}, {isMet}")


if __name__ == "__main__":
    main()
