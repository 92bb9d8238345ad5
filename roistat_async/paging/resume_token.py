"""Resume token of a history walk: its position, as a text that can be stored."""

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
    """Position of a walk: all calls before `next_second` were returned, and `returned_ids` of it.

    `sealed_until` was fixed when the walk started. Later calls were read too early to be sure of
    all, also by a walk that is resumed days afterwards.
    """

    next_second: datetime
    sealed_until: datetime | None = None
    returned_ids: Collection[str] = ()

    def __str__(self) -> str:
        sealed = None if self.sealed_until is None else _text(self.sealed_until)
        return json.dumps(
            {"next": _text(self.next_second), "sealed": sealed, "given": [*self.returned_ids]}
        )


def parse(text: object) -> ResumeToken:
    """Parse a resume token; raise ConfigurationError for anything else."""
    try:
        values = json.loads(text) if isinstance(text, str) else None
        if isinstance(values, dict) and values.keys() == _KEYS:
            sealed = values["sealed"]
            return ResumeToken(
                _parse_date(values["next"]),
                None if sealed is None else _parse_date(sealed),
                frozenset(_ids(values["given"])),
            )
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise ConfigurationError("resume_from must be the unchanged text of walk.resume_token")


def next_second(token: str) -> datetime:
    """Return the second at which a walk resumed from a token continues."""
    return parse(token).next_second


def rewind(token: str, to: datetime) -> str:
    """Return a token that resumes earlier, at `to`: all calls from there on are read again."""
    return str(evolve(parse(token), next_second=to, returned_ids=()))


def _text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse_date(text: Any) -> datetime:
    when = datetime.fromisoformat(text)
    if when.utcoffset() is None:
        raise ValueError("no offset")
    return when.astimezone(UTC)


def _ids(ids: Any) -> list[str]:
    if not isinstance(ids, list) or not all(isinstance(call_id, str) for call_id in ids):
        raise ValueError("no list of ids")
    return ids
