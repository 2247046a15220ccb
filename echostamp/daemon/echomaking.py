"""
Makes the echo of the options: the factory of its connections, and its ports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from echostamp.daemon.limits import TimedConnectionLog
from echostamp.daemon.options import Options
from echostamp.intercom.room import Intercom
from echostamp.line.protocol import TimestampEcho, TimestampEchoFactory
from echostamp.line.sending import ReplyOutput, replySender
from echostamp.line.settings import EchoSettings
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.listening import PreparedPort
from echostamp.listen.preparing import PreparingReactor
from echostamp.tcpinfo import acknowledged
from echostamp.text import printable

if TYPE_CHECKING:
    # Most daemons have no relay, and start sooner without this module.
    from echostamp.intercom.relayedroom import RelayedIntercom

log = Logger(namespace="echostamp")


def echoFactory(
    reactor: Any,
    options: Options,
    connectionLog: TimedConnectionLog,
    relayed: RelayedIntercom | None = None,
) -> TimestampEchoFactory:
    """
    Make the factory of the connections of all ports.

    @param relayed: an intercom of several daemons; L{None}: of this one alone, if the
        options ask for one.
    """
    sender: Callable[[Any, TimestampEcho], ReplyOutput] = replySender
    if relayed is not None:
        sender = relayed.join
    elif options["intercom"]:
        sender = Intercom(
            reactor,
            options.backlog,
            not options["no-notices"],
            acknowledged,
            not options["no-commands"],
        ).join
    factory = TimestampEchoFactory(
        reactor,
        EchoSettings(options.format, options.pause, options.maxLength),
        connectionLog=connectionLog,
        sender=sender,
    )
    if relayed is not None:
        relayed.serve(factory)
    return factory


def preparedEcho(
    preparing: PreparingReactor,
    descriptions: Sequence[str],
    factory: TimestampEchoFactory,
) -> list[PreparedPort]:
    """
    Prepare to listen on all endpoints.

    @raise SystemExit: an endpoint cannot be parsed, or an address is taken or cannot be
        used; one line says which and why.
    """
    prepared: list[PreparedPort] = []
    for description in descriptions:
        try:
            prepared += preparedPorts(preparing, description, factory)
        except ValueError as error:
            why = f"--endpoint {description!r}: {error}"
        except OSError as error:
            what = f" ({error.filename})" if error.filename else ""
            why = f"cannot listen on {description!r}: {error.strerror or error}{what}"
        else:
            continue
        raise SystemExit(printable(f"echostamp: {why}"))
    for number, name in preparing.unserved():
        log.warn(
            "not serving descriptor {number}, {name!r}, which systemd has passed",
            number=number,
            name=printable(name),
        )
    return prepared
