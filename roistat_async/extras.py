"""Import of libraries that only an extra of the package installs."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import ConfigurationError


def import_extra(module: str, *, extra: str) -> Any:
    """Import a module of an optional dependency.

    Raises ConfigurationError, with the command that installs the extra, if it is missing.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        library = error.name or module
    raise ConfigurationError(f"this needs {library}: pip install 'roistat_async[{extra}]'")
