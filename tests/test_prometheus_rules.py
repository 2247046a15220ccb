"""The rules, the alerts and what silences them: promtool and a real Alertmanager."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import freePort, run, start, tool, until

FOLDER = Path(__file__).parents[1] / "deploy" / "prometheus"


class RulesTests(SynchronousTestCase):
    """
    C{deploy/prometheus}, by promtool.
    """

    def promtool(self, *words: str) -> None:
        """Have promtool check files of the folder."""
        *command, file = words
        program = tool("promtool", "prometheus")
        done = run(program, *command, str(FOLDER / file))
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())

    def test_files(self) -> None:
        """Prometheus takes the configuration and the rules."""
        self.promtool("check", "config", "prometheus.yml")

    def test_alerts(self) -> None:
        """The alerts fire when they should, and not when they should not."""
        self.promtool("test", "rules", "test.yml")


class InhibitionTests(SynchronousTestCase):
    """
    An alert that explains another silences it, in a real Alertmanager.
    """

    def setUp(self) -> None:
        """Start Alertmanager."""
        port = freePort()
        self.url = f"http://127.0.0.1:{port}/api/v2/"
        start(
            self,
            tool("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={FOLDER / 'alertmanager.yml'}",
            f"--storage.path={self.mktemp()}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: self.ask("status") is not None)

    def ask(self, path: str, body: Any = None) -> Any:
        """Send a request; give the answer, or nothing while nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
        except OSError:
            return None
        return json.loads(text) if text else {}

    def silenced(self, *alerts: dict[str, str]) -> set[str]:
        """Send alerts; give the instance and the peer of those that are silenced."""
        body = [{"labels": {"job": "echostamp", **each}} for each in alerts]
        self.assertIsNotNone(self.ask("alerts", body))
        found: list[Any] = until(
            lambda: [
                each
                for each in self.ask("alerts") or []
                if each["labels"]["alertname"] == "EchostampPeerDown"
            ]
        )
        return {
            f"{each['labels']['instance']}/{each['labels']['peer']}"
            for each in found
            if each["status"]["inhibitedBy"]
        }

    def test_isolated(self) -> None:
        """The peers of an isolated watcher are not reported one by one; those of other
        watchers are."""
        self.silenced(
            {"alertname": "EchostampWatcherIsolated", "instance": "w1"},
            {"alertname": "EchostampPeerDown", "instance": "w1", "peer": "a"},
            {"alertname": "EchostampPeerDown", "instance": "w2", "peer": "b"},
        )
        until(lambda: self.silenced() == {"w1/a"})

    def test_targetDown(self) -> None:
        """A target that is down for most is not reported by each of its watchers."""
        self.silenced(
            {"alertname": "EchostampTargetDown", "peer": "a"},
            {"alertname": "EchostampPeerDown", "instance": "w1", "peer": "a"},
            {"alertname": "EchostampPeerDown", "instance": "w2", "peer": "a"},
            {"alertname": "EchostampPeerDown", "instance": "w2", "peer": "b"},
        )
        until(lambda: self.silenced() == {"w1/a", "w2/a"})
