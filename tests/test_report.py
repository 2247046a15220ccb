"""C{echostamp report}: what a daemon has measured, while it goes on."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from pathlib import Path

from twisted.trial.unittest import TestCase

from echostamp.history.row import MINUTE
from echostamp.history.store import SqliteHistory
from echostamp.test.historycases import row
from tests.harness import run, script


class ReportTests(TestCase):
    """
    The command beside a process that writes the history.
    """

    def setUp(self) -> None:
        """Write ten minutes of two peers, and keep the file open."""
        self.path = Path(self.mktemp()).absolute()
        self.history = SqliteHistory(str(self.path))
        self.addCleanup(self.history.close)
        self.began = int(time.time()) // MINUTE * MINUTE - 20 * MINUTE
        for at in range(10):
            each = row(self.began + at * MINUTE)
            self.history.write({"ams": each, "fra": each}, [])

    def report(
        self, *options: str, status: int = 0
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command to its end."""
        history = f"--history={self.path}"
        done = run(script("echostamp"), "report", history, *options)
        self.assertEqual(done.returncode, status, done)
        return done

    def test_table(self) -> None:
        """There is a row for each peer."""
        lines = self.report().stdout.decode().splitlines()
        self.assertEqual([line.split()[0] for line in lines[3:]], ["ams", "fra"])
        for line in lines:
            self.assertLessEqual(len(line), 80)

    def test_meanwhile(self) -> None:
        """What was written last is there, and the writer is not disturbed."""
        for more in 1, 2, 3:
            at = self.began + (9 + more) * MINUTE
            self.history.write({"ams": row(at)._replace(due=1)}, [])
            done = self.report("--peer=ams", "--json", "--since=1h")
            (peer,) = json.loads(done.stdout)["peers"]
            self.assertEqual(peer["points"][0]["due"], 600 + more)

    def test_points(self) -> None:
        """With a step there is a row for each point."""
        lines = self.report("--csv", "--step=60", "--peer=fra").stdout.splitlines()
        self.assertEqual(len(lines), 11)

    def test_unknown(self) -> None:
        """A peer that is not known is status 1 and a line; the others are shown."""
        done = self.report("--peer=ams", "--peer=lon", status=1)
        self.assertIn(b"\nams ", done.stdout)
        self.assertEqual(
            done.stderr, b"echostamp: nothing is known of --peer 'lon' in this time\n"
        )

    def test_wrongFile(self) -> None:
        """A file that is no history is status 2 and a line."""
        Path(self.path).with_name("other").write_bytes(b"peers: none\n" * 99)
        for path, text in [
            ("other", "it is no history of EchoStamp"),
            ("", "Is a directory"),
            ("missing", "No such file or directory"),
        ]:
            file = self.path.parent / path
            done = run(script("echostamp"), "report", f"--history={file}")
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertRegex(done.stderr.decode(), f"^echostamp: .*: {text}.*\n$")

    def test_pipe(self) -> None:
        """It ends in silence when the reader of its output is gone."""
        command = shlex.join(
            [script("echostamp"), "report", f"--history={self.path}", "--csv"]
        )
        done = run("bash", "-c", f"exec 3> >(exit); wait $!; {command} >&3; echo $?")
        self.assertEqual((done.stdout, done.stderr), (b"141\n", b""))
