"""A file that C{echostamp talk} reads from standard input."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.harness import DEADLINE, Owner, memory, script, start

_LINE = b"0123456789" * 10 + b"\n"


def pipeFile(owner: Owner, target: str, size: int) -> tuple[int, int, int]:
    """
    Run C{echostamp talk TARGET < file | wc -l}, which must succeed.

    @param size: octets of the file, about.
    @return: the lines of the file, the lines that C{wc} counted, and the most memory
        that the client had, in octets.
    """
    path = Path(owner.mktemp())
    lines = size // len(_LINE) // 100 * 100
    with path.open("wb") as file:
        for _ in range(100):
            file.write(_LINE * (lines // 100))
    most = 0
    with path.open("rb") as file:
        client = start(
            owner,
            *(script("echostamp"), "talk", target),
            stdin=file,
            stdout=subprocess.PIPE,
        )
        counter = start(owner, "wc", "-l", stdin=client.stdout, stdout=subprocess.PIPE)
        assert client.stdout
        client.stdout.close()
        while client.poll() is None:
            most = max(most, memory(client.pid, "VmHWM"))
            time.sleep(0.02)
    counted, _ = counter.communicate(timeout=DEADLINE)
    assert client.returncode == 0
    return lines, int(counted), most
