"""
Measure the session-reflector of STAMP and plain DatagramProtocols, and how late a timer
gets in the reflector's process during a flood: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

HOST = "127.0.0.1"
BENCH = Path(__file__).parent

#: Packets in flight.
OUTSTANDING = 16

#: The reflectors.
TITLES = {
    "echostamp": "EchoStamp",
    "same": "DatagramProtocol, the same work",
    "bare": "DatagramProtocol, no checks",
}

#: EchoStamp's CPU, divided by that of a plain DatagramProtocol that does the same work:
#: the limit.
BAR = 1.0

#: The most milliseconds that a timer may be late during a flood.
LATEST = 15.0

#: The floods: octets of a packet, and TLVs in it.
FLOODS = {
    "1 octet": (1, 0),
    "44 octets": (44, 0),
    "16,365 TLVs": (65_504, 16_365),
}

#: The length of each flood, in seconds.
FLOODED = 2.0

#: Seconds in which a server must answer.
PATIENCE = 20.0


def freePort() -> int:
    """
    Find a UDP port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


def commands(port: int) -> dict[str, list[str]]:
    """
    Build the command lines of the reflectors.
    """
    python = sys.executable
    twistd = str(Path(python).parent / "twistd")
    most = "10000000"
    return {
        "echostamp": [
            *(twistd, "-n", "--pidfile=", "echostamp", "-e", f"tcp:0:interface={HOST}"),
            *(f"--reflector={HOST}:{port}", f"--max-pps={most}"),
            f"--max-total-pps={most}",
        ],
        "same": [python, str(BENCH / "contenders/twisted_reflector.py"), str(port)],
        "bare": [python, str(BENCH / "contenders/twisted_datagram.py"), str(port)],
    }


@contextmanager
def running(
    command: list[str], port: int, core: int
) -> Iterator[subprocess.Popen[str]]:
    """
    Run a reflector while the context lasts.

    @raise SystemExit: it does not answer.
    """
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        until = time.monotonic() + PATIENCE
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((HOST, port))
            probe.settimeout(0.05)
            while True:
                try:
                    probe.send(bytes(44))
                    probe.recv(100)
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise SystemExit(f"{command!r} does not answer") from None
                    time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def cpu(process: int) -> int:
    """
    Read how many nanoseconds a process has run on a core.
    """
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])


def load(program: str, core: int, *words: object) -> list[int]:
    """
    Run the load.

    @return: the numbers that it prints.
    @raise SystemExit: a reply was wrong.
    """
    ran = subprocess.run(
        [program, *map(str, words)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return [int(word) for word in ran.stdout.split()]


def capacity(
    program: str, cores: tuple[int, int], rounds: int, seconds: float
) -> dict[str, list[dict[str, float]]]:
    """
    Measure each reflector once per round.  All of them run all the time; those without
    load sleep.  So the turns can be short, and a slow moment of the machine affects all
    reflectors alike.

    @return: CPU per packet, in microseconds, and packets per second, of each round.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in TITLES}
    with ExitStack() as stack:
        servers = {}
        for name in found:
            port = freePort()
            command = commands(port)[name]
            process = stack.enter_context(running(command, port, cores[0]))
            servers[name] = process.pid, port
        # The first round is warm-up.
        for turn in range(-1, rounds):
            names = list(found)
            for name in names if turn % 2 else names[::-1]:
                pid, port = servers[name]
                before = cpu(pid)
                count, took = load(
                    *(program, cores[1], "window", port, OUTSTANDING),
                    round(seconds * 1000),
                )
                used = cpu(pid) - before
                if turn >= 0:
                    rate = count / took * 1_000_000_000
                    found[name].append({"cpu": used / count / 1000, "rate": rate})
                    print(f"{turn}: {name} {found[name][-1]}", file=sys.stderr)
    return found


def lateness(program: str, cores: tuple[int, int], seconds: float) -> dict[str, float]:
    """
    Flood a reflector, and measure how late its timer gets.

    @return: the most milliseconds, by the name of the flood.
    """
    found = {}
    for name, (octets, tlvs) in FLOODS.items():
        port = freePort()
        script = str(BENCH / "contenders/timed_reflector.py")
        command = [sys.executable, script, str(port), str(seconds)]
        with running(command, port, cores[0]) as process:
            flood = round(seconds * 900)
            load(program, cores[1], "flood", port, octets, tlvs, flood)
            out, _ = process.communicate()
        found[name] = max(map(int, out.split())) / 1_000_000
    return found


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(
        description="Measure the session-reflector on one core, the load on another."
    )
    parser.add_argument("--rounds", type=int, default=40, help="default: %(default)s")
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.5,
        help="length of each measurement (default: %(default)s)",
    )
    parser.add_argument("--json", metavar="FILE", help="write all rounds to FILE")
    parser.add_argument("--text", metavar="FILE", help="write the figures to FILE too")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the reflector and the load need one core each")
    with TemporaryDirectory() as place:
        program = str(Path(place) / "udpload")
        subprocess.run(
            [
                *(os.environ.get("CC", "cc"), "-std=c11", "-O2", "-Wall"),
                *("-o", program, str(BENCH / "udpload.c")),
            ],
            check=True,
        )
        pair = cores[0], cores[1]
        rounds = capacity(program, pair, options.rounds, options.seconds)
        lates = lateness(program, pair, FLOODED)
    medians = {
        name: {
            what: statistics.median(each[what] for each in all_)
            for what in ("cpu", "rate")
        }
        for name, all_ in rounds.items()
    }
    own = medians["echostamp"]["cpu"]
    lines = [f"{'':<32}{'CPU µs a packet':>17}{'packets a second':>18}"]
    for name, title in TITLES.items():
        figures = medians[name]
        lines.append(f"{title:<32}{figures['cpu']:>17.2f}{figures['rate']:>18,.0f}")
    ratio = own / medians["same"]["cpu"]
    verdict = "held" if ratio <= BAR else "NOT held"
    lines.append(
        f"EchoStamp's CPU: {ratio:.2f} of the same work's, bar {BAR:.2f}: {verdict}; "
        f"{own / medians['bare']['cpu']:.2f} of that without checks"
    )
    for name, late in lates.items():
        verdict = "held" if late <= LATEST else "NOT held"
        lines.append(
            f"flooded with {name}: a timer of 5 ms at most {late:.1f} ms late, bar "
            f"{LATEST:.0f}: {verdict}"
        )
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if options.text:
        Path(options.text).write_text(text)
    if options.json:
        everything = {
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "python": platform.python_version(),
            "rounds": rounds,
            "late_ms": lates,
        }
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
