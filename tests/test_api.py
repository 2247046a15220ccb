"""What programs read from a daemon that watches peers: C{/api/v1/}."""

from __future__ import annotations

import csv
import json
import socket
import time
from io import StringIO
from typing import Any
from urllib.parse import quote

from echostamp.history.row import MINUTE
from echostamp.history.store import SqliteHistory
from echostamp.test.apisites import apiValidator
from echostamp.test.histories import fullRow
from echostamp.web.rowdocument import readRow
from tests import harness
from tests.harness import Daemon, freePort, until
from tests.pagetexts import blocks, steps
from tests.pinging import STATEFUL
from tests.watching import WatchingCase
from tests.websites import readPage


class ApiCase(WatchingCase):
    """
    A test of a real daemon.

    @ivar web: the port of its web site.
    """

    def begin(self, *options: str, **peers: str) -> None:
        """Start a daemon that watches peers, and has a web site."""
        self.write(**peers)
        self.web = freePort()
        self.daemon = self.watch(f"--web={self.web}", *options)

    def far(self) -> str:
        """Start a far end, and give its target."""
        port = freePort()
        Daemon(self, f"-p{port}", f"--reflector=127.0.0.1:{port}", *STATEFUL)
        return f"stamp:127.0.0.1:{port}"

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Read a page."""
        return readPage(self.web, path, **headers)

    def json(self, path: str, name: str) -> Any:
        """Read a page of JSON, and check it by a definition of the schema."""
        status, body = self.get(f"/api/v1/{path}")
        self.assertEqual(status, 200, body)
        document = json.loads(body)
        apiValidator(name).validate(document)
        return document

    def states(self) -> dict[str, str]:
        """Give the state of each peer."""
        peers = self.json("peers", "row")["peers"]
        return {each["name"]: each["state"] for each in peers}

    def raw(self, *requests: bytes) -> bytes:
        """Send requests as they are, and give all that is answered."""
        head = b"\r\nHost: localhost\r\n"
        with socket.create_connection(("127.0.0.1", self.web)) as client:
            client.settimeout(harness.DEADLINE)
            for each in requests[:-1]:
                client.sendall(each + head + b"\r\n")
            client.sendall(requests[-1] + head + b"Connection: close\r\n\r\n")
            return harness.readAll(client)


class PeersTests(ApiCase):
    """
    Tests of the peers now.
    """

    def test_upAndDown(self) -> None:
        """Two peers answer and one is dead: the row and each peer's page say so, with
        figures and the reason, and so do the events."""
        far = self.far()
        self.begin(
            good=f'target = "{far}"\nlabels.site = "ams"\nmax-rtt = "1h"',
            slow=f'target = "{far}"\nmax-rtt = "1ns"',
            dead='target = "127.0.0.1:1"\nmax-loss = "1%"',
        )
        expected = {"good": "up", "slow": "up", "dead": "down"}
        until(lambda: self.states() == expected)
        until(lambda: self.json("peers/slow", "peer")["exceeded"])
        until(lambda: self.json("peers/dead", "peer")["exceeded"])
        good, slow, dead = (self.json(f"peers/{name}", "peer") for name in expected)
        self.assertEqual(good["labels"]["site"], "ams")
        self.assertEqual(good["thresholds"]["max_rtt"], 3600 * 10**9)
        self.assertTrue(0 < good["stats"]["rtt"]["median"] < 10**9)
        self.assertLessEqual(good["stats"]["offset"]["low"], 0)
        self.assertGreaterEqual(good["stats"]["offset"]["high"], 0)
        self.assertEqual(good["exceeded"], [])
        self.assertEqual(slow["exceeded"], ["max_rtt"])
        self.assertIn("limit", slow["why"]["max_rtt"])
        self.assertEqual(dead["exceeded"], ["max_loss"])
        self.assertGreater(dead["totals"]["skipped"], 3)
        self.assertEqual(good["hops"], {"forward": 0, "backward": 0})
        self.assertLess(abs(good["time"] - time.time_ns()), 60 * 10**9)
        row = readRow(self.get("/api/v1/peers")[1])
        self.assertEqual(list(row.peers), list(expected))

    def test_names(self) -> None:
        """A peer with a slash in its name is found by it; another is not."""
        self.begin(**{'"a b?"': 'target = "localhost:1"\nfamily = "both"'})
        names = list(self.states())
        self.assertEqual(names, ["a b?/4", "a b?/6"])
        for name in names:
            for safe in "", "/":
                found = self.json(f"peers/{quote(name, safe=safe)}", "peer")
                self.assertEqual(found["name"], name)
        for name in "a%20b?", "a%20b%3F", "a%20b%3F/4/", "a%20b%3F/5", "A%20b%3F/4":
            self.assertEqual(self.get(f"/api/v1/peers/{name}")[0], 404, name)

    def test_strangePaths(self) -> None:
        """Paths that no browser sends are no pages, and lead nowhere."""
        self.begin(ams='target = "127.0.0.1:1"')
        for path in (
            b"/api/v1/peers/../../../metrics",
            b"/api/v1/peers/..%2f..%2f..%2fetc/passwd",
            b"/api/v1/peers/%2e%2e/peers",
            b"/api/v1/peers/./ams",
            b"/api/v1/peers/",
            b"/api/v1/events/",
            b"/api/v1/peers/%ff",
            b"/api/v1",
            b"//api/v1/peers",
        ):
            found = self.raw(b"GET " + path + b" HTTP/1.1")
            self.assertRegex(found, rb"^HTTP/1.1 404 ", path)
            body = found.partition(b"\r\n\r\n")[2]
            self.assertEqual(body, b"no such page\n", path)

    def test_head(self) -> None:
        """HEAD has no body on any path, whatever the status."""
        self.begin(ams='target = "127.0.0.1:1"')
        paths = (
            *("", "metrics", "healthz", "none", "api/v1/peers", "api/v1/peers/ams"),
            *("api/v1/peers/none", "api/v1/events", "api/v1/events?kind=x"),
            *("api/v1/history", "api/v1/history?peer=ams"),
        )
        requests = [f"HEAD /{path} HTTP/1.1".encode() for path in paths]
        heads = self.raw(*requests).split(b"\r\n\r\n")
        self.assertEqual(heads.pop(), b"")
        self.assertEqual(len(heads), len(paths))
        for head in heads:
            self.assertTrue(head.startswith(b"HTTP/1.1 "), head)

    def test_otherMethods(self) -> None:
        """Nothing is changed by any request."""
        self.begin(ams='target = "127.0.0.1:1"')
        for path in b"peers", b"peers/ams", b"events", b"history":
            for method in b"POST", b"PUT", b"DELETE", b"OPTIONS":
                found = self.raw(b"%b /api/v1/%b HTTP/1.1" % (method, path))
                self.assertRegex(found, rb"^HTTP/1.1 405 ")
                self.assertNotIn(b"Access-Control", found)

    def test_zipped(self) -> None:
        """curl gets the same, compressed or not."""
        curl = harness.tool("curl", "curl")
        self.begin(ams='target = "127.0.0.1:1"')
        url = f"http://localhost:{self.web}/api/v1/peers/ams"
        for options in ["-sS"], ["-sS", "--compressed"]:
            found = json.loads(harness.run(curl, *options, url).stdout)
            self.assertEqual(found["name"], "ams")

    def test_reload(self) -> None:
        """A peer that is new is there after a reload, and one that is gone is not."""
        self.begin(ams='target = "127.0.0.1:1"')
        self.assertEqual(list(self.states()), ["ams"])
        self.write(fra='target = "127.0.0.1:1"\npaused = true')
        until(lambda: self.states() == {"fra": "paused"})
        self.assertEqual(self.get("/api/v1/peers/ams")[0], 404)


class EventsTests(ApiCase):
    """
    Tests of events.
    """

    def answered(self, query: str = "") -> list[Any]:
        """Read events."""
        found: list[Any] = self.json(f"events?{query}", "events")["events"]
        return found

    def test_withoutHistory(self) -> None:
        """The last events are there without a history, and are those of the file."""
        self.begin(
            dead='target = "127.0.0.1:1"',
            other='target = "127.0.0.1:1"',
        )
        until(lambda: len(self.answered("kind=down")) == 3)
        found = self.answered()
        numbers = [each.pop("number") for each in found]
        self.assertEqual(numbers, sorted(numbers, reverse=True))
        self.assertEqual(found[::-1], self.events())
        (dead,) = self.answered("peer=dead")
        (everybody,) = self.answered("peer=")
        self.assertEqual((dead["event"], everybody["peer"]), ("down", ""))
        self.assertEqual(self.answered(f"since={dead['time'] + 10**12}"), [])
        pages = [self.answered("most=1")]
        while pages[-1]:
            pages.append(self.answered(f"most=1&before={pages[-1][0]['number']}"))
        self.assertEqual([each["number"] for page in pages for each in page], numbers)

    def test_wrong(self) -> None:
        """What is wrong is said in a line of text."""
        self.begin(ams='target = "127.0.0.1:1"')
        for path, status, why in (
            (
                "events?sice=1",
                400,
                "there is no parameter 'sice'; did you mean 'since'?",
            ),
            ("events?most=1&most=1", 400, "the parameter most is given twice"),
            ("history", 400, "the parameter peer is missing"),
            ("peers/none", 404, "there is no peer 'none'"),
            (
                "history?peer=ams",
                404,
                "this daemon keeps no history: start it with --history FILE",
            ),
        ):
            found = self.get(f"/api/v1/{path}")
            self.assertEqual(found, (status, f"{why}\n".encode()))


class HistoryTests(ApiCase):
    """
    Tests of the history, of which there is some already.
    """

    def setUp(self) -> None:
        """Write two hours of a peer."""
        super().setUp()
        self.file = self.folder / "history.db"
        self.now = int(time.time()) // 3600 * 3600
        history = SqliteHistory(str(self.file))
        for at in range(self.now - 7200, self.now, MINUTE):
            history.write({"old": fullRow(at)}, [])
        history.close()

    def test_points(self) -> None:
        """Points are there as JSON and as CSV, also of a peer that is watched no
        more."""
        self.begin(f"--history={self.file}", ams='target = "127.0.0.1:1"')
        began = self.now - 7200
        span = f"peer=old&from={began}&to={self.now}"
        found = self.json(f"history?{span}", "history")
        self.assertEqual(found["step"], MINUTE)
        times = [each["at"] for each in found["points"]]
        self.assertEqual(times, list(range(began, self.now, MINUTE)))
        found = self.json(f"history?{span}&step=1h", "history")
        self.assertEqual([each["due"] for each in found["points"]], [3600] * 2)
        status, body = self.get(f"/api/v1/history?{span}&format=csv")
        self.assertEqual(status, 200)
        rows = list(csv.DictReader(StringIO(body.decode())))
        self.assertEqual([int(each["time_s"]) for each in rows], times)
        self.assertEqual({each["peer"] for each in rows}, {"old"})
        found = self.json("history?peer=ams", "history")
        self.assertEqual(found["points"], [])
        self.assertEqual(self.get("/api/v1/history?peer=none")[0], 404)

    def test_times(self) -> None:
        """A span may be written as times."""
        self.begin(f"--history={self.file}", ams='target = "127.0.0.1:1"')
        written = [
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now - seconds))
            for seconds in (3600, 0)
        ]
        query = f"peer=old&from={written[0]}&to={written[1]}"
        found = self.json(f"history?{query}", "history")
        self.assertEqual((found["from"], found["to"]), (self.now - 3600, self.now))
        self.assertEqual(len(found["points"]), 60)

    def test_page(self) -> None:
        """The commands of docs/api.rst work."""
        for program in "curl", "jq":
            harness.tool(program, program)
        self.begin(f"--history={self.file}", ams='target = "127.0.0.1:1"')
        until(lambda: self.json("events?kind=down", "events")["events"])
        until(lambda: self.states() == {"ams": "down"})
        (block,) = [each for each in blocks("docs/api.rst") if each.hasCommands]
        commands = [step.typed for step in steps(block)]
        self.assertEqual(len(commands), 3)
        found = []
        for each in commands:
            command = each.replace("localhost:9862", f"localhost:{self.web}")
            command = f"cd '{self.folder}' && {command}"
            found.append(harness.run("sh", "-c", command).stdout.decode())
        self.assertEqual(found[0], "ams\tdown\t\n")
        self.assertIn("no reply for", found[1])
        header = (self.folder / "ams.csv").read_text().splitlines()[0]
        self.assertTrue(header.startswith("peer,step_s,time_utc,"))
