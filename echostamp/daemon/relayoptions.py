"""
The options of the relay, which carries the intercom over several daemons.
"""

from __future__ import annotations

from importlib.util import find_spec

from twisted.python import usage

from echostamp.connect.target import checkHost
from echostamp.daemon.optionvalues import number
from echostamp.daemon.relayplace import RelayPlace, parseRelay
from echostamp.keyfiles import DISK, Files

#: The packages of the extra C{relay}, as they are imported.
_PACKAGES = "txredisapi", "OpenSSL"

#: The most lines that a new member gets.
MOST_REPLAYED = 1000

#: The most octets of a password: Redis takes no longer one.
_LONGEST_PASSWORD = 512


class RelayOptions(usage.Options):
    """
    The options of the relay, as texts and as values.

    @ivar relay: where the relay is; L{None} for none.
    @ivar replay: how many lines of others a new member gets.
    """

    optParameters = [
        [
            "relay",
            None,
            None,
            "Redis server that joins the intercoms of several daemons: "
            "redis://[USER@]HOST[:PORT]/KEY, or rediss:// for TLS.",
        ],
        ["relay-password-file", None, None, "File with the password of the relay."],
        [
            "relay-ca",
            None,
            None,
            "PEM file with the CAs to trust for rediss:// (default: the system's).",
        ],
        [
            "replay",
            None,
            "0",
            "With --relay: earlier lines of others that a new client gets, 0 to 1000.",
        ],
    ]

    relay: RelayPlace | None
    replay: int

    def checkRelay(self) -> None:
        """
        Convert the texts to values, and check that they go together.

        @raise usage.UsageError: a value is wrong, or the options do not go together.
        """
        self.relay = None
        self.replay = number(self, "replay", int, 0, MOST_REPLAYED)
        if self["relay"] is None:
            for name in "relay-password-file", "relay-ca", "replay":
                if self[name] != self.defaults.get(name):
                    raise usage.UsageError(f"--{name} goes with --relay")
            return
        if not self["intercom"]:
            raise usage.UsageError("--relay goes with --intercom")
        try:
            self.relay = parseRelay(self["relay"])
            checkHost(self.relay.host)
        except ValueError as error:
            raise usage.UsageError(f"--relay: {error}") from None
        if self["relay-ca"] is not None and not self.relay.isTls:
            raise usage.UsageError("--relay-ca goes with --relay rediss://")
        if self.relay.user and self["relay-password-file"] is None:
            raise usage.UsageError("USER@ in --relay goes with --relay-password-file")
        self._checkPackages()

    def _checkPackages(self) -> None:
        """
        Check that the extra is installed.

        @raise usage.UsageError: it is not.
        """
        for name in _PACKAGES:
            if find_spec(name) is None:
                raise usage.UsageError(
                    f"--relay needs the Python package {name}: install EchoStamp's "
                    "extra 'relay'"
                )


def readPassword(path: str, files: Files = DISK) -> bytes:
    """
    Read the file of a password: one line.

    @param files: reads it.
    @raise ValueError: it cannot be read, is wrong, or others may read it.  The text
        holds nothing of it.
    """
    try:
        found = files.read(path, _LONGEST_PASSWORD + 2, isSecret=True)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    password = found.removesuffix(b"\n").removesuffix(b"\r")
    if not password or b"\n" in password or len(password) > _LONGEST_PASSWORD:
        raise ValueError(f"not one line of 1 to {_LONGEST_PASSWORD} octets")
    return password
