"""Checks of arguments that several resources share; all before any I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from .errors import ConfigurationError

OnBadRecord = Literal["raise", "skip"]
"""What to do with a record that cannot be read: raise, or report it beside the good ones."""


def parse_on_bad_record(value: OnBadRecord) -> bool:
    """Tell whether bad records are skipped."""
    if value not in ("raise", "skip"):
        raise ConfigurationError('on_bad_record must be "raise" or "skip"')
    return value == "skip"


def require_iterable(values: Any, what: str) -> Iterable[Any]:
    """Refuse "123" where ["123"] is meant: it would be taken as three ids."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{what} must be a list")
    return values


def positive_int(value: object, what: str) -> int:
    """Check a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{what} must be a whole number from 1 up")
    return value
