"""
Reads the values of the command line's options.  Each error is reported in one line.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, NoReturn

from echostamp.addresses import checkLink, parseHostPort
from echostamp.exitstatus import NEAR_END_FAILED
from echostamp.intercom.naming import NAMES, isName
from echostamp.text import printable
from echostamp.units import asTyped, parseDuration, parseZone

#: The names of DSCPs.
_DSCPS = {
    **{f"CS{precedence}": 8 * precedence for precedence in range(8)},
    **{f"AF{a}{drop}": 8 * a + 2 * drop for a in range(1, 5) for drop in range(1, 4)},
    "DF": 0,
    "LE": 1,
    "VOICE-ADMIT": 44,
    "EF": 46,
}


class CommandParser(argparse.ArgumentParser):
    """
    A parser that reports each error in one line.  An option that needs a value takes
    the next argument, even if that begins with a minus sign: C{--zone -05:00}.  Only
    C{--} is no value.

    @ivar commands: the parsers of its subcommands, by name.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        # Each option, and whether it needs a value.
        self._options: dict[str, bool] = {}
        self.commands: dict[str, CommandParser] = {}
        super().__init__(*arguments, **named)

    def group(
        self, title: str, description: str | None = None
    ) -> Callable[..., argparse.Action]:
        """
        Make a group of options.

        @return: adds an option to it, as C{add_argument} does.
        """
        group = self.add_argument_group(title, description)

        def add(*names: str, **named: Any) -> argparse.Action:
            return self._noted(group.add_argument(*names, **named))

        return add

    def add_argument(self, *names: str, **named: Any) -> argparse.Action:
        """Add an option or an argument."""
        return self._noted(super().add_argument(*names, **named))

    def _noted(self, action: argparse.Action) -> argparse.Action:
        """
        Note whether an option needs a value.
        """
        for name in action.option_strings:
            self._options[name] = action.nargs is None
        return action

    def parse_known_args(  # type: ignore[override]  # it has overloads
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the options, after their values were joined to them."""
        joined = self._joined(sys.argv[1:] if args is None else args)
        return super().parse_known_args(joined, namespace)

    def _joined(self, arguments: Sequence[str]) -> list[str]:
        """
        Join each option that needs a value and the next argument.  Behind C{--} there
        are no options.
        """
        joined: list[str] = []
        rest = iter(arguments)
        for each in rest:
            if each == "--":
                return [*joined, each, *rest]
            option, value = self._split(each)
            if option and value is None:
                value = next(rest, None)
                if value is not None:
                    each += value if each[1:2] != "-" else f"={value}"
            if value == "--":
                # Older releases of Python would take it for no value at all.
                self.error(f"argument {option}: '--' is no value")
            joined.append(each)
        return joined

    def _split(self, text: str) -> tuple[str, str | None]:
        """
        Find the option that needs a value in an argument, and the value.

        @param text: an option, perhaps abbreviated, with or without its value; or
            options of one letter, where the last one may need a value.
        @return: the option, and L{None} where its value is the next argument.  The
            option is empty where none needs a value.
        """
        options = self._options
        if text[:2] == "--":
            option, equals, value = text.partition("=")
            found = [name for name in options if name.startswith(option)]
            if options.get(option, bool(found) and all(options[at] for at in found)):
                return option, value if equals else None
            return "", None
        for at in range(1, len(text) if text[:1] == "-" else 1):
            needsValue = options.get(f"-{text[at]}")
            if needsValue:
                return f"-{text[at]}", text[at + 1 :].removeprefix("=") or None
            if needsValue is None:
                break
        return "", None

    def error(self, message: str) -> NoReturn:
        """Write what is wrong with the command line, and exit."""
        line = printable(f"{self.prog}: {message} (see {self.prog} --help)")
        self.exit(NEAR_END_FAILED, f"{line}\n")


def addTarget(command: CommandParser, also: str = "", areMany: bool = False) -> None:
    """
    Add the argument TARGET and the TLS options to a command.

    @param also: other forms of the TARGET, for the help text.
    @param areMany: whether there are one or more, without a default.
    """
    help_ = (
        f"HOST, HOST:PORT, [V6]:PORT, the same behind tls:, {also}or a Twisted client "
        "endpoint such as unix:/run/echostamp.sock"
    )
    if areMany:
        command.add_argument("targets", nargs="+", metavar="TARGET", help=help_)
    else:
        command.add_argument(
            "target",
            nargs="?",
            default="localhost:8002",
            metavar="TARGET",
            help=f"{help_} (default: %(default)s)",
        )
    for option, purpose in [
        ("--ca", "over TLS, trust the CAs in this PEM file instead of the system's"),
        ("--cert", "over TLS, send the certificate in this PEM file"),
        ("--key", "read the private key from this PEM file (default: --cert's file)"),
    ]:
        command.add_argument(option, metavar="FILE", help=purpose)


def seconds(text: str) -> float:
    """
    Read a number of seconds above zero.

    @raise argparse.ArgumentTypeError: the text is something else.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 86_400:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0, at most 86400"
        )
    return number


def duration(least: int, most: int, orNone: bool = False) -> Callable[[str], int]:
    """
    Make a reader of durations.

    @param least: the shortest duration in nanoseconds.
    @param most: the longest duration in nanoseconds.
    @param orNone: whether 0 is accepted, too.
    @return: turns text into nanoseconds, and raises L{argparse.ArgumentTypeError}.
    """

    def read(text: str) -> int:
        try:
            ns = parseDuration(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        if not (least <= ns <= most or (orNone and not ns)):
            bounds = f"from {asTyped(least)} to {asTyped(most)}"
            also = ", or 0" if orNone else ""
            raise argparse.ArgumentTypeError(f"{text!r} is not {bounds}{also}")
        return ns

    return read


def wholeNumber(least: int, most: int) -> Callable[[str], int]:
    """
    Make a reader of whole numbers.

    @return: turns text into a number, and raises L{argparse.ArgumentTypeError}.
    """

    def read(text: str) -> int:
        isNumber = text.isdecimal() and len(text) <= 19
        if not (isNumber and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {least} to {most}"
            )
        return int(text)

    return read


def dscp(text: str) -> int:
    """
    Read a DSCP: a number, or a name of its per-hop behaviour (RFC 4594, section 2.3;
    RFC 5865; RFC 8622).

    @raise argparse.ArgumentTypeError: the text is something else.
    """
    name = text.upper()
    if name in _DSCPS:
        return _DSCPS[name]
    if text.isdecimal() and len(text) <= 2 and int(text) < 64:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a DSCP: 0 to 63, or a name such as EF, AF41 or CS6"
    )


def percentage(text: str) -> float:
    """
    Read a percentage, with or without a percent sign.

    @raise argparse.ArgumentTypeError: the text is something else.
    """
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage")
    return percent


def memberName(text: str) -> str:
    """
    Read a name for the intercom.

    @raise argparse.ArgumentTypeError: the intercom accepts no such name.
    """
    if not isName(text.encode("utf-8", "surrogateescape")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name: {NAMES}")
    return text


def zone(text: str) -> int:
    """
    Read a time zone; see L{parseZone}.

    @raise argparse.ArgumentTypeError: the text is something else.
    """
    try:
        return parseZone(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def sourceAddress(text: str) -> tuple[str, int]:
    """
    Read an IP address, with or without a port.

    @return: the address, and the port; 0 for no port.
    @raise argparse.ArgumentTypeError: the text is something else.
    """
    try:
        host, port = parseHostPort(text, usual=0, least=0) or ("", 0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    try:
        ip_address(host)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IP address") from None
    try:
        if ":" in host:
            checkLink(host)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    return host, port
