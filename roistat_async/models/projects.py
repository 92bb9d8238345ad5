"""Project that an API key opens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from .plain import Record


@frozen(kw_only=True)
class Project(Record):
    """Project that an API key opens. Not on the vendor's page (docs/roistat-api-notes.md §2)."""

    id: int
    name: str | None = field(default=None, repr=False)
    currency: str | None = None
    creation_date: datetime | None = None
    profit: float | None = field(default=None, repr=False)
    is_owner: bool | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)
