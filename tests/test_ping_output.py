"""What C{echostamp ping} prints, where, and its exit status."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterable

import pexpect

from tests.farends import Proxy, Server
from tests.harness import DEADLINE, Daemon, deadPort, run, script, shortFolder
from tests.pinging import PingCase, valid


class OutputTests(PingCase):
    """
    The output.
    """

    def setUp(self) -> None:
        """Take a daemon."""
        self.target = f"127.0.0.1:{self.iso().port}"

    def test_jsonl(self) -> None:
        """C{--jsonl} prints a line for each probe once its fate is known, then the
        summary."""
        process = self.started("--jsonl", "-i20ms", self.target)
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        *probes, summary = map(json.loads, [*lines, *process.stdout])
        self.assertEqual(process.wait(DEADLINE), 0)
        self.assertEqual([probe["seq"] for probe in probes], [*range(len(probes))])
        # An answered probe has no RTT where the machine held the client up.
        received = [probe for probe in probes if not probe["lost"]]
        self.assertEqual(summary["stats"]["received"], len(received))
        valid({**summary, "probes": probes})
        valid(summary)

    def test_signals(self) -> None:
        """SIGQUIT prints a summary on standard error, and the run goes on.  SIGINT and
        SIGTERM print a summary and end it."""
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.started("-i20ms", self.target)
            assert process.stdout
            assert process.stderr
            while b"seq=3 " not in process.stdout.readline():
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGQUIT)
            while not (line := process.stderr.readline()).startswith(b"rtt min/avg"):
                self.assertTrue(line)
            while b"seq=9 " not in process.stdout.readline():
                self.assertIsNone(process.poll())
            process.send_signal(number)
            output, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 0)
            self.assertRegex(output, rb"(^|\n)\d\d+ sent, ")
            self.assertIn(b"\nrtt min/avg/max/mdev = ", output)
            self.assertEqual(errors, b"")

    def test_colours(self) -> None:
        """On a terminal the summary's head is bold, but not with C{NO_COLOR}."""
        for env, escapes in (
            ({}, True),
            ({"NO_COLOR": ""}, True),
            ({"NO_COLOR": "1"}, False),
        ):
            self.assertEqual("\x1b[1m" in self.onTerminal(env, "-c1"), escapes)

    def test_progress(self) -> None:
        """A quiet run shows its progress on a terminal, and clears it away."""
        said = self.onTerminal({}, "-q", "-w1200ms", "-i100ms")
        self.assertRegex(
            said, r"\r\x1b\[K\d+ sent, \d+ received, 0 unanswered\r\x1b\[K"
        )

    def onTerminal(self, env: dict[str, str], *options: str) -> str:
        """Run it on a terminal, and give what that shows."""
        usual = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        process = pexpect.spawn(
            script("echostamp"),
            ["ping", *options, self.target],
            env={**usual, "TERM": "xterm", **env},
            timeout=DEADLINE,
            encoding="utf-8",
        )
        process.expect(pexpect.EOF)
        process.close()
        self.assertEqual(process.exitstatus, 0)
        return str(process.before)

    def test_closedOutput(self) -> None:
        """A reader that goes away ends it in silence, by SIGPIPE."""
        process = self.started("-i10ms", self.target)
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, errors), (-signal.SIGPIPE, b""))

    def test_fullDisk(self) -> None:
        """Output that cannot be written is a failure, at the end of the run too."""
        for form in "--json", "--jsonl", "-q":
            with open("/dev/full", "wb") as full:
                process = self.started("-c2", "-i1ms", form, self.target, stdout=full)
            _, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 2, form)
            self.assertEqual(
                errors, b"echostamp: standard output was closed, or is full\n"
            )


class StatusTests(PingCase):
    """
    The exit status, and the line on standard error.
    """

    def assertEnds(self, status: int, why: str, *options: str) -> str:
        """Assert that it ends with a status and one line, and give the line."""
        said = self.ping(*options, status=status).stderr.decode()
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn(why, said)
        return said

    def assertEndsAtOnce(
        self, runs: Iterable[tuple[int, str, *tuple[str, ...]]]
    ) -> None:
        """Assert the same of several runs that go on at the same time."""
        started = [(*run[:2], self.started(*run[2:])) for run in runs]
        for status, why, process in started:
            _, said = process.communicate(timeout=DEADLINE)
            self.assertEqual((process.returncode, said.count(b"\n")), (status, 1), said)
            self.assertIn(why.encode(), said)

    def test_nobody(self) -> None:
        """A port where nobody listens: status 1, and a hint to try TLS."""
        target = f"127.0.0.1:{deadPort(self)}"
        self.assertIn("tls:", self.assertEnds(1, "Connection refused", target))
        found = self.measured(target, status=1)
        self.assertIsNone(found["config"]["began"])

    def test_noName(self) -> None:
        """A name that does not resolve: status 1."""
        self.assertEnds(1, "does not resolve", "-w20", "nobody.invalid")

    def test_noAnswer(self) -> None:
        """A port that accepts and never answers: status 1 at the deadline."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            target = f"127.0.0.1:{server.getsockname()[1]}"
            self.assertEnds(1, "no reply", "-w1", "-i100ms", target)

    def test_wait(self) -> None:
        """With C{--wait} it begins as soon as the far end is there, and has status 1
        if that is not so by the deadline."""
        folder = shortFolder(self)
        target = f"unix:{folder}/s"
        early = self.started("--wait", "-w2", target)
        process = self.started("--wait", "-c2", "-i10ms", target)
        assert process.stdout
        why = b"No such file or directory"
        self.assertEqual(
            process.stdout.readline(), b"no connection yet: " + why + b"\n"
        )
        _, said = early.communicate(timeout=DEADLINE)
        self.assertEqual((early.returncode, said.count(b"\n")), (1, 1), said)
        self.assertIn(why, said)
        Daemon(self, "-e", target, "--format=iso")
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, errors), (0, b""))
        self.assertIn(b"2 sent, 2 received, 0 % loss, 100 % available", output)

    def test_manyDescriptors(self) -> None:
        """More descriptors than C{select} takes, inherited ones too, are no limit."""
        command = f"{script('echostamp')} ping -qc1 127.0.0.1:{self.iso().port}"
        opens = 'ulimit -n 2048; for n in {3..1030}; do eval "exec $n</dev/null"; done'
        done = run("bash", "-c", f"{opens}; exec {command}")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"1 sent, 1 received", done.stdout)

    def test_ourFault(self) -> None:
        """A source address of another machine: status 2.  So is a family that the
        address does not have."""
        target = f"127.0.0.1:{self.iso().port}"
        for why, *options in [
            ("--source", "--source=192.0.2.1", target),
            ("-6", "-4", "-6", target),
        ]:
            self.assertEnds(2, why, *options)

    def test_noEcho(self) -> None:
        """A server that sends lines of its own is no echo: status 1."""

        def greet(number: int, peer: socket.socket) -> None:
            peer.sendall(b"220 mail.example ESMTP\r\n")
            while peer.recv(4096):
                peer.sendall(b"500 what?\r\n")

        target = f"127.0.0.1:{Server(self, greet).port}"
        self.assertEndsAtOnce(
            (1, "is it an echo?", option, "-c4", "-i20ms", "-W8s", target)
            for option in ("-q", "--max-loss=100")
        )

    def test_thresholdsWhileTheFarEndIsGone(self) -> None:
        """A probe that could not be sent counts as unanswered."""
        daemon = Daemon(self, "--port=0", "--format=iso")
        process = self.started(
            "-i50ms", "-c25", "--max-loss=5", f"127.0.0.1:{daemon.port}"
        )
        assert process.stdout
        while b"seq=2 " not in process.stdout.readline():
            self.assertIsNone(process.poll())
        daemon.process.kill()
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 3, errors)
        self.assertIn(b"echostamp: --max-loss 5: ", errors)

    def test_thresholds(self) -> None:
        """A threshold that is exceeded, or that cannot be determined, is named: status
        3."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            return b"" if seq == 2 else line

        losing = f"127.0.0.1:{Proxy(self, self.iso().port, rule=rule).port}"
        four = "-q", "-c4", "-i20ms", "-W1"
        held = "--max-rtt=900ms", "--max-loss=26%", "--max-offset=1s"
        holding = self.started(*four, *held, losing)
        slow = f"127.0.0.1:{Proxy(self, self.iso().port, delay=0.005).port}"
        two = "-q", "-c2", "-i20ms"
        plain = Server(self, lambda number, peer: peer.sendall(peer.recv(99)))
        self.assertEndsAtOnce(
            [
                (3, "--max-loss", *four, "--max-loss=24", losing),
                (3, "--max-offset", *two, "--max-offset=1ms", slow),
                (
                    3,
                    "--max-offset",
                    "-c1",
                    "--max-offset=1s",
                    f"127.0.0.1:{plain.port}",
                ),
            ]
        )
        self.assertEqual(holding.wait(DEADLINE), 0)
        # While the machine has other work to do, replies may have no RTT.
        command = script("echostamp"), "ping", *two, "--max-rtt=5ms", slow
        done = run(*command)
        for _ in range(10):
            if done.returncode:
                break
            done = run(*command)
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (3, 1), done)
        self.assertIn(b"--max-rtt", done.stderr)
