"""
Reads the values of the command line's options.  Each error is reported in one line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from echostamp.exitstatus import NEAR_END_FAILED
from echostamp.intercom.naming import NAMES, isName
from echostamp.stamps import StampFormat, stampFormat
from echostamp.text import printable
from echostamp.units import parseZone
from echostamp.values import (
    durationReader,
    numberReader,
    readDscp,
    readPercentage,
    readSeconds,
    readSource,
)

_Value = TypeVar("_Value")


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
    @param areMany: whether there is any number, without a default.
    """
    help_ = (
        f"HOST, HOST:PORT, [V6]:PORT, the same behind tls:, {also}or a Twisted client "
        "endpoint such as unix:/run/echostamp.sock"
    )
    if areMany:
        command.add_argument("targets", nargs="*", metavar="TARGET", help=help_)
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


def _argument(read: Callable[[str], _Value]) -> Callable[[str], _Value]:
    """
    Make a reader of an option's value.

    @param read: raises C{ValueError} with a text that says what is wrong.
    @return: raises L{argparse.ArgumentTypeError} with the same text, which argparse
        shows.
    """

    def readArgument(text: str) -> _Value:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return readArgument


seconds = _argument(readSeconds)
dscp = _argument(readDscp)
percentage = _argument(readPercentage)
zone = _argument(parseZone)
sourceAddress = _argument(readSource)


def duration(least: int, most: int, orNone: bool = False) -> Callable[[str], int]:
    """
    Make a reader of durations; see L{durationReader}.
    """
    return _argument(durationReader(least, most, orNone))


def wholeNumber(least: int, most: int) -> Callable[[str], int]:
    """
    Make a reader of whole numbers; see L{numberReader}.
    """
    return _argument(numberReader(least, most))


def timeFormat(text: str) -> StampFormat:
    """
    Read a format of times: C{ctime}, C{iso}, C{unix}, or a pattern of C{strftime}.

    @raise argparse.ArgumentTypeError: its output is not one line that can be shown.
    """
    try:
        return stampFormat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None


def memberName(text: str) -> str:
    """
    Read a name for the intercom.

    @raise argparse.ArgumentTypeError: the intercom accepts no such name.
    """
    if not isName(text.encode("utf-8", "surrogateescape")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name: {NAMES}")
    return text
