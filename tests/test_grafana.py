"""The dashboard for Grafana: each of its queries, asked of a real Prometheus."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.clocks import Clock
from tests.forging import inside
from tests.harness import Daemon, start, tool, until
from tests.namespaces import ROUTER, Routed

DEPLOY = Path(__file__).parents[1] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "echostamp.json").read_text("utf-8"))

#: The hosts.  Of the packets from the first to the second every tenth is lost.  The
#: clock of the third is ahead, in seconds.
HOSTS = LOSSY, HEARER, FAST = "ams", "fra", "lon"
AHEAD = 0.05

#: The ports of the reflectors and of the pages.
REFLECTOR, WEB = 862, 9862

#: Seconds from one scrape to the next; Grafana's C{$__rate_interval} is four of them.
SCRAPE = 1

#: So many probes of each path are enough to see what it loses.
PROBES = 400

#: The paths: watcher and peer.
PATHS = set(permutations(HOSTS, 2))

#: The last values of a query, by watcher and peer; empty where the query has none.
Found = dict[tuple[str, str], float]


class DashboardTests(SynchronousTestCase):
    """
    The dashboard, with three daemons that watch each other.
    """

    def setUp(self) -> None:
        """Start the daemons and Prometheus, and wait until there is much to see."""
        program = tool("prometheus", "prometheus")
        self.net = Routed(self, *HOSTS)
        probes, replies = f"udp dport {REFLECTOR}", f"udp sport {REFLECTOR}"
        self.net.drop(LOSSY, HEARER, probes, 10)
        self.net.drop(LOSSY, HEARER, replies, 10)
        # The first one only.  A reflector that has got all probes has the numbers that
        # it would have if it copied them, so no direction would be known.
        self.net.drop(HEARER, LOSSY, probes, 1_000_000)
        self.names = {
            f"{address}:{WEB}": name for name, address in self.net.addresses.items()
        }
        peers = Path(self.mktemp()).absolute()
        peers.write_text("")
        daemons = [self.daemon(name, peers) for name in HOSTS]
        self.began = time.time()
        self.prometheus(program)
        until(lambda: self.value("count(up == 1)") == len(HOSTS))
        # Only now: no probe is lost because a reflector is not there yet.
        text = 'interval = "25ms"\ntimeout = "1s"\n'
        for name, address in self.net.addresses.items():
            text += f'[peer.{name}]\ntarget = "stamp:{address}"\n'
        peers.write_text(text)
        for each in daemons:
            each.process.send_signal(signal.SIGHUP)
        sent = f"increase(echostamp_probes_sent_total[5m]) > {PROBES}"
        until(lambda: self.value(f"count({sent})") == len(PATHS))
        self.ended = time.time()

    def daemon(self, name: str, peers: Path) -> Daemon:
        """Start the daemon of a host."""
        clock = Clock(self)
        clock.set(AHEAD)
        return Daemon(
            self,
            *(f"--reflector={REFLECTOR}", "--stateful", "--allow=198.18.0.0/16"),
            *(f"--peers={peers}", f"--self={name}"),
            f"--web={self.net.addresses[name]}:{WEB}",
            command=(*self.net.commands[name], "twistd", "-n", "--pidfile="),
            env=clock.env if name == FAST else None,
        )

    # --- Prometheus -------------------------------------------------------------------

    def prometheus(self, program: str) -> None:
        """Start Prometheus with the files of C{deploy}, for these hosts, and often."""
        folder = Path(self.mktemp()).absolute()
        shutil.copytree(DEPLOY / "prometheus", folder)
        config = folder / "prometheus.yml"
        text = config.read_text()
        for pattern, new in (
            (r"\b15s$", f"{SCRAPE}s"),
            (re.escape('["127.0.0.1:9862"]'), json.dumps(list(self.names))),
        ):
            text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
            self.assertGreater(count, 0)
        config.write_text(text)
        place = "127.0.0.1:9090"
        self.url = f"http://{place}/api/v1"
        start(
            self,
            *(*self.net.commands[ROUTER], program, f"--config.file={config}"),
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={place}",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str, **parameters: Any) -> Any:
        """Ask Prometheus; give the data, or nothing while nobody answers."""
        query = urllib.parse.urlencode(parameters)
        try:
            with (
                inside(self.net.commands[ROUTER]),
                urllib.request.urlopen(f"{self.url}/{path}?{query}", timeout=20) as got,
            ):
                return json.load(got)["data"]
        except OSError:
            return None

    def value(self, query: str) -> float | None:
        """Give the value of a query with one series; nothing while it has none."""
        data = self.ask("query", query=query)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    # --- What Grafana does ------------------------------------------------------------

    def filled(self, text: str, chosen: dict[str, str]) -> str:
        """
        Put the values of variables into a query.

        @param chosen: the values; all of them where a variable is not here.
        """
        values = {
            each["name"]: each["allValue"]
            for each in DASHBOARD["templating"]["list"]
            if each["type"] == "query"
        }
        values["__rate_interval"] = f"{4 * SCRAPE}s"
        for name, each in chosen.items():
            # A backslash of the regular expression is one of a string, too.
            values[name] = re.escape(each).replace("\\", "\\\\")
        return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)

    def found(self, target: Any, chosen: dict[str, str]) -> Found:
        """Run a query; give the last value of each series that has one."""
        query = self.filled(target["expr"], chosen)
        if target.get("instant"):
            data = self.ask("query", query=query, time=self.ended)
        else:
            times = {"start": self.began, "end": self.ended, "step": SCRAPE}
            data = self.ask("query_range", query=query, **times)
        assert data is not None, query
        found: Found = {}
        for series in data["result"]:
            values = series.get("values") or [series["value"]]
            known = [float(each) for _, each in values if each != "NaN"]
            labels = series["metric"]
            watcher = self.names.get(labels.get("instance"), "")
            if known:
                found[watcher, labels.get("peer", "")] = known[-1]
        return found

    # --- The test ---------------------------------------------------------------------

    def test_queries(self) -> None:
        """Each query has an answer.  Those for losses show which path loses, which way;
        those for offsets show which clock is ahead, and by how much."""
        for each in DASHBOARD["templating"]["list"]:
            if each["type"] == "query":
                self.assertVariable(each["name"], each["query"]["query"])
        found: dict[tuple[str, str], Found] = {}
        for panel, target, isRepeated in queries(DASHBOARD["panels"]):
            paths = [
                {"instance": instance, "peer": peer}
                for instance, name in self.names.items()
                for peer in HOSTS
                if peer != name
            ]
            key = panel["title"], target["refId"]
            found[key] = {}
            for chosen in paths if isRepeated else [{}]:
                answer = self.found(target, chosen)
                self.assertTrue(answer, (key, chosen))
                found[key] |= answer
        for peers in found["Up", "A"], found["Median RTT", "A"]:
            self.assertEqual(set(peers), PATHS)
        self.assertEqual(set(found["Up", "A"].values()), {1.0})
        there, back = (LOSSY, HEARER), (HEARER, LOSSY)
        self.assertLosses(found["Loss", "A"], there, back)
        self.assertLosses(found["Lost on the way there", "A"], there)
        self.assertLosses(found["Lost on the way back", "A"], back)
        self.assertLosses(found["Lost, direction unknown", "A"])
        self.assertLosses(found["Not sent", "A"])
        self.assertOffsets(*(found["$peer", each] for each in "ABC"))

    def assertVariable(self, name: str, query: str) -> None:
        """Check that a variable has all values that there are."""
        parts = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
        assert parts is not None
        series, label = parts.groups()
        values = self.ask(
            f"label/{label}/values", **{"match[]": self.filled(series, {})}
        )
        expected = {"job": ["echostamp"], "instance": self.names, "peer": HOSTS}
        self.assertEqual(set(values), set(expected[name]))

    def assertLosses(self, shares: Found, *lossy: tuple[str, str]) -> None:
        """Check that these paths lose a tenth, and the others nothing."""
        self.assertEqual(set(shares), PATHS)
        for path, share in shares.items():
            low, high = (0.08, 0.12) if path in lossy else (0, 0.01)
            self.assertTrue(low <= share <= high, (path, share))

    def assertOffsets(self, lows: Found, estimates: Found, highs: Found) -> None:
        """Check that the bounds hold the true offsets, and are near to them."""
        self.assertEqual(set(lows), PATHS)
        for path, low in lows.items():
            watcher, peer = path
            true = AHEAD * ((peer == FAST) - (watcher == FAST))
            seen = true - 0.01, low, estimates[path], highs[path], true + 0.01
            self.assertEqual(list(seen), sorted(seen), path)
            self.assertTrue(low <= true <= highs[path], (path, true, seen))


def queries(
    panels: list[Any], isRepeated: bool = False
) -> Iterator[tuple[Any, Any, bool]]:
    """Give each query with its panel, and whether that is shown for each path."""
    for panel in panels:
        for target in panel.get("targets", []):
            yield panel, target, isRepeated
        yield from queries(panel.get("panels", []), "repeat" in panel)
