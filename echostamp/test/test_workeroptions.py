"""Tests for L{echostamp.daemon.workeroptions}."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.python.usage import UsageError

from echostamp.daemon import limitoptions
from echostamp.daemon.options import Options
from echostamp.test.daemonoptions import OptionsCase


class WorkerOptionsTests(OptionsCase):
    """
    Tests for the option C{--workers}.
    """

    def parse(self, *arguments: str, **twistd: Any) -> Options:
        """Parse a command line of C{twistd}."""
        options = Options()
        options.parent = {"nodaemon": True, "pidfile": "", **twistd}
        options.parseOptions(list(arguments))
        return options

    def refusal(self, *arguments: str, **twistd: Any) -> str:
        """Parse a wrong command line, and give its error, which is one line."""
        error = self.assertRaises(SystemExit, self.parse, *arguments, **twistd)
        line = str(error.code)
        self.assertEqual(len(line.splitlines()), 1, line)
        return line

    def test_default(self) -> None:
        """There is one process."""
        self.assertEqual(self.parse().workers, 1)

    def test_numbers(self) -> None:
        """1 to 64 are numbers of workers."""
        for number in 1, 2, 9, 10, 64:
            self.assertEqual(self.parse("--workers", str(number)).workers, number)

    def test_auto(self) -> None:
        """C{auto} is a worker for each core that this process may use, and never more
        than 64."""
        for cores in 1, 2, 64, 65, 256:
            self.patch(os, "sched_getaffinity", lambda pid, n=cores: set(range(n)))
            found = self.parse("--workers", "auto").workers
            self.assertEqual(found, min(cores, 64))

    def test_autoElsewhere(self) -> None:
        """A system that cannot tell says how many cores the machine has."""
        self.patch(os, "cpu_count", lambda: 3)
        affinity = os.sched_getaffinity
        del os.sched_getaffinity
        self.addCleanup(setattr, os, "sched_getaffinity", affinity)
        self.assertEqual(self.parse("--workers", "auto").workers, 3)

    def test_wrong(self) -> None:
        """Everything else is refused."""
        for text in "0", "65", "-1", "2.0", "x", "", "\u0662", "9" * 5000, "AUTO", "+2":
            self.assertEqual(
                self.refusal("--workers", text),
                f"echostamp: --workers {text!r}: "
                "not a whole number from 1 to 64, or auto",
            )

    def test_together(self) -> None:
        """What does not go with workers is named; with one process it does."""
        for arguments, twistd, why in [
            (["--intercom"], {}, "with --intercom needs --relay"),
            ([], {"profile": "file"}, "does not go with --profile"),
        ]:
            self.assertEqual(
                self.refusal("--workers", "2", *arguments, **twistd),
                f"echostamp: --workers {why}",
            )
            self.parse("--workers", "1", *arguments, **twistd)
        relay = "--relay=redis://192.0.2.1/room"
        self.parse("--workers", "2", "--intercom", relay)

    def test_chroot(self) -> None:
        """Workers could not be started in another root."""
        options = Options()
        options.parent = {"nodaemon": True, "chroot": "/srv"}
        self.patch(options, "parent", options.parent)
        options["workers"] = "2"
        options["no-echo"] = options["intercom"] = 0
        error = self.assertRaises(UsageError, options.checkWorkers)
        self.assertEqual(str(error), "--workers does not go with --chroot")

    def test_twist(self) -> None:
        """C{twist} does not give up root when the ports listen: workers need
        C{twistd}."""
        self.assertEqual(self.refused("--workers", "2"), "--workers needs twistd")

    def test_nothingToServe(self) -> None:
        """Workers serve the echo, the reflector, or both."""
        peers = ["--no-echo", "--peers", "peers.toml"]
        self.assertEqual(
            self.refusal("--workers", "2", *peers),
            "echostamp: --workers goes with an echo or a reflector",
        )
        found = self.parse("--workers", "2", "--no-echo", "--reflector", "0")
        self.assertEqual(found.workers, 2)

    def test_system(self) -> None:
        """What a system lacks is named."""
        lacking: list[tuple[Any, str]] = [
            (socket, "SO_REUSEPORT"),
            (os, "memfd_create"),
        ]
        for module, name in lacking:
            value = getattr(module, name)
            delattr(module, name)
            self.addCleanup(setattr, module, name, value)
            self.assertEqual(
                self.refusal("--workers", "2"),
                f"echostamp: --workers: this system has no {name}",
            )
            setattr(module, name, value)

    def test_connections(self) -> None:
        """As many connections are possible as the limits of open files of all workers
        leave."""
        self.patch(limitoptions, "mostConnections", lambda ports: 1000 - ports)
        self.assertEqual(self.parse().maxConnections, 999)
        # A worker reads three ports, and has the sockets of all, twice for a while; the
        # parent has four pipes to each.
        ports = "-p", "1", "-e", "2", "--reflector", "127.0.0.1"
        found = self.parse("--workers", "2", *ports)
        most = 2 * (1000 - (2 + 2) - 2 * (2 * 3 + 4))
        self.assertEqual(found.maxConnections, most)
        found = self.parse("--workers", "2", *ports, "--max-connections", str(most))
        self.assertEqual(found.maxConnections, most)

    def test_noRoom(self) -> None:
        """Where the limit of open files is too low to start a worker, the daemon does
        not start."""
        self.patch(limitoptions, "mostConnections", lambda ports: 250 - ports)
        self.assertEqual(
            self.refusal("--workers", "2", *["-e0"] * 60),
            "echostamp: --workers 2: the limit of open files is too low (ulimit -n)",
        )

    def test_arguments(self) -> None:
        """The command line is kept for the workers."""
        arguments = ["--workers", "2", "-p", "7"]
        self.assertEqual(self.parse(*arguments).arguments, arguments)
