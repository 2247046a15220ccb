"""Tests for L{echostamp.daemon.spawning}."""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import echostamp
from echostamp.daemon.spawning import Spawning
from echostamp.keyfiles import OpenFiles
from echostamp.listen.inherited import Inherited
from echostamp.workers.descriptors import FIRST_GIVEN
from echostamp.workers.messages import VERSION

#: Where this package is.
FOLDER = str(Path(echostamp.__file__).parents[1])


class SpawningTests(SynchronousTestCase):
    """
    Tests for L{Spawning}.
    """

    def setUp(self) -> None:
        """Have a daemon with two places of the echo, of which workers share one, and a
        place of the reflector."""
        self.sockets = [socket.socket() for _ in range(5)]
        for each in self.sockets:
            self.addCleanup(each.close)
        one, two, shared, three, four = self.sockets
        keeping: Any = SimpleNamespace(
            places=[[one, two], [shared]],
            settings=SimpleNamespace(inherited=[Inherited(3, "echo")]),
        )
        reflector: Any = SimpleNamespace(places=[[three, four]])
        self.options: Any = SimpleNamespace(
            workers=2,
            arguments=["--utc"],
            maxConnections=100,
            mostOfWorker=50,
            parent={"reactor": "poll"},
        )
        self.files = OpenFiles()
        self.files.contents["/key"] = b"secret"
        self.started: list[tuple[Any, ...]] = []
        made: Any = Spawning
        self.spawning = made(self, self.options, keeping, reflector, self.files)
        self.addCleanup(os.close, self.spawning.table.descriptor)

    def spawnProcess(self, process: Any, *values: Any, **named: Any) -> None:
        """Note what is started."""
        self.started.append((process, values, named))

    def spawned(self) -> tuple[dict[str, Any], dict[int, Any], list[str], Any]:
        """Start a process, and give what it is told first, its descriptors, its command
        and its environment."""
        process = self.spawning.process(2, 3, None, lambda kind: True)
        self.assertEqual((process.number, process.column), (2, 3))
        self.spawning.spawn(process)
        ((found, (executable, command), named),) = self.started
        self.assertIs(found, process)
        self.assertEqual(executable, sys.executable)
        return process._start, named["childFDs"], command, named["env"]

    def test_start(self) -> None:
        """A process is told where its sockets are, and gets them there."""
        start, descriptors, _, _ = self.spawned()
        self.assertEqual(start["version"], VERSION)
        self.assertEqual(start["table"], FIRST_GIVEN)
        self.assertEqual((start["columns"], start["column"]), (4, 3))
        self.assertEqual(start["arguments"], ["--utc"])
        self.assertEqual((start["most"], start["mostOfWorker"]), (100, 50))
        self.assertEqual(start["inherited"], [(3, "echo")])
        self.assertEqual(start["folder"], os.getcwd())
        one, two, shared, three, four = self.sockets
        self.assertEqual(
            [[descriptors[each] for each in place] for place in start["places"]],
            [[one.fileno(), two.fileno()], [shared.fileno()]],
        )
        self.assertEqual(
            [[descriptors[each] for each in place] for place in start["reflectors"]],
            [[three.fileno(), four.fileno()]],
        )
        self.assertEqual(descriptors[start["table"]], self.spawning.table.descriptor)
        self.assertEqual(
            [descriptors[each] for each in (1, 2, 3, 4)], ["r", "r", "w", "r"]
        )
        self.assertEqual(len(descriptors), 11)

    def test_command(self) -> None:
        """The command line names the reactor, and nothing that is secret."""
        _, _, command, environment = self.spawned()
        self.assertEqual(
            command, [sys.executable, "-m", "echostamp.daemon.worker", "poll"]
        )
        self.assertNotIn("secret", repr(environment))

    def test_defaultReactor(self) -> None:
        """Without C{--reactor} it is Twisted's default, as the parent's."""
        self.options.parent = {"reactor": None}
        self.assertEqual(self.spawned()[2][-1], "default")

    def test_files(self) -> None:
        """It is told the contents of files as they are now."""
        self.files.contents["/key"] = b"\xff new"
        start, *_ = self.spawned()
        self.assertEqual(
            {path: b64decode(text) for path, text in start["files"].items()},
            {"/key": b"\xff new"},
        )

    def test_package(self) -> None:
        """It finds the package of its parent, whatever the working directory is, and
        what else was on the path."""
        self.patch(sysconfig, "get_paths", lambda: {"purelib": "/elsewhere"})
        self.patch(os, "environ", {"PYTHONPATH": f"/a{os.pathsep}/b", "HOME": "/h"})
        environment = self.spawned()[3]
        self.assertEqual(
            environment["PYTHONPATH"].split(os.pathsep), [FOLDER, "/a", "/b"]
        )
        self.assertEqual(environment["HOME"], "/h")
        self.assertEqual(environment["PYTHONSAFEPATH"], "1")

    def test_installedPackage(self) -> None:
        """An installed package needs no path: one would shadow other modules."""
        self.patch(sysconfig, "get_paths", lambda: {"purelib": FOLDER})
        self.patch(os, "environ", {})
        self.assertEqual(self.spawned()[3], {"PYTHONSAFEPATH": "1"})
