"""
Reads files of events, for tests.
"""

from __future__ import annotations

import importlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import echostamp

#: Describes an event.
SCHEMA = Path(echostamp.__file__).parents[1] / "docs" / "events.schema.json"


@cache
def _validator() -> Any:
    """
    Make what checks an event; L{None} where there is no source tree, or no jsonschema.
    """
    try:
        jsonschema: Any = importlib.import_module("jsonschema")
        schema = json.loads(SCHEMA.read_text("utf-8"))
    except (ImportError, FileNotFoundError):
        return None
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def eventsIn(path: Path) -> list[Any]:
    """
    Give the events in a file, each checked by the schema.
    """
    events = [json.loads(line) for line in path.read_text().split("\n")[:-1]]
    for each in events:
        if (validator := _validator()) is not None:
            validator.validate(each)
    return events
