#!/usr/bin/env python3
"""
Make the completions of the commands for bash and zsh: C{python
docs/make_completions.py} writes C{deploy/completions/}.  It needs shtab, of the extra
C{dev}.

shtab reads argparse's parsers.  C{echostamp} has one.  C{echostampd}, which is C{twistd
-n --pidfile= echostamp}, gets one here, from the options of the daemon.
"""

from __future__ import annotations

from argparse import Action, ArgumentParser
from pathlib import Path

import shtab

from echostamp.client.arguments import CommandParser
from echostamp.client.command import parser
from echostamp.daemon.options import Options
from echostamp.values import DSCPS

FOLDER = Path(__file__).parents[1] / "deploy" / "completions"

#: What completes a TARGET: the hosts that the system knows.
HOSTS = {
    "bash": "_echostamp_hosts",
    "zsh": "_hosts",
    "preamble": {"bash": '_echostamp_hosts() {\n  compgen -A hostname -- "$1"\n}'},
}

#: The daemon's options whose values are files.
FILES = {"history", "events", "peers", "reflector-key"}

#: Values that an option has names for, beside others.
WORDS = {
    "--dscp": tuple(DSCPS),
    "--format": ("ctime", "iso", "unix"),
    "--ptp-timescale": ("tai", "utc"),
}

#: Has bash complete C{--option=value}, which it splits at the equals sign, as if the
#: value were the next word.  zsh knows options that end in C{=}.
EQUALS = """
_NAME_words() {
  local word words=()
  for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
    [[ $word == = ]] || words+=("$word")
  done
  words+=("${COMP_WORDS[COMP_CWORD]#=}")
  local COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
  _shtab_NAME
}
complete -o bashdefault -F _NAME_words NAME
"""


def clientParser() -> ArgumentParser:
    """
    Give the parser of C{echostamp}, with what completes its values.
    """
    top = parser()
    for command in top.commands.values():
        # argparse lists its actions under no public name; shtab reads this one, too.
        for action in command._actions:
            _addValues(action)
    return top


def daemonParser() -> ArgumentParser:
    """
    Make a parser with the options of C{echostampd}, with what completes their values.
    """
    options = Options()
    short = {long: name for name, long in options.synonyms.items() if len(name) == 1}
    made = ArgumentParser("echostampd", add_help=False)
    for name, equals in sorted(each.partition("=")[:2] for each in options.longOpt):
        help_ = " ".join(options.docs[name].split())
        names = [f"-{short[name]}"] if name in short else []
        action = "append" if "repeatable" in help_ else "store"
        added = made.add_argument(
            *names,
            f"--{name}",
            action=action if equals else "store_true",
            help=help_.replace("%", "%%"),
        )
        if equals:
            added.metavar = "FILE" if name in FILES else "VALUE"
        _addValues(added)
    return made


def _addValues(action: Action) -> None:
    """
    Add what completes the values of an option or an argument.
    """
    if action.metavar == "FILE":
        vars(action)["complete"] = shtab.FILE
    elif action.metavar == "TARGET":
        vars(action)["complete"] = HOSTS
    for name in WORDS.keys() & action.option_strings:
        action.choices = WORDS[name]


def _withEquals(made: ArgumentParser) -> ArgumentParser:
    """
    Put an equals sign behind each long option that has a value.
    """
    commands = made.commands.values() if isinstance(made, CommandParser) else []
    for each in made, *commands:
        for action in each._actions:
            if action.option_strings and action.nargs is None:
                action.option_strings = [
                    f"{name}=" if name.startswith("--") else name
                    for name in action.option_strings
                ]
    return made


def completions() -> dict[str, str]:
    """
    Give the text of each file, by its path in the folder.
    """
    made: dict[str, str] = {}
    for make in clientParser, daemonParser:
        name = make().prog
        bash = shtab.complete(make(), "bash")
        made[f"bash/{name}"] = f"{bash}\n{EQUALS.replace('NAME', name)}"
        zsh = shtab.complete(_withEquals(make()), "zsh")
        # shtab takes any number of arguments for one at most.
        made[f"zsh/_{name}"] = zsh.replace('"(*)::', '"*:') + "\n"
    return made


if __name__ == "__main__":
    for path, text in completions().items():
        (FOLDER / path).write_text(text, "utf-8")
