"""Tests for L{echostamp.listen.inherited}."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from echostamp.endpointparts import parseDescription
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.inherited import (
    Inherited,
    chosenSockets,
    firstEnvironment,
    inheritedSockets,
)
from echostamp.listen.preparing import PortSettings, PreparingReactor
from echostamp.test.fakes import FakeReactor

ONE, TWO, OTHER = Inherited(3, "a"), Inherited(4, "a"), Inherited(5, "b")


class EnvironmentTests(SynchronousTestCase):
    """
    What the environment says.
    """

    def found(self, count: str, names: str | None = None) -> list[Inherited]:
        """Find the sockets of process 7."""
        environ = {"LISTEN_PID": "7", "LISTEN_FDS": count}
        if names is not None:
            environ["LISTEN_FDNAMES"] = names
        return inheritedSockets(environ, 7)

    def test_names(self) -> None:
        """Each socket has its name, and several may have the same."""
        self.assertEqual(self.found("3", "a:a:b"), [ONE, TWO, OTHER])

    def test_noNames(self) -> None:
        """Without names, or with a wrong number of them, each is C{unknown}."""
        for names in None, "", "a":
            self.assertEqual(
                self.found("2", names),
                [Inherited(3, "unknown"), Inherited(4, "unknown")],
            )

    def test_firstEnvironment(self) -> None:
        """The environment of the start is read, where the system keeps it."""
        path = self.mktemp()
        self.assertEqual(firstEnvironment(path), {})
        with open(path, "wb") as file:
            file.write(b"A=1\0B=2=3\0\xff=\xff\0")
        found = firstEnvironment(path)
        self.assertEqual((found["A"], found["B"]), ("1", "2=3"))

    def test_none(self) -> None:
        """There are none without a number, and none for another process."""
        for count in "", "0", "x", "-1", "1" * 5000:
            self.assertEqual(self.found(count), [])
        self.assertEqual(inheritedSockets({}, 7), [])
        self.assertEqual(
            inheritedSockets({"LISTEN_PID": "8", "LISTEN_FDS": "1"}, 7), []
        )


class ChoiceTests(SynchronousTestCase):
    """
    What a description means.
    """

    def chosen(self, text: str, there: Sequence[Inherited]) -> list[Inherited]:
        """Choose from these sockets."""
        return chosenSockets(parseDescription(text), there)

    def test_choice(self) -> None:
        """A name means all of this name, an index one, and neither all."""
        for text, expected in [
            ("systemd:domain=INET:name=a", [ONE, TWO]),
            ("systemd:INET6:name=b", [OTHER]),
            ("systemd:domain=INET:index=1", [TWO]),
            ("systemd:name=a:index=0", [ONE]),
            ("systemd:", [ONE, TWO, OTHER]),
            ("systemd", [ONE, TWO, OTHER]),
        ]:
            self.assertEqual(self.chosen(text, [ONE, TWO, OTHER]), expected)

    def test_wrong(self) -> None:
        """The text says what is wrong, or which names there are."""
        for text, there, expected in [
            ("systemd:name=a", [], "systemd has passed no socket to this process"),
            (
                "systemd:name=c",
                [ONE, OTHER],
                "systemd has passed no such socket; their names: 'a', 'b'",
            ),
            (
                "systemd:index=x",
                [ONE],
                "systemd has passed no such socket; their names: 'a'",
            ),
            ("systemd:nonsense=1", [ONE], "unknown parameter 'nonsense'"),
            ("systemd:INET:x", [ONE], "one part too many: 'x'"),
        ]:
            error = self.assertRaises(ValueError, self.chosen, text, there)
            self.assertEqual(str(error), expected)


class AdoptTests(SynchronousTestCase):
    """
    Sockets are taken over.
    """

    def setUp(self) -> None:
        """Make sockets: two of one name that listen, one that does not, a file."""
        self.reactor = FakeReactor()
        self.made = [socket.socket() for _ in range(3)]
        for each in self.made:
            self.addCleanup(each.close)
        for each in self.made[:2]:
            each.listen()
        self.file = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, self.file)
        self.there = [
            *(Inherited(each.fileno(), "a") for each in self.made[:2]),
            Inherited(self.made[2].fileno(), "b"),
            Inherited(self.file, "c"),
        ]
        settings = PortSettings(inherited=self.there)
        self.preparing = PreparingReactor(self.reactor, settings)

    def test_served(self) -> None:
        """All of a name are served; the others are known not to be."""
        ports = preparedPorts(self.preparing, "systemd:name=a", Factory())
        self.assertEqual(len(ports), 2)
        self.assertEqual(self.preparing.unserved(), self.there[2:])
        for each, port in zip(self.made, ports, strict=False):
            self.assertFalse(os.get_blocking(each.fileno()))
            port.listen()
        self.assertEqual(len(self.reactor.adoptedPorts), 2)

    def test_refused(self) -> None:
        """A socket that another endpoint has, or that does not listen, is an error."""
        for port in preparedPorts(self.preparing, "systemd:name=a", Factory()):
            port.listen()
        before = os.listdir("/proc/self/fd")
        for name, expected in [
            ("a", "another endpoint has its socket 'a'"),
            ("b", "its socket 'b' is no stream socket that listens"),
            ("c", "its 'c' is no socket"),
        ]:
            error = self.assertRaises(
                ValueError,
                preparedPorts,
                self.preparing,
                f"systemd:name={name}",
                Factory(),
            )
            self.assertEqual(str(error), expected)
        self.assertEqual(os.listdir("/proc/self/fd"), before)
