"""The commands and outputs of C{docs/measuring.rst}."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.clocks import Clock
from tests.harness import Daemon, lack, run, start, tool, until
from tests.machines import Machine
from tests.pages import PageCase
from tests.pagetexts import masked, textOf
from tests.pinging import MS, PingCase

#: The options of the daemons, but for their addresses.
OPTIONS = "echostamp --format iso --stateful --allow 192.0.2.0/24"

#: The daemons: one gets its processor for 10 ms of every 40, one is all other hosts.
DAEMONS = (
    f"""
    twistd -n --pidfile= {OPTIONS} -i 192.0.2.2 --reflector 192.0.2.2 &
    while kill -STOP $! && sleep 0.03; kill -CONT $! && sleep 0.01; do :; done
    """,
    f"""
    exec twistd -n --pidfile= {OPTIONS} --reflector 192.0.2.3 \\
        -e tcp:8002:interface=192.0.2.1 -e tcp:8002:interface=192.0.2.3 \\
        -e tcp:8002:interface=192.0.2.4 -e tcp:8002:interface=192.0.2.5
    """,
)

#: The path to the third host loses one of 10 packets with probes.
LOSSY = b"""
table ip lossy {
    chain input {
        type filter hook input priority 0;
        ip daddr 192.0.2.3 udp dport 862 numgen inc mod 10 == 5 drop
        ip daddr 192.0.2.3 tcp dport 8002 tcp flags & psh == psh \\
            numgen inc mod 10 == 5 drop
    }
}
"""

#: An echo that adds no stamps.
PLAIN = """
import socketserver

class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

with Server(("127.0.0.1", 8002), Echo) as server:
    print("listening on 127.0.0.1:8002", flush=True)
    server.serve_forever()
"""

#: Daemons of this machine.
ISO = "twistd -n echostamp -i 127.0.0.1 --format iso"
CTIME = "twistd -n echostamp -i 127.0.0.1"
AHEAD = (
    "echo 12345000000 50 >clock",
    f"ECHOSTAMP_TEST_CLOCK=clock PYTHONPATH=tests/steered:$PYTHONPATH {ISO}",
)
BEHIND = (
    "echo -2500000000 0 >clock",
    "export ECHOSTAMP_TEST_CLOCK=clock PYTHONPATH=tests/steered:$PYTHONPATH",
)

#: The first lines of blocks.
WATCH = (
    "$ echostamp watch -i 100ms -w 5 ams.example.net nyc.example.net par.example.net"
)
JUDGED = "$ echostamp ping -q -c 20 -i 50ms --max-loss 1 --max-offset 100ms localhost"
STEPPED = "far clock     12.4497 s ahead"


class MeasuringPage(PageCase):
    """
    The page.
    """

    page = "docs/measuring.rst"
    hosts = {
        "192.0.2.1": "ams.example.net",
        "192.0.2.2": "fra.example.net",
        "192.0.2.3": "lon.example.net",
        "192.0.2.4": "nyc.example.net",
        "192.0.2.5": "par.example.net",
    }
    before = {
        WATCH: BEHIND,
        "$ echostamp ping -c 5 localhost": [ISO],
        "$ echostamp ping -q -c 20 localhost": [CTIME],
        "$ echostamp ping -qv -c 20 localhost": AHEAD,
        "$ echostamp ping -q -c 20 -i 50ms localhost": ["python3 server.py"],
        "$ echostamp ping -q -c 50 -i 20ms localhost": [
            "redis-server --daemonize yes",
            f"{ISO} --intercom --relay redis://localhost/room",
        ],
        JUDGED: AHEAD,
        "$ echostamp ping -q -c 20 -i 50ms --max-offset 100ms localhost": [
            "python3 server.py"
        ],
    }
    notRun = {
        "µs  ": "a part of a table: tests.test_ping_screens has all of it",
        "held up": "the same, and test_heldUp of tests.test_ping_figures",
        STEPPED: "SteppedTests",
        '{"version"': "a part of a document: each one is valid by its schema",
    }

    def prepare(self, machine: Machine) -> None:
        """Start the daemons, have packets lost, and write the echo without stamps."""
        tool("redis-server", "redis-server")
        done = run(*machine.inside(tool("nft", "nftables"), "-f", "-"), stdin=LOSSY)
        if done.returncode:
            lack(f"nf_tables in the kernel: {done.stderr.decode()}")
        machine.path("server.py").write_text(PLAIN)
        for script in DAEMONS:
            start(self, *machine.inside("sh", "-c", script), stdout=subprocess.DEVNULL)
        for target in "stamp:fra.example.net", "stamp:lon.example.net":
            ask = machine.inside("echostamp", "ping", "-qc2", "-i100ms", target)
            until(partial(self.isAnswered, ask))

    def isAnswered(self, command: Sequence[str]) -> bool:
        """Say whether a ping got answers."""
        return run(*command).returncode == 0

    def test_page(self) -> None:
        """The commands show what the page shows."""
        self.play()

    def test_answers(self) -> None:
        """The answers that the page gives are true: it is the host, and it is loss."""
        machine = Machine(self, self.hosts)
        self.prepare(machine)

        def stats(target: str) -> Any:
            options = "--json", "-c100", "-i20ms"
            done = run(*machine.inside("echostamp", "ping", *options, target))
            return json.loads(done.stdout)["stats"]

        line, packet = (stats(f"{each}fra.example.net") for each in ("", "stamp:"))
        self.assertGreater(line["rtt"]["mean"], 5 * MS)
        self.assertLess(packet["rtt"]["mean"], MS)
        line, packet = (stats(f"{each}lon.example.net") for each in ("", "stamp:"))
        self.assertEqual(line["lost"], 0)
        self.assertGreaterEqual(line["kernel"]["retransmissions"], 5)
        self.assertGreater(line["rtt"]["max"], 10 * packet["rtt"]["max"])
        self.assertIn(packet["lost"], range(9, 12))
        lost = {"min": packet["lost"], "max": packet["lost"]}
        self.assertEqual(packet["stamp"]["lost_forward"], lost)


class SteppedTests(PingCase):
    """
    A far clock that is set during a run.
    """

    def test_step(self) -> None:
        """The summary says so, in the page's words."""
        clock = Clock(self)
        clock.set(12.345, 50)
        daemon = Daemon(self, "--port=0", "--format=iso", env=clock.env)
        process = self.started("-c40", "-i50ms", f"127.0.0.1:{daemon.port}")
        assert process.stdout
        while b"seq=20 " not in (line := process.stdout.readline()):
            self.assertTrue(line)
        clock.set(12.445, 50)
        shown = masked(process.communicate()[0].decode())
        self.assertIn(masked(textOf(MeasuringPage.page, STEPPED)), shown)
