"""
The schema of the JSON documents, and an example of their configuration.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

import echostamp
from echostamp.test.farends import MS
from echostamp.times import SECOND

CONFIG = {
    "target": "far:7",
    "count": 5,
    "interval": SECOND,
    "deadline": None,
    "timeout": 3 * SECOND,
    "size": 32,
    "jitter": True,
    "wait": False,
    "source": None,
    "source_port": None,
    "stamp": None,
    "zone": "-01:30",
    "thresholds": {"max_rtt": MS, "max_loss": None, "max_offset": None},
    "addresses": ["192.0.2.1:7"],
    "sources": [],
}


def validator(
    source: Path = Path(echostamp.__file__).parents[1], name: str = "ping.schema.json"
) -> Any:
    """
    Give the validator of documents.

    @param source: a folder that contains C{docs}.
    @param name: the file of the schema.
    @raise SkipTest: it does not, as in an installation, or jsonschema is missing.
    """
    path = source / "docs" / name
    try:
        # Its types are in another package.
        jsonschema: Any = importlib.import_module("jsonschema")
    except ImportError as error:
        raise SkipTest(f"the extra test is not installed: {error}") from None
    if not path.exists():
        raise SkipTest("no docs here")
    schema = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
