"""
Fuzz with atheris: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from contextlib import redirect_stderr
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with (
    redirect_stderr(io.StringIO()),  # it prints a line for each module
    atheris.instrument_imports(include=["echostamp"], exclude=["echostamp.test"]),
):
    from targets import TARGETS, Target

#: Seconds for all targets together.
MINUTE = 60

#: What libFuzzer prints at the end.
FIGURES = re.compile(
    r"DONE +cov: (?P<coverage>\d+) .*"
    r"number_of_executed_units: (?P<runs>\d+)\n.*"
    r"average_exec_per_sec: +(?P<speed>\d+)",
    re.DOTALL,
)


def fuzz(name: str, target: Target, seconds: int) -> bool:
    """
    Fuzz a target, and print the figures or the failure.  It needs a process of its own,
    because libFuzzer ends its process.

    @return: whether it found nothing.
    """
    with TemporaryDirectory() as folder:
        for number, seed in enumerate(target.seeds):
            Path(folder, f"seed{number}").write_bytes(seed)
        log = Path(folder).with_suffix(".log")
        child = os.fork()
        if not child:
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600), 2)
            os.dup2(2, 1)
            limits = [f"-max_total_time={seconds}", "-timeout=10"]
            prefix = f"-artifact_prefix=fuzz-{name}-"
            atheris.Setup(
                ["fuzz", *limits, prefix, "-print_final_stats=1", folder], target.check
            )
            atheris.Fuzz()
        _, status = os.waitpid(child, 0)
    output = log.read_text(errors="replace")
    log.unlink()
    figures = FIGURES.search(output)
    if status or not figures:
        print(f"{name}: FAILED\n{output}", flush=True)
        return False
    print(
        f"{name:12}{int(figures['runs']):>11,} runs"
        f"{int(figures['speed']):>9,} a second"
        f"{int(figures['coverage']):>6} covered",
        flush=True,
    )
    return True


def main() -> int:
    """
    Run the command.

    @return: the exit status: 0 if nothing was found.
    """
    parser = argparse.ArgumentParser(description="Fuzz EchoStamp.")
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument(
        "--seconds",
        type=int,
        metavar="N",
        help=f"for each target (default: {MINUTE} in all)",
    )
    parser.add_argument("--input", type=Path, help="run the input in this file once")
    options = parser.parse_args()
    names = list(TARGETS) if options.target == "all" else [options.target]
    if options.input:
        for name in names:
            TARGETS[name].check(options.input.read_bytes())
        return 0
    seconds = max(1, options.seconds or MINUTE // len(names))
    # All of them run, even after one has failed.
    failed = [name for name in names if not fuzz(name, TARGETS[name], seconds)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
