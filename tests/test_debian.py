"""The Debian package's own files, in F{deploy/debian}.  C{.ci/run debian} builds it."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import STAMP, Daemon, run, script, shortFolder, tool, until

#: Where the files are.
FOLDER = Path(__file__).parent.parent / "deploy" / "debian"


class DefaultTests(SynchronousTestCase):
    """
    F{/etc/default/echostamp}.
    """

    #: The file, whose examples are lines such as C{#NAME=VALUE}.
    text = (FOLDER / "echostamp.default").read_text()

    def test_setsNothing(self) -> None:
        """Without an administrator's change the unit's defaults hold."""
        self.assertNotRegex(self.text, r"(?m)^[^#\n]")

    def test_examples(self) -> None:
        """The daemon starts with all the examples, and echoes and keeps a history."""
        folder = shortFolder(self)
        text = re.sub(r"\b(8002|9862)\b", "0", self.text)
        text = text.replace("/etc/echostamp", str(FOLDER))
        text = re.sub("/var/(lib|log)/echostamp", str(folder), text)
        examples = re.findall(r"(?m)^#ECHOSTAMP_(LISTEN|OPTIONS)=(.*)$", text)
        self.assertEqual([name for name, _ in examples], ["LISTEN", "OPTIONS"])
        daemon = Daemon(
            self, *(word for _, value in examples for word in value.split())
        )
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(1000), STAMP + b"hello\n$")
        self.assertEqual(daemon.stop(), 0)
        names = {each.name for each in folder.iterdir()}
        self.assertLessEqual({"history", "events.jsonl"}, names)


class PeersTests(SynchronousTestCase):
    """
    F{/etc/echostamp/peers.toml}.
    """

    text = (FOLDER / "peers.toml").read_text()

    def test_empty(self) -> None:
        """No peer is watched before an administrator's change."""
        self.assertEqual(tomllib.loads(self.text), {})

    def test_example(self) -> None:
        """The daemon accepts the example in it."""
        path = shortFolder(self) / "peers.toml"
        path.write_text(re.sub(r"(?m)^#(?=\S)", "", self.text))
        checked = run(
            *(script("twistd"), "-n", "--pidfile=", "echostamp", "--no-echo"),
            *("--check", "--peers", str(path)),
        )
        self.assertRegex(checked.stdout, rb"(?m)^2 peers: .*\nok\n\Z")
        self.assertEqual(checked.returncode, 0)


class LogrotateTests(SynchronousTestCase):
    """
    F{/etc/logrotate.d/echostamp}.
    """

    def test_rotates(self) -> None:
        """logrotate moves the events away, and the daemon goes on in a new file."""
        program = tool("logrotate", "logrotate")
        folder = shortFolder(self)
        events = folder / "events.jsonl"
        daemon = Daemon(
            self,
            *("--port=0", f"--peers={FOLDER / 'peers.toml'}", f"--events={events}"),
        )
        # What is empty is not rotated.
        events.write_bytes(b"{}\n")
        text = (FOLDER / "echostamp.logrotate").read_text()
        # This daemon, which is no service of systemd's.
        for old, new in [
            ("/var/log/echostamp", str(folder)),
            ("su echostamp echostamp", f"su {os.getuid()} {os.getgid()}"),
            ("[ -d /run/systemd/system ] && [ -e /usr/bin/echostampd ]", "true"),
            (
                "systemctl try-reload-or-restart echostamp.service",
                f"kill -HUP {daemon.process.pid}",
            ),
        ]:
            self.assertIn(old, text)
            text = text.replace(old, new)
        configuration = folder / "logrotate"
        configuration.write_text(text)
        rotated = run(
            program, "--force", f"--state={folder / 'state'}", str(configuration)
        )
        self.assertEqual((rotated.returncode, rotated.stderr), (0, b""))
        until(lambda: events.exists() and b'"reload"' in events.read_bytes())
        self.assertEqual((folder / "events.jsonl.1").read_bytes(), b"{}\n")
