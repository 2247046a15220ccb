"""
The container image, built and run by podman.

C{.ci/run container} makes the folder C{ECHOSTAMP_BASES} with two root file systems: one
has Python, the other one has pip, too.  It puts the wheels of the build into the tree.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.filling import fill
from tests.harness import (
    DEADLINE,
    figure,
    readAll,
    readLines,
    run,
    tool,
    until,
    withoutStamps,
)
from tests.machines import ROOT
from tests.pagetexts import blocks, steps

#: Seconds for a build.
PATIENCE = 600.0

#: Octets that the image may add to its base.
LARGEST = 30e6

#: The images that the build begins with.
BASE, BUILD = "base", "build"

_NUMBERS = count()


def shown() -> list[str]:
    """Give the commands of the page's blocks that begin with podman, in order."""
    return [
        step.typed.replace("\\\n", "")
        for block in blocks("docs/operations.rst")
        if block.first.startswith("podman ")
        for step in steps(block)
    ]


def podman(*words: str, status: int = 0) -> str:
    """
    Run podman, and give what it prints.
    """
    done = run(tool("podman", "podman"), *words, seconds=PATIENCE)
    if done.returncode != status:
        raise AssertionError((words, done.returncode, done.stdout, done.stderr))
    return done.stdout.decode()


def log(name: str) -> str:
    """
    Give what the daemon of a container has written.
    """
    done = run(tool("podman", "podman"), "logs", name)
    return (done.stdout + done.stderr).decode()


@cache
def build(folder: str) -> str:
    """
    Build the image as the page does, but from images of our own and without an index.

    @param folder: the root file systems of these images.
    @return: its name.
    """
    for name in BASE, BUILD:
        podman("import", f"{folder}/{name}.tar", name)
    [command] = [each for each in shown() if each.startswith("podman build ")]
    program, *words = shlex.split(command)
    *options, context = words
    assert (program, context) == ("podman", "."), command
    for each in f"BASE={BASE}", f"BUILD={BUILD}", "PIP_NO_INDEX=1":
        options += ["--build-arg", each]
    podman(*options, str(ROOT))
    return options[options.index("--tag") + 1]


class ContainerCase(SynchronousTestCase):
    """
    Runs containers of the image.
    """

    timeout = PATIENCE

    def setUp(self) -> None:
        """Build the image, if no test has."""
        folder = os.environ.get("ECHOSTAMP_BASES")
        if folder is None:
            raise SkipTest("needs images in ECHOSTAMP_BASES: .ci/run container")
        self.image = build(folder)

    def inspect(self, name: str) -> Any:
        """Give what podman knows of a container or an image."""
        [found] = json.loads(podman("inspect", name))
        return found


class ImageTests(ContainerCase):
    """
    What the image is.
    """

    def test_size(self) -> None:
        """It is little more than its base."""
        octets = self.inspect(self.image)["Size"] - self.inspect(BASE)["Size"]
        figure(f"the image adds {octets / 1e6:.1f} MB to its base")
        self.assertLess(octets, LARGEST)

    def test_healthCheck(self) -> None:
        """It has a health check every 30 s."""
        check = self.inspect(self.image)["Healthcheck"]
        self.assertEqual(check["Interval"], 30_000_000_000)

    def test_noShell(self) -> None:
        """The daemon is not started by a shell."""
        entrypoint = self.inspect(self.image)["Config"]["Entrypoint"]
        self.assertEqual(entrypoint[0], "twistd")


class ContextTests(SynchronousTestCase):
    """
    What a build gets of a clone.
    """

    def test_context(self) -> None:
        """It gets the sources and the wheels, and nothing else of a clone: no keys, no
        environments, nothing that an older build has left."""
        if "ECHOSTAMP_BASES" not in os.environ:
            raise SkipTest("needs podman's settings of .ci/run container")
        clone = Path(self.mktemp()).absolute()
        wanted = {
            *("LICENSE", "README.rst", "pyproject.toml", "setup.cfg"),
            *("echostamp/web/static/page.js", "twisted/plugins/echostamp_plugin.py"),
            *("docs/echostamp.1", "deploy/completions/bash/echostamp", "wheels/a.whl"),
        }
        others = {
            *(".env", ".git/config", ".venv/pyvenv.cfg", "key.pem", "build/lib/old.py"),
            *("echostamp/__pycache__/old.pyc", "twisted/plugins/dropin.cache"),
            *("echostamp.egg-info/SOURCES.txt", "dist/old.whl", "deploy/key.pem"),
        }
        for name in wanted | others:
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).touch()
        shutil.copy(ROOT / ".dockerignore", clone)
        recipe, got = clone / "recipe", clone.with_name("got")
        recipe.write_text("FROM scratch\nCOPY . /\n")
        podman(
            *("build", f"--file={recipe}", f"--output=type=local,dest={got}"),
            str(clone),
        )
        files = [each for each in got.rglob("*") if each.is_file()]
        self.assertEqual({str(each.relative_to(got)) for each in files}, wanted)


class Container:
    """
    A container with a read-only root, whose daemon listens on a port that the system
    picked.

    @ivar name: its name.
    @ivar port: the TCP port.
    """

    def __init__(self, case: ContainerCase, *options: str) -> None:
        """
        Run it, and wait until it listens.

        @param case: removes it at its end.
        @param options: of the daemon.
        """
        self._case = case
        self.name = f"echostamp-{os.getpid()}-{next(_NUMBERS)}"
        case.addCleanup(podman, "rm", "--force", "--time=0", self.name)
        podman(
            *("run", "--detach", "--name", self.name, "--network=host"),
            *("--read-only", "--read-only-tmpfs=false"),
            *(case.image, "--port=0", *options),
        )
        self.untilListening()

    def untilListening(self) -> None:
        """Wait until it listens."""
        found = until(lambda: re.findall(r"listening on \S*:(\d+)$", self.log(), re.M))
        self.port = int(found[-1])

    def log(self) -> str:
        """Give what the daemon has written."""
        return log(self.name)

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    @property
    def state(self) -> Any:
        """What podman knows of its state."""
        return self._case.inspect(self.name)["State"]

    def status(self) -> dict[str, str]:
        """Give what the kernel knows of process 1."""
        text = Path(f"/proc/{self.state['Pid']}/status").read_text()
        return dict(line.split(":\t", 1) for line in text.splitlines())

    def kill(self, number: int) -> None:
        """Send process 1 a signal."""
        podman("kill", "--signal", str(number), self.name)


class ContainerTests(ContainerCase):
    """
    How the daemon runs as process 1, in a container whose root is read-only.
    """

    def assertEchoes(self, container: Container) -> None:
        """Assert that a line comes back."""
        with container.connect() as peer:
            peer.sendall(b"one\n")
            self.assertEqual(withoutStamps(readLines(peer, 1)), b"one\n")

    def test_start(self) -> None:
        """It is process 1, is not root and has no privileges.  It starts without a
        complaint, although it cannot write the cache of plugins."""
        container = Container(self)
        self.assertEchoes(container)
        status = container.status()
        self.assertEqual(status["NSpid"].split()[-1], "1")
        self.assertEqual(set(status["Uid"].split()), {"10862"})
        self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertNotIn("cache", container.log())
        podman("exec", "--user=0", container.name, "touch", "/new", status=1)

    def test_drains(self) -> None:
        """SIGTERM drains it, with status 0: a peer that has read nothing yet gets all
        its replies."""
        container = Container(self, "--grace=60")
        lines = b"".join(b"%0999d\n" % number for number in range(1000))
        with container.connect() as peer:
            sent = fill(peer, lines)
            container.kill(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in container.log())
            text = withoutStamps(readAll(peer))
        self.assertEqual(text, (lines * (sent // len(lines) + 1))[:sent])
        self.assertEqual(podman("wait", container.name), "0\n")
        figure(f"a container that gets SIGTERM: {sent} octets answered of {sent}")

    def test_reloads(self) -> None:
        """SIGHUP reloads, and connections stay."""
        container = Container(self)
        with container.connect() as peer:
            container.kill(signal.SIGHUP)
            until(lambda: "time zone reloaded" in container.log())
            peer.sendall(b"one\n")
            self.assertEqual(withoutStamps(readLines(peer, 1)), b"one\n")

    def test_killed(self) -> None:
        """After SIGKILL the container starts again."""
        container = Container(self)
        container.kill(signal.SIGKILL)
        self.assertEqual(podman("wait", container.name), "137\n")
        before = container.log().count("listening on")
        podman("start", container.name)
        until(lambda: container.log().count("listening on") > before)
        container.untilListening()
        self.assertEchoes(container)

    def test_orphans(self) -> None:
        """A process whose parent has ended leaves no zombie."""
        container = Container(self)
        orphan = "import os\nif not os.fork(): os.execlp('cat', 'cat')"
        podman("exec", container.name, "python3", "-c", orphan)
        number = container.state["Pid"]
        children = Path(f"/proc/{number}/task/{number}/children")
        until(lambda: not children.read_text())
        self.assertEchoes(container)

    def test_healthCheck(self) -> None:
        """The check is healthy while a line comes back from the daemon's port, and not
        otherwise.  It is silent in the intercom."""
        container = Container(self, "--intercom", "--no-notices")
        [*check] = self.inspect(self.image)["Healthcheck"]["Test"][1:]
        port = "--env", f"ECHOSTAMP_CHECK={container.port}"
        with container.connect() as member:
            member.sendall(b"one\n")
            readLines(member, 1)
            podman("exec", *port, container.name, *check)
            member.sendall(b"two\n")
            self.assertEqual(withoutStamps(readLines(member, 1)), b"two\n")
        podman("exec", "--env=ECHOSTAMP_CHECK=1", container.name, *check, status=1)


class KubernetesTests(ContainerCase):
    """
    C{deploy/kubernetes}, which podman can play.
    """

    def test_manifest(self) -> None:
        """A pod of the manifest echoes.  It is not root, and its root is read-only."""
        text = (ROOT / "deploy" / "kubernetes" / "echostamp.yaml").read_text()
        # A host has each port once.
        text, count = re.subn("replicas: 2", "replicas: 1", text)
        self.assertEqual(count, 1)
        text, count = re.subn(
            "image: .*", f"image: localhost/{self.image}:latest", text
        )
        self.assertEqual(count, 1)
        manifest = Path(self.mktemp())
        manifest.write_text(text)
        self.addCleanup(podman, "play", "kube", "--down", str(manifest))
        podman("play", "kube", str(manifest))
        name = "echostamp-pod-0-echostamp"
        until(lambda: "answering STAMP at" in log(name))
        with socket.create_connection(("127.0.0.1", 8002), DEADLINE) as peer:
            peer.sendall(b"one\n")
            self.assertEqual(withoutStamps(readLines(peer, 1)), b"one\n")
        found = self.inspect(name)
        self.assertTrue(found["HostConfig"]["ReadonlyRootfs"])
        self.assertEqual(found["Config"]["User"], "10862:10862")
        self.assertFalse(found["BoundingCaps"])


class PageTests(ContainerCase):
    """
    The page's commands, as they are printed.
    """

    def test_commands(self) -> None:
        """Each command succeeds.  The first daemon echoes on the port that the host has
        for it; the second one keeps its history in a volume."""
        self.addCleanup(podman, "volume", "rm", "--force", "echostamp")
        self.addCleanup(podman, "rm", "--force", "--time=0", "echo", "watch")
        tool("nc", "netcat-openbsd")
        for command in shown()[1:]:
            done = run("sh", "-c", f"cd {ROOT} && {command}")
            self.assertEqual(done.returncode, 0, (command, done.stderr))
            if started := re.match(r"podman run .*--name (\S+)", command):
                until(lambda: "listening on" in log(started[1]))
            elif "| nc " in command:
                self.assertEqual(withoutStamps(done.stdout), b"hello\n")
                podman("healthcheck", "run", "echo")
        self.assertIn("reload: 4 peers", log("watch"))
        for name in "echo", "watch":
            self.assertEqual(self.inspect(name)["State"]["ExitCode"], 0)
        [mount] = json.loads(podman("volume", "inspect", "echostamp"))
        self.assertTrue(Path(mount["Mountpoint"], "history").is_file())
