"""Argument checks that several modules share; all before any I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal

from attrs import Attribute

from .errors import ConfigurationError

OnBadRecord = Literal["raise", "skip"]
"""What happens to a record that cannot be parsed: raise an error, or skip and report it."""


def parse_on_bad_record(value: OnBadRecord) -> bool:
    """Return whether bad records are skipped."""
    if value not in ("raise", "skip"):
        raise ConfigurationError('on_bad_record must be "raise" or "skip"')
    return value == "skip"


def require_iterable(values: Any, name: str) -> Iterable[Any]:
    """Return an iterable; a string is refused, because "123" would be three ids."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} must be a list")
    return values


def require_int(value: object, name: str, *, minimum: int = 1) -> int:
    """Return a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ConfigurationError(f"{name} must be a whole number of at least {minimum}")
    return value


def at_least(minimum: int) -> Callable[[Any, Attribute[Any], object], None]:
    """Return an attrs validator for whole numbers of at least `minimum`."""

    def check(_: Any, attribute: Attribute[Any], value: object) -> None:
        require_int(value, attribute.name, minimum=minimum)

    return check


def positive(_: Any, attribute: Attribute[Any], value: object) -> None:
    """Validate for attrs that a number is above 0 and finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigurationError(f"{attribute.name} must be a number above 0")


def optional_positive(owner: Any, attribute: Attribute[Any], value: object) -> None:
    """Validate the same, or None."""
    if value is not None:
        positive(owner, attribute, value)


def instance_of(*types: type) -> Callable[[Any, Attribute[Any], object], None]:
    """Return an attrs validator for the given types. Its error does not show the value."""
    names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)

    def check(_: Any, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, types):
            raise ConfigurationError(f"{attribute.name} must be a {names}")

    return check
