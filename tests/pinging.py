"""
C{echostamp ping} as a program, and the far ends that it measures.
"""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, Daemon, lack, run, script, start
from tests.reflecting import Reflecting

#: In nanoseconds.
US, MS = 1000, 1_000_000

#: What the JSON of C{echostamp ping} looks like.
SCHEMA = Path(__file__).parents[1] / "docs" / "ping.schema.json"

#: The options of a stateful reflector.
STATEFUL = ("--stateful", "--allow=127.0.0.0/8")


@cache
def _validator() -> Any:
    try:
        # Its types are in another package.
        jsonschema: Any = importlib.import_module("jsonschema")
    except ImportError as error:
        lack(f"the extra test: {error}")
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def valid(found: Any) -> None:
    """Assert that a JSON document is valid by the schema in C{docs}."""
    _validator().validate(found)


class PingCase(SynchronousTestCase):
    """
    Runs our client against far ends.
    """

    def ping(
        self, *options: str, status: int = 0
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end, which has to have this exit status."""
        done = run(script("echostamp"), "ping", *options)
        self.assertEqual(done.returncode, status, done)
        return done

    def measured(self, *options: str, status: int = 0) -> Any:
        """Run it, and give its JSON, which is valid."""
        found = json.loads(self.ping("--json", *options, status=status).stdout)
        valid(found)
        return found

    def probes(
        self, process: subprocess.Popen[bytes], isAnswered: bool, count: int
    ) -> list[Any]:
        """
        Read the lines of C{--jsonl} up to some probes that were answered, or not.

        @return: all probes that were read.
        """
        assert process.stdout
        found = []
        while count:
            found.append(json.loads(process.stdout.readline()))
            count -= isAnswered == (found[-1]["rtt"] is not None)
        return found

    def stopped(self, process: subprocess.Popen[bytes]) -> list[Any]:
        """Stop a run with C{--jsonl}, and read the rest: probes, and the summary."""
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, errors), (0, b""))
        return [json.loads(line) for line in output.splitlines()]

    def iso(self, *options: str) -> Daemon:
        """Give a shared daemon whose stamps have nanoseconds."""
        return Daemon.shared(self, "--port=0", "--format=iso", *options)

    def reflector(self, *options: str) -> int:
        """Give the port of a shared daemon that answers STAMP on 127.0.0.1."""
        return Reflecting.shared(self, *options).place[1]

    def started(self, *options: str, **more: Any) -> subprocess.Popen[bytes]:
        """Start it with pipes for its output."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return start(self, script("echostamp"), "ping", *options, **{**pipes, **more})
