"""Phone numbers of a project."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from .masking import mask_phone
from .plain import Record
from .scripts import Script


@frozen(kw_only=True)
class Phone(Record):
    """Phone number of a project; `is_external` if bought from another operator."""

    id: int
    phone: str | None = field(default=None, repr=mask_phone)
    prefix: str | None = None
    script_id: int | None = None
    is_external: bool | None = None
    last_use_date: datetime | None = None
    call_count: int | None = None
    creation_date: datetime | None = None
    script: Script | None = None
    needed_phone_count: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class PhonePrefix(Record):
    """Prefix of numbers that Roistat sells, and their price. Not documented by the vendor."""

    system_name: str | None = None
    display_name: str | None = None
    city: str | None = None
    month_price: float | None = None
    minute_price: float | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)
