"""
Network namespaces: two with a link between them, or several around a router.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.forging import inside
from tests.harness import Owner, lack, run, tool

#: The namespace of the router.
ROUTER = "router"

#: The link to the router, in each other namespace.
LINK = "uplink"


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

    def __init__(self, case: Owner) -> None:
        """
        @param case: removes them at its end.
        """
        self._ip = ipTool()
        names = near, far = [namespace(case, each) for each in ("near", "far")]
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
        succeed(self._ip, "-n", name, *command)

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


class Routed:
    """
    Network namespaces, each with a link to a router, which can drop packets.

    @ivar commands: by the name of each namespace, the beginning of a command line that
        runs something in it.
    @ivar addresses: by the name of each namespace but the router's, its address.
    """

    def __init__(self, case: Owner, *names: str) -> None:
        """
        @param case: removes them at its end; it is skipped without root, or where the
            system has no namespaces.
        @param names: what to call them, in at most 12 characters.
        """
        ip = ipTool()
        self._nft = tool("nft", "nftables")
        full = {each: namespace(case, each) for each in (ROUTER, *names)}
        self.commands = {
            each: (ip, "netns", "exec", name) for each, name in full.items()
        }
        self.addresses: dict[str, str] = {}
        router = full[ROUTER]
        for number, name in enumerate(names):
            near, far = (f"198.18.{number}.{each}" for each in (1, 2))
            self.addresses[name] = far
            pair = f"to-{name}", "type", "veth", "peer", LINK, "netns", full[name]
            succeed(ip, "-n", router, "link", "add", *pair)
            for where, link, address in [
                (router, f"to-{name}", near),
                (full[name], LINK, far),
            ]:
                to = f"{address}/30", "dev", link
                succeed(ip, "-n", where, "address", "add", *to)
                succeed(ip, "-n", where, "link", "set", link, "up")
            succeed(ip, "-n", full[name], "route", "add", "default", "via", near)
        for name in full.values():
            succeed(ip, "-n", name, "link", "set", "lo", "up")
        with inside(self.commands[ROUTER]):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def drop(self, source: str, target: str, match: str, distance: int) -> None:
        """
        Have the router drop the first packet of one kind, one way, and then others at
        regular distances.

        @param source: the name of the namespace that sends them.
        @param target: the name of that which does not get them.
        @param match: which packets, in nft's words.
        @param distance: from one that is dropped to the next, in packets.
        """
        way = f"ip saddr {self.addresses[source]} ip daddr {self.addresses[target]}"
        rule = f"{way} {match} numgen inc mod {distance} == 0 drop"
        hook = "{ type filter hook forward priority 0; }"
        rules = (
            f"add table ip lossy\nadd chain ip lossy forward {hook}\n"
            f"add rule ip lossy forward {rule}\n"
        )
        command = *self.commands[ROUTER], self._nft, "-f", "-"
        done = run(*command, stdin=rules.encode())
        if done.returncode:
            lack(f"nf_tables in the kernel: {done.stderr.decode()}")

    def dropNothing(self) -> None:
        """Have the router pass everything from now on."""
        succeed(*self.commands[ROUTER], self._nft, "flush", "ruleset")


def ipTool() -> str:
    """Find C{ip}, or skip the test: it needs root, too."""
    if os.geteuid():
        lack("root")
    return tool("ip", "iproute2")


def namespace(case: Owner, name: str) -> str:
    """
    Make a network namespace, or skip the test.

    @param case: removes it at its end.
    @param name: a part of its name.
    @return: its name.
    """
    ip, full = ipTool(), f"echostamp-{name}-{os.getpid()}"
    made = run(ip, "netns", "add", full)
    if made.returncode:
        lack(f"network namespaces: {made.stderr.decode()}")
    case.addCleanup(run, ip, "netns", "delete", full)
    return full


def succeed(*command: str) -> None:
    """Run a program, which must succeed."""
    done = run(*command)
    if done.returncode:
        raise AssertionError(done.stderr)
