"""Events of a call, as webhooks carry them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from ..models.calls import CallStatus
from ..models.masking import mask, mask_phone


@frozen(kw_only=True)
class _CallEvent:
    """Fields that both events have.

    Only `id` is always there. A value that its field cannot hold is in `extra` under its own name,
    beside the keys that are unknown.
    """

    id: str
    date: datetime | None = None
    caller: str | None = field(default=None, repr=mask_phone)
    callee: str | None = field(default=None, repr=mask_phone)
    visit_id: str | None = None
    marker: str | None = None
    order_id: str | None = None
    google_client_id: str | None = field(default=None, repr=mask)
    metrika_client_id: str | None = field(default=None, repr=mask)
    custom_fields: dict[str, Any] | list[Any] = field(factory=dict, repr=mask, hash=False)
    landing_page: str | None = None
    domain: str | None = None
    city: str | None = None
    country: str | None = None
    ip: str | None = field(default=None, repr=mask)
    first_visit: str | None = None
    referrer: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    roistat_param_1: str | None = field(default=None, repr=mask)
    roistat_param_2: str | None = field(default=None, repr=mask)
    roistat_param_3: str | None = field(default=None, repr=mask)
    roistat_param_4: str | None = field(default=None, repr=mask)
    roistat_param_5: str | None = field(default=None, repr=mask)
    source_level_1: str | None = None
    source_level_2: str | None = None
    extra: dict[str, Any] = field(factory=dict, repr=False, hash=False)


@frozen(kw_only=True)
class CallStarted(_CallEvent):
    """Start of a call: Roistat is dialling. It has no status yet."""


@frozen(kw_only=True)
class CallEnded(_CallEvent):
    """End of a call. `link` does not prove that there is a recording; it may appear later."""

    status: CallStatus | None = None
    file_id: str | None = None
    duration: int | None = None
    link: str | None = field(default=None, repr=mask)
