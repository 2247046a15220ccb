"""
Loads the scripts in C{docs/}, which are in no package.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import echostamp

DOCS = Path(echostamp.__file__).parents[1] / "docs"


def docScript(name: str) -> ModuleType:
    """
    Load C{docs/NAME.py}.
    """
    spec = spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
