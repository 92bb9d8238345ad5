"""Result of one check."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

CheckStatus = Literal["ok", "warn", "fail", "unknown"]
"""`warn` costs something but no data, `fail` stops something, `unknown` could not be checked."""


@frozen
class Check:
    """Result of one check: what was found, and what the library does about it.

    Neither text holds a key, a number of a project, an id, a date or a name of a person.
    """

    name: str
    status: CheckStatus
    detail: str
    handling: str = ""


def unknown(name: str, why: str) -> Check:
    """Return the result of a check that could not be made."""
    return Check(name, "unknown", why)
