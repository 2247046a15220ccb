"""
Makes the intercom of several daemons, with its relay.
"""

from __future__ import annotations

import codecs
import socket
from typing import Any

from echostamp.daemon.options import Options
from echostamp.daemon.redisrelay import RedisRelay
from echostamp.daemon.relayoptions import readPassword
from echostamp.intercom.relayedroom import RelayedIntercom, RelayedSettings
from echostamp.keyfiles import DISK, Files
from echostamp.tcpinfo import acknowledged


def relayedIntercom(
    reactor: Any, options: Options, files: Files = DISK
) -> RelayedIntercom:
    """
    Make the intercom of the options, with its relay.

    @param files: reads the files of the password and the CAs, and keeps them.
    @raise ValueError: the address or a file of the relay is wrong; the text says how.
    """
    assert options.relay is not None
    # Python loads this at the first look-up of a host, also of an address.  In another
    # root, or without the rights of root, that may be too late.
    codecs.lookup("idna")
    password, path = None, options["relay-password-file"]
    if path is not None:
        try:
            password = readPassword(path, files)
        except ValueError as error:
            raise ValueError(f"--relay-password-file {path!r}: {error}") from None
    ca = options["relay-ca"]
    relay = RedisRelay(reactor, options.relay, password, ca, files=files)
    files.accept(files.absolute(each) for each in (path, ca) if each is not None)
    settings = RelayedSettings(
        socket.gethostname(),
        options.backlog,
        not options["no-notices"],
        not options["no-commands"],
        options.replay,
    )
    return RelayedIntercom(reactor, relay, settings, acknowledged)
