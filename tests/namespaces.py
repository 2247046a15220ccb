"""
Two network namespaces with a link between them.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import lack, run, tool


class Namespaces:
    """
    Two network namespaces with a link between them.

    The test is skipped without root, or where the system has no namespaces.

    @ivar near: the beginning of a command line that runs something in the first one.
    @ivar far: the same for the second one.
    """

    NEAR, FAR = "198.18.0.1", "198.18.0.2"

    #: The ends of the link.
    NEAR_LINK, FAR_LINK = "n0", "f0"

    def __init__(self, case: SynchronousTestCase) -> None:
        """
        @param case: removes them at its end.
        """
        if os.geteuid():
            lack("root")
        self._ip = tool("ip", "iproute2")
        names = near, far = [
            f"echostamp-{end}-{os.getpid()}" for end in ("near", "far")
        ]
        for name in names:
            made = run(self._ip, "netns", "add", name)
            if made.returncode:
                lack(f"network namespaces: {made.stderr.decode()}")
            case.addCleanup(run, self._ip, "netns", "delete", name)
        self.near, self.far = ((self._ip, "netns", "exec", name) for name in names)
        self._names = near, far
        pair = self.NEAR_LINK, "type", "veth", "peer", self.FAR_LINK, "netns", far
        self._inside(near, "link", "add", *pair)
        for name, link, address in [
            (near, self.NEAR_LINK, self.NEAR),
            (far, self.FAR_LINK, self.FAR),
        ]:
            self._inside(name, "address", "add", f"{address}/30", "dev", link)
            self._inside(name, "link", "set", link, "up")

    def _inside(self, name: str, *command: str) -> None:
        done = run(self._ip, "-n", name, *command)
        if done.returncode:
            raise AssertionError(done.stderr)

    def addLinkLocal(self, near: str, far: str) -> None:
        """Give the ends IPv6 addresses that are valid on this link only."""
        for name, link, address in zip(
            self._names, (self.NEAR_LINK, self.FAR_LINK), (near, far), strict=True
        ):
            # "nodad": without the second or two in which duplicates are looked for.
            self._inside(name, "address", "add", f"{address}/64", "dev", link, "nodad")

    def cut(self) -> None:
        """Take the link down."""
        self._inside(self._names[0], "link", "set", self.NEAR_LINK, "down")
