"""
What a version promises to later ones, line by line; see C{docs/stability.rst}.

C{promised.txt} has the lines of all versions so far.  C{python -m
echostamp.test.promises} adds those of today: a step of each release.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from echostamp import exitstatus
from echostamp.client.command import parser
from echostamp.daemon.options import Options
from echostamp.history.document import csvHead
from echostamp.monitor.metricnames import FAMILIES
from echostamp.monitor.peerkeys import KEYS
from echostamp.test.docscripts import DOCS
from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import FakeSource
from echostamp.web.apihistory import OF_EVENTS, OF_HISTORY
from echostamp.web.site import webPages

PROMISED = Path(__file__).with_name("promised.txt")

SCHEMAS = ("api", "events", "ping", "watch")


def promised() -> set[str]:
    """
    Give what the versions so far have promised.
    """
    return set(PROMISED.read_text("utf-8").splitlines())


def today() -> set[str]:
    """
    Give what holds today.
    """
    return {*_options(), *_statuses(), *_metrics(), *_api(), *_peersFile(), *_schemas()}


def _options() -> Iterator[str]:
    """
    Give each option, and its default.  Those with a value end in an equals sign.
    """
    top = parser()
    commands: Mapping[str, ArgumentParser] = {
        "echostamp": top,
        **{f"echostamp {name}": command for name, command in top.commands.items()},
    }
    for command, each in commands.items():
        # argparse lists its actions under no public name.
        for action in each._actions:
            for name in action.option_strings:
                value = "" if action.nargs == 0 else "="
                yield f"option {command} {name}{value}"
                if value and isinstance(action.default, int | float | str):
                    yield f"default {command} {name} {action.default}"
    daemon = Options()
    for short in daemon.shortOpt.replace(":", ""):
        yield f"option twistd echostamp -{short}"
    for name in daemon.longOpt:
        yield f"option twistd echostamp --{name}"
    for name, default in daemon.defaults.items():
        if isinstance(default, str):
            yield f"default twistd echostamp --{name} {default}"


def _statuses() -> Iterator[str]:
    """Give the exit statuses."""
    for name in "DONE", "FAR_END_FAILED", "NEAR_END_FAILED", "THRESHOLD_FAILED":
        yield f"status {getattr(exitstatus, name)} {name}"


def _metrics() -> Iterator[str]:
    """Give each metric with its type, and its labels."""
    for family in FAMILIES:
        yield f"metric {family.name} {family.type.value}"
        for label in family.labels:
            yield f"label {family.name} {label}"


def _api() -> Iterator[str]:
    """Give the paths of the API, their parameters, and the columns of CSV."""
    for path in webPages(FakeReactor(), FakeSource()):
        if path.startswith(b"/api/"):
            yield f"path {path.decode()}"
    for what, parameters in ("events", OF_EVENTS), ("history", OF_HISTORY):
        for each in parameters:
            yield f"parameter /api/v1/{what} {each.name}"
    for place, column in enumerate(csvHead().split(",")):
        yield f"column {place} {column.strip()}"


def _peersFile() -> Iterator[str]:
    """Give the keys of the file of peers."""
    return (f"key {name}" for name in KEYS)


def _schemas() -> Iterator[str]:
    """Give the fields of each schema."""
    for name in SCHEMAS:
        path = DOCS / f"{name}.schema.json"
        schema = json.loads(path.read_text("utf-8"))
        yield from (f"field {path.name} {each}" for each in fields(schema, schema))


def fields(
    schema: Mapping[str, Any], whole: Mapping[str, Any], path: str = ""
) -> Iterator[str]:
    """
    Give each field that a schema describes: its path, and its types.  C{?} marks one
    that may be missing; each value of an enumeration has a line of its own.

    @param whole: has what the schema refers to.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from fields(whole["$defs"][name], whole, path or name)
    for each in *schema.get("oneOf", ()), *schema.get("anyOf", ()):
        yield from fields(each, whole, path)
    types = schema.get("type", [])
    if types:
        yield f"{path} {' or '.join([types] if isinstance(types, str) else types)}"
    for value in schema.get("enum", ()):
        yield f"{path} = {json.dumps(value)}"
    needed = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield from fields(each, whole, f"{path}.{name}{'' if name in needed else '?'}")
    for place, each in enumerate(schema.get("prefixItems", ())):
        yield from fields(each, whole, f"{path}[{place}]")
    for key, mark in ("items", "[]"), ("additionalProperties", ".*"):
        if isinstance(schema.get(key), dict):
            yield from fields(schema[key], whole, f"{path}{mark}")


if __name__ == "__main__":
    lines = sorted(promised() | today())
    PROMISED.write_text("".join(f"{line}\n" for line in lines), "utf-8")
