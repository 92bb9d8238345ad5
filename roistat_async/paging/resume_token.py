"""Where a walk of the history got to, as a text that can be stored and given to another process."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, frozen

from ..errors import ConfigurationError

_KEYS = {"next", "sealed", "given"}


@frozen
class ResumeToken:
    """Say that every call before the second `next` was given, and of that second those `given`.

    `sealed` is the moment frozen when the walk began: what is later was read too early to be
    sure, also by a walk that goes on days afterwards.
    """

    next_second: datetime
    sealed_until: datetime | None = None
    given_ids: Collection[str] = ()

    def __str__(self) -> str:
        sealed = None if self.sealed_until is None else _text(self.sealed_until)
        return json.dumps(
            {"next": _text(self.next_second), "sealed": sealed, "given": [*self.given_ids]}
        )


def parse(text: object) -> ResumeToken:
    """Read a stored position; raise ConfigurationError for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
        if isinstance(found, dict) and found.keys() == _KEYS:
            sealed = found["sealed"]
            return ResumeToken(
                _moment(found["next"]),
                None if sealed is None else _moment(sealed),
                frozenset(_ids(found["given"])),
            )
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise ConfigurationError("resume_from is what `walk.resume_from` gave, as it was")


def next_second(token: str) -> datetime:
    """Return the second at which a walk resumed from a token continues."""
    return parse(token).next_second


def rewind(token: str, to: datetime) -> str:
    """Return a token that resumes earlier, at `to`: all calls from there on are read again."""
    return str(evolve(parse(token), next_second=to, given_ids=()))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC)


def _ids(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ValueError("no list of ids")
    return given
